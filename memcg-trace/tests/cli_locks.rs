//! `locks` as users run it, on recordings.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;
mod tool;

use fixture::waits::{Host, abba, answered, coredump, crowd, tries_again};
use fixture::{DYING, ONLINE, ROOT, SECOND, demo, evil_host, host, memcg, root, walked, zombie};
use memcg_trace::sample::waits::{Evidence, NotChecked, Waits};
use memcg_trace::sample::{Mode, ResourceKind, Sample, Text};
use serde_json::{Value, json};
use tool::{assert_fails, checked, document, memcg_trace, recording, run, stderr, stdout};

/// Memcgs, one of them dead and not yet offline.
fn memcgs() -> Sample {
    let mut queued = zombie(3, ROOT, "gone.service", 5);
    queued.flags = DYING | ONLINE;
    walked(0, vec![root(), memcg(2, ROOT, "user.slice"), queued])
}

fn stuck() -> Waits {
    coredump(None).seen_twice(tries_again)
}

fn items<'a>(data: &'a Value, kind: &str) -> Vec<&'a Value> {
    let items = data["items"].as_array().unwrap().iter();
    items.filter(|item| item["type"] == kind).collect()
}

fn tids(tasks: &Value) -> Vec<u64> {
    let tasks = tasks.as_array().unwrap().iter();
    tasks.map(|task| task["tid"].as_u64().unwrap()).collect()
}

#[test]
fn a_deadlock_is_one_document() {
    let path = recording("locks", host(), &[memcgs(), answered(0, stuck())]);
    let output = run(&["locks", "--json", "--from", &path, "--fail-on", "deadlock"]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    let data = document(&output, "locks");
    assert_eq!(data["summary"]["confirmed"], 1);
    assert_eq!(data["summary"]["verdict"], "deadlock");
    assert_eq!(data["summary"]["looks"], 2);
    assert_eq!(data["not_checked"], json!([]));
    let deadlocks = items(&data, "deadlock");
    assert_eq!(deadlocks.len(), 1);
    let deadlock = deadlocks[0];
    assert_eq!(deadlock["state"], "confirmed");
    assert_eq!(deadlock["confidence"], "full");
    assert_eq!(tids(&deadlock["members"]), [155, 157, 168, 161]);
    assert_eq!(tids(&deadlock["victims"]), [190]);
    assert_eq!(deadlock["members"][0]["path"], "/user.slice");
    assert_eq!(deadlock["edges"][0]["resource"]["kind"], "pipe");
    assert_eq!(deadlock["edges"][0]["semantics"], "or");
    assert_eq!(deadlock["edges"][3]["resource"]["pfn"], "0x10079f");
    assert_eq!(deadlock["edges"][3]["retry"], true);
    assert_eq!(deadlock["close_ns"], Value::Null);
    assert_eq!(deadlock["preexisting"], true);
    assert_eq!(
        deadlock["breakable_by"][0],
        json!({"pid": 161, "comm": "sh", "signal": "SIGTERM"})
    );
    assert_eq!(items(&data, "convoy")[0]["verdict"], "deadlock");
    let waits = items(&data, "lock_wait");
    assert_eq!(waits.len(), 5);
    let helper = waits.iter().find(|wait| wait["tid"] == 157).unwrap();
    assert_eq!(helper["holders"][0]["tid"], 168);
    assert_eq!(helper["since_ns"], Value::Null);
    assert_eq!(helper["stack"][0], "cgroup_kn_lock_live+0x55");
}

/// A holder that is not known is not one that does not exist.
#[test]
fn the_root_of_a_convoy_is_said_as_far_as_it_is_known() {
    let rooted = |owner_word: Option<u64>, kept_by: Option<&str>| {
        let (mut host, _) = crowd('S');
        let lock = &mut host.look.resources[0];
        lock.holders.clear();
        lock.owner_word = owner_word;
        lock.kept_by = kept_by.map(str::to_owned);
        let path = recording("locks-root", self::host(), &[answered(0, host.seen())]);
        let report = stdout(&run(&["locks", "--report", "--from", &path]));
        let is_unowned = report.contains("no task has");
        assert_eq!(is_unowned, owner_word.is_some(), "{report}");
        let is_unknown = report.contains("who has") && report.contains("is not known");
        assert_eq!(is_unknown, owner_word.is_none(), "{report}");
        let text = stdout(&run(&["locks", "--from", &path]));
        let mut lines = text.lines().skip_while(|line| !line.starts_with("LONGEST"));
        let (heading, row) = (lines.next().unwrap(), lines.next().unwrap());
        let at = heading.find("ROOT").unwrap();
        let end = heading.find("HOLDS").unwrap();
        row.get(at..end).unwrap().trim().to_owned()
    };
    assert_eq!(rooted(Some(1), None), "no task");
    assert_eq!(rooted(None, None), "-");
    assert_eq!(
        rooted(None, Some("ext4 on dm-0 is frozen by fsfreeze[7]")),
        "-"
    );
}

#[test]
fn a_deadlock_is_text_for_people() {
    let path = recording("locks-text", host(), &[memcgs(), answered(0, stuck())]);
    let text = stdout(&run(&["locks", "--from", &path]));
    for part in [
        "1 deadlock; 5 long waits",
        "DEADLOCK ",
        "4 tasks wait for each other for ever: crasher[155] waits for room in pipe:[1082]",
        "would break it: SIGTERM to sh[161]",
        "behind it: mkdir[190]",
        "pipe_write+0x2c8 < __kernel_write_iter+0x101",
        "\ncrasher[155]\n└ 21.0 s sh[161] tries without end to move pfn 0x10079f  /user.slice\n",
        "↑ see above",
    ] {
        assert!(text.contains(part), "{text}\nlacks {part:?}");
    }
}

#[test]
fn the_exit_code_says_what_was_found() {
    let code = |name: &str, waits: Waits| {
        let path = recording(name, host(), &[answered(0, waits)]);
        run(&["locks", "--from", &path, "--fail-on", "deadlock"])
            .status
            .code()
    };
    assert_eq!(code("locks-0", crowd('R').0.seen()), Some(0));
    assert_eq!(code("locks-4", stuck()), Some(4));
    let suspected = abba(ResourceKind::Rwsem, Mode::Read, Evidence::Hint);
    assert_eq!(code("locks-5", suspected.seen()), Some(5));
    let mut open = Host::default().seen();
    open.not_checked.push(NotChecked {
        what: "file_tables".to_owned(),
        reason: "timed out".to_owned(),
    });
    assert_eq!(code("locks-open", open.clone()), Some(5));
    let path = recording("locks-open", host(), &[answered(0, open)]);
    let data = document(&run(&["locks", "--json", "--from", &path]), "locks");
    assert_eq!(
        data["not_checked"],
        json!([{"what": "file_tables", "reason": "timed out"}])
    );
}

/// A wait whose holder is unknown is not reported as free of deadlock.
#[test]
fn what_nobody_can_decide_is_said() {
    let (mut host, holder) = crowd('D');
    let item = host.resource(ResourceKind::Completion, None);
    host.look.resources[item as usize].incomplete = Some("who completes it is not known".into());
    host.wait(holder, item).function = Some("some_wait".to_owned());
    let path = recording(
        "locks-undecided",
        fixture::host(),
        &[answered(0, host.seen())],
    );
    let output = run(&["locks", "--from", &path, "--fail-on", "deadlock"]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    let text = stdout(&output);
    let sum = "undecided: no deadlock proven, and 51 waits end at completion";
    assert!(text.contains(sum), "{text}");
    let line = "undecided: 51 waits of up to 21.0 s at completion 0xffffffff82000100 in some_wait(), \
                where holder[7] is: who completes it is not known";
    let joined = text.replace("\n    ", " ");
    assert!(joined.contains(line), "{joined}");
    let data = document(&run(&["locks", "--json", "--from", &path]), "locks");
    assert_eq!(data["summary"]["verdict"], "undecided");
    assert_eq!(data["summary"]["undecided_waits"], 51);
    let ends = items(&data, "open_end");
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0]["function"], "some_wait");
    assert_eq!(ends[0]["waiter"]["tid"], 7);
    assert_eq!(ends[0]["waits"], 51);
    let path = recording(
        "locks-decided",
        fixture::host(),
        &[answered(0, crowd('R').0.seen())],
    );
    let data = document(&run(&["locks", "--json", "--from", &path]), "locks");
    assert_eq!(data["summary"]["verdict"], "no_deadlock");
}

