//! The number of CPUs.

/// The number of possible CPUs: the highest CPU number plus one.
pub(crate) fn possible_cpus() -> u32 {
    let text = std::fs::read_to_string("/sys/devices/system/cpu/possible").unwrap_or_default();
    let last = text.trim().rsplit(['-', ',']).next();
    last.and_then(|last| last.parse::<u32>().ok())
        .map_or(1, |last| last.saturating_add(1).min(8192))
}
