//! Moments of the past: those that are kept in memory, or those of a recording.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use crate::model::Model;
use crate::model::snapshot::Snapshot;
use crate::sample::Sample;
use crate::sample::recording::{FORMAT, Header, Host};
use crate::sample::ring::Ring;
use crate::source::index::Index;
use crate::source::lead;
use crate::tui::{Destination, Travel, Trends, Visit};
use crate::units;

/// A model on its way to a moment.
pub(super) struct Journey {
    pub(super) model: Model,
    trends: Trends,
    since_ns: Option<u64>,
    last: Option<Arc<Snapshot>>,
}

impl Journey {
    pub(super) fn new(model: Model) -> Self {
        Self {
            model,
            trends: Trends::default(),
            since_ns: None,
            last: None,
        }
    }

    fn pass(&mut self, sample: &Sample) {
        let snapshot = self.model.step(sample);
        self.trends.push(&snapshot);
        self.since_ns.get_or_insert(snapshot.mono_ns);
        self.last = Some(snapshot);
    }

    /// The moment that was reached, as `select` shows it.
    pub(super) fn visit(
        &mut self,
        select: impl FnOnce(&Arc<Snapshot>) -> Arc<Snapshot>,
    ) -> anyhow::Result<Visit> {
        let last = self.last.take().context("there is no sample yet")?;
        Ok(Visit {
            snapshot: select(&last),
            trends: std::mem::take(&mut self.trends),
            since_ns: self.since_ns.unwrap_or(last.mono_ns),
        })
    }

    /// Goes to a moment that is kept in memory.
    pub(super) fn through_memory(&mut self, kept: &Ring, travel: &Travel) -> anyhow::Result<()> {
        let samples: Vec<_> = kept.samples().collect();
        let at = arrival(samples.len(), |at| Ok(samples[at].mono_ns), travel)?;
        let end_ns = samples[at].mono_ns;
        let bytes = |at: usize| samples[at].bytes();
        let begin_ns = samples[lead::first(at, bytes)].mono_ns;
        let begin_ns = begin_ns.min(end_ns.saturating_sub(lead::LEAD_NS));
        for sample in kept.leading_to(begin_ns, end_ns) {
            self.pass(&sample.sample()?);
        }
        Ok(())
    }

    /// Goes to a moment of a recording. Returns the number of the sample after it.
    pub(super) fn through_recording(
        &mut self,
        index: &Index,
        travel: &Travel,
    ) -> anyhow::Result<usize> {
        let time = |at: usize| index.head(at).map(|head| head.mono_ns);
        let at = arrival(index.len(), time, travel)?;
        for frame in index.lead(at)?..=at {
            self.pass(&index.sample(frame)?);
        }
        Ok(at + 1)
    }
}

/// The number of the sample that is wanted, of so many.
fn arrival(
    len: usize,
    time: impl Fn(usize) -> anyhow::Result<u64>,
    travel: &Travel,
) -> anyhow::Result<usize> {
    let Some(last) = len.checked_sub(1) else {
        bail!("there is no sample yet");
    };
    let at = |moment_ns| lead::last_until(len, &time, moment_ns);
    let here = at(travel.from_ns)?;
    let (there, is_back) = match travel.to {
        Destination::Samples(count) => {
            let count = isize::try_from(count).unwrap_or(isize::MAX);
            (here.saturating_add_signed(count).min(last), count < 0)
        }
        Destination::Moment(moment_ns) => (at(moment_ns)?, moment_ns < travel.from_ns),
    };
    if there == here {
        bail!(
            "there is no {} sample",
            if is_back { "earlier" } else { "later" }
        );
    }
    Ok(there)
}

/// Writes a recording of all samples that are kept, into a new file. Returns its name, and the
/// number of samples.
pub(super) fn write(kept: &Ring, host: &Host) -> anyhow::Result<(PathBuf, usize)> {
    let mut samples = kept.samples();
    let (Some(first), last) = (samples.next(), samples.next_back()) else {
        bail!("there is no sample yet");
    };
    let last = last.unwrap_or(first);
    let path = PathBuf::from(file_name(host, last.unix_ns));
    let failed = || format!("cannot write {}", path.display());
    let file = File::create_new(&path).with_context(failed)?;
    let header = Header {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: host.clone(),
        start_unix_ns: first.unix_ns,
        incident: None,
    };
    let written = write_into(file, kept, &header);
    if written.is_err() {
        let _ = std::fs::remove_file(Path::new(&path));
    }
    let count = written.with_context(failed)?;
    Ok((path, count))
}

fn write_into(file: File, kept: &Ring, header: &Header) -> anyhow::Result<usize> {
    let mut file = BufWriter::new(file);
    let count = kept.write(&mut file, header, 0)?;
    file.flush()?;
    Ok(count)
}

