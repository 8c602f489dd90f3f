//! Ranges of the host's memory, in page frame numbers.

use std::fs;
use std::ops::Range;

const PAGE_BYTES: u64 = 4096;
const BLOCKS: &str = "/sys/devices/system/memory";

/// All memory, in order.
///
/// The ranges are from `/proc/iomem`, or, if that shows zeros for want of CAP_SYS_ADMIN, from the
/// memory blocks of sysfs, which are coarser.
///
/// # Errors
/// One line, if both are without memory.
fn ranges() -> Result<Vec<Range<u64>>, String> {
    let text = fs::read_to_string("/proc/iomem").unwrap_or_default();
    let ranges = of_iomem(&text);
    if !ranges.is_empty() {
        return Ok(ranges);
    }
    let ranges = of_blocks();
    if ranges.is_empty() {
        return Err(
            "/proc/iomem shows no System RAM (CAP_SYS_ADMIN), and sysfs no memory".to_owned(),
        );
    }
    Ok(ranges)
}

/// Pages in one step: 64 KiB of their descriptors.
const STEP_PAGES: u64 = 1024;

/// All memory in steps. They are aligned, so that the second page of a folio, which has the folio's
/// number of pages, is in the same step as the first.
///
/// # Errors
/// As [`ranges`].
pub(crate) fn steps() -> Result<Steps, String> {
    Ok(Steps {
        ranges: ranges()?.into_iter(),
        range: 0..0,
    })
}

/// The iterator of [`steps`].
pub(crate) struct Steps {
    ranges: std::vec::IntoIter<Range<u64>>,
    /// The rest of the current range.
    range: Range<u64>,
}

impl Iterator for Steps {
    type Item = Range<u64>;

    fn next(&mut self) -> Option<Range<u64>> {
        while self.range.is_empty() {
            self.range = self.ranges.next()?;
        }
        let begin = self.range.start;
        let pages = STEP_PAGES - begin % STEP_PAGES;
        self.range.start = (begin + pages).min(self.range.end);
        Some(begin..self.range.start)
    }
}

/// Lines such as `00100000-bffdffff : System RAM`; a range within another is indented.
fn of_iomem(text: &str) -> Vec<Range<u64>> {
    let range = |line: &str| {
        let (range, what) = line.split_once(" : ")?;
        if !what.starts_with("System RAM") {
            return None;
        }
        let (first, last) = range.split_once('-')?;
        let first = u64::from_str_radix(first, 16).ok()?;
        let last = u64::from_str_radix(last, 16).ok()?;
        let range = first.div_ceil(PAGE_BYTES)..last.checked_add(1)? / PAGE_BYTES;
        (!range.is_empty()).then_some(range)
    };
    text.lines().filter_map(range).collect()
}

fn of_blocks() -> Vec<Range<u64>> {
    let read = |path: String| fs::read_to_string(path).ok();
    let hexadecimal = |text: String| u64::from_str_radix(text.trim(), 16).ok();
    let Some(block_bytes) = read(format!("{BLOCKS}/block_size_bytes")).and_then(hexadecimal) else {
        return Vec::new();
    };
    let pages = block_bytes / PAGE_BYTES;
    let mut blocks: Vec<u64> = fs::read_dir(BLOCKS)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            entry
                .file_name()
                .to_str()?
                .strip_prefix("memory")?
                .parse()
                .ok()
        })
        .filter(|block: &u64| {
            read(format!("{BLOCKS}/memory{block}/state")).is_some_and(|state| state == "online\n")
        })
        .collect();
    blocks.sort_unstable();
    blocks
        .into_iter()
        .filter_map(|block| {
            Some(block.checked_mul(pages)?..block.checked_add(1)?.checked_mul(pages)?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_end_where_alignment_or_memory_does() {
        let steps = Steps {
            ranges: vec![1..0x9f, 0x100..0x1000].into_iter(),
            range: 0..0,
        };
        let steps: Vec<_> = steps.collect();
        assert_eq!(
            steps,
            [
                1..0x9f,
                0x100..0x400,
                0x400..0x800,
                0x800..0xc00,
                0xc00..0x1000
            ]
        );
    }

    #[test]
    fn only_whole_pages_of_ram_count() {
        let text = "00000000-00000fff : Reserved\n\
                    00001000-0009fbff : System RAM\n\
                    00100000-3ffdffff : System RAM\n  01000000-01e00000 : Kernel code\n";
        assert_eq!(of_iomem(text), [1..0x9f, 0x100..0x3ffe0]);
        assert_eq!(of_iomem("00000000-00000000 : System RAM\n"), []);
    }
}
