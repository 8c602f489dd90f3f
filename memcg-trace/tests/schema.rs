//! Schemas that `memcg-trace schema` prints, and records that must match them. The schemas are kept
//! in `docs/json`: if a change is meant, `BLESS=1 cargo test --test schema` writes them anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;
#[expect(dead_code, reason = "only what runs the program is needed here")]
mod tool;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use boon::{Compiler, Schemas};
use fixture::{evil_host, host, hostile, pins, slab_walk, snapshots, waits};
use memcg_trace::model::select::Selection;
use memcg_trace::output::changes::Changes;
use memcg_trace::output::ndjson::Ndjson;
use memcg_trace::output::schema;
use memcg_trace::sample::recording::Host;
use memcg_trace::sample::{self, Sample};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use strum::VariantNames;
use tool::schemas::check;
use tool::{assert_fails, run, stdout};

#[test]
fn the_schemas_in_the_repository_are_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/json");
    for kind in schema::kinds() {
        let output = run(&["schema", kind]);
        assert_eq!(output.status.code(), Some(0));
        let printed = stdout(&output);
        let path = folder.join(format!("{kind}.json"));
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &printed).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == printed, "{} is not current", path.display());
    }
    let kept = fs::read_dir(&folder).unwrap().count();
    assert_eq!(kept, schema::kinds().count(), "a file of no type");
}

#[test]
fn each_type_is_one_document() {
    let all = stdout(&run(&["schema"]));
    let titles = all.lines().map(|line| {
        let schema: Value = serde_json::from_str(line).unwrap();
        schema["title"].as_str().unwrap().to_owned()
    });
    assert!(titles.eq(schema::kinds().map(str::to_owned)));
    assert_fails(
        &run(&["schema", "memcgs"]),
        1,
        &["no records of type memcgs", "zombie"],
    );
}

/// Every figure has a description.
#[test]
fn every_figure_has_a_meaning() {
    for kind in schema::kinds() {
        let mut open = vec![schema::strict(kind).unwrap()];
        while let Some(schema) = open.pop() {
            for (key, figure) in schema["properties"].as_object().into_iter().flatten() {
                let meaning = figure["description"].as_str().unwrap_or_default();
                assert!(meaning.len() > 2, "{kind}: {key} has no meaning");
                open.extend([figure.clone(), figure["items"].clone()]);
            }
        }
    }
}

