//! A stream of records, one a line.

use std::io::{self, Write};

use serde::Serialize;

use super::records::{Envelope, Frame, LockStats, LockWait, Memcg, Moment, Shrinker, Slab, Zombie};
use super::units;
use crate::model::snapshot::Snapshot;
use crate::sample::recording::Host;

/// Writes snapshots as records. Each record is one `write_all` of a whole line, so that one
/// that failed is the only one that may be cut.
#[derive(Debug)]
pub struct Ndjson<W> {
    output: W,
    host: Host,
    seq: u64,
    line: Vec<u8>,
}

impl<W: Write> Ndjson<W> {
    /// Begins a stream about a host.
    pub fn new(output: W, host: Host) -> Self {
        Self {
            output,
            host,
            seq: 0,
            line: Vec::new(),
        }
    }

    /// Writes all records of a snapshot, that of type `frame` last.
    ///
    /// # Errors
    /// If the output takes no more.
    pub fn write(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let first = self.seq;
        let time = units::time(snapshot.unix_ns);
        let at = Place {
            snapshot,
            time: &time,
        };
        for memcg in &snapshot.memcgs.items {
            self.record("memcg", at, Memcg::from(memcg))?;
        }
        for memcg in &snapshot.memcgs.items {
            if let Some(zombie) = Zombie::of(memcg, snapshot.mono_ns) {
                self.record("zombie", at, zombie)?;
            }
        }
        for row in &snapshot.slab.items {
            self.record("slab", at, Slab::from(row))?;
        }
        for row in &snapshot.shrinkers.items {
            self.record("shrinker", at, Shrinker::from(row))?;
        }
        for wait in &snapshot.lock_waits.items {
            self.record("lock_wait", at, LockWait::from(wait))?;
        }
        for lock in &snapshot.lock_stats.items {
            self.record("lock_stats", at, LockStats::from(lock))?;
        }
        self.record("frame", at, Frame::of(snapshot, self.seq - first))?;
        self.output.flush()
    }

    fn record<T: Serialize>(
        &mut self,
        kind: &'static str,
        at: Place<'_>,
        data: T,
    ) -> io::Result<()> {
        self.line.clear();
        let moment = Moment {
            seq: self.seq,
            frame: at.snapshot.frame,
            time: at.time,
            mono_ns: at.snapshot.mono_ns,
        };
        serde_json::to_writer(
            &mut self.line,
            &Envelope::new(kind, &self.host, moment, data),
        )?;
        self.line.push(b'\n');
        self.output.write_all(&self.line)?;
        self.seq += 1;
        Ok(())
    }
}

/// The snapshot that records belong to.
#[derive(Clone, Copy)]
struct Place<'a> {
    snapshot: &'a Snapshot,
    time: &'a str,
}
