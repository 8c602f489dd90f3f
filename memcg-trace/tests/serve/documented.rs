//! The metrics in docs/fleet/README.md, and those that alerts ask for, are those of the program.
//! With `BLESS=1` the document's list is written.

use std::fs;
use std::path::PathBuf;

use memcg_trace::output::metrics::{self, Families, Limits, Own};

use super::*;
use crate::fixture::snapshots;

const DASHBOARD: &str = "contrib/grafana/memcg-trace.json";

/// Metrics that the dashboard does not show, and why.
const NOT_SHOWN: [(&str, &[&str]); 4] = [
    (
        "a panel has the same in bytes, in seconds, or as a sum of it",
        &[
            "memcg_trace_memcg_slab_objects",
            "memcg_trace_memcg_zombies",
            "memcg_trace_origin_own_cost_bytes",
            "memcg_trace_slab_objects",
            "memcg_trace_slab_cache_live_objects",
            "memcg_trace_reclaim_stalls_now",
            "memcg_trace_lock_stats_waits_total",
        ],
    ),
    (
        "what it says is for who looks into one cache, origin or lock",
        &[
            "memcg_trace_slab_cache_charged_objects",
            "memcg_trace_slab_cache_unaccounted_objects",
            "memcg_trace_origin_alive",
            "memcg_trace_lock_stats_unmeasured_total",
        ],
    ),
    (
        "alerts compare with it",
        &["memcg_trace_counted_total", "memcg_trace_snapshots_total"],
    ),
    (
        "it does not change while the program runs",
        &["memcg_trace_build_info", "process_start_time_seconds"],
    ),
];

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

#[test]
fn alerts_and_documents_ask_for_metrics_that_exist() {
    let names: BTreeSet<String> = all().into_iter().map(|(name, _)| name).collect();
    let mut seen = 0;
    for file in [
        "contrib/prometheus/memcg-trace.rules.yml",
        "contrib/prometheus/memcg-trace.rules.test.yml",
        DASHBOARD,
        "docs/fleet/README.md",
    ] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        for word in words.filter(|word| word.starts_with("memcg_trace_")) {
            seen += 1;
            assert!(names.contains(word), "{file}: no metric {word}");
        }
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn the_dashboard_shows_each_metric_or_leaves_it_out_on_purpose() {
    let text = fs::read_to_string(root().join(DASHBOARD)).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let mut shown = BTreeSet::new();
    let mut places = BTreeSet::new();
    for panel in panels {
        let place = &panel["gridPos"];
        assert!(
            places.insert((place["y"].as_u64(), place["x"].as_u64())),
            "{place}"
        );
        let targets = panel["targets"].as_array().into_iter().flatten();
        for expr in targets.map(|target| target["expr"].as_str().unwrap()) {
            let words = expr.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            shown.extend(words.map(str::to_owned));
            assert!(expr.contains("{instance=~\"$instance\""), "{expr}");
        }
    }
    let left: BTreeSet<&str> = NOT_SHOWN
        .iter()
        .flat_map(|(_, names)| names.iter().copied())
        .collect();
    for (name, _) in all() {
        let is_left = left.contains(name.as_str());
        assert_ne!(shown.contains(&name), is_left, "{name}");
    }
}

#[test]
fn each_alert_has_a_runbook_and_a_test() {
    let folder = root().join("contrib/prometheus");
    let rules = fs::read_to_string(folder.join("memcg-trace.rules.yml")).unwrap();
    let tests = fs::read_to_string(folder.join("memcg-trace.rules.test.yml")).unwrap();
    let alerts: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert_eq!(alerts.len(), 11);
    for alert in alerts {
        let (name, text) = alert.split_once('\n').unwrap();
        assert!(tests.contains(name), "{name} has no test");
        let steps = text.lines().map(str::trim);
        let steps = steps.filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
        assert_eq!(steps.count(), 5, "{name}");
    }
}

#[test]
fn the_unit_and_the_document_name_the_port_that_is_the_default() {
    let help = tool::stdout(&tool::run(&["serve", "--help"]));
    let port = help.split("[default: 127.0.0.1:").nth(1).unwrap();
    let port = &port[..5];
    for file in [
        "contrib/systemd/memcg-trace.service",
        "docs/fleet/README.md",
    ] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(text.contains(&format!("127.0.0.1:{port}")), "{file}");
    }
}

#[test]
fn the_manifest_asks_for_what_the_unit_has() {
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap();
    let unit = read("contrib/systemd/memcg-trace.service");
    let line = |start: &str| {
        let mut lines = unit.lines().filter_map(|line| line.strip_prefix(start));
        lines.next().unwrap().replace("CAP_", "")
    };
    let capabilities = line("CapabilityBoundingSet=");
    assert_eq!(line("AmbientCapabilities="), capabilities);
    let manifest = read("contrib/kubernetes/daemonset.yaml");
    let wanted = format!("add: [{}]\n", capabilities.replace(' ', ", "));
    assert!(manifest.contains(&wanted), "{wanted}");
    let memory = line("MemoryMax=");
    assert!(
        manifest.contains(&format!("limits: {{memory: {memory}i}}")),
        "{memory}"
    );
    // Where recordings of incidents are, which the runbooks name, is a volume of the node.
    let folder = "/var/lib/memcg-trace";
    for part in [
        format!("--incidents={folder}\n"),
        format!("mountPath: {folder}}}"),
        format!("hostPath: {{path: {folder}, "),
    ] {
        assert!(manifest.contains(&part), "{part}");
    }
    assert!(
        read("contrib/prometheus/memcg-trace.rules.yml").contains(&format!("incidents {folder}`"))
    );
}
