//! Recordings of real kernels: those with a bug look like it, and like no other.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use memcg_trace::sample::Sample;
use memcg_trace::sample::recording::Reader;

use super::seen;

const SERIES: [&str; 4] = ["5.10", "6.1", "6.12", "7.2"];

fn recorded(name: &str) -> Vec<Sample> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let file = File::open(folder.join(name)).unwrap();
    let mut reader = Reader::open(BufReader::new(file)).unwrap();
    let mut samples = Vec::new();
    while let Some(sample) = reader.read_sample().unwrap() {
        samples.push(sample);
    }
    samples
}

#[test]
fn the_deadlock_of_2020_looks_like_itself() {
    for series in SERIES {
        let found = seen(&recorded(&format!("deadlock-{series}.rec")));
        // The guests had zombies, too.
        let others = found.iter().filter(|key| **key != "lru_pages_pin");
        assert!(others.eq(&["coredump_hot_remove"]), "{series}: {found:?}");
    }
}

#[test]
fn the_demo_looks_like_none() {
    for series in SERIES {
        let found = seen(&recorded(&format!("demo-{series}.rec")));
        assert_eq!(found, Vec::<&str>::new(), "{series}");
    }
}