/// All records of some hosts that have a bit of everything.
fn records() -> Vec<Value> {
    let of = |host: Host, samples: &[Sample]| -> Vec<Value> {
        let mut written = Vec::new();
        let mut records = Ndjson::new(&mut written, host);
        for snapshot in snapshots(samples) {
            records.write(&snapshot).unwrap();
        }
        drop(records);
        let lines = std::str::from_utf8(&written).unwrap().lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    // What changed, of the largest rows.
    let largest = Selection {
        top: Some(2),
        ..Selection::default()
    };
    let mut changed = Vec::new();
    let mut changes = Ndjson::new(Changes::new(&mut changed, 60), host());
    for snapshot in snapshots(&pins::demo_with_pins()) {
        changes.write(&largest.of(&snapshot)).unwrap();
    }
    drop(changes);
    let changed = std::str::from_utf8(&changed).unwrap().lines();
    let changed = changed.map(|line| serde_json::from_str(line).unwrap());
    [
        changed.collect(),
        of(evil_host(), &hostile()),
        of(host(), &pins::demo_with_pins()),
        of(host(), &waits::demo_with_deadlock()),
        of(host(), &slab_walk::demo_with_slab()),
    ]
    .concat()
}

/// Objects of a record, with their places.
fn objects(at: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(keys) => {
            found.push(at.to_owned());
            for (key, value) in keys {
                objects(&format!("{at}/{key}"), value, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                objects(&format!("{at}/{index}"), item, found);
            }
        }
        _ => {}
    }
}

#[test]
fn a_record_has_every_key_and_no_other_and_each_of_its_type() {
    let mut changed = BTreeMap::<String, u64>::new();
    for record in records() {
        let kind = record["type"].as_str().unwrap();
        check(kind, &record).unwrap_or_else(|error| panic!("{error}\n{record}"));
        if changed.get(kind).is_some_and(|records| *records > 1) {
            continue;
        }
        *changed.entry(kind.to_owned()).or_default() += 1;
        let mut places = Vec::new();
        objects("", &record, &mut places);
        // The kind of a finding decides which figures it has.
        places.retain(|place| place != "/data/figures");
        // A figure that changed is whatever it is in its own type.
        places.retain(|place| kind != "changed" || !place.starts_with("/data/rows/"));
        for place in places {
            let with = |change: &dyn Fn(&mut Map<String, Value>)| {
                let mut other = record.clone();
                change(other.pointer_mut(&place).unwrap().as_object_mut().unwrap());
                check(kind, &other)
            };
            let keys = record.pointer(&place).unwrap().as_object().unwrap();
            let added = with(&|keys| drop(keys.insert("another".to_owned(), json!(1))));
            assert!(added.is_err(), "{kind}{place} may have another key");
            for (key, value) in keys {
                if !key.ends_with("_hex") {
                    let removed = with(&|keys| drop(keys.remove(key)));
                    assert!(removed.is_err(), "{kind}{place} may lack {key}");
                }
                let other = match value {
                    Value::Object(_) => json!([]),
                    Value::Array(_) => json!({}),
                    _ => json!({"another": "type"}),
                };
                if !place.is_empty() || key != "data" {
                    let other = with(&|keys| drop(keys.insert(key.clone(), other.clone())));
                    let is_free = kind == "finding" && key == "figures";
                    assert!(
                        is_free || other.is_err(),
                        "{kind}{place}: {key} is of any type"
                    );
                }
            }
        }
    }
    assert!(changed.len() > 16, "{changed:?}");
    for kind in ["base", "removed", "changed", "omitted"] {
        assert!(changed.contains_key(kind), "no record of type {kind}");
    }
}

/// Checks a record against the schema for readers.
fn check_lenient(kind: &str, record: &Value) -> Result<(), String> {
    let place = format!("https://memcg-trace.test/lenient/{kind}.json");
    let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
    let schema = schema::lenient(kind).unwrap();
    compiler.add_resource(&place, schema).unwrap();
    let index = compiler.compile(&place, &mut schemas).unwrap();
    let valid = schemas.validate(record, index);
    valid.map_err(|error| format!("{error:#}"))
}

/// Words of a record that are from a closed set, by their places.
fn words(at: &str, schema: &Value, value: &Value, found: &mut Vec<String>) {
    if schema["enum"].is_array() && value.is_string() {
        found.push(at.to_owned());
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        let schema = &schema["properties"][key];
        words(&format!("{at}/{key}"), schema, value, found);
    }
    for (index, value) in value.as_array().into_iter().flatten().enumerate() {
        words(&format!("{at}/{index}"), &schema["items"], value, found);
    }
}

#[test]
fn a_record_has_no_word_that_the_program_does_not_have() {
    let mut seen = BTreeSet::new();
    for record in records() {
        let kind = record["type"].as_str().unwrap();
        let mut places = Vec::new();
        words("", &schema::strict(kind).unwrap(), &record, &mut places);
        for place in places {
            let (_, key) = place.rsplit_once('/').unwrap();
            if !seen.insert(format!("{kind}.{key}")) {
                continue;
            }
            let mut other = record.clone();
            *other.pointer_mut(&place).unwrap() = json!("another_word");
            assert!(check(kind, &other).is_err(), "{kind}{place} is any word");
            // Other versions may have more words.
            let lenient = check_lenient(kind, &other);
            assert!(lenient.is_ok(), "{kind}{place}: {lenient:?}");
        }
    }
    let expected = [
        "convoy.verdict",
        "deadlock.confidence",
        "deadlock.semantics",
        "deadlock.signal",
        "deadlock.state",
        "frame.source",
        "lock_stats.kind",
        "lock_wait.evidence",
        "lock_wait.mode",
        "memcg.phase",
        "pins.action",
        "pins.class",
        "pins.how",
        "pins.kind",
        "pins.object",
        "reclaim.cause",
        "zombie.phase",
    ];
    let missing: Vec<_> = (expected.iter())
        .filter(|word| !seen.contains(**word))
        .collect();
    assert!(missing.is_empty(), "{missing:?} of {seen:?}");
    let of_finding = schema::strict("finding").unwrap();
    let severity = &of_finding["properties"]["data"]["properties"]["severity"];
    assert_eq!(severity["enum"], json!(["info", "warn", "critical"]));
}

/// Records and recordings call a thing by the same name.
fn assert_same_names<T: DeserializeOwned + Into<&'static str> + VariantNames>() {
    for name in T::VARIANTS {
        let recorded: T = serde_json::from_value(json!(name)).unwrap();
        assert_eq!(*name, recorded.into());
    }
}

#[test]
fn words_of_records_are_those_of_recordings() {
    assert_same_names::<sample::Mode>();
    assert_same_names::<sample::ResourceKind>();
    assert_same_names::<sample::doctor::Verdict>();
    assert_same_names::<sample::pins::ObjectKind>();
    assert_same_names::<sample::pins::PinKind>();
    assert_same_names::<sample::pins::UserKind>();
    assert_same_names::<sample::reclaim::Cause>();
    assert_same_names::<sample::slab_inside::ObjectKind>();
    assert_same_names::<sample::waits::Evidence>();
}

/// Readers accept records of other versions.
#[test]
fn a_lenient_schema_takes_more_and_less() {
    for kind in schema::kinds() {
        let lenient = stdout(&run(&["schema", kind, "--lenient"]));
        assert!(!lenient.contains("\"required\": ["), "{lenient}");
        assert!(
            !lenient.contains("\"additionalProperties\": false"),
            "{lenient}"
        );
        assert!(lenient.contains("\"description\""));
    }
}
