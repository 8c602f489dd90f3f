//! Time to group 100,000 dead memory cgroups of five origins: of a snapshot, and from the bytes of a
//! recording on, as `zombies --by origin --from FILE` does.

#[path = "../tests/fixture/digits.rs"]
mod digits;

use digits::hex;
use memcg_trace::model::Model;
use memcg_trace::model::origins::list;
use memcg_trace::sample::recording::{FORMAT, Header, Reader, Writer};
use memcg_trace::sample::{Memcg, MemcgWalk, Sample};

const EACH: u64 = 20_000;
/// Parents: the root, and one for the names of each manager.
const PARENTS: [&str; 4] = ["", "docker", "system.slice", "user.slice"];
/// Flags of a css that is online, and of one that was killed and is offline.
const ALIVE: u32 = 1 << 1;
const DEAD: u32 = 1 << 4;

fn main() {
    divan::main();
}

fn sample() -> Sample {
    let memcg = |serial_nr: u64, parent: u64, name: String, flags: u32| Memcg {
        serial_nr,
        parent_serial_nr: (parent != 0).then_some(parent),
        cgroup_id: serial_nr,
        name: name.as_str().into(),
        flags,
        killed: flags == DEAD,
        confirmed: flags == DEAD,
        refs: (flags == DEAD).then_some(1),
        own_cost_bytes: Some(3),
        lru_pages: Some(1),
        swap_entries: Some(0),
        ..Memcg::default()
    };
    let parents = (1_u64..).zip(PARENTS);
    let parents = parents.map(|(nr, name)| memcg(nr, u64::from(nr > 1), name.to_owned(), ALIVE));
    let mut rows: Vec<Memcg> = parents.collect();
    for number in 0..EACH {
        for (parent, name) in [
            (2, hex(number, 64)),
            (3, format!("run-r{}.service", hex(1_000_000 + number, 32))),
            (3, format!("job@{number}.service")),
            (4, format!("session-{number}.scope")),
            (
                4,
                format!("app-{}-{number}.scope", hex(2_000_000 + number, 16)),
            ),
        ] {
            let serial_nr = 10 + rows.len() as u64;
            rows.push(memcg(serial_nr, parent, name, DEAD));
        }
    }
    let mono_ns = 1_000_000_000;
    Sample {
        mono_ns,
        memcgs: Some(MemcgWalk {
            begin_ns: mono_ns,
            end_ns: mono_ns,
            rows,
            ..MemcgWalk::default()
        }),
        ..Sample::default()
    }
}

#[divan::bench]
fn a_snapshot(bencher: divan::Bencher<'_, '_>) {
    let snapshot = Model::new().step(&sample());
    assert_eq!(list(&snapshot).len(), 5, "{:#?}", list(&snapshot));
    bencher.bench(|| list(divan::black_box(&snapshot)));
}

#[divan::bench]
fn a_recording(bencher: divan::Bencher<'_, '_>) {
    let mut bytes = Vec::new();
    let header = Header {
        format: FORMAT,
        ..Header::default()
    };
    let written = Writer::new(&mut bytes, &header).and_then(|mut to| to.write_sample(&sample()));
    assert!(written.is_ok(), "{written:?}");
    bencher.bench(|| {
        let mut model = Model::new();
        let mut reader = Reader::open(divan::black_box(&*bytes)).ok()?;
        let sample = reader.read_sample().ok()??;
        Some(list(&model.step(&sample)))
    });
}
