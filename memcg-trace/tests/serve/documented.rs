//! The metrics in docs/fleet/README.md are those of the program. With `BLESS=1` the list is written.

use std::fs;
use std::path::PathBuf;

use memcg_trace::output::metrics::{self, Families, Limits, Own};

use super::*;
use crate::fixture::snapshots;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn all() -> Vec<(String, String)> {
    let snapshot = snapshots(&demo()).pop().unwrap();
    let limits = Limits {
        top: 10,
        max_series: 1_000,
    };
    let of = |Families(families)| {
        let families: Vec<metrics::Family> = families;
        let each = families.into_iter();
        each.map(|one| (one.name(), one.help().to_owned()))
            .collect()
    };
    let both: [Vec<_>; 2] = [
        of(metrics::of(&snapshot, limits)),
        of(metrics::own(&Own::default())),
    ];
    both.concat()
}

#[test]
fn each_metric_is_in_the_document() {
    let file = root().join("docs/fleet/README.md");
    let text = fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once("<!-- metrics -->\n").unwrap();
    let (listed, after) = rest.split_once("<!-- end of metrics -->\n").unwrap();
    let rows = all().into_iter();
    let rows: String = rows
        .map(|(name, help)| format!("| `{name}` | {help} |\n"))
        .collect();
    let expected = format!("| metric | meaning |\n| --- | --- |\n{rows}");
    if std::env::var_os("BLESS").is_some() {
        let blessed =
            format!("{before}<!-- metrics -->\n{expected}<!-- end of metrics -->\n{after}");
        fs::write(&file, blessed).unwrap();
    } else {
        assert_eq!(listed, expected, "BLESS=1 writes the list");
    }
}
