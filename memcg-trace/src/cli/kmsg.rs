//! `--kmsg`: confirmed deadlocks in the kernel's log, since the writers of other logs may be
//! deadlocked.

use std::fs::{File, OpenOptions};
use std::io::Write as _;

use anyhow::Context as _;

use crate::model::snapshot::Snapshot;

const PATH: &str = "/dev/kmsg";
/// KERN_CRIT.
const LEVEL: &str = "<2>";
/// Maximum length of a line: the kernel's limit for one write (kernel/printk/printk.c:
/// devkmsg_write()), less a reserve.
const MAX_BYTES: usize = 960;

/// The kernel's log.
pub(super) struct Kmsg {
    file: File,
    /// The last change of a deadlock that was written.
    revision: u64,
}

impl Kmsg {
    pub(super) fn open() -> anyhow::Result<Self> {
        let file = OpenOptions::new().write(true).open(PATH);
        Ok(Self {
            file: file.with_context(|| format!("cannot write to {PATH}"))?,
            revision: 0,
        })
    }

    /// Writes confirmed deadlocks that were not written so far.
    pub(super) fn report(&mut self, snapshot: &Snapshot) -> anyhow::Result<()> {
        let reported = self.revision;
        let deadlocks = snapshot.deadlocks.items.iter();
        for one in deadlocks.filter(|one| one.is_confirmed() && one.revision > reported) {
            let line = line(one.found.cycle_id, &one.found.sentence);
            let written = self.file.write_all(line.as_bytes());
            written.with_context(|| format!("cannot write to {PATH}"))?;
            self.revision = self.revision.max(one.revision);
        }
        Ok(())
    }
}

fn line(cycle_id: u64, sentence: &str) -> String {
    let mut line = format!("{LEVEL}memcg-trace: deadlock {cycle_id:016x}: {sentence}");
    if line.len() > MAX_BYTES {
        let is_end = |at: &usize| line.is_char_boundary(*at);
        let end = (0..=MAX_BYTES).rev().find(is_end).unwrap_or(0);
        line.truncate(end);
        line.push('…');
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_the_kernel_takes() {
        assert_eq!(
            line(7, "a waits for itself."),
            "<2>memcg-trace: deadlock 0000000000000007: a waits for itself.\n"
        );
        for length in 880..1000 {
            let line = line(7, &"é".repeat(length));
            assert!(line.len() <= 1000 && line.ends_with("…\n"), "{length}");
        }
    }
}