/// The host's name and the time, as far as they are harmless in the name of a file.
fn file_name(host: &Host, unix_ns: i64) -> String {
    let harmless = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let host = host.host.display();
    let host: String = host.chars().filter(harmless).take(64).collect();
    let time = units::clock(unix_ns);
    let time: String = time.chars().filter(harmless).collect();
    format!("memcg-trace-{host}-{time}.rec")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::lasting::Lasting;
    use crate::sample::recording::Reader;
    use crate::sample::ring::Bounds;

    #[test]
    fn a_wish_leads_to_the_sample_that_is_meant() {
        let times = [10, 20, 30, 40];
        let go = |from_ns, to| {
            let travel = Travel { from_ns, to };
            arrival(times.len(), |at| Ok(times[at]), &travel).ok()
        };
        assert_eq!(go(40, Destination::Samples(-1)), Some(2));
        assert_eq!(go(40, Destination::Samples(-99)), Some(0));
        assert_eq!(go(20, Destination::Samples(99)), Some(3));
        assert_eq!(go(40, Destination::Moment(29)), Some(1));
        assert_eq!(go(40, Destination::Moment(5)), Some(0));
        // There is nothing earlier, or later.
        assert_eq!(go(10, Destination::Samples(-1)), None);
        assert_eq!(go(45, Destination::Samples(1)), None);
        assert_eq!(go(10, Destination::Moment(5)), None);
    }

    /// Each moment of a recording looks as it did when it came, also from memory.
    #[test]
    fn a_moment_is_as_it_was() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/demo-6.12.rec");
        let mut reader = Reader::open(File::open(&path).unwrap()).unwrap();
        let index = Index::of(File::open(&path).unwrap(), reader.offset()).unwrap();
        let mut kept = Ring::new(Bounds {
            bytes: 64 << 20,
            age_ns: None,
        });
        let mut model = Model::new();
        let mut all = Vec::new();
        while let Some(sample) = reader.read_sample().unwrap() {
            all.push(model.step(&sample));
            kept.push(&sample, || model.slab_so_far()).unwrap();
        }
        assert_eq!(index.len(), all.len());
        let looks = |one: &Snapshot| {
            let (memcgs, slab) = (&one.memcgs.items, &one.slab.items);
            format!(
                "{} {memcgs:?} {slab:?} {:?}",
                one.mono_ns, one.findings.items
            )
        };
        let from_ns = all.last().unwrap().mono_ns;
        for (at, one) in all.iter().enumerate().take(all.len() - 1) {
            let to = Destination::Moment(one.mono_ns);
            let travel = Travel { from_ns, to };
            let mut journey = Journey::new(Model::new());
            let next = journey.through_recording(&index, &travel).unwrap();
            assert_eq!(next, at + 1);
            let there = journey.visit(Arc::clone).unwrap();
            assert!(looks(&there.snapshot) == looks(one), "sample {at}");
            let mut journey = Journey::new(Model::new());
            journey.through_memory(&kept, &travel).unwrap();
            let there = journey.visit(Arc::clone).unwrap();
            assert!(
                looks(&there.snapshot) == looks(one),
                "sample {at} in memory"
            );
        }
    }

    /// A sample that relies on none before it, as `record` writes some, changes nothing for a
    /// reader of those, and tells all others what was counted.
    #[test]
    fn a_start_within_a_recording_is_for_those_who_begin_there() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/demo-6.12.rec");
        let mut reader = Reader::open(File::open(&path).unwrap()).unwrap();
        let (mut plain, mut with_starts) = (Model::new(), Model::new());
        let mut lasting = Lasting::default();
        let slab = |one: &Snapshot| format!("{:?}", one.slab.items);
        let (mut number, mut starts) = (0, 0);
        while let Some(sample) = reader.read_sample().unwrap() {
            let expected = plain.step(&sample);
            lasting.read(&sample);
            if number % 2 == 0 || sample.is_answer() {
                assert_eq!(slab(&with_starts.step(&sample)), slab(&expected));
            } else {
                let start = lasting.added_to(&sample, plain.slab_so_far());
                assert_eq!(slab(&with_starts.step(&start)), slab(&expected));
                let totals = |one: &Snapshot| {
                    let rows = one.slab.items.iter();
                    let mut rows: Vec<_> = rows
                        .map(|row| (row.memcg.clone(), row.cache_key, row.alloc_total))
                        .map(|row| format!("{row:?}"))
                        .collect();
                    rows.sort();
                    rows
                };
                assert_eq!(totals(&Model::new().step(&start)), totals(&expected));
                starts += usize::from(!expected.slab.items.is_empty());
            }
            number += 1;
        }
        assert!(starts > 1, "{starts}");
    }

    #[test]
    fn names_of_files_are_harmless() {
        let host = Host {
            host: "../a b\u{1b}/web-1".into(),
            ..Host::default()
        };
        let name = file_name(&host, 0);
        assert_eq!(name, "memcg-trace-abweb-1-1970-01-01000000Z.rec");
    }
}
