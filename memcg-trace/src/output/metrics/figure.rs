//! A figure of a row as a metric, by its key.

use serde_json::Value as Json;

use super::family::Number;
use crate::model::snapshot::UNLIMITED_BYTES;
use crate::output::figures::{Row, Unit, Value, Visitor};
use crate::units::PAGE_BYTES;

/// The end of a metric's name that a key makes: base units, as Prometheus asks for.
#[must_use]
pub(super) fn metric_key(key: &str) -> String {
    let (stem, total) = match key.strip_suffix("_total") {
        Some(stem) => (stem, "_total"),
        None => (key, ""),
    };
    let based = match Unit::of(key) {
        Unit::Nanoseconds => stem.strip_suffix("ns").map(|stem| format!("{stem}seconds")),
        Unit::Pages => stem
            .strip_suffix("pages")
            .map(|stem| format!("{stem}bytes")),
        _ => None,
    };
    based.unwrap_or_else(|| stem.to_owned()) + total
}

/// The meaning of a figure; `None` if records of the row have no such figure.
#[must_use]
pub(super) fn meaning<R: Row>(key: &str) -> Option<String> {
    let mut meanings = Meanings { key, found: None };
    R::figures(&mut meanings);
    meanings.found
}

/// A figure in base units; `None` where it is not known, or means that there is no limit.
#[must_use]
pub(super) fn number<R: Row>(row: &R, key: &str) -> Option<Number> {
    let number = match find(row, key)?.0 {
        Json::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(count), _) => Number::Count(count),
            (None, Some(signed)) => Number::Signed(signed),
            (None, None) => Number::Real(number.as_f64()?),
        },
        Json::Bool(is) => Number::Count(is.into()),
        _ => return None,
    };
    match (Unit::of(key), number) {
        (Unit::Bytes, Number::Count(UNLIMITED_BYTES..)) => None,
        (Unit::Nanoseconds, number) => Some(Number::Real(number.as_f64() / 1e9)),
        (Unit::Pages, Number::Count(pages)) => {
            Some(Number::Count(pages.saturating_mul(PAGE_BYTES)))
        }
        (_, number) => Some(number),
    }
}

/// A text for a label, with its bytes in hexadecimal if they are no clean text; `None` where it is
/// not known.
#[must_use]
pub(super) fn text<R: Row>(row: &R, key: &str) -> Option<(String, Option<String>)> {
    match find(row, key)? {
        (Json::String(text), hex) => Some((text, hex)),
        (Json::Number(number), _) => Some((number.to_string(), None)),
        _ => None,
    }
}

/// The figure as in a record, with the bytes of a text that had to be sanitised.
fn find<R: Row>(row: &R, key: &str) -> Option<(Json, Option<String>)> {
    let mut found = None;
    R::figures(&mut Find {
        row,
        key,
        found: &mut found,
    });
    found
}

struct Find<'r, 'f, R> {
    row: &'r R,
    key: &'f str,
    found: &'f mut Option<(Json, Option<String>)>,
}

impl<'r, R: 'r> Visitor<'r, R> for Find<'r, '_, R> {
    fn field<T: Value>(&mut self, key: &'static str, _: &str, get: impl Fn(&'r R) -> T) {
        if key == self.key {
            let value = get(self.row);
            let json = serde_json::to_value(&value).ok();
            *self.found = json.map(|json| (json, value.hex()));
        }
    }

    fn part<P: Row + 'r>(&mut self, get: impl Fn(&'r R) -> P) {
        let part = get(self.row);
        P::figures(&mut Find {
            row: &part,
            key: self.key,
            found: &mut *self.found,
        });
    }
}

struct Meanings<'k> {
    key: &'k str,
    found: Option<String>,
}

impl<'r, R: 'r> Visitor<'r, R> for Meanings<'_> {
    fn field<T: Value>(&mut self, key: &'static str, meaning: &str, _: impl Fn(&'r R) -> T) {
        if key == self.key {
            self.found = Some(meaning.to_owned());
        }
    }

    fn part<P: Row + 'r>(&mut self, _: impl Fn(&'r R) -> P) {
        P::figures(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_base_units() {
        for (key, metric) in [
            ("stall_ns_total", "stall_seconds_total"),
            ("slab_pages", "slab_bytes"),
            ("usage_bytes", "usage_bytes"),
            ("calls_total", "calls_total"),
            ("zombies", "zombies"),
        ] {
            assert_eq!(metric_key(key), metric);
        }
    }
}
