//! One description of each figure: its JSON key, its title in tables, its meaning, and how to get
//! it from a row. Records, their schema, and the columns of tables all come from it.
//!
//! A [`Row`] visits its figures once, in the order of its record; the [`Visitor`] decides what to
//! do with each. So a figure has a type of its own, and may borrow from the row.

mod cells;
mod column;
mod json;
mod kinds;
mod record;
mod schema;
mod threshold;
mod unit;
mod value;

pub use cells::{Heading, admits, cell, heading, meaning, order};
pub use column::Column;
pub use json::{Object, text as json_text};
pub use kinds::{Limit, Name, Rounded, Tied, Word, Words, address};
pub(in crate::output) use record::{record, visit_field};
pub use schema::{object, of_record};
pub use threshold::Threshold;
pub use unit::Unit;
pub use value::{Order, Shown, Value};

/// Something that has figures: a memcg, a lock, a task that waits.
pub trait Row {
    /// The meaning of the row, in one sentence.
    const MEANING: &'static str;

    /// Visits all figures, in the order of the record.
    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V)
    where
        Self: 'r;
}

/// A consumer of the figures of a row.
pub trait Visitor<'r, R: ?Sized + 'r> {
    /// A figure of records only.
    fn field<T: Value>(&mut self, key: &'static str, meaning: &str, get: impl Fn(&'r R) -> T);

    /// A figure of records, and of tables under a title. Consumers of records need no title.
    fn figure<T: Value + Shown>(
        &mut self,
        key: &'static str,
        _title: &'static str,
        meaning: &str,
        get: impl Fn(&'r R) -> T,
    ) {
        self.field(key, meaning, get);
    }

    /// A figure of tables only, which choose it by its key. Consumers of records leave it out.
    fn column<T: Shown>(
        &mut self,
        _key: &'static str,
        _title: &'static str,
        _meaning: &str,
        _get: impl Fn(&'r R) -> T,
    ) {
    }

    /// All figures of a part, as if they were the row's own.
    fn part<P: Row + 'r>(&mut self, get: impl Fn(&'r R) -> P);
}

impl<P: Row> Row for &P {
    const MEANING: &'static str = P::MEANING;

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V)
    where
        Self: 'r,
    {
        P::figures(&mut Behind(to));
    }
}

/// Visits the row behind a reference.
struct Behind<'v, V>(&'v mut V);

impl<'r, 'p: 'r, P: 'p, V: Visitor<'r, &'p P>> Visitor<'r, P> for Behind<'_, V> {
    fn field<T: Value>(&mut self, key: &'static str, meaning: &str, get: impl Fn(&'r P) -> T) {
        self.0.field(key, meaning, |row| get(row));
    }

    fn figure<T: Value + Shown>(
        &mut self,
        key: &'static str,
        title: &'static str,
        meaning: &str,
        get: impl Fn(&'r P) -> T,
    ) {
        self.0.figure(key, title, meaning, |row| get(row));
    }

    fn column<T: Shown>(
        &mut self,
        key: &'static str,
        title: &'static str,
        meaning: &str,
        get: impl Fn(&'r P) -> T,
    ) {
        self.0.column(key, title, meaning, |row| get(row));
    }

    fn part<Q: Row + 'r>(&mut self, get: impl Fn(&'r P) -> Q) {
        self.0.part(|row| get(row));
    }
}
