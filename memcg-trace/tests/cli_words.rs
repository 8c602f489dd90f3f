//! Exit codes of verbs with little to report, flags that verbs know, and words that must not
//! mislead.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;
mod tool;

use std::fs;
use std::path::Path;

use fixture::{SECOND, START_NS, count, demo, empty, host, slab};
use memcg_trace::sample::{Absent, Loss, Sample};
use serde_json::Value;
use tool::{assert_fails, checked, document, recording, run, stderr, stdout};

#[test]
fn help_lists_what_means_something() {
    let lists = |verb: &str, flag: &str| stdout(&run(&[verb, "--help"])).contains(flag);
    for (verb, flag) in [
        ("doctor", "--top"),
        ("doctor", "--interval"),
        ("zombies", "--walk-budget"),
        ("slab", "--near-high"),
        ("record", "--cgroup"),
        ("export", "--json"),
        ("replay", "--attach"),
    ] {
        assert!(!lists(verb, flag), "{verb} lists {flag}");
    }
    for (verb, flag) in [
        ("doctor", "--json"),
        ("zombies", "--cgroup"),
        ("slab", "--inside"),
        ("export", "--interval"),
        ("live", "--near-high"),
        ("locks", "--interval"),
    ] {
        assert!(lists(verb, flag), "{verb} does not list {flag}");
    }
}

#[test]
fn without_a_sample_or_figures_it_is_no_success() {
    let nothing = recording("nothing", host(), &[]);
    for args in [&["zombies"][..], &["reclaim"], &["export"], &["--json"]] {
        let output = run(&[args, &["--from", &nothing]].concat());
        assert_fails(&output, 1, &["not one sample"]);
    }
    let fail_on = ["zombies", "--fail-on", "zombies=1", "--from", &nothing];
    assert_fails(&run(&fail_on), 5, &["not one sample"]);

    let mut without = empty(0);
    let sections = ["memcg", "slab", "shrinker", "reclaim", "lock", "tax"];
    without.absent = sections
        .map(|section| Absent {
            section: section.to_owned(),
            reason: "not on this host".to_owned(),
        })
        .into();
    let without = recording("without", host(), &[without]);
    for verb in ["zombies", "reclaim", "shrinkers"] {
        let output = run(&[verb, "--from", &without]);
        assert_eq!(output.status.code(), Some(3), "{verb}");
        assert!(stdout(&output).contains("not on this host"), "{verb}");
    }
    let output = run(&["--json", "--from", &without]);
    assert_eq!(output.status.code(), Some(3));
    let data = document(&output, "memcg");
    assert_eq!(data["items"], Value::Array(Vec::new()));
}

#[test]
fn the_manual_names_each_verb() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/commands.md");
    let manual = fs::read_to_string(manual).unwrap();
    let help = stdout(&run(&["--help"]));
    let list = help.split("Commands:\n").nth(1).unwrap();
    let lines = list.lines().take_while(|line| !line.is_empty());
    let verbs = lines.filter_map(|line| line.strip_prefix("  ")?.split_once(' '));
    let verbs: Vec<_> = verbs.map(|(verb, _)| verb).collect();
    assert!(verbs.contains(&"zombies") && verbs.len() > 15, "{verbs:?}");
    let named = |verb: &&str| *verb == "help" || manual.contains(&format!("memcg-trace {verb}"));
    let missing: Vec<_> = verbs.into_iter().filter(|verb| !named(verb)).collect();
    assert_eq!(missing, [""; 0]);
}

/// The first line of a snapshot as text.
fn heading(samples: &[Sample], name: &str) -> String {
    let path = recording(name, host(), samples);
    let output = run(&["--from", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output).lines().next().unwrap().to_owned()
}

#[test]
fn what_is_lost_is_loud_only_where_it_shows() {
    let lossy = |place: &str, lost| {
        let of = |mut sample: Sample| {
            sample.losses = vec![Loss {
                place: place.to_owned(),
                lost_total: lost,
            }];
            let second = (sample.mono_ns - START_NS) / SECOND;
            let counts = vec![count(50, 1, 5, 600_000, 400_000)];
            sample.slab = Some(slab(second, counts));
            sample
        };
        let samples: Vec<_> = demo().into_iter().map(of).collect();
        heading(&samples, &format!("lost-{place}"))
    };
    for (place, lost, said) in [
        ("slab_map", Some(0), "  lost 0"),
        ("slab_map", None, "  lost ?"),
        ("slab_map", Some(1), "  lost 1 of 1.0M"),
        ("slab_map", Some(1000), "  lost 1000 of 1.0M"),
        ("slab_map", Some(1001), "  LOST 1001 of 1.0M"),
        ("missed_runs", Some(1), "  lost 1 of 1.0M"),
        // Events of this ring are few, so each loss counts.
        ("memcg_ring", Some(1), "  LOST 1 of 1.0M"),
        ("lock_wait", Some(9), "  LOST 9 of 1.0M"),
    ] {
        let heading = lossy(place, lost);
        assert!(heading.ends_with(said), "{place} {lost:?}: {heading}");
    }
}

#[test]
fn limits_and_life_are_said_twice() {
    let path = recording("limits", host(), &demo());
    let records = checked(&stdout(&run(&["export", "--from", &path])));
    let memcgs = records.iter().filter(|record| record["type"] == "memcg");
    let (mut limited, mut unlimited) = (0, 0);
    for memcg in memcgs.map(|record| &record["data"]) {
        assert_eq!(memcg["alive"], memcg["phase"].is_null());
        let is_none = memcg["max_bytes"] == 9_223_372_036_854_771_712_u64;
        assert_eq!(memcg["max_unlimited"], is_none, "{memcg}");
        assert_eq!(memcg["high_unlimited"], true, "{memcg}");
        match is_none {
            true => unlimited += 1,
            false => limited += 1,
        }
    }
    assert!(limited > 0 && unlimited > 0);
}
