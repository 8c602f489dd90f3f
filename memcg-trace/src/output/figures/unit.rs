//! Units of figures, which their keys name.

use crate::model::snapshot::UNLIMITED_BYTES;
use crate::units;

/// The unit of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Bytes,
    /// Pages of 4096 bytes.
    Pages,
    /// Objects of slab.
    Objects,
    Refs,
    Nanoseconds,
    /// Time spent per second.
    NanosecondsPerSecond,
    /// Events per second.
    PerSecond,
    /// From 0 to 1.
    Share,
    /// A number without a unit, such as an id.
    Id,
    /// Anything else.
    Number,
}

impl Unit {
    /// The unit that the end of a key names.
    #[must_use]
    pub fn of(key: &str) -> Self {
        const SHARES: [&str; 2] = ["utilization", "yield"];
        const IDS: [&str; 6] = ["pid", "tid", "node", "cpu", "fd", "ino"];
        let key = key.strip_suffix("_total").unwrap_or(key);
        let last = key.rsplit('_').next().unwrap_or(key);
        match last {
            _ if key.ends_with("ns_per_sec") => Self::NanosecondsPerSecond,
            "sec" => Self::PerSecond,
            "bytes" => Self::Bytes,
            "pages" => Self::Pages,
            "objects" => Self::Objects,
            "refs" => Self::Refs,
            "ns" => Self::Nanoseconds,
            "id" | "nr" => Self::Id,
            _ if SHARES.contains(&last) => Self::Share,
            _ if IDS.contains(&last) => Self::Id,
            _ => Self::Number,
        }
    }

    /// Name of the unit in schemas; `None` if the key says enough.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Bytes => "bytes",
            Self::Pages => "pages",
            Self::Objects => "objects",
            Self::Refs => "refs",
            Self::Nanoseconds => "ns",
            Self::NanosecondsPerSecond => "ns/s",
            Self::PerSecond => "1/s",
            Self::Share => "share",
            Self::Id | Self::Number => return None,
        })
    }

    pub(super) fn count(self, number: Option<u64>) -> String {
        match (self, number) {
            (Self::Bytes, _) => units::bytes(number),
            (Self::Nanoseconds, _) => units::duration(number),
            (Self::Id, Some(id)) => id.to_string(),
            _ => units::count(number),
        }
    }

    pub(super) fn rate(self, rate: Option<f64>) -> String {
        match (self, rate) {
            (Self::NanosecondsPerSecond, _) => units::time_share(rate),
            (Self::Share, Some(share)) => format!("{:.0} %", share * 100.0),
            _ => units::rate(rate),
        }
    }

    pub(super) fn limit(limit: Option<u64>) -> String {
        units::limit(limit, UNLIMITED_BYTES)
    }
}
