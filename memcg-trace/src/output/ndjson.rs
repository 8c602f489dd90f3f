//! A stream of records, one a line.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use super::figures::{Object, Value};
use super::records::{
    Convoy, Deadlock, Envelope, Finding, Frame, LockWait, Moment, Omitted, OpenEnd, Pins, Reparent,
    SlabInside, WhyStep, ZombieCost,
};
use crate::model::snapshot::{FindingKind, Snapshot};
use crate::model::why::Step;
use crate::model::zombies;
use crate::sample::recording::Host;
use crate::units;

/// Writes snapshots as records. Each record is one `write_all` of a whole line, so that only the
/// record of a failed write may be cut.
#[derive(Debug)]
pub struct Ndjson<W> {
    output: W,
    host: Host,
    seq: u64,
    /// The last reparenting and the last changes of findings and of a deadlock that were written:
    /// snapshots repeat them as a history, and each is written once.
    reparents: u64,
    findings: HashMap<(FindingKind, u64), u64>,
    deadlocks: u64,
    /// Time of the last answer whose waits and convoys were written.
    judged_ns: Option<u64>,
    /// Time of the last walk of all slabs that was written.
    walked_ns: Option<u64>,
    /// Time of the last walk of a cache's contents that was written.
    contents_ns: Option<u64>,
    line: Vec<u8>,
}

/// All records of one snapshot as a JSON array, a record a line.
///
/// # Errors
/// Never for what a model made.
pub fn array(snapshot: &Snapshot, host: &Host) -> io::Result<Vec<u8>> {
    let mut records = Vec::new();
    Ndjson::new(&mut records, host.clone()).write(snapshot)?;
    let lines = records.split(|byte| *byte == b'\n');
    let lines: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).collect();
    Ok([b"[".as_slice(), &lines.join(b",\n".as_slice()), b"]\n"].concat())
}

impl<W: Write> Ndjson<W> {
    /// Starts a stream about a host.
    pub fn new(output: W, host: Host) -> Self {
        Self {
            output,
            host,
            seq: 0,
            reparents: 0,
            findings: HashMap::new(),
            deadlocks: 0,
            judged_ns: None,
            walked_ns: None,
            contents_ns: None,
            line: Vec::new(),
        }
    }

    /// Where the records are written to.
    pub fn output_mut(&mut self) -> &mut W {
        &mut self.output
    }

    /// Writes all records of a snapshot, that of type `frame` last.
    ///
    /// # Errors
    /// If the write fails.
    pub fn write(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let first = self.seq;
        let time = units::time(snapshot.unix_ns);
        let at = Place {
            snapshot,
            time: &time,
        };
        for memcg in &snapshot.memcgs.items {
            self.record("memcg", at, Object(memcg))?;
        }
        for zombie in &zombies::list(snapshot) {
            self.record("zombie", at, Object(zombie))?;
        }
        if !snapshot.zombie_cost.items.is_empty() {
            self.record("tax", at, ZombieCost::of(snapshot))?;
        }
        for pins in &snapshot.pins.items {
            self.record("pins", at, Pins::from(pins))?;
        }
        self.history(at)?;
        self.slab(at)?;
        for row in &snapshot.shrinkers.items {
            self.record("shrinker", at, Object(row))?;
        }
        for row in &snapshot.reclaim.items {
            self.record("reclaim", at, Object(row))?;
        }
        self.locks(at)?;
        for (of, rows) in &snapshot.omitted {
            self.record("omitted", at, Omitted::new(of, *rows))?;
        }
        self.record("frame", at, Frame::of(snapshot, self.seq - first))?;
        self.output.flush()
    }

    /// Writes the records of a snapshot that are about waits, that of type `frame` last.
    ///
    /// # Errors
    /// If the write fails.
    pub fn write_locks(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let first = self.seq;
        let time = units::time(snapshot.unix_ns);
        let at = Place {
            snapshot,
            time: &time,
        };
        self.locks(at)?;
        self.record("frame", at, Frame::of(snapshot, self.seq - first))?;
        self.output.flush()
    }

