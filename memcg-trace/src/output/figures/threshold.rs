//! Bounds on figures, as a person writes them: `SLAB>10M`, `age<5m`.

use super::{Order, Unit};

/// A bound on the figure of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// The start of the column's title, in lower case.
    column: String,
    is_below: bool,
    value: String,
}

impl Threshold {
    /// Parses `COLUMN>VALUE` and `COLUMN<VALUE`; `None` if the text is no such thing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let at = text.find(['<', '>'])?;
        let (column, rest) = text.split_at(at);
        let value = rest.get(1..)?;
        (!column.is_empty() && !value.is_empty()).then(|| Self {
            column: column.to_lowercase(),
            is_below: rest.starts_with('<'),
            value: value.to_lowercase(),
        })
    }

    /// Returns whether it is about the column with this title: its start is enough.
    #[must_use]
    pub fn is_about(&self, title: &str) -> bool {
        title.to_lowercase().starts_with(&self.column)
    }

    /// Returns whether a figure with this unit is within the bound. One that is not known is not.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a bound has few digits")]
    pub(super) fn admits(&self, figure: &Order, unit: Unit) -> bool {
        let figure = match figure {
            Order::Number(number) => *number as f64,
            Order::Rate(rate) => *rate,
            Order::Each(parts) => return parts.first().is_some_and(|one| self.admits(one, unit)),
            Order::Unknown | Order::Text(_) => return false,
        };
        self.bound(unit).is_some_and(|bound| match self.is_below {
            true => figure < bound,
            false => figure > bound,
        })
    }

    /// The bound as a number of what the figure counts.
    fn bound(&self, unit: Unit) -> Option<f64> {
        const BYTES: &[(&str, f64)] = &[
            ("kib", 1024.0),
            ("mib", 1_048_576.0),
            ("gib", 1_073_741_824.0),
            ("k", 1024.0),
            ("m", 1_048_576.0),
            ("g", 1_073_741_824.0),
            ("b", 1.0),
        ];
        const TIMES: &[(&str, f64)] = &[
            ("ns", 1.0),
            ("us", 1e3),
            ("ms", 1e6),
            ("s", 1e9),
            ("m", 6e10),
            ("h", 3.6e12),
            ("d", 8.64e13),
        ];
        const COUNTS: &[(&str, f64)] = &[("k", 1e3), ("m", 1e6), ("g", 1e9)];
        let (units, plain) = match unit {
            Unit::Bytes => (BYTES, 1.0),
            Unit::Nanoseconds | Unit::NanosecondsPerSecond => (TIMES, 1e9),
            Unit::Share => (&[("%", 0.01)][..], 0.01),
            _ => (COUNTS, 1.0),
        };
        let with_unit = units
            .iter()
            .find_map(|(name, one)| Some((self.value.strip_suffix(name)?, *one)));
        let (number, one) = with_unit.unwrap_or((&self.value, plain));
        let number: f64 = number.trim().parse().ok()?;
        Some(number * one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_as_users_write_them() {
        for (text, unit, figure, is_in) in [
            ("slab>10m", Unit::Bytes, 11 << 20, true),
            ("slab>10MiB", Unit::Bytes, 10 << 20, false),
            ("age<5m", Unit::Nanoseconds, 299_000_000_000, true),
            ("age<5", Unit::Nanoseconds, 299_000_000_000, false),
            ("refs>1k", Unit::Refs, 1_001, true),
            ("refs<1", Unit::Refs, 0, true),
            ("refs>x", Unit::Refs, 9, false),
        ] {
            let bound = Threshold::parse(text).unwrap();
            assert_eq!(bound.admits(&Order::Number(figure), unit), is_in, "{text}");
        }
        let used = Threshold::parse("util<50").unwrap();
        assert!(used.admits(&Order::Rate(0.4), Unit::Share));
        assert!(!used.admits(&Order::Unknown, Unit::Share));
        assert!(used.is_about("UTIL") && !used.is_about("USED"));
        for text in ["slab", ">5", "slab>", ""] {
            assert_eq!(Threshold::parse(text), None, "{text}");
        }
    }
}
