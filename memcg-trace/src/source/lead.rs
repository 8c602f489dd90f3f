//! The samples that lead to a moment: with them a model has its rates and findings.

/// A moment is led to by the samples of so much time.
pub const LEAD_NS: u64 = 60_000_000_000;
/// And by more of them, if they have no more bytes than these.
const LEAD_BYTES: usize = 2 << 20;

/// The first of the samples that lead to one, by their bytes.
pub fn first(at: usize, bytes: impl Fn(usize) -> usize) -> usize {
    let mut sum = 0_usize;
    let before = (0..at).rev().take_while(|before| {
        sum = sum.saturating_add(bytes(*before));
        sum <= LEAD_BYTES
    });
    before.last().unwrap_or(at)
}

/// The last of so many samples that is not after a moment, or the first; `time` is the time of each.
///
/// # Errors
/// If a time cannot be read.
pub fn last_until(
    len: usize,
    time: impl Fn(usize) -> anyhow::Result<u64>,
    moment_ns: u64,
) -> anyhow::Result<usize> {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = low.midpoint(high);
        match time(middle)? <= moment_ns {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    Ok(low.saturating_sub(1))
}
