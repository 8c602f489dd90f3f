//! Rates: counts of an interval, by second.

/// Returns the rate; `None` without an interval.
#[expect(
    clippy::cast_precision_loss,
    reason = "a rate is shown with three digits"
)]
pub(crate) fn per_sec(count: u64, interval_ns: Option<u64>) -> Option<f64> {
    interval_ns.map(|interval_ns| count as f64 * 1e9 / interval_ns as f64)
}
