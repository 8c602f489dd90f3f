//! `memcg-trace export` as a child whose records are read while it runs.

use std::io::Read as _;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, kill_process};

use crate::contract::Record;
use crate::host::{DEADLINE, now_ns, outside};
use crate::tool;

/// A running export.
pub struct Export {
    child: Child,
    lines: Receiver<String>,
    next_seq: u64,
    next_frame: u64,
}

/// All records of a snapshot; the record of type `frame` is the last.
#[derive(Clone, Debug)]
pub struct Frame {
    pub records: Vec<Record>,
}

impl Export {
    /// Starts an export and waits for its first snapshot: from then on everything is attached.
    pub fn start(args: &[&str]) -> Self {
        let begin = Instant::now();
        let child = tool::command(&["export", "-i", "300ms"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn();
        let mut export = Self::of(child.unwrap());
        export.next();
        let took = begin.elapsed().as_secs_f64();
        println!(
            "export {}: first snapshot after {took:.1} s",
            args.join(" ")
        );
        export
    }

    /// An export whose standard output is a pipe.
    pub fn of(mut child: Child) -> Self {
        let mut stdout = child.stdout.take().unwrap();
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let (mut bytes, mut text) = (vec![0; 64 << 10], Vec::new());
            loop {
                let mut ready = [PollFd::new(&stdout, PollFlags::IN)];
                if poll(&mut ready, None).is_err() {
                    continue;
                }
                let _outside = outside();
                let read = stdout.read(&mut bytes).unwrap_or(0);
                text.extend_from_slice(&bytes[..read]);
                let lines = text.iter().rposition(|byte| *byte == b'\n');
                let rest = match (lines, read) {
                    // The end: what is left is no whole line, and the test that reads it fails.
                    (_, 0) => Vec::new(),
                    (None, _) => continue,
                    (Some(last), _) => text.split_off(last + 1),
                };
                for line in text.split_inclusive(|byte| *byte == b'\n') {
                    // Output that is no UTF-8 is an error here, and so is an early end.
                    let Ok(line) = String::from_utf8(line.to_vec()) else {
                        return;
                    };
                    if sender.send(line).is_err() {
                        return;
                    }
                }
                if read == 0 {
                    return;
                }
                text = rest;
            }
        });
        Self {
            child,
            lines,
            next_seq: 0,
            next_frame: 0,
        }
    }

    /// The next snapshot.
    pub fn next(&mut self) -> Frame {
        self.try_next()
            .unwrap_or_else(|why| panic!("no snapshot {}: {why}", self.next_frame))
    }

    fn try_next(&mut self) -> Result<Frame, String> {
        let mut frame = Frame {
            records: Vec::new(),
        };
        loop {
            let line = self.lines.recv_timeout(DEADLINE);
            let record = Record::parse(&line.map_err(|error| error.to_string())?);
            assert_eq!(record.seq, self.next_seq, "a gap in seq");
            assert_eq!(record.frame, self.next_frame);
            self.next_seq += 1;
            let is_last = record.kind == "frame";
            frame.records.push(record);
            if is_last {
                self.next_frame += 1;
                frame.check();
                return Ok(frame);
            }
        }
    }

    /// Returns a snapshot all of whose figures are from after this call.
    pub fn fresh(&mut self) -> Frame {
        let now_ns = now_ns();
        loop {
            let frame = self.next();
            // The slab counters are read first.
            if frame.as_of_ns("slab").is_some_and(|read| read > now_ns) {
                return frame;
            }
        }
    }

    /// Waits for a snapshot from after this call for which `ask` succeeds.
    pub fn until<T>(&mut self, what: &str, mut ask: impl FnMut(&Frame) -> Result<T, String>) -> T {
        let begin = Instant::now();
        let mut frame = self.fresh();
        loop {
            match ask(&frame) {
                Ok(answer) => return answer,
                Err(why) if begin.elapsed() > DEADLINE => {
                    panic!("{what}: {why}\n{:#?}", frame.records)
                }
                Err(_) => frame = self.next(),
            }
        }
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Reads to the end, and returns the remaining snapshots and the exit code.
    pub fn end(mut self) -> (Vec<Frame>, Option<i32>) {
        let mut rest = Vec::new();
        // The last snapshot may be cut between two records.
        while let Ok(frame) = self.try_next() {
            rest.push(frame);
        }
        let status = self.child.wait().unwrap();
        (rest, status.code())
    }

    /// Ends the export with a signal, and checks its end.
    pub fn stop(self) {
        self.signal(Signal::INT);
        let (_, code) = self.end();
        assert_eq!(code, Some(0), "after SIGINT");
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Frame {
    pub fn last(&self) -> &Record {
        self.records.last().unwrap()
    }

    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Record> {
        self.records
            .iter()
            .filter(move |record| record.kind == kind)
    }

    /// The only record of a kind and path.
    pub fn one(&self, kind: &str, path: &str) -> Result<&Record, String> {
        let mut all = self
            .records
            .iter()
            .filter(|record| record.is_of(kind, path));
        match (all.next(), all.next()) {
            (Some(one), None) => Ok(one),
            (first, _) => Err(format!(
                "{} records {kind} of {path}",
                if first.is_some() { "several" } else { "no" }
            )),
        }
    }

    /// When the figures of a section were read; `None` if it is absent.
    pub fn as_of_ns(&self, section: &str) -> Option<u64> {
        let sections = self.last().data["sections"].as_array().unwrap();
        let section = sections.iter().find(|one| one["name"] == section).unwrap();
        section["as_of_ns"].as_u64()
    }

    /// Places of losses that are not 0, or unknown.
    pub fn losses(&self) -> Vec<(String, Option<u64>)> {
        let losses = self.last().data["losses"].as_array().unwrap();
        let losses = losses.iter().map(|loss| {
            let place = loss["where"].as_str().unwrap().to_owned();
            (place, loss["lost_total"].as_u64())
        });
        losses.filter(|(_, total)| *total != Some(0)).collect()
    }

    /// Sorted paths of live memcgs.
    pub fn live(&self) -> Vec<String> {
        let live = self
            .of_kind("memcg")
            .filter(|memcg| memcg.data["phase"].is_null());
        let mut live: Vec<_> = live.map(|memcg| memcg.path().unwrap().to_owned()).collect();
        live.sort();
        live
    }

    pub fn zombies(&self) -> u64 {
        self.of_kind("zombie").count() as u64
    }

    /// Checks the properties that every snapshot must have.
    fn check(&self) {
        let last = self.last();
        assert_eq!(
            last.number("records"),
            self.records.len() as u64 - 1,
            "{last:?}"
        );
        for record in &self.records {
            assert_eq!(record.mono_ns, last.mono_ns);
            assert_eq!(record.boot_id, last.boot_id);
        }
        let dead = self
            .of_kind("memcg")
            .filter(|memcg| !memcg.data["phase"].is_null());
        assert_eq!(
            dead.count() as u64,
            self.zombies(),
            "memcgs with a phase, zombies"
        );
    }
}
