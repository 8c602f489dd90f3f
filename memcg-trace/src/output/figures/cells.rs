//! Cells of tables: the figures of a row, chosen by key.

use super::{Order, Row, Shown, Threshold, Unit, Value, Visitor};
use crate::units;

/// The heading of a column.
#[derive(Clone, Copy, Debug)]
pub struct Heading {
    pub title: &'static str,
    /// Whether the column has numbers.
    pub is_number: bool,
}

/// Returns the meaning of a figure as plain text; `None` if the rows have no such figure that tables
/// show.
#[must_use]
pub fn meaning<R: Row>(key: &str) -> Option<String> {
    let mut headings = Headings::of(key);
    R::figures(&mut headings);
    headings.meaning
}

/// The heading of a figure; `None` if the rows have no such figure that tables show.
#[must_use]
pub fn heading<R: Row>(key: &str) -> Option<Heading> {
    let mut headings = Headings::of(key);
    R::figures(&mut headings);
    headings.found
}

/// A figure of a row, for a person.
#[must_use]
pub fn cell<R: Row>(row: &R, key: &str) -> String {
    let show = |value: &dyn AnyShown| value.cell(Unit::of(key));
    find(row, key, show).unwrap_or_else(|| units::UNKNOWN.to_owned())
}

/// Returns whether a figure of a row is within a bound.
#[must_use]
pub fn admits<R: Row>(row: &R, key: &str, bound: &Threshold) -> bool {
    bound.admits(&order(row, key), Unit::of(key))
}

/// The sort key of a row, by a figure.
#[must_use]
pub fn order<R: Row>(row: &R, key: &str) -> Order {
    find(row, key, |value| value.place()).unwrap_or(Order::Unknown)
}

fn find<R: Row, T>(row: &R, key: &str, take: impl Fn(&dyn AnyShown) -> T) -> Option<T> {
    let mut found = None;
    R::figures(&mut Find {
        row,
        key,
        take: &mut |value: &dyn AnyShown| found = Some(take(value)),
    });
    found
}

trait AnyShown {
    fn cell(&self, unit: Unit) -> String;
    fn place(&self) -> Order;
}

impl<T: Shown> AnyShown for T {
    fn cell(&self, unit: Unit) -> String {
        self.show(unit)
    }

    fn place(&self) -> Order {
        self.order()
    }
}

struct Find<'r, 'f, R> {
    row: &'r R,
    key: &'f str,
    take: &'f mut dyn FnMut(&dyn AnyShown),
}

impl<'r, R: 'r> Visitor<'r, R> for Find<'r, '_, R> {
    fn field<T: Value>(&mut self, _: &'static str, _: &str, _: impl Fn(&'r R) -> T) {}

    fn figure<T: Value + Shown>(
        &mut self,
        key: &'static str,
        title: &'static str,
        meaning: &str,
        get: impl Fn(&'r R) -> T,
    ) {
        self.column(key, title, meaning, get);
    }

    fn column<T: Shown>(
        &mut self,
        key: &'static str,
        _: &'static str,
        _: &str,
        get: impl Fn(&'r R) -> T,
    ) {
        if key == self.key {
            (self.take)(&get(self.row));
        }
    }

    fn part<P: Row + 'r>(&mut self, get: impl Fn(&'r R) -> P) {
        let part = get(self.row);
        P::figures(&mut Find {
            row: &part,
            key: self.key,
            take: &mut *self.take,
        });
    }
}

struct Headings<'k> {
    key: &'k str,
    found: Option<Heading>,
    meaning: Option<String>,
}

impl<'k> Headings<'k> {
    fn of(key: &'k str) -> Self {
        Self {
            key,
            found: None,
            meaning: None,
        }
    }

    fn take(&mut self, heading: Heading, meaning: &str) {
        self.found = Some(heading);
        let words: Vec<&str> = meaning.split_whitespace().collect();
        self.meaning = Some(words.join(" ").replace('`', ""));
    }
}

impl<'r, R: 'r> Visitor<'r, R> for Headings<'_> {
    fn field<T: Value>(&mut self, _: &'static str, _: &str, _: impl Fn(&'r R) -> T) {}

    fn figure<T: Value + Shown>(
        &mut self,
        key: &'static str,
        title: &'static str,
        meaning: &str,
        get: impl Fn(&'r R) -> T,
    ) {
        self.column(key, title, meaning, get);
    }

    fn column<T: Shown>(
        &mut self,
        key: &'static str,
        title: &'static str,
        meaning: &str,
        _: impl Fn(&'r R) -> T,
    ) {
        if key == self.key {
            let is_number = T::IS_NUMBER;
            self.take(Heading { title, is_number }, meaning);
        }
    }

    fn part<P: Row + 'r>(&mut self, _: impl Fn(&'r R) -> P) {
        P::figures(self);
    }
}
