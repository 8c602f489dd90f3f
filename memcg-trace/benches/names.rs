//! Time for the names of 10,000 containers of Docker: from the paths of their cgroups, from state
//! files, and of a snapshot with and without names from files.

#[path = "../tests/fixture/digits.rs"]
mod digits;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use digits::hex;
use memcg_trace::model::Model;
use memcg_trace::model::workload::Workload;
use memcg_trace::sample::state_files::{NamedContainer, StateFiles};
use memcg_trace::sample::{Memcg, MemcgWalk, Sample, Text};

const CONTAINERS: u64 = 10_000;
const ALIVE: u32 = 1 << 1;

fn main() {
    divan::main();
}

fn scope(number: u64) -> String {
    format!("docker-{}.scope", hex(number, 64))
}

#[divan::bench]
fn from_paths(bencher: divan::Bencher<'_, '_>) {
    let paths = (0..CONTAINERS).map(|at| format!("/system.slice/{}", scope(at)));
    let paths: Vec<Text> = paths.map(|path| path.as_str().into()).collect();
    let names = || {
        let all = divan::black_box(&paths).iter().map(Workload::of_path);
        all.filter(|one| one.container.is_some()).count() as u64
    };
    assert_eq!(names(), CONTAINERS);
    bencher.bench(names);
}

fn sample(state_files: Option<StateFiles>) -> Sample {
    let memcg = |serial_nr, parent: Option<u64>, name: &str| Memcg {
        serial_nr,
        parent_serial_nr: parent,
        cgroup_id: serial_nr,
        name: name.into(),
        flags: ALIVE,
        ..Memcg::default()
    };
    let mut rows = vec![memcg(1, None, ""), memcg(2, Some(1), "system.slice")];
    rows.extend((0..CONTAINERS).map(|at| memcg(10 + at, Some(2), &scope(at))));
    Sample {
        mono_ns: 1,
        memcgs: Some(MemcgWalk {
            begin_ns: 1,
            end_ns: 1,
            rows,
            ..MemcgWalk::default()
        }),
        state_files,
        ..Sample::default()
    }
}

#[divan::bench]
fn a_snapshot_without_files(bencher: divan::Bencher<'_, '_>) {
    let sample = sample(None);
    bencher.bench(|| Model::new().step(divan::black_box(&sample)));
}

#[divan::bench]
fn a_snapshot_with_files(bencher: divan::Bencher<'_, '_>) {
    let containers = (0..CONTAINERS).map(|at| NamedContainer {
        id: hex(at, 64).as_str().into(),
        name: Some(format!("web-{at}").as_str().into()),
        pod: None,
    });
    let sample = sample(Some(StateFiles {
        containers: containers.collect(),
        ..StateFiles::default()
    }));
    bencher.bench(|| Model::new().step(divan::black_box(&sample)));
}

/// A folder with the state files of Docker, removed on drop.
struct Root(PathBuf);

impl Root {
    fn new() -> std::io::Result<Self> {
        let root = Self(std::env::temp_dir().join(format!("names-{}", std::process::id())));
        for at in 0..CONTAINERS {
            let folder = root.0.join("var/lib/docker/containers").join(hex(at, 64));
            fs::create_dir_all(&folder)?;
            fs::write(
                folder.join("config.v2.json"),
                format!(r#"{{"Name":"/web-{at}"}}"#),
            )?;
        }
        Ok(root)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // What is left does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The process that reads them, from its start to its end.
#[divan::bench]
fn from_files(bencher: divan::Bencher<'_, '_>) {
    let root = Root::new();
    assert!(root.is_ok(), "{:?}", root.err());
    let Ok(root) = root else { return };
    let read = || {
        let mut program = Command::new(env!("CARGO_BIN_EXE_memcg-trace"));
        program.arg("state-files").arg(&root.0).stdin(Stdio::null());
        let output = program.output().map(|output| output.stdout);
        let lines = output.iter().flatten().filter(|byte| **byte == b'\n');
        lines.count() as u64
    };
    assert!(read() >= CONTAINERS, "{}", read());
    bencher.bench(read);
}
