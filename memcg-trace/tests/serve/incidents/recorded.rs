//! Incidents that are recorded, and how many are kept.

use super::*;

const MINUTE_NS: u64 = 60 * fixture::SECOND;

#[test]
fn an_oom_kill_is_recorded_with_what_was_before_and_after() {
    let folder = folder("oom");
    let path = recording("oom", host(), &host_with_kills(900, &[700]));
    let metrics = serve(&path, &folder, &[]);
    assert_eq!(outcome(&metrics, "whole"), Some(1.0));
    let lost = metrics.value("memcg_trace_lost_total", &[("where", "incidents")]);
    assert_eq!(lost, Some(0.0));
    let (item, file) = only(&folder);
    assert_eq!(
        (&item["cause"], &item["state"]),
        (&"oom".into(), &"whole".into())
    );
    assert_eq!(item["path"], "/b.service");
    assert!(
        item["sentence"].as_str().unwrap().contains("java"),
        "{item:#}"
    );
    assert_eq!(item["mono_ns"], START_NS + 700 * fixture::SECOND);
    let before_ns = item["before_ns"].as_u64().unwrap();
    assert!(
        (10 * MINUTE_NS..=11 * MINUTE_NS).contains(&before_ns),
        "{before_ns}"
    );
    assert_eq!(item["after_ns"], MINUTE_NS);
    assert!(item["short"].is_null() && item["why"].is_null(), "{item:#}");

    // Each sample is there once, and all views show the moment.
    let times: Vec<_> = samples(&file).iter().map(|one| one.mono_ns).collect();
    let first = times[0];
    let all = (0..times.len() as u64).map(|second| first + second * fixture::SECOND);
    assert!(all.eq(times.iter().copied()));
    assert_eq!(item["samples"], times.len());
    let told = exported(&file);
    let mut kills = told.iter().filter(|one| one["type"] == "finding");
    assert_eq!(kills.next().unwrap()["mono_ns"], item["mono_ns"]);
    let zombies = run(&["zombies", "--from", &file, "--json"]);
    assert_eq!(zombies.status.code(), Some(0), "{}", stderr(&zombies));
    let replayed = run(&["replay", &file]);
    assert!(stdout(&replayed).contains("java"), "{}", stdout(&replayed));
    let text = run(&["incidents", folder.to_str().unwrap()]);
    let text = stdout(&text);
    assert!(
        text.contains(" oom: ") && text.contains("60.0 s after"),
        "{text}"
    );
}

/// A recording that begins within a run continues from what was counted before.
#[test]
fn the_end_of_a_recording_is_as_without_a_black_box() {
    let folder = folder("same");
    let path = recording("same", host(), &host_with_kills(200, &[150]));
    let flags = ["--incidents-before", "20s", "--incidents-after", "40s"];
    serve(&path, &folder, &flags);
    let (item, file) = only(&folder);
    assert!(item["before_ns"].as_u64() < Some(30 * fixture::SECOND));
    let end_ns = samples(&file).last().unwrap().mono_ns;
    let at_the_end = |records: Vec<Value>| -> Vec<Value> {
        let at = records.into_iter().filter(|one| one["mono_ns"] == end_ns);
        let kinds = ["memcg", "slab"];
        let of = at.filter(|one| kinds.iter().any(|kind| one["type"] == *kind));
        of.map(|mut one| one["data"].take()).collect()
    };
    let expected = at_the_end(exported(&path));
    // The rows that did not move since the recording began are there, too.
    assert_eq!(expected.len(), 3 + 2, "{expected:#?}");
    assert_eq!(at_the_end(exported(&file)), expected);
    // Nothing that was counted before is taken for what was counted in the first interval.
    let rates = exported(&file)
        .into_iter()
        .filter(|one| one["type"] == "slab");
    for row in rates {
        assert!(
            row["data"]["alloc_per_sec"]
                .as_f64()
                .is_none_or(|rate| rate < 300.0),
            "{row}"
        );
    }
}

