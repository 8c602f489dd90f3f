//! The JSON Schema of a row.

use serde_json::{Map, Value as Json, json};

use super::{Row, Shown, Unit, Value, Visitor};

/// The schema of a row as an object that has every key and no other.
#[must_use]
pub fn object<R: Row>() -> Json {
    let mut keys = Keys::default();
    R::figures(&mut keys);
    keys.into_object(R::MEANING)
}

/// The schema of a record of a type, with its envelope.
#[must_use]
pub fn of_record<R: Row>(kind: &str) -> Json {
    with_envelope(object::<R>(), kind)
}

fn with_envelope(mut schema: Json, kind: &str) -> Json {
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(kind);
    schema["properties"]["type"] = json!({"const": kind, "description": "What `data` is."});
    schema
}

/// The keys so far. Each figure has a visit of its own, which the compiler makes anew: what does
/// not depend on the type of the figure is in functions that do not, either.
#[derive(Default)]
struct Keys {
    properties: Map<String, Json>,
    /// Keys, in the order in which they are written.
    required: Vec<&'static str>,
}

impl Keys {
    fn into_object(self, meaning: &str) -> Json {
        json!({
            "type": "object",
            "description": one_line(meaning),
            "properties": self.properties,
            "required": self.required,
            "additionalProperties": false,
        })
    }

    /// Adds a key whose value has a schema; `title` is that of its column.
    fn add(&mut self, key: &'static str, title: Option<&str>, meaning: &str, mut schema: Json) {
        let meaning = one_line(meaning);
        match schema.get_mut("description") {
            Some(Json::String(of_type)) => *of_type = format!("{meaning} {of_type}"),
            _ => schema["description"] = json!(meaning),
        }
        if let Some(unit) = Unit::of(key).name() {
            schema["unit"] = json!(unit);
        }
        if let Some(title) = title {
            schema["title"] = json!(title);
        }
        self.properties.insert(key.to_owned(), schema);
        self.required.push(key);
    }

    /// Adds the key that a text has in addition, for bytes that are none.
    fn add_hex(&mut self, key: &str) {
        let hex = json!({
            "type": "string",
            "pattern": "^([0-9a-f]{2})*$",
            "description": format!("The bytes of `{key}`, where they are no clean text."),
        });
        self.properties.insert(format!("{key}_hex"), hex);
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl<'r, R: 'r> Visitor<'r, R> for Keys {
    fn field<T: Value>(&mut self, key: &'static str, meaning: &str, _: impl Fn(&'r R) -> T) {
        self.add(key, None, meaning, T::schema());
        if T::HAS_HEX {
            self.add_hex(key);
        }
    }

    fn figure<T: Value + Shown>(
        &mut self,
        key: &'static str,
        title: &'static str,
        meaning: &str,
        _: impl Fn(&'r R) -> T,
    ) {
        self.add(key, Some(title), meaning, T::schema());
        if T::HAS_HEX {
            self.add_hex(key);
        }
    }

    fn part<P: Row + 'r>(&mut self, _: impl Fn(&'r R) -> P) {
        P::figures(self);
    }
}
