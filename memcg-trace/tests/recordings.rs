//! Recordings of real kernels, in `tests/recordings`: this version reads those of every earlier
//! one.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use memcg_trace::deadlock::State;
use memcg_trace::model::Model;
use memcg_trace::output::ndjson::Ndjson;
use memcg_trace::sample::ResourceKind;
use memcg_trace::sample::recording::Reader;

const SERIES: [&str; 4] = ["5.10", "6.1", "6.12", "7.2"];

#[test]
fn every_recording_is_read_to_its_end() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut kernels = Vec::new();
    for path in fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if path.extension().is_none_or(|extension| extension != "rec") {
            continue;
        }
        let shown = path.display();
        let mut reader = Reader::open(BufReader::new(File::open(&path).unwrap())).unwrap();
        let kernel = reader.header().host.kernel.display().into_owned();
        let mut records = Ndjson::new(Vec::new(), reader.header().host.clone());
        let mut model = Model::new();
        let mut last = None;
        while let Some(sample) = reader.read_sample().unwrap() {
            let snapshot = model.step(&sample);
            records.write(&snapshot).unwrap();
            last = Some(snapshot);
        }
        assert!(!reader.is_cut(), "{shown} is cut off");
        let last = last.unwrap();
        println!(
            "{shown}: kernel {kernel}, {} frames, {:?}",
            last.frame + 1,
            last.totals
        );
        assert!(
            last.totals.memcgs.is_some_and(|memcgs| memcgs > 0),
            "{shown} has no memcgs"
        );
        let root = &last.memcgs.items[0];
        assert_eq!(root.id.path.as_bytes(), b"/", "{shown}");
        assert_eq!(Some(root.zombies), last.totals.zombies, "{shown}");
        kernels.push(kernel);
    }
    for series in SERIES {
        let is_of = |kernel: &String| kernel.starts_with(&format!("{series}."));
        assert!(
            kernels.iter().any(is_of),
            "no recording of {series} among {kernels:?}"
        );
    }
}

/// Four tasks of a deadlock in a guest, recorded with `record --locks`: the holders and waiters, as
/// each kernel records them.
#[test]
fn the_recorded_deadlocks_are_confirmed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    for series in SERIES {
        let path = folder.join(format!("deadlock-{series}.rec"));
        let mut reader = Reader::open(BufReader::new(File::open(&path).unwrap())).unwrap();
        let kernel = reader.header().host.kernel.display().into_owned();
        assert!(kernel.starts_with(&format!("{series}.")), "{kernel}");
        let mut model = Model::new();
        let mut last = None;
        while let Some(sample) = reader.read_sample().unwrap() {
            last = Some(model.step(&sample));
        }
        let last = last.unwrap();
        let [one] = &last.deadlocks.items[..] else {
            panic!("{series}: {:?}", last.deadlocks.items);
        };
        let found = &one.found;
        println!("{kernel}: {}", found.sentence);
        assert_eq!(found.state, State::Confirmed, "{series}");
        assert_eq!(found.missing, Vec::<String>::new(), "{series}");
        assert_eq!((found.members.len(), found.cycle_edges), (4, 4), "{series}");
        let kinds: Vec<_> = found.edges.iter().map(|edge| edge.resource.kind).collect();
        for kind in [
            ResourceKind::PageRef,
            ResourceKind::Pipe,
            ResourceKind::Mutex,
            ResourceKind::PercpuRwsem,
        ] {
            assert!(kinds.contains(&kind), "{series}: {kinds:?}");
        }
        for name in ["cgroup_mutex", "mem_hotplug_lock"] {
            assert!(found.sentence.contains(name), "{series}");
        }
    }
}
