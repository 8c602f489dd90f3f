//! `serve` as users run it, and those who ask it.

use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::tool::memcg_trace;

const DEADLINE: Duration = Duration::from_secs(60);

pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";

/// A server on a port that the kernel chose.
pub struct Server {
    child: Child,
    said: Lines<BufReader<ChildStderr>>,
    pub address: String,
}

impl Server {
    /// Starts it on a recording, and waits until it is ready.
    pub fn start(recording: &str, flags: &[&str]) -> Self {
        let args = [
            "serve",
            "--from",
            recording,
            "--listen",
            "127.0.0.1:0",
            "-v",
        ];
        let mut command = memcg_trace(&args);
        command.args(flags);
        Self::of(command)
    }

    /// Starts it by a command that says much, and waits until it is ready.
    pub fn of(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = said.find_map(|line| {
            let line = line.unwrap();
            let (_, address) = line.split_once("listening on ")?;
            Some(address.to_owned())
        });
        let server = Self {
            child,
            said,
            address: address.unwrap(),
        };
        let end = Instant::now() + DEADLINE;
        while server.get("/readyz").0 != 200 {
            assert!(Instant::now() < end, "it is never ready");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    /// Status, headers and body.
    pub fn get(&self, path: &str) -> (u16, String, String) {
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {OPEN_METRICS}\r\n\r\n"
        ))
    }

    pub fn ask(&self, request: &str) -> (u16, String, String) {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_owned(), body.to_owned())
    }

    /// Memory that it has in RAM.
    pub fn resident_kib(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.unwrap().trim().strip_suffix(" kB").unwrap();
        kib.parse().unwrap()
    }

    /// Ends it by a signal; returns what it said.
    pub fn said_until_the_end(mut self) -> String {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let lines = self.said.by_ref().map(Result::unwrap);
        lines.map(|line| line + "\n").collect()
    }

    /// Ends it by a signal; returns its exit code.
    pub fn end(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
