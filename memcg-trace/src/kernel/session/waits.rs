//! The lock query of a session: two scans of all tasks.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::Session;
use crate::kernel::host::clock::now_ns;
use crate::kernel::waits as scans;
use crate::sample::ResourceKind;
use crate::sample::waits::{NotChecked, TaskScan, Waits};

/// The least time between two scans: a task that did not run in between was blocked for that long.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// Most scans of one answer: two, and more if one of these missed what the other saw.
const MAX_LOOKS: u32 = 4;

/// Whether a scan missed the pages that some task tries to migrate.
fn misses_pages(look: &TaskScan) -> bool {
    let mut resources = look.resources.iter();
    resources.any(|one| one.kind == ResourceKind::PageRef && one.pfn.is_none())
}

impl Session {
    /// Returns who waits for whom: two scans, or one if no task waits. The thread with the id `tid`
    /// and the removal of the memory cgroup with that serial number are in it, also if common.
    ///
    /// # Errors
    /// If the kernel refuses the programs that read, or its layout is not known.
    pub fn waits(&mut self, tid: Option<u32>, removal: Option<u64>) -> anyhow::Result<Waits> {
        let mut waits = Waits {
            traced_since_ns: self.traced_since_ns,
            ..Waits::default()
        };
        self.kernel.refresh_symbols();
        let about = self.about(tid, removal)?;
        for number in 1..=MAX_LOOKS {
            let begin = Instant::now();
            let begin_ns = now_ns();
            let events = self.events()?;
            // Before any other field of a task: fields that are read after its stack, while the
            // task does not run, belong to the same sleep.
            let iterator = self.kernel.resolved.task_iterator;
            let unwound = scans::load_stacks(&mut self.kernel.ebpf, iterator)
                .and_then(|()| scans::read_stacks(&mut self.kernel.ebpf))
                .unwrap_or_else(|error| {
                    waits.not_checked.push(NotChecked {
                        what: "stacks".to_owned(),
                        reason: format!("{error:#}"),
                    });
                    scans::Stacks::default()
                });
            let symbols = self.kernel.symbols();
            let reader = self.kernel.reader()?;
            let mut look = scans::scan(
                &reader, &symbols, &unwound, &events, begin_ns, &about, &mut waits,
            )
            .context("scan the waits of all tasks")?;
            look.begin_ns = begin_ns;
            look.end_ns = now_ns();
            look.took_ns = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
            let nobody_waits = look.waits.is_empty();
            if waits.looks.len() == 2 {
                waits.looks.remove(0);
            }
            waits.looks.push(look);
            let missed = waits.looks.iter().filter(|look| misses_pages(look));
            if nobody_waits || number > 1 && missed.count() != 1 {
                break;
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
        // Waits that began after their events were read, and before the scan.
        let events = self.events()?;
        for look in &mut waits.looks {
            events.set_late_starts(look);
        }
        waits.not_checked.sort();
        waits.not_checked.dedup();
        if self.traced_since_ns.is_some() {
            waits.lost_total = Some(self.losses.of_waits()?);
        }
        Ok(waits)
    }

    /// The memory cgroups of the last walk, or of a new one if one of them is asked for.
    fn about(&mut self, tid: Option<u32>, removal: Option<u64>) -> anyhow::Result<scans::About> {
        let mut about = scans::About {
            tid,
            serial_nr: removal,
            csses: None,
        };
        if let Some(memcgs) = &mut self.memcgs.list {
            if removal.is_some() {
                memcgs.walk(&self.kernel.ebpf, now_ns)?;
            }
            let csses = memcgs.all().map(|(serial_nr, css, is_dead)| scans::Css {
                css,
                serial_nr,
                is_dead,
            });
            about.csses = Some(csses.collect());
        }
        Ok(about)
    }

    /// Waiters and holders that events tell of.
    fn events(&mut self) -> anyhow::Result<scans::Events> {
        let mut events = scans::Events::default();
        for subject in self.subjects.all() {
            subject.add_to(&mut events)?;
        }
        Ok(events)
    }
}
