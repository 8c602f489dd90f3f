//! NDJSON of a recording stays the same, byte for byte: readers keep files for years. If a change
//! is meant, `BLESS=1 cargo test --test ndjson` writes the files anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use fixture::{evil_host, host, hostile, pins, slab_walk, waits};
use memcg_trace::model::Model;
use memcg_trace::output::ndjson::Ndjson;
use memcg_trace::sample::recording::{Host, Reader};
use memcg_trace::sample::slab_inside::{InsideParent, InsideRow, ObjectKind, SlabInside, States};
use memcg_trace::sample::{Sample, Text};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

/// Compares with the kept file, or with `BLESS` writes it.
fn check(name: &str, host: Host, samples: &[Sample]) {
    let mut written = Vec::new();
    let mut records = Ndjson::new(&mut written, host);
    let mut model = Model::new();
    for sample in samples {
        records.write(&model.step(sample)).unwrap();
    }
    drop(records);
    let path = folder("ndjson").join(format!("{name}.ndjson.zst"));
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, zstd::encode_all(&*written, 19).unwrap()).unwrap();
    }
    let kept = zstd::decode_all(File::open(&path).unwrap()).unwrap();
    let lines = |bytes: &[u8]| -> Vec<String> {
        let lines = bytes.split(|byte| *byte == b'\n');
        lines
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect()
    };
    for (written, kept) in lines(&written).iter().zip(lines(&kept)) {
        assert_eq!(*written, kept, "{name}");
    }
    assert!(kept == written, "{name} has other lines at its end");
}

#[test]
fn recordings_of_real_kernels() {
    for series in ["5.10", "6.1", "6.12", "7.2"] {
        for of in ["demo", "deadlock"] {
            let name = format!("{of}-{series}");
            let path = folder("recordings").join(format!("{name}.rec"));
            let mut reader = Reader::open(BufReader::new(File::open(path).unwrap())).unwrap();
            let mut samples = Vec::new();
            while let Some(sample) = reader.read_sample().unwrap() {
                samples.push(sample);
            }
            check(&name, reader.header().host.clone(), &samples);
        }
    }
}

/// Bytes that are no text, and records that no recording of a kernel contains.
#[test]
fn made_up_hosts() {
    check("hostile", evil_host(), &hostile());
    check("pins", host(), &pins::demo_with_pins());
    check("deadlock", host(), &waits::demo_with_deadlock());
    let mut slab = slab_walk::demo_with_slab();
    for (second, kind) in [(6, ObjectKind::Dentry), (7, ObjectKind::Inode)] {
        slab.push(Sample {
            slab_inside: Some(looked_into(kind)),
            ..fixture::empty(second)
        });
    }
    check("slab", host(), &slab);
}

fn looked_into(kind: ObjectKind) -> SlabInside {
    let states = States {
        in_use: 5,
        unused: 15,
        negative: 2,
        dirty: 3,
        dying: 1,
    };
    let parent = |path: Option<&[u8]>| InsideParent {
        path: path.map(Text::from),
        states,
    };
    let row = |memcg_serial_nr: Option<u64>| InsideRow {
        memcg_serial_nr,
        is_charged: memcg_serial_nr.is_some(),
        fs: Some("ext4".into()),
        dev: Some("8:1".to_owned()),
        states,
        parents: vec![parent(Some(b"/srv/\xff")), parent(None)],
        parents_omitted: 7,
        ..InsideRow::default()
    };
    SlabInside {
        cache: "dentry".into(),
        kind,
        size_bytes: 192,
        visited_objects: 125,
        unread_objects: 2,
        rows: vec![row(Some(8)), row(Some(77)), row(None)],
        ..SlabInside::default()
    }
}
