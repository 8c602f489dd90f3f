//! Metrics: what is said of each once, and its series.

/// The number of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Count(u64),
    Signed(i64),
    Real(f64),
}

impl Number {
    #[expect(clippy::cast_precision_loss, reason = "metrics are read as f64")]
    pub(super) fn as_f64(self) -> f64 {
        match self {
            Self::Count(count) => count as f64,
            Self::Signed(number) => number as f64,
            Self::Real(real) => real,
        }
    }

    /// The sum of two numbers, exact where both are counts.
    pub(super) fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Count(a), Self::Count(b)) => Self::Count(a.saturating_add(b)),
            (Self::Signed(a), Self::Signed(b)) => Self::Signed(a.saturating_add(b)),
            _ => Self::Real(self.as_f64() + other.as_f64()),
        }
    }
}

/// The labels of a series: names and values.
pub type Labels = Vec<(&'static str, String)>;

/// A metric.
#[derive(Clone, Debug)]
pub struct Family {
    /// Its name, without its unit and `_total`.
    pub(super) stem: String,
    pub(super) unit: Option<&'static str>,
    pub(super) help: String,
    pub(super) is_counter: bool,
    pub(super) series: Vec<(Labels, Number)>,
}

impl Family {
    /// A metric without series. The name ends in `_total` for a counter, and before that names the
    /// unit, if it has one: `_seconds` or `_bytes`.
    pub(super) fn new(name: &str, help: &str) -> Self {
        let untotalled = name.strip_suffix("_total");
        let stem = untotalled.unwrap_or(name);
        let units = ["seconds", "bytes"];
        let unit = units.into_iter().find_map(|unit| {
            let stem = stem.strip_suffix(unit)?.strip_suffix('_')?;
            Some((stem, unit))
        });
        Self {
            stem: unit.map_or(stem, |(stem, _)| stem).to_owned(),
            unit: unit.map(|(_, unit)| unit),
            help: help.split_whitespace().collect::<Vec<_>>().join(" "),
            is_counter: untotalled.is_some(),
            series: Vec::new(),
        }
    }

    /// The name of its series.
    #[must_use]
    pub fn name(&self) -> String {
        let unit = self.unit.map(|unit| format!("_{unit}"));
        let total = if self.is_counter { "_total" } else { "" };
        format!("{}{}{total}", self.stem, unit.unwrap_or_default())
    }

    /// What it means, in one line.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }
}

/// Metrics, in the order in which they are written.
#[derive(Clone, Debug, Default)]
pub struct Families(pub Vec<Family>);

impl Families {
    /// Adds a metric with the series that are known. Those with the same labels are added up: no
    /// two series may have the same.
    pub(super) fn add(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels, Option<Number>)>,
    ) {
        let mut family = Family::new(name, help);
        for (labels, number) in series {
            let Some(number) = number else { continue };
            let mut before = family.series.iter_mut();
            match before.find(|(others, _)| *others == labels) {
                Some((_, sum)) => *sum = sum.plus(number),
                None => family.series.push((labels, number)),
            }
        }
        self.0.push(family);
    }

    /// Adds a metric of one series without labels.
    pub(super) fn one(&mut self, name: &str, help: &str, number: Option<Number>) {
        self.add(name, help, [(Labels::new(), number)]);
    }

    /// The number of all series.
    #[must_use]
    pub fn series(&self) -> usize {
        self.0.iter().map(|family| family.series.len()).sum()
    }
}

/// A count that may be unknown.
pub(super) fn count(count: Option<u64>) -> Option<Number> {
    count.map(Number::Count)
}

/// Nanoseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "metrics are read as f64")]
pub(super) fn seconds(ns: Option<u64>) -> Option<Number> {
    ns.map(|ns| Number::Real(ns as f64 / 1e9))
}

/// One label.
pub(super) fn label(name: &'static str, value: &str) -> Labels {
    vec![(name, value.to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_unit_and_kind() {
        for (name, stem, unit, is_counter) in [
            ("a_seconds_total", "a", Some("seconds"), true),
            ("a_bytes", "a", Some("bytes"), false),
            ("a_total", "a", None, true),
            ("a_objects", "a_objects", None, false),
        ] {
            let family = Family::new(name, "Two\n  words.");
            assert_eq!((&*family.stem, family.unit), (stem, unit));
            assert_eq!(
                (family.is_counter, family.name()),
                (is_counter, name.to_owned())
            );
            assert_eq!(family.help(), "Two words.");
        }
    }
}
