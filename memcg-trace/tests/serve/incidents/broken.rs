//! Disks without room, and programs that are killed in the middle.

use std::io::Write as _;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::*;
use crate::tool::file;

/// Serves a recording with files of so many bytes at most. Returns its metrics, and what it said.
fn limited(recording: &str, folder: &Path, bytes: u64) -> (Metrics, String) {
    let server = env!("CARGO_BIN_EXE_memcg-trace");
    // Without the signal, a write that is too long is an error like any other.
    let script = "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"";
    let mut command = Command::new("bash");
    command
        .args([
            "-c",
            script,
            "bash",
            &(bytes >> 10).to_string(),
            server,
            "serve",
        ])
        .args([
            "--from",
            recording,
            "--listen",
            "127.0.0.1:0",
            "-v",
            "--incidents",
        ])
        .arg(folder)
        .env("MEMCG_TRACE_CONFIG", "/dev/null");
    let server = Server::of(command);
    let metrics = metrics(&server);
    (metrics, server.said_until_the_end())
}

#[test]
fn without_room_for_the_past_the_moment_is_there() {
    let path = recording("no-past", host(), &host_with_kills(900, &[700]));
    let whole = folder("all-past");
    serve(&path, &whole, &[]);
    let size = only(&whole).0["size_bytes"].as_u64().unwrap();
    let folder = folder("no-past");
    let (metrics, said) = limited(&path, &folder, size / 2);
    let lost = metrics.value("memcg_trace_lost_total", &[("where", "incidents")]);
    assert_eq!(lost, Some(1.0), "{said}");
    assert!(said.contains("lacks a part"), "{said}");
    let (item, file) = only(&folder);
    assert!(
        item["before_ns"].as_u64() < Some(120 * fixture::SECOND),
        "{item:#}"
    );
    assert_eq!(item["short"], "no room for what was before");
    let told = exported(&file);
    assert!(
        told.iter()
            .any(|one| one["type"] == "finding" && one["mono_ns"] == item["mono_ns"])
    );
}

#[test]
fn a_full_disk_is_counted() {
    let path = recording("full", host(), &host_with_kills(100, &[50]));
    let folder = folder("full");
    let (metrics, said) = limited(&path, &folder, 0);
    assert_eq!(outcome(&metrics, "failed"), Some(1.0));
    let lost = metrics.value("memcg_trace_lost_total", &[("where", "incidents")]);
    assert_eq!(lost, Some(1.0));
    assert!(said.contains("cannot write an incident"), "{said}");
    assert_eq!(names(&folder), [""; 0]);
}

/// A server whose samples come one by one, through a pipe.
struct Fed {
    child: Child,
    pipe: fs::File,
}

impl Fed {
    fn start(test: &str, folder: &Path, bytes: &[u8]) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.pipe"));
        // One of an earlier run has nobody who reads it.
        let _ = fs::remove_file(&path);
        let path = path.to_str().unwrap().to_owned();
        assert!(
            Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        let mut command = memcg_trace(&["serve", "--from", &path, "--listen", "127.0.0.1:0"]);
        let child = command.arg("--incidents").arg(folder).spawn().unwrap();
        let mut pipe = fs::OpenOptions::new().write(true).open(&path).unwrap();
        pipe.write_all(bytes).unwrap();
        Self { child, pipe }
    }

    fn kill(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::KILL).unwrap();
        self.child.wait().unwrap();
        drop(self.pipe);
    }
}

/// Waits until there is a file whose name ends like this.
fn until_there(folder: &Path, end: &str) -> PathBuf {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths = files.map(|file| file.path());
        if let Some(path) = paths.find(|path| path.to_str().unwrap().ends_with(end)) {
            return path;
        }
        assert!(Instant::now() < deadline, "no {end}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_a_killed_program_leaves_shows_the_moment() {
    let folder = folder("killed");
    let samples = host_with_kills(200, &[150]);
    let whole = fixture::recorded(host(), &samples);
    // Its end is in the minute after the kill.
    let begun = fixture::recorded(host(), &samples[..170]);
    let fed = Fed::start("killed", &folder, &begun);
    let part = until_there(&folder, ".part");
    let running = only(&folder).0;
    assert_eq!(running["state"], "being_written");
    // All of the past is there once it is longer than what the moment came with.
    let deadline = Instant::now() + Duration::from_secs(60);
    while only(&folder).0["before_ns"].as_u64() < Some(150 * fixture::SECOND) {
        assert!(Instant::now() < deadline, "{:#?}", only(&folder));
        std::thread::sleep(Duration::from_millis(20));
    }
    fed.kill();
    let (item, file) = only(&folder);
    assert_eq!(
        (&item["state"], &item["cause"]),
        (&"cut_off".into(), &"oom".into())
    );
    assert!(
        item["after_ns"].as_u64() < Some(60 * fixture::SECOND),
        "{item:#}"
    );
    let told = exported(&file);
    assert!(
        told.iter()
            .any(|one| one["type"] == "finding" && one["data"]["kind"] == "oom")
    );
    let kept = fs::read(&part).unwrap();

    // A frame that was being written, and a past that was.
    let name = part.to_str().unwrap().strip_suffix(".part").unwrap();
    let mut cut = fs::OpenOptions::new().append(true).open(&part).unwrap();
    cut.write_all(&[200, 0, 0, 0, 1, 2, 3]).unwrap();
    fs::write(format!("{name}.past"), &kept[..kept.len() / 2]).unwrap();
    let output = run(&["zombies", "--from", part.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("ends in a cut frame"));

    // The next program loses none of it, and does not record the same once more.
    let path = file_of("killed-again", &whole);
    serve(&path, &folder, &[]);
    let (item, file) = only(&folder);
    assert!(file.ends_with("-oom-cut.rec"), "{file}");
    assert_eq!(item["state"], "cut_off");
    assert!(fs::read(&file).unwrap().starts_with(&kept));
    assert_eq!(names(&folder).len(), 1);
}

fn file_of(test: &str, bytes: &[u8]) -> String {
    file(&format!("{test}.rec"), bytes)
}

#[test]
fn a_recording_that_another_program_writes_is_left_alone() {
    let folder = folder("two");
    let begun = fixture::recorded(host(), &host_with_kills(60, &[50]));
    let fed = Fed::start("two", &folder, &begun);
    let part = until_there(&folder, ".part");
    let path = recording("two-calm", host(), &demo());
    serve(&path, &folder, &["--incidents-max", "1"]);
    assert!(part.exists());
    assert_eq!(only(&folder).0["state"], "being_written");
    fed.kill();
    serve(&path, &folder, &[]);
    assert!(!part.exists());
    assert_eq!(only(&folder).0["state"], "cut_off");
}

/// A file without a byte is a recording that has just been begun as long as its writer holds it, and
/// is broken without one.
#[test]
fn a_recording_that_has_just_been_begun_is_no_broken_one() {
    let folder = folder("begun");
    fs::create_dir_all(&folder).unwrap();
    let file = fs::File::create(folder.join("incident-20260101T000001Z-oom.rec.part")).unwrap();
    let list = || {
        let output = memcg_trace(&["incidents"]).arg(&folder).output().unwrap();
        (output.status.code(), stdout(&output))
    };
    file.lock().unwrap();
    let (code, said) = list();
    assert!(
        said.contains("its first bytes are not written yet"),
        "{said}"
    );
    assert_eq!(code, Some(0));
    drop(file);
    let (code, said) = list();
    assert!(!said.contains("not written yet"), "{said}");
    assert_eq!(code, Some(1));
}
