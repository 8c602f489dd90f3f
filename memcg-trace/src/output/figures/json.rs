//! A row as a JSON object.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use super::{Row, Value, Visitor, schema};

/// A row, written as an object of its figures.
#[derive(Clone, Copy, Debug, Default)]
pub struct Object<R>(pub R);

impl<R: Row> Serialize for Object<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut entries = Entries {
            row: &self.0,
            map: &mut map,
            result: Ok(()),
        };
        R::figures(&mut entries);
        entries.result?;
        map.end()
    }
}

/// A row as one line of JSON.
#[must_use]
pub fn text<R: Row>(row: &R) -> String {
    serde_json::to_string(&Object(row)).unwrap_or_default()
}

impl<R: Row> Value for Object<R> {
    fn schema() -> Json {
        schema::object::<R>()
    }
}

/// Writes the figures of a row into an object.
struct Entries<'r, 'm, R, M: SerializeMap> {
    row: &'r R,
    map: &'m mut M,
    result: Result<(), M::Error>,
}

impl<M: SerializeMap, R> Entries<'_, '_, R, M> {
    fn write<T: Value>(&mut self, key: &'static str, value: &T) -> Result<(), M::Error> {
        self.map.serialize_entry(key, value)?;
        match value.hex() {
            Some(hex) => self.map.serialize_entry(&format!("{key}_hex"), &hex),
            None => Ok(()),
        }
    }
}

impl<'r, R, M: SerializeMap> Visitor<'r, R> for Entries<'r, '_, R, M> {
    fn field<T: Value>(&mut self, key: &'static str, _: &str, get: impl Fn(&'r R) -> T) {
        if self.result.is_ok() {
            self.result = self.write(key, &get(self.row));
        }
    }

    fn part<P: Row + 'r>(&mut self, get: impl Fn(&'r R) -> P) {
        if self.result.is_ok() {
            let part = get(self.row);
            let mut entries = Entries {
                row: &part,
                map: &mut *self.map,
                result: Ok(()),
            };
            P::figures(&mut entries);
            self.result = entries.result;
        }
    }
}
