//! Where it listens, the file that it writes, and what systemd is told.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::*;
use crate::tool::{assert_fails, memcg_trace, run, stderr};

fn place(name: &str) -> PathBuf {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_file(&place);
    place
}

#[test]
fn other_hosts_are_let_in_only_if_asked_for() {
    let path = recording("exposed", host(), &demo());
    for address in ["0.0.0.0:0", "[::]:0"] {
        let output = run(&["serve", "--from", &path, "--listen", address]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("--insecure-listen"));
    }
    let flags = ["--listen", "0.0.0.0:0", "--insecure-listen", "-n", "1"];
    let output = run(&[&["serve", "--from", &path], &flags[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(run(&["serve", "--listen", "9100"]).status.code(), Some(2));
}

#[test]
fn a_socket_in_the_file_system() {
    let recorded = recording("socket", host(), &demo());
    let socket = place("serve.sock");
    let listen = format!("unix:{}", socket.display());
    // What a program that was killed leaves behind.
    drop(UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    let args = ["serve", "--from", &recorded, "--listen", &listen];
    let mut child = memcg_trace(&args).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    let answer = loop {
        assert!(Instant::now() < end);
        let mut answer = String::new();
        if let Ok(mut stream) = UnixStream::connect(&socket) {
            stream
                .write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
                .unwrap();
            let _ = stream.read_to_string(&mut answer);
        }
        if answer.starts_with("HTTP/1.1 200") {
            break answer;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(answer.ends_with("ok\n"), "{answer}");
    // Another one does not take it away.
    assert_fails(&run(&args), 1, &["cannot listen on", "in use"]);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!socket.exists(), "it is removed at the end");
    // A file that is no socket stays.
    fs::write(&socket, "mine").unwrap();
    assert_fails(&run(&args), 1, &["cannot listen on"]);
    assert_eq!(fs::read_to_string(&socket).unwrap(), "mine");
}

#[test]
fn a_file_for_node_exporter_is_whole_or_not_there() {
    let recorded = recording("textfile", host(), &demo());
    let file = place("memcg_trace.prom");
    let name = file.to_str().unwrap();
    let output = run(&["serve", "--from", &recorded, "--textfile", name, "-n", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let metrics = Metrics::prometheus(&fs::read_to_string(&file).unwrap());
    assert_eq!(metrics.sum("memcg_trace_zombies"), 4.0);
    assert!(metrics.value("process_resident_memory_bytes", &[]) > Some(1e6));
    assert!(!place("memcg_trace.prom.tmp").exists());
    let no_place = "/no/such/folder/x.prom";
    let output = run(&["serve", "--from", &recorded, "--textfile", no_place, "-q"]);
    assert_fails(&output, 1, &["cannot write", no_place]);
}

#[test]
fn systemd_is_told() {
    let recorded = recording("notify", host(), &demo());
    let socket = place("notify.sock");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut child = memcg_trace(&["serve", "--from", &recorded, "--listen", "127.0.0.1:0"])
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "60000000")
        .spawn()
        .unwrap();
    let told = || {
        let mut bytes = [0; 64];
        let length = manager.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).trim().to_owned()
    };
    assert_eq!([told(), told()], ["READY=1", "WATCHDOG=1"]);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(told(), "STOPPING=1");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// systemd may be a member of the deadlock that we look at.
#[test]
fn a_systemd_that_reads_nothing_delays_nobody() {
    // More than the queue of a socket has places for (net.unix.max_dgram_qlen).
    let samples: Vec<_> = (0..2_000)
        .map(|second| walked(second, vec![root()]))
        .collect();
    let recorded = recording("deaf", host(), &samples);
    let socket = place("deaf.sock");
    let _manager = UnixDatagram::bind(&socket).unwrap();
    let file = place("deaf.prom");
    let args = [
        "serve",
        "--from",
        &recorded,
        "--textfile",
        file.to_str().unwrap(),
    ];
    let mut child = memcg_trace(&args)
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "60000000")
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > end {
            let _ = child.kill();
            panic!("it waits for systemd");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(0));
    let metrics = Metrics::prometheus(&fs::read_to_string(&file).unwrap());
    assert_eq!(
        metrics.value("memcg_trace_snapshots_total", &[]),
        Some(2_000.0)
    );
}
