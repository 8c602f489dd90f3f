//! Kinds of figures that have types of their own.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};
use strum::VariantNames;

use super::{Order, Shown, Unit, Value};
use crate::sample::Text;

/// A rate or a part, with three decimals in records.
#[derive(Clone, Copy, Debug)]
pub struct Rounded(pub Option<f64>);

impl Serialize for Rounded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rounded = self.0.map(|rate| (rate * 1e3).round() / 1e3);
        rounded.serialize(serializer)
    }
}

impl Value for Rounded {
    fn schema() -> Json {
        json!({"type": ["number", "null"]})
    }
}

impl Shown for Rounded {
    const IS_NUMBER: bool = true;

    fn show(&self, unit: Unit) -> String {
        unit.rate(self.0)
    }

    fn order(&self) -> Order {
        self.0.map_or(Order::Unknown, Order::Rate)
    }
}

/// `memory.high` or `memory.max`; the kernel's largest value means that there is no limit.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(transparent)]
pub struct Limit(pub Option<u64>);

impl Value for Limit {
    fn schema() -> Json {
        Option::<u64>::schema()
    }
}

impl Shown for Limit {
    const IS_NUMBER: bool = true;

    fn show(&self, _: Unit) -> String {
        Unit::limit(self.0)
    }

    fn order(&self) -> Order {
        self.0.order()
    }
}

/// A number that rows are sorted by, with two others that decide between equal ones.
#[derive(Clone, Copy, Debug)]
pub struct Tied<T>(pub T, pub [u64; 2]);

impl<T: Serialize> Serialize for Tied<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<T: Value> Value for Tied<T> {
    fn schema() -> Json {
        T::schema()
    }
}

impl<T: Shown> Shown for Tied<T> {
    const IS_NUMBER: bool = T::IS_NUMBER;

    fn show(&self, unit: Unit) -> String {
        self.0.show(unit)
    }

    fn order(&self) -> Order {
        let [first, second] = self.1;
        Order::Each(vec![self.0.order(), first.order(), second.order()])
    }
}

/// An enum whose variants are the words of a closed set.
pub trait Words: Copy + Into<&'static str> + VariantNames {}

impl<T: Copy + Into<&'static str> + VariantNames> Words for T {}

/// One of the program's own words. Rows are sorted by them in the order of the variants.
#[derive(Clone, Copy, Debug)]
pub struct Word<T>(pub T);

impl<T: Words> Word<T> {
    fn word(self) -> &'static str {
        self.0.into()
    }
}

impl<T: Words> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<T: Words> Value for Word<T> {
    fn schema() -> Json {
        json!({"type": "string", "enum": T::VARIANTS})
    }
}

impl<T: Words> Shown for Word<T> {
    const IS_NUMBER: bool = false;

    fn show(&self, _: Unit) -> String {
        self.word().to_owned()
    }

    fn order(&self) -> Order {
        let place = T::VARIANTS.iter().position(|word| *word == self.word());
        place.map_or(Order::Unknown, |place| Order::Number(place as i128))
    }
}

/// A text that somebody else chose, with its bytes if they cannot be shown.
#[derive(Clone, Debug, Default)]
pub struct Name<'a> {
    text: Option<Cow<'a, str>>,
    hex: Option<String>,
}

impl<'a> Name<'a> {
    /// Wraps a text that may be unknown.
    #[must_use]
    pub fn of(text: Option<&'a Text>) -> Self {
        Self {
            text: text.map(Text::display),
            hex: text.and_then(Text::hex),
        }
    }

    /// Wraps a text that was made for this record.
    #[must_use]
    pub fn made(text: &Text) -> Self {
        Self {
            text: Some(Cow::Owned(text.display().into_owned())),
            hex: text.hex(),
        }
    }
}

impl Serialize for Name<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl Value for Name<'_> {
    const HAS_HEX: bool = true;

    fn schema() -> Json {
        Option::<String>::schema()
    }

    fn hex(&self) -> Option<String> {
        self.hex.clone()
    }
}

impl Shown for Name<'_> {
    const IS_NUMBER: bool = false;

    fn show(&self, unit: Unit) -> String {
        self.text.show(unit)
    }

    fn order(&self) -> Order {
        self.text.order()
    }
}

/// A kernel address as a string, since JSON's numbers cannot hold it.
#[must_use]
pub fn address(addr: u64) -> String {
    format!("{addr:#x}")
}
