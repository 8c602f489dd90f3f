//! The form of an NDJSON line: the envelope's keys in their order, and the keys of each type.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::{schemas, shape};

/// Keys of every document.
const DOCUMENT: &str = "summary items not_checked sections losses";
const ENVELOPE: &str = "schema type host boot_id seq frame time mono_ns data";

/// A line of NDJSON that obeys the contract.
#[derive(Clone, Debug)]
pub struct Record {
    pub kind: String,
    pub boot_id: String,
    pub seq: u64,
    pub frame: u64,
    pub mono_ns: u64,
    pub data: Value,
}

impl Record {
    /// Parses a line, with its newline.
    pub fn parse(line: &str) -> Self {
        let (record, data) = envelope(line);
        assert_eq!(keys(&data), fields(&record.kind), "{line}");
        let whole = serde_json::from_str(line).unwrap();
        if shape::is_new(&record.kind, &whole) {
            schemas::assert_valid(&record.kind, &whole);
        }
        record
    }

    pub fn number(&self, field: &str) -> u64 {
        let value = &self.data[field];
        value
            .as_u64()
            .unwrap_or_else(|| panic!("{field} is {value}: {self:?}"))
    }

    pub fn path(&self) -> Option<&str> {
        self.data["path"].as_str()
    }

    pub fn is_of(&self, kind: &str, path: &str) -> bool {
        self.kind == kind && self.path() == Some(path)
    }
}

/// One answer to one question, with items of the type that the envelope names.
pub struct Document {
    pub summary: Value,
    pub items: Vec<Value>,
    pub not_checked: Value,
}

impl Document {
    /// Parses the whole output of a program with `--json`.
    pub fn parse(text: &str) -> Self {
        let (record, data) = envelope(text);
        assert_eq!(keys(&data), DOCUMENT, "{text}");
        let at = text.find("\"items\":").unwrap() + "\"items\":".len();
        // The items again, with the order of their keys; the rest of the document follows them.
        let mut items = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Vec<Object>>();
        for Object(item) in items.next().unwrap().unwrap() {
            assert_eq!(keys(&item), fields(&record.kind), "{text}");
        }
        Self {
            summary: record.data["summary"].clone(),
            items: record.data["items"].as_array().unwrap().clone(),
            not_checked: record.data["not_checked"].clone(),
        }
    }
}

/// A line with its newline: the envelope, and its data in the order of the text.
fn envelope(line: &str) -> (Record, Vec<(String, Value)>) {
    let Some(line) = line.strip_suffix('\n') else {
        panic!("cut in half: {line:?}");
    };
    tame(line);
    let Object(envelope) = serde_json::from_str(line).unwrap();
    assert_eq!(keys(&envelope), ENVELOPE, "{line}");
    let value = |name| &envelope.iter().find(|(key, _)| key == name).unwrap().1;
    let number = |name| value(name).as_u64().unwrap();
    assert_eq!(number("schema"), 1);
    let time = value("time").as_str().unwrap();
    assert!(
        time.len() >= 20 && time.ends_with('Z'),
        "no RFC 3339: {time}"
    );
    // The texts of a record again, in their order.
    let at = line.find("\"data\":").unwrap() + "\"data\":".len();
    let Object(data) = serde_json::from_str(&line[at..line.len() - 1]).unwrap();
    let text = |name| value(name).as_str().unwrap().to_owned();
    let record = Record {
        kind: text("type"),
        boot_id: text("boot_id"),
        seq: number("seq"),
        frame: number("frame"),
        mono_ns: number("mono_ns"),
        data: value("data").clone(),
    };
    (record, data)
}

fn fields(kind: &str) -> String {
    schemas::keys(kind)
}

/// Neither terminal nor JSON gets control characters, also not escaped ones.
pub fn tame(line: &str) {
    let hostile = |text: &str| {
        text.chars()
            .any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c))
    };
    assert!(!hostile(line), "control characters: {line:?}");
    assert!(
        !line.contains("\\u00"),
        "escaped control characters: {line:?}"
    );
}

/// The keys in their order, without the bytes of texts that were not clean.
fn keys(object: &[(String, Value)]) -> String {
    let keys = object.iter().map(|(key, _)| key.as_str());
    let keys: Vec<_> = keys.filter(|key| !key.ends_with("_hex")).collect();
    keys.join(" ")
}

/// A JSON object in the order of its text.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keep;
        impl<'de> Visitor<'de> for Keep {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Object(entries))
            }
        }
        deserializer.deserialize_map(Keep)
    }
}
