//! The shape of a record: all that a schema can look at. Of records of one shape one is checked
//! against the schema, which takes a hundred times longer than to tell the shape.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{LazyLock, Mutex, PoisonError};

use serde_json::Value;

/// The shapes that were seen so far.
static SEEN: LazyLock<Mutex<HashSet<u64>>> = LazyLock::new(Mutex::default);

/// Returns whether no record of this shape was seen before.
pub fn is_new(kind: &str, record: &Value) -> bool {
    let mut shape = kind.to_owned();
    write(record, &mut shape);
    let mut hasher = DefaultHasher::new();
    shape.hash(&mut hasher);
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.insert(hasher.finish())
}

fn write(value: &Value, shape: &mut String) {
    match value {
        Value::Null => shape.push('0'),
        Value::Bool(_) => shape.push('b'),
        Value::Number(number) => shape.push(match number.as_f64() {
            _ if number.is_u64() => 'u',
            _ if number.is_i64() => 'i',
            Some(fraction) if fraction >= 0.0 => 'f',
            _ => 'n',
        }),
        // Words are as they are. Patterns and enumerations tell no digit from another.
        Value::String(text) => {
            shape.push('"');
            let digit = |c: char| if c.is_ascii_digit() { '0' } else { c };
            shape.extend(text.chars().map(digit));
            shape.push('"');
        }
        Value::Array(items) => {
            let mut shapes: Vec<String> = items.iter().map(of).collect();
            shapes.sort_unstable();
            shapes.dedup();
            shape.push('[');
            shapes.iter().for_each(|item| shape.push_str(item));
            shape.push(']');
        }
        Value::Object(fields) => {
            shape.push('{');
            for (key, value) in fields {
                shape.push_str(key);
                shape.push(':');
                write(value, shape);
            }
            shape.push('}');
        }
    }
}

fn of(value: &Value) -> String {
    let mut shape = String::new();
    write(value, &mut shape);
    shape
}
