//! What a person is to look at: hosts that have it, made for real, and their twins that have not.

mod blocked;

use serde_json::Value;

use crate::export::{Export, Frame};

/// One start of the tool for all of them.
#[test]
fn what_is_wrong_is_found_and_nothing_else() {
    let mut export = Export::start(&[]);
    blocked::in_a_shrinker(&mut export);
    export.stop();
}

/// Findings of a snapshot, each kind with its sentence.
fn findings(frame: &Frame) -> Vec<(&str, &str)> {
    fn text(value: &Value) -> &str {
        value.as_str().unwrap()
    }
    let all = frame.of_kind("finding");
    all.map(|one| (text(&one.data["kind"]), text(&one.data["sentence"])))
        .collect()
}
