//! Types of figures: their form in records and in tables.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::Unit;
use crate::units;

/// A figure of a record.
pub trait Value: Serialize {
    /// Whether records may add a `KEY_hex` to the figure.
    const HAS_HEX: bool = false;

    /// The JSON Schema of the type.
    fn schema() -> Json;

    /// The bytes of a text that had to be sanitised, in hexadecimal.
    fn hex(&self) -> Option<String> {
        None
    }
}

/// A figure of a table.
pub trait Shown {
    /// Whether the figure is a number: those are aligned right, and sorted from the largest.
    const IS_NUMBER: bool;

    /// The figure as a person reads it.
    fn show(&self, unit: Unit) -> String;

    /// The key that rows are sorted by.
    fn order(&self) -> Order;
}

/// A sort key. Unknown figures come before all others.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Order {
    Unknown,
    Number(i128),
    Rate(f64),
    Text(String),
    /// Compares several keys, the first one first.
    Each(Vec<Self>),
}

impl Order {
    /// Compares two keys, the smaller one first.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        self.partial_cmp(other).unwrap_or(Ordering::Equal)
    }
}

macro_rules! plain {
    ($($type:ty => $schema:tt),* $(,)?) => {
        $(impl Value for $type {
            fn schema() -> Json {
                json!($schema)
            }
        })*
    };
}

plain! {
    u64 => {"type": "integer", "minimum": 0},
    u32 => {"type": "integer", "minimum": 0},
    usize => {"type": "integer", "minimum": 0},
    i64 => {"type": "integer"},
    f64 => {"type": "number"},
    bool => {"type": "boolean"},
    char => {"type": "string"},
    str => {"type": "string"},
    String => {"type": "string"},
    Cow<'_, str> => {"type": "string"},
}

impl<T: Value + ?Sized> Value for &T {
    const HAS_HEX: bool = T::HAS_HEX;

    fn schema() -> Json {
        T::schema()
    }

    fn hex(&self) -> Option<String> {
        (**self).hex()
    }
}

impl<T: Value> Value for Option<T> {
    const HAS_HEX: bool = T::HAS_HEX;

    fn schema() -> Json {
        let mut schema = T::schema();
        if let Some(words) = schema.get_mut("enum").and_then(Json::as_array_mut) {
            words.push(Json::Null);
        }
        if let Some(kind) = schema.get_mut("type") {
            *kind = json!([kind.take(), "null"]);
        }
        schema
    }

    fn hex(&self) -> Option<String> {
        self.as_ref().and_then(Value::hex)
    }
}

impl<T: Value> Value for [T] {
    fn schema() -> Json {
        json!({"type": "array", "items": T::schema()})
    }
}

impl<T: Value> Value for Vec<T> {
    fn schema() -> Json {
        <[T]>::schema()
    }
}

macro_rules! counts {
    ($($type:ty),*) => {
        $(impl Shown for $type {
            const IS_NUMBER: bool = true;

            fn show(&self, unit: Unit) -> String {
                unit.count(Some(u64::from(*self)))
            }

            fn order(&self) -> Order {
                Order::Number(i128::from(*self))
            }
        })*
    };
}

counts!(u64, u32);

impl Shown for i64 {
    const IS_NUMBER: bool = true;

    fn show(&self, unit: Unit) -> String {
        match unit {
            Unit::Bytes if *self < 0 => format!("-{}", unit.count(Some(self.unsigned_abs()))),
            _ if *self < 0 => self.to_string(),
            _ => unit.count(Some(self.unsigned_abs())),
        }
    }

    fn order(&self) -> Order {
        Order::Number(i128::from(*self))
    }
}

impl Shown for str {
    const IS_NUMBER: bool = false;

    fn show(&self, _: Unit) -> String {
        self.to_owned()
    }

    fn order(&self) -> Order {
        Order::Text(self.to_owned())
    }
}

impl Shown for String {
    const IS_NUMBER: bool = false;

    fn show(&self, _: Unit) -> String {
        self.clone()
    }

    fn order(&self) -> Order {
        Order::Text(self.clone())
    }
}

impl Shown for Cow<'_, str> {
    const IS_NUMBER: bool = false;

    fn show(&self, unit: Unit) -> String {
        (**self).show(unit)
    }

    fn order(&self) -> Order {
        (**self).order()
    }
}

impl<T: Shown + ?Sized> Shown for &T {
    const IS_NUMBER: bool = T::IS_NUMBER;

    fn show(&self, unit: Unit) -> String {
        (**self).show(unit)
    }

    fn order(&self) -> Order {
        (**self).order()
    }
}

impl<T: Shown> Shown for Option<T> {
    const IS_NUMBER: bool = T::IS_NUMBER;

    fn show(&self, unit: Unit) -> String {
        match self {
            Some(value) => value.show(unit),
            None => units::UNKNOWN.to_owned(),
        }
    }

    fn order(&self) -> Order {
        self.as_ref().map_or(Order::Unknown, Shown::order)
    }
}
