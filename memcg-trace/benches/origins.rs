//! Time to group 10,000 and 100,000 dead memory cgroups of five origins: of a snapshot, and from the
//! bytes of a recording to the document, as `zombies --by origin --json --from FILE` does. Beside it
//! the time of `zombies --json --from FILE`, which lists them.

#[path = "../tests/fixture/digits.rs"]
mod digits;

use std::sync::Arc;

use digits::hex;
use memcg_trace::model::origins::list;
use memcg_trace::model::snapshot::Snapshot;
use memcg_trace::model::{Model, zombies};
use memcg_trace::output::document;
use memcg_trace::sample::recording::{FORMAT, Header, Host, Reader, Writer};
use memcg_trace::sample::{Memcg, MemcgWalk, Sample};

/// Dead memory cgroups of each origin.
const EACH: [u64; 2] = [2_000, 20_000];
/// Parents: the root, and one for the names of each manager.
const PARENTS: [&str; 4] = ["", "docker", "system.slice", "user.slice"];
/// Flags of a css that is online, and of one that was killed and is offline.
const ALIVE: u32 = 1 << 1;
const DEAD: u32 = 1 << 4;

fn main() {
    divan::main();
}

fn sample(each: u64) -> Sample {
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
    for number in 0..each {
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

#[divan::bench(args = EACH)]
fn a_snapshot(bencher: divan::Bencher<'_, '_>, each: u64) {
    let snapshot = Model::new().step(&sample(each));
    assert_eq!(list(&snapshot).len(), 5, "{:#?}", list(&snapshot));
    bencher.bench(|| list(divan::black_box(&snapshot)));
}

/// The bytes of a recording.
fn recording(each: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let header = Header {
        incident: None,
        format: FORMAT,
        ..Header::default()
    };
    let written =
        Writer::new(&mut bytes, &header).and_then(|mut to| to.write_sample(&sample(each)));
    assert!(written.is_ok(), "{written:?}");
    bytes
}

/// The snapshot of a recording.
fn replayed(bytes: &[u8]) -> Option<Arc<Snapshot>> {
    let mut reader = Reader::open(divan::black_box(bytes)).ok()?;
    let sample = reader.read_sample().ok()??;
    Some(Model::new().step(&sample))
}

#[divan::bench(args = EACH)]
fn a_recording_by_origin(bencher: divan::Bencher<'_, '_>, each: u64) {
    let bytes = recording(each);
    bencher.bench(|| {
        let snapshot = replayed(&bytes)?;
        document::origins(&snapshot, &list(&snapshot), 0, &Host::default()).ok()
    });
}

#[divan::bench(args = EACH)]
fn a_recording_of_zombies(bencher: divan::Bencher<'_, '_>, each: u64) {
    let bytes = recording(each);
    bencher.bench(|| {
        let snapshot = replayed(&bytes)?;
        document::zombies(&snapshot, &zombies::list(&snapshot), &Host::default()).ok()
    });
}
