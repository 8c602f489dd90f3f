//! A record as a line of JSON, taken apart and put together without changing a byte of it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A record: its envelope, and its data as written.
#[derive(Debug, Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    schema: &'a RawValue,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow)]
    host: &'a RawValue,
    #[serde(borrow)]
    boot_id: &'a RawValue,
    pub(super) seq: u64,
    frame: u64,
    #[serde(borrow)]
    time: &'a RawValue,
    mono_ns: u64,
    #[serde(borrow)]
    pub(super) data: &'a RawValue,
}

/// What all records of a frame have in common, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    schema: Box<str>,
    host: Box<str>,
    boot_id: Box<str>,
    pub(super) frame: u64,
    time: Box<str>,
    pub(super) mono_ns: u64,
}

impl Head {
    pub(super) fn of(line: &Line<'_>) -> Self {
        Self {
            schema: line.schema.get().into(),
            host: line.host.get().into(),
            boot_id: line.boot_id.get().into(),
            frame: line.frame,
            time: line.time.get().into(),
            mono_ns: line.mono_ns,
        }
    }

    /// Whether a record is of the same frame.
    pub(super) fn is_of(&self, line: &Line<'_>) -> bool {
        *self.schema == *line.schema.get()
            && *self.host == *line.host.get()
            && *self.boot_id == *line.boot_id.get()
            && self.frame == line.frame
            && *self.time == *line.time.get()
            && self.mono_ns == line.mono_ns
    }

    /// Whether a frame is of the same boot of the same host.
    pub(super) fn is_of_same_boot(&self, other: &Self) -> bool {
        (&self.host, &self.boot_id) == (&other.host, &other.boot_id)
    }

    /// Appends a record.
    pub(super) fn write(&self, kind: &str, seq: u64, data: &str, to: &mut Vec<u8>) {
        let Self {
            schema,
            host,
            boot_id,
            frame,
            time,
            mono_ns,
        } = self;
        let line = format!(
            "{{\"schema\":{schema},\"type\":{},\"host\":{host},\"boot_id\":{boot_id},\"seq\":{seq},\
             \"frame\":{frame},\"time\":{time},\"mono_ns\":{mono_ns},\"data\":",
            quoted(kind)
        );
        to.extend_from_slice(line.as_bytes());
        to.extend_from_slice(data.as_bytes());
        to.extend_from_slice(b"}\n");
    }
}

/// The figures of a record: keys, and values as written, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Figures<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Figures<'a> {
    /// Takes the data of a record apart; `None` if it is no object.
    pub(super) fn of(data: &'a str) -> Option<Self> {
        serde_json::from_str(data).ok()
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let mut all = self.0.iter();
        all.find_map(|(name, value)| (name == key).then_some(&**value))
    }

    /// A figure that is a whole number.
    pub(super) fn integer(&self, key: &str) -> Option<i128> {
        self.get(key)?.parse().ok()
    }

    /// Sets a figure; returns whether there is one of that key.
    pub(super) fn set(&mut self, key: &str, value: String) -> bool {
        let mut all = self.0.iter_mut();
        let found = all.find(|(name, _)| name == key);
        found.map(|(_, old)| *old = Cow::Owned(value)).is_some()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| &**key)
    }

    /// The data of a record with these figures.
    pub(super) fn data(&self) -> String {
        let figures = self.0.iter();
        let figures: Vec<String> = figures
            .map(|(key, value)| format!("{}:{value}", quoted(key)))
            .collect();
        format!("{{{}}}", figures.join(","))
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl<'de: 'a, 'a> Deserialize<'de> for Figures<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        /// A key, which is borrowed unless it has an escape.
        #[derive(Deserialize)]
        #[serde(transparent)]
        struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

        impl<'de> Visitor<'de> for Entries {
            type Value = Figures<'de>;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Figures<'de>, A::Error> {
                let mut figures = Vec::new();
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    figures.push((key, Cow::Borrowed(value.get())));
                }
                Ok(Figures(figures))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

/// A JSON value as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw(pub(super) Box<str>);

impl Serialize for Raw {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        value.serialize(serializer)
    }
}