#[test]
fn a_proven_deadlock_is_recorded_once() {
    let folder = folder("deadlock");
    let path = recording("black-box-deadlock", host(), &waits::demo_with_deadlock());
    serve(&path, &folder, &[]);
    let (item, file) = only(&folder);
    assert_eq!(item["cause"], "deadlock");
    // The source ended before the minute was over.
    assert_eq!(item["state"], "cut_off");
    assert!(item["short"].as_str().unwrap().contains("only"), "{item:#}");
    let output = run(&["locks", "--from", &file, "--json", "--fail-on", "deadlock"]);
    assert_eq!(output.status.code(), Some(4));
    let found = &document(&output, "locks")["items"][0];
    assert_eq!(found["cycle_id"], item["id"]);
    // A program that is started anew finds the same deadlock, however late.
    let metrics = serve(&path, &folder, &["--incidents-cooldown", "1ms"]);
    assert_eq!(names(&folder).len(), 1);
    assert_eq!(outcome(&metrics, "cut"), Some(0.0));
}

#[test]
fn what_follows_soon_is_counted_and_not_recorded() {
    let folder = folder("cooldown");
    let kills = [100, 130, 400, 1_000];
    let path = recording("cooldown", host(), &host_with_kills(1_100, &kills));
    let flags = ["--incidents-before", "1m"];
    let metrics = serve(&path, &folder, &flags);
    let times = |items: Vec<Value>| -> Vec<u64> {
        let times = items.iter().map(|item| item["mono_ns"].as_u64().unwrap());
        times.map(|ns| (ns - START_NS) / fixture::SECOND).collect()
    };
    assert_eq!(times(items(&folder)), [100, 1_000]);
    assert_eq!(outcome(&metrics, "skipped"), Some(2.0));
    assert_eq!(outcome(&metrics, "whole"), Some(2.0));
    // Nor by the next program.
    let path = recording("cooldown-later", host(), &host_with_kills(1_100, &[1_050]));
    let metrics = serve(&path, &folder, &flags);
    assert_eq!(names(&folder).len(), 2);
    assert_eq!(outcome(&metrics, "skipped"), Some(1.0));
}

#[test]
fn the_oldest_give_way() {
    let kills: Vec<u64> = (1..=6).map(|at| at * 100).collect();
    let path = recording("oldest", host(), &host_with_kills(700, &kills));
    let flags = ["--incidents-cooldown", "1s", "--incidents-after", "5s"];
    let by_number = folder("number");
    let metrics = serve(
        &path,
        &by_number,
        &[&flags[..], &["--incidents-max", "3"]].concat(),
    );
    let kept = items(&by_number);
    assert_eq!(kept.len(), 3);
    assert_eq!(kept[2]["mono_ns"], START_NS + 600 * fixture::SECOND);
    let removed = metrics.value("memcg_trace_incidents_removed_total", &[]);
    assert_eq!(removed, Some(3.0));

    let by_size = folder("size");
    serve(
        &path,
        &by_size,
        &[&flags[..], &["--incidents-max-bytes", "200K"]].concat(),
    );
    let kept = items(&by_size);
    let sizes: u64 = kept
        .iter()
        .map(|item| item["size_bytes"].as_u64().unwrap())
        .sum();
    assert!(sizes <= 200 << 10, "{sizes}");
    assert!((1..6).contains(&kept.len()), "{}", kept.len());
    assert_eq!(
        kept.last().unwrap()["mono_ns"],
        START_NS + 600 * fixture::SECOND
    );
}

#[test]
fn a_ring_without_room_says_so() {
    let folder = folder("short");
    let path = recording("short", host(), &host_with_kills(500, &[400]));
    let metrics = serve(&path, &folder, &["--incidents-ring", "40K"]);
    let ring = metrics
        .value("memcg_trace_incident_ring_bytes", &[])
        .unwrap();
    assert!(ring <= 40_960.0, "{ring}");
    assert!(
        metrics
            .value("memcg_trace_incident_ring_seconds", &[])
            .unwrap()
            < 400.0
    );
    let (item, _) = only(&folder);
    assert!(
        item["before_ns"].as_u64() < Some(300 * fixture::SECOND),
        "{item:#}"
    );
    let short = item["short"].as_str().unwrap();
    assert!(short.contains("--incidents-ring"), "{short}");
    let text = run(&["incidents", folder.to_str().unwrap()]);
    assert!(
        stdout(&text).contains("before: 40.0 KiB in memory hold no more"),
        "{}",
        stdout(&text)
    );
}

#[test]
fn without_the_flag_there_is_no_series() {
    let path = recording("no-box", host(), &demo());
    let server = Server::start(&path, &[]);
    let metrics = metrics(&server);
    assert_eq!(
        metrics.value("memcg_trace_incidents_removed_total", &[]),
        None
    );
}
