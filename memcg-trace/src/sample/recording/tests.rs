use proptest::prelude::*;

use super::*;
use crate::sample::{Absent, Loss, Memcg, MemcgWalk};

fn sample(mono_ns: u64, name: &[u8]) -> Sample {
    Sample {
        mono_ns,
        memcgs: Some(MemcgWalk {
            rows: vec![Memcg {
                serial_nr: mono_ns,
                name: name.into(),
                ..Memcg::default()
            }],
            ..MemcgWalk::default()
        }),
        losses: vec![Loss {
            place: "slab".to_owned(),
            lost_total: None,
        }],
        absent: vec![Absent {
            section: "lock".to_owned(),
            reason: "no probe".to_owned(),
        }],
        ..Sample::default()
    }
}

fn header() -> Header {
    Header {
        format: FORMAT,
        version: "1".to_owned(),
        host: Host {
            host: Text::from(&b"h\xff"[..]),
            ..Host::default()
        },
        start_unix_ns: 7,
        incident: None,
    }
}

fn recorded(samples: &[Sample]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = Writer::new(&mut file, &header()).unwrap();
    for sample in samples {
        writer.write_sample(sample).unwrap();
    }
    file
}

fn read_all(file: &[u8]) -> Result<(Vec<Sample>, bool), Error> {
    let mut reader = Reader::open(file)?;
    let mut samples = Vec::new();
    while let Some(sample) = reader.read_sample()? {
        samples.push(sample);
    }
    Ok((samples, reader.is_cut()))
}

#[test]
fn what_was_written_is_read() {
    let samples = [sample(1, b"plain"), sample(2, b"\xff\x1b[2J\n")];
    let file = recorded(&samples);
    assert_eq!(Reader::open(&*file).unwrap().header(), &header());
    let (read, is_cut) = read_all(&file).unwrap();
    assert_eq!(read, samples);
    assert!(!is_cut);
}

#[test]
fn a_cut_recording_is_read_up_to_the_cut() {
    let whole = recorded(&[sample(1, b"a")]).len();
    let file = recorded(&[sample(1, b"a"), sample(2, b"b")]);
    for end in whole..file.len() {
        let (read, is_cut) = read_all(&file[..end]).unwrap();
        assert_eq!(read.len(), 1, "cut at {end}");
        assert_eq!(is_cut, end > whole, "cut at {end}");
    }
}

#[test]
fn damage_is_named_with_its_place() {
    let mut file = recorded(&[sample(1, b"a")]);
    let first = file.len();
    file.extend(5_u32.to_le_bytes());
    file.extend(b"wrong");
    let error = read_all(&file).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("frame 1 at byte {first} is damaged: ")),
        "{error}"
    );

    file.truncate(first);
    file.extend(u32::MAX.to_le_bytes());
    let error = read_all(&file).unwrap_err().to_string();
    assert!(
        error.starts_with("frame 1 has 4294967295 bytes, more than"),
        "{error}"
    );
}

#[test]
fn a_bomb_does_not_go_off() {
    let zeros = vec![b' '; MAX_SAMPLE_BYTES + 1];
    let bomb = zstd::bulk::compress(&zeros, writer::LEVEL).unwrap();
    let mut file = recorded(&[]);
    file.extend(u32::try_from(bomb.len()).unwrap().to_le_bytes());
    file.extend(bomb);
    let error = read_all(&file).unwrap_err().to_string();
    assert!(error.contains("it unpacks to more than"), "{error}");
}

#[test]
fn other_files_and_later_formats_are_refused() {
    assert!(matches!(Reader::open(&b""[..]), Err(Error::NotARecording)));
    assert!(matches!(
        Reader::open(&b"\x7fELF"[..]),
        Err(Error::NotARecording)
    ));
    let headed = |line: &str| [MAGIC, line.as_bytes()].concat();
    assert!(matches!(
        Reader::open(&*headed("{\"format\":2}\n")),
        Err(Error::Format(2))
    ));
    assert!(matches!(
        Reader::open(&*headed("{}")),
        Err(Error::Header(_))
    ));
    assert!(matches!(
        Reader::open(&*headed(&" ".repeat(1 << 20))),
        Err(Error::Header(_))
    ));
}

#[test]
fn unknown_fields_are_ignored_and_missing_ones_are_not_looked_at() {
    let sample: Sample = serde_json::from_str(
        r#"{"mono_ns":3,"later":[1],"life":[{"kind":"moved","time_ns":1,
            "serial_nr":1,"parent_serial_nr":null,"cgroup_id":1,"css_id":1,"name":"","pid":1,
            "comm":"x","new":{}}]}"#,
    )
    .unwrap();
    assert_eq!(sample.memcgs, None);
    assert_eq!(
        sample.life.unwrap()[0].kind,
        crate::sample::MemcgEventKind::Other
    );
}

proptest! {
    #[test]
    fn garbage_is_an_error_or_an_end(garbage: Vec<u8>, keep in 0_usize..200) {
        let _ = read_all(&garbage);
        let mut file = recorded(&[sample(1, b"a")]);
        file.truncate(MAGIC.len() + keep);
        file.extend(garbage);
        let _ = read_all(&file);
    }

    #[test]
    fn a_flipped_byte_is_an_error_or_another_sample(at: prop::sample::Index, flip in 1_u8..) {
        let mut file = recorded(&[sample(1, b"a"), sample(2, b"b")]);
        let at = at.index(file.len());
        file[at] ^= flip;
        let _ = read_all(&file);
    }
}
