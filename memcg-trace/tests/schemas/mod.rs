//! Checks records against the schema that `memcg-trace schema` prints.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot continue says where"
)]

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use boon::{Compiler, SchemaIndex, Schemas};
use memcg_trace::output::schema;
use serde_json::Value;

/// Schemas that were read so far: making one takes longer than checking a hundred records.
#[derive(Default)]
struct Known {
    schemas: Schemas,
    kinds: HashMap<String, Kind>,
}

#[derive(Clone)]
struct Kind {
    index: SchemaIndex,
    /// The keys of `data`, in the order in which they are written.
    keys: String,
}

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

impl Known {
    fn get(&mut self, kind: &str) -> Kind {
        if let Some(known) = self.kinds.get(kind) {
            return known.clone();
        }
        let Some(schema) = schema::strict(kind) else {
            panic!("no records of type {kind:?}");
        };
        let keys = &schema["properties"]["data"]["required"];
        let keys: Vec<String> = serde_json::from_value(keys.clone()).unwrap();
        let place = format!("https://memcg-trace.test/{kind}.json");
        let mut compiler = Compiler::new();
        compiler.add_resource(&place, schema).unwrap();
        let known = Kind {
            index: compiler.compile(&place, &mut self.schemas).unwrap(),
            keys: keys.join(" "),
        };
        self.kinds.insert(kind.to_owned(), known.clone());
        known
    }
}

fn with<T>(act: impl FnOnce(&mut Known) -> T) -> T {
    // A test that failed meanwhile left at most a schema out.
    act(&mut KNOWN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Checks a record against its schema; the error is the first difference.
pub fn check(kind: &str, record: &Value) -> Result<(), String> {
    with(|known| {
        let index = known.get(kind).index;
        let valid = known.schemas.validate(record, index);
        valid.map_err(|error| format!("{error:#}"))
    })
}

/// Asserts that a record matches its schema.
pub fn assert_valid(kind: &str, record: &Value) {
    if let Err(error) = check(kind, record) {
        panic!("{error}\n{record}");
    }
}

/// The keys of the `data` of a type, in the order in which they are written.
pub fn keys(kind: &str) -> String {
    with(|known| known.get(kind).keys)
}
