//! What this program needs.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::output::metrics::Own;

/// Reads it. Only files of this process are opened, none of which waits for a lock.
pub(super) fn read() -> Own {
    let cpu = Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).ok();
    Own {
        cpu_ns: cpu.and_then(|cpu| u64::try_from(cpu.as_nanos()).ok()),
        resident_bytes: resident_bytes(),
        started_seconds: started_seconds(),
        ..Own::default()
    }
}

fn resident_bytes() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    pages.checked_mul(rustix::param::page_size() as u64)
}

/// When this process started, by how long ago that was.
fn started_seconds() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, which may have blanks, ends with the last parenthesis.
    let ticks: u64 = stat.rsplit(')').next()?.split(' ').nth(20)?.parse().ok()?;
    let started = Duration::from_secs(ticks.checked_div(rustix::param::clock_ticks_per_second())?);
    let booted = Duration::try_from(clock_gettime(ClockId::Boottime)).ok()?;
    let age = booted.checked_sub(started)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(now.checked_sub(age)?.as_secs())
}