    /// Writes steps of a timeline, and a record of type `frame`.
    ///
    /// # Errors
    /// If the write fails.
    pub fn write_why<'s>(
        &mut self,
        snapshot: &Snapshot,
        steps: impl Iterator<Item = &'s Step>,
    ) -> io::Result<()> {
        let first = self.seq;
        let time = units::time(snapshot.unix_ns);
        let at = Place {
            snapshot,
            time: &time,
        };
        for step in steps {
            self.record("why", at, WhyStep::from(step))?;
        }
        self.record("frame", at, Frame::of(snapshot, self.seq - first))?;
        self.output.flush()
    }

    fn locks(&mut self, at: Place<'_>) -> io::Result<()> {
        let snapshot = at.snapshot;
        let written = self.deadlocks;
        let deadlocks = snapshot.deadlocks.items.iter();
        for deadlock in deadlocks.filter(|one| one.revision > written) {
            self.record("deadlock", at, Deadlock::from(deadlock))?;
            self.deadlocks = self.deadlocks.max(deadlock.revision);
        }
        // Waits of an answer are written once; traced waits of the same tasks are left out.
        let judged_ns = snapshot.waits.as_of_ns;
        let is_new = judged_ns.is_some() && judged_ns != self.judged_ns;
        let mut tids = HashSet::new();
        if is_new {
            self.judged_ns = judged_ns;
            let judged = snapshot.judged.iter();
            for end in judged.flat_map(|judged| &judged.open_ends) {
                self.record("open_end", at, OpenEnd::from(end))?;
            }
            for convoy in &snapshot.convoys.items {
                self.record("convoy", at, Convoy::from(convoy))?;
            }
            for wait in snapshot.waits.items.iter().filter_map(LockWait::found) {
                tids.insert(wait.tid());
                self.record("lock_wait", at, wait)?;
            }
        }
        let traced = snapshot.lock_waits.items.iter();
        for wait in traced.filter(|wait| !tids.contains(&wait.facts.task.tid)) {
            self.record("lock_wait", at, LockWait::from(wait))?;
        }
        for lock in &snapshot.lock_stats.items {
            self.record("lock_stats", at, Object(lock))?;
        }
        Ok(())
    }

    /// Caches are written with the snapshot that has a new walk of them.
    fn slab(&mut self, at: Place<'_>) -> io::Result<()> {
        for row in &at.snapshot.slab.items {
            self.record("slab", at, Object(row))?;
        }
        let caches = &at.snapshot.slab_caches;
        if self.walked_ns != caches.as_of_ns {
            self.walked_ns = caches.as_of_ns;
            for cache in &caches.items {
                self.record("slab_cache", at, Object(cache))?;
            }
        }
        let contents = &at.snapshot.slab_inside;
        if self.contents_ns != contents.as_of_ns {
            self.contents_ns = contents.as_of_ns;
            for cache in &contents.items {
                for row in &cache.rows {
                    self.record("slab_inside", at, SlabInside::of(cache, row))?;
                }
            }
        }
        Ok(())
    }

    /// Writes the history since the last snapshot.
    fn history(&mut self, at: Place<'_>) -> io::Result<()> {
        let (reparents, findings) = (&at.snapshot.reparents.items, &at.snapshot.findings.items);
        let written = self.reparents;
        for reparent in reparents.iter().filter(|one| one.number > written) {
            self.record("reparent", at, Reparent::from(reparent))?;
            self.reparents = self.reparents.max(reparent.number);
        }
        let written = std::mem::take(&mut self.findings);
        for finding in findings {
            let key = (finding.kind, finding.number);
            if written
                .get(&key)
                .is_none_or(|revision| *revision < finding.revision)
            {
                self.record("finding", at, Finding::from(finding))?;
            }
            self.findings.insert(key, finding.revision);
        }
        Ok(())
    }

    fn record<T: Value>(&mut self, kind: &'static str, at: Place<'_>, data: T) -> io::Result<()> {
        self.line.clear();
        let moment = Moment {
            seq: self.seq,
            frame: at.snapshot.frame,
            time: at.time,
            mono_ns: at.snapshot.mono_ns,
        };
        serde_json::to_writer(
            &mut self.line,
            &Object(Envelope::new(kind, &self.host, moment, data)),
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
