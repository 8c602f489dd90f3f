//! Checks records against the schema that `memcg-trace schema` prints.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot continue says where"
)]

use std::cell::RefCell;
use std::collections::HashMap;

use boon::{Compiler, SchemaIndex, Schemas};
use memcg_trace::output::schema;
use serde_json::Value;

/// Schemas that were read so far.
#[derive(Default)]
struct Known {
    schemas: Schemas,
    kinds: HashMap<String, SchemaIndex>,
}

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

impl Known {
    fn get(&mut self, kind: &str) -> SchemaIndex {
        if let Some(known) = self.kinds.get(kind) {
            return *known;
        }
        let Some(schema) = schema::strict(kind) else {
            panic!("no records of type {kind:?}");
        };
        let place = format!("https://memcg-trace.test/{kind}.json");
        let mut compiler = Compiler::new();
        compiler.add_resource(&place, schema).unwrap();
        let index = compiler.compile(&place, &mut self.schemas).unwrap();
        self.kinds.insert(kind.to_owned(), index);
        index
    }
}

/// Checks a record against its schema; the error is the first difference.
pub fn check(kind: &str, record: &Value) -> Result<(), String> {
    KNOWN.with_borrow_mut(|known| {
        let index = known.get(kind);
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
pub fn keys(kind: &str) -> Vec<String> {
    let Some(schema) = schema::strict(kind) else {
        panic!("no records of type {kind:?}");
    };
    let keys = &schema["properties"]["data"]["required"];
    serde_json::from_value(keys.clone()).unwrap()
}