#[test]
fn a_recording_without_an_answer_says_so() {
    let path = recording("locks-none", host(), &demo());
    let output = run(&["locks", "--from", &path]);
    assert_fails(&output, 1, &["not_recorded", "record --locks"]);
}

#[test]
fn it_is_told_once_and_once_more_when_it_is_gone() {
    let gone = Host::default();
    let samples = [
        memcgs(),
        answered(0, stuck()),
        answered(2, stuck()),
        answered(4, gone.seen()),
        answered(6, Host::default().seen()),
    ];
    let path = recording("locks-watch", host(), &samples);
    for args in [&["locks", "--watch", "--json"][..], &["export"]] {
        let output = run(&[args, &["--from", &path]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let records = checked(&stdout(&output));
        let deadlocks = records.iter().filter(|record| record["type"] == "deadlock");
        let told: Vec<_> = deadlocks
            .map(|record| (record["frame"].as_u64().unwrap(), &record["data"]))
            .collect();
        let states: Vec<_> = told
            .iter()
            .map(|(frame, data)| (*frame, &data["state"]))
            .collect();
        assert_eq!(states, [(1, &json!("confirmed")), (3, &json!("resolved"))]);
        assert_eq!(told[0].1["cycle_id"], told[1].1["cycle_id"]);
        assert_eq!(told[0].1["confirmed_ns"], told[1].1["confirmed_ns"]);
        let convoys = records.iter().filter(|record| record["type"] == "convoy");
        assert_eq!(convoys.count(), 2);
    }
    let output = run(&["locks", "--watch", "--from", &path, "--fail-on", "deadlock"]);
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(
        stdout(&output).matches("DEADLOCK ").count(),
        1,
        "it ends when it is found"
    );
}

#[test]
fn a_cut_look_ends_nothing() {
    let mut cut = Host::default().seen();
    cut.looks[1].truncated_at = Some(100);
    let mut once = stuck();
    once.looks.truncate(1);
    let told = |name: &str, waits: Waits| {
        let samples = [answered(0, stuck()), answered(2, waits)];
        let path = recording(name, host(), &samples);
        let data = document(&run(&["locks", "--json", "--from", &path]), "locks");
        items(&data, "deadlock")[0]["state"].clone()
    };
    assert_eq!(told("locks-cut", cut), "confirmed");
    assert_eq!(
        told("locks-once", once),
        "confirmed",
        "it was proven before"
    );
    assert_eq!(told("locks-gone", Host::default().seen()), "resolved");
}

#[test]
fn what_a_deadlock_keeps_is_named() {
    let path = recording("locks-blocked", host(), &[memcgs(), answered(0, stuck())]);
    let data = document(&run(&["locks", "--json", "--from", &path]), "locks");
    let blocked = &items(&data, "deadlock")[0]["blocked_zombies"];
    assert_eq!(blocked.as_array().unwrap().len(), 1, "{blocked}");
    assert_eq!(blocked[0]["path"], "/gone.service");
}

/// A frozen file system has no holder task: it is the root of the tree itself.
#[test]
fn a_frozen_file_system_heads_its_tree() {
    let (mut frozen, _) = crowd('S');
    let lock = &mut frozen.look.resources[0];
    (lock.kind, lock.owner_word) = (ResourceKind::PercpuRwsem, None);
    lock.holders.clear();
    lock.kept_by = Some("ext4 on ram3 is frozen by fsfreeze[7]".to_owned());
    let path = recording("locks-frozen", host(), &[answered(0, frozen.seen())]);
    let text = stdout(&run(&["locks", "--from", &path]));
    let root = "cgroup_mutex: ext4 on ram3 is frozen by fsfreeze[7]\n├";
    assert!(text.contains(root), "{text}");
}

#[test]
fn short_waits_can_be_asked_for() {
    let mut young = abba(ResourceKind::Mutex, Mode::Write, Evidence::OwnerWord);
    for task in &mut young.look.tasks {
        task.ran_ns = Some(fixture::START_NS);
    }
    let waits = young.seen_twice(|look| look.end_ns = fixture::START_NS + SECOND / 5);
    let path = recording("locks-young", host(), &[answered(0, waits)]);
    for (args, confirmed) in [(&[][..], 0), (&["--min-wait", "100ms"], 1)] {
        let output = run(&[&["locks", "--json", "--from", &path], args].concat());
        let data = document(&output, "locks");
        assert_eq!(data["summary"]["confirmed"], confirmed);
    }
}

#[test]
fn the_graph_can_be_drawn() {
    let mut waits = stuck();
    waits.looks[0].tasks[0].comm = Text::from("a\"b\\");
    let path = recording("locks-dot", host(), &[answered(0, waits)]);
    let text = stdout(&run(&["locks", "--dot", "--from", &path]));
    assert!(
        text.starts_with("digraph waits {\n") && text.ends_with("}\n"),
        "{text}"
    );
    assert!(
        text.contains(r#"t161 [label="a\"b\\[161] R", shape=box, color=red];"#),
        "{text}"
    );
    assert_eq!(text.matches(" -> ").count(), 9, "{text}");
    let wrong = memcg_trace(&["locks", "--dot", "--json"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn all_locks_are_traced_only_by_who_looks_on() {
    for verb in ["locks", "zombies", "doctor"] {
        let output = memcg_trace(&[verb, "--trace-acquisitions"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{verb}");
        assert!(stderr(&output).contains("locks --watch"), "{verb}");
    }
}

#[test]
fn hostile_names_come_out_tame() {
    let mut waits = stuck();
    for look in &mut waits.looks {
        for task in &mut look.tasks {
            task.comm = Text::from(&b"\x1b[2J\xff"[..]);
        }
        for resource in &mut look.resources {
            resource.name = resource.name.as_ref().map(|_| "\u{1b}[2J".to_owned());
            resource.of = Some(Text::from(&b"\x1b]0;\xff"[..]));
        }
    }
    for stack in &mut waits.stacks {
        stack[0] = "\u{1b}[2J".to_owned();
    }
    let path = recording("locks-evil", evil_host(), &[answered(0, waits)]);
    for args in [
        &[][..],
        &["--json"],
        &["--dot"],
        &["--watch", "--json"],
        &["--watch"],
    ] {
        let output = run(&[&["locks", "--from", &path], args].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let text = stdout(&output);
        let is_control = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(is_control), "{text:?}");
    }
}
