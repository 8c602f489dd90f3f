//! The JSON Schema of a row.

use serde_json::{Map, Value as Json, json};

use super::{Row, Shown, Unit, Value, Visitor};

/// The schema of a row as an object that has every key and no other.
#[must_use]
pub fn object<R: Row>() -> Json {
    let mut keys = Keys::default();
    R::figures(&mut keys);
    json!({
        "type": "object",
        "description": R::MEANING.split_whitespace().collect::<Vec<_>>().join(" "),
        "properties": keys.properties,
        "required": keys.required,
        "additionalProperties": false,
    })
}

/// The schema of a record of a type, with its envelope.
#[must_use]
pub fn of_record<R: Row>(kind: &str) -> Json {
    let mut schema = object::<R>();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(kind);
    schema["properties"]["type"] = json!({"const": kind, "description": "What `data` is."});
    schema
}

#[derive(Default)]
struct Keys {
    properties: Map<String, Json>,
    /// Keys, in the order in which they are written.
    required: Vec<&'static str>,
}

impl<'r, R: 'r> Visitor<'r, R> for Keys {
    fn field<T: Value>(&mut self, key: &'static str, meaning: &str, _: impl Fn(&'r R) -> T) {
        let mut schema = T::schema();
        let meaning = meaning.split_whitespace().collect::<Vec<_>>().join(" ");
        match schema.get_mut("description") {
            Some(Json::String(of_type)) => *of_type = format!("{meaning} {of_type}"),
            _ => schema["description"] = json!(meaning),
        }
        if let Some(unit) = Unit::of(key).name() {
            schema["unit"] = json!(unit);
        }
        self.properties.insert(key.to_owned(), schema);
        self.required.push(key);
        if T::HAS_HEX {
            let hex = json!({
                "type": "string",
                "pattern": "^([0-9a-f]{2})*$",
                "description": format!("The bytes of `{key}`, where they are no clean text."),
            });
            self.properties.insert(format!("{key}_hex"), hex);
        }
    }

    fn figure<T: Value + Shown>(
        &mut self,
        key: &'static str,
        title: &'static str,
        meaning: &str,
        get: impl Fn(&'r R) -> T,
    ) {
        Visitor::<'r, R>::field(self, key, meaning, get);
        self.properties[key]["title"] = json!(title);
    }

    fn part<P: Row + 'r>(&mut self, _: impl Fn(&'r R) -> P) {
        P::figures(self);
    }
}
