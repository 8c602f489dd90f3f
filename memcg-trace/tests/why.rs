//! `why` as users run it, on recordings: timelines of removals, of dead memory cgroups and of tasks.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;
mod tool;

use fixture::pins::{self as pin_answers, object, open, pin, pinned};
use fixture::waits::{Host, answered, coredump, tries_again};
use fixture::{DYING, ONLINE, ROOT, SECOND, START_NS, host, life, memcg, root, walked, zombie};
use memcg_trace::sample::pins::{ObjectKind, PinKind};
use memcg_trace::sample::removals::{Removal, RemovalStep, Removals, WorkItem, WorkPlace, Working};
use memcg_trace::sample::waits::Waits;
use memcg_trace::sample::{Memcg, MemcgEventKind, ResourceKind, Sample, Text};
use tool::{assert_fails, checked, document, recording, run, stderr, stdout};

const DEAD: u64 = 9;

/// The timeline without its heading, as a person reads it.
fn text(name: &str, samples: &[Sample], subject: &str) -> String {
    let path = recording(name, host(), samples);
    let output = run(&["why", subject, "--from", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    let lines: Vec<&str> = text.lines().skip(1).collect();
    lines.join("\n")
}

fn named(name: &str, phase: impl FnOnce(&mut Memcg)) -> Memcg {
    let mut dead = zombie(DEAD, ROOT, name, 5);
    phase(&mut dead);
    dead
}

fn queued(dead: &mut Memcg) {
    dead.flags = DYING | ONLINE;
}

fn pending(dead: &mut Memcg) {
    dead.flags = DYING | ONLINE;
    dead.confirmed = false;
    dead.refs = None;
}

/// A worker that should take a memcg offline is at an item that waits for cgroup_mutex, whose
/// holder stalls for its memory.high in a shrinker that waits for a device.
fn behind_a_device() -> Waits {
    let mut host = Host::default();
    let worker = host.task(33, "kworker/0:1", 'D');
    let holder = host.task(40, "agent", 'D');
    let device = host.resource(ResourceKind::Io, None);
    let mutex = host.lock(ResourceKind::Mutex, "cgroup_mutex", holder);
    let item = host.resource(ResourceKind::Work, Some("the offline work of memory"));
    host.held(
        item,
        worker,
        memcg_trace::sample::waits::Evidence::OwnerWord,
    );
    host.wait(worker, mutex).function = Some("css_killed_work_fn".to_owned());
    host.wait(holder, device).function = Some("io_schedule".to_owned());
    host.stack(
        holder,
        "io_schedule xfs_buf_iowait xfs_fs_free_cached_objects super_cache_scan do_shrink_slab \
         shrink_slab_memcg shrink_node_memcgs try_to_free_mem_cgroup_pages reclaim_high \
         mem_cgroup_handle_over_high",
    );
    host.look.removals = Some(Removals {
        list: vec![Removal {
            serial_nr: DEAD,
            step: RemovalStep::Offline,
            resource: Some(item),
            work: Some(WorkItem {
                function: Some("css_killed_work_fn".to_owned()),
                workqueue: Some("cgroup_destroy".into()),
                place: WorkPlace::Inactive,
                before: Some(12),
                workers: vec![Working {
                    task: worker,
                    function: Some("css_killed_work_fn".to_owned()),
                }],
                workers_omitted: 0,
            }),
            ..Removal::default()
        }],
        ..Removals::default()
    });
    host.seen()
}

fn agent_memcg() -> Memcg {
    Memcg {
        usage_bytes: Some(81 << 20),
        high_bytes: Some(80 << 20),
        ..memcg(2, ROOT, "agent.service")
    }
}

#[test]
fn an_offline_behind_a_holder_that_waits_for_a_device() {
    let rows = |dead: Memcg| vec![root(), agent_memcg(), dead];
    let samples = [
        walked(0, rows(memcg(DEAD, ROOT, "job"))),
        walked(2, rows(named("job", pending))),
        walked(5, rows(named("job", queued))),
        answered(5, behind_a_device()),
    ];
    let expected = "\
/job (css:9): it waits for its turn to be taken offline: agent[40] waits for device 0xffffffff82000000 in io_schedule()

  6.0 s to 4.0 s ago  removed
  6.0 s to 4.0 s ago  the last tasks have left it
  4.0 s to 1.0 s ago  every CPU has seen that it was removed
  for 1.0 s to 4.0 s  it waits for its turn to be taken offline
                 now    css_killed_work_fn() is queued in cgroup_destroy, with 12 items before it, until one of the items in progress is over: kworker/0:1[33] is at css_killed_work_fn()
          for 26.0 s      kworker/0:1[33] waits for cgroup_mutex, held by agent[40]
                 now        agent[40] reclaims for memory.high of /agent.service: 81.0 MiB are used, 80.0 MiB is the limit
                 now        agent[40] is in the shrinker super_cache_scan()
                 now        agent[40] waits for device 0xffffffff82000000 in io_schedule()
             to come  to be released after that";
    let text = text("why-device", &samples, "/job");
    assert_eq!(text, expected, "\n{text}");
}

#[test]
fn a_watch_remembers_what_is_over() {
    let rows = |dead: Memcg| vec![root(), agent_memcg(), dead];
    let samples = [
        walked(0, rows(memcg(DEAD, ROOT, "job"))),
        walked(5, rows(named("job", queued))),
        answered(5, behind_a_device()),
        walked(8, rows(named("job", |_| {}))),
        walked(9, vec![root(), agent_memcg()]),
    ];
    let shown = text("why-remembered", &samples, "/job");
    let order = [
        "9.0 s to 4.0 s ago  removed",
        "went offline",
        "with 12 items before it",
        "kworker/0:1[33] waits for cgroup_mutex, held by agent[40]",
        "memory.high of /agent.service",
        "agent[40] waits for device",
        "1.0 s to 0 s ago  released",
    ];
    let places: Vec<_> = order.iter().map(|part| shown.find(part)).collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{places:?}: {shown}"
    );

    let path = recording("why-remembered", host(), &samples);
    let output = run(&["why", "/job", "--watch", "--json", "--from", &path]);
    let records = checked(&stdout(&output));
    let steps: Vec<_> = records.iter().filter(|one| one["type"] == "why").collect();
    let count = |step: &str, state: &str| {
        let is_it = |data: &serde_json::Value| data["step"] == step && data["state"] == state;
        steps.iter().filter(|one| is_it(&one["data"])).count()
    };
    assert_eq!(count("alive", "now"), 1);
    assert_eq!(count("removed", "done"), 1);
    assert_eq!(count("released", "done"), 1);
    assert_eq!(count("shrinker", "now"), 1);
    assert_eq!(count("shrinker", "done"), 1);
    let shown = stdout(&run(&["why", "/job", "--watch", "--from", &path]));
    assert_eq!(
        shown.matches("(css:9): it is gone: released").count(),
        1,
        "{shown}"
    );
}

/// At the end the removal's own work item may wait for a moment, as deep as what came before it.
#[test]
fn a_watch_tells_what_lasted() {
    let rows = |dead: Memcg| vec![root(), agent_memcg(), dead];
    let look = |at_s, device: &str| {
        let mut waits = behind_a_device();
        for look in &mut waits.looks {
            let io = look
                .resources
                .iter_mut()
                .find(|one| one.kind == ResourceKind::Io);
            io.unwrap().name = Some(device.to_owned());
        }
        answered(at_s, waits)
    };
    let mut samples = vec![
        walked(0, rows(memcg(DEAD, ROOT, "job"))),
        walked(2, rows(named("job", queued))),
    ];
    // More short ones than are kept come before it.
    let names = ["sdc", "sdd", "sde", "sdf", "sdg", "sda", "sda", "sdb"];
    samples.extend((2..).zip(names).map(|(at_s, name)| look(at_s, name)));
    samples.push(walked(10, rows(named("job", |_| {}))));
    let shown = text("why-lasting", &samples, "/job");
    assert!(shown.contains("waits for sda"), "{shown}");
    assert!(!shown.contains("waits for sdb"), "{shown}");
}

#[test]
fn nobody_watched_and_nobody_asked() {
    let rows = vec![root(), named("job", queued)];
    let shown = text("why-unasked", &[walked(0, rows)], "/job");
    for part in [
        "removed; when is not known: nobody watched",
        "what it waits for was not looked at",
        "to be released after that",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    // A recording of a version that did not look for removals.
    let rows = vec![root(), named("job", queued)];
    let mut waits = behind_a_device();
    waits.looks.iter_mut().for_each(|look| look.removals = None);
    let samples = [walked(0, rows), answered(0, waits)];
    let shown = text("why-older", &samples, "/job");
    assert!(
        shown.contains("was not looked for in this answer"),
        "{shown}"
    );
}

#[test]
fn the_newest_of_a_name_that_is_reused() {
    let dead = |serial_nr| zombie(serial_nr, ROOT, "job", 5);
    let rows = vec![root(), dead(5), dead(7), memcg(8, ROOT, "job")];
    let path = recording("why-reused", host(), &[walked(0, rows)]);
    let output = run(&["why", "/job", "--json", "--from", &path]);
    let data = document(&output, "why");
    assert_eq!(data["summary"]["memcg"]["serial_nr"], 7);
    assert_eq!(data["summary"]["others"], 1);
    let shown = stdout(&run(&["why", "/job", "--from", &path]));
    assert!(
        shown.contains("1 other dead memory cgroup of the same path"),
        "{shown}"
    );
    assert!(shown.contains("what pins it was not looked at"), "{shown}");
    let output = run(&["why", "css:5", "--json", "--from", &path]);
    assert_eq!(document(&output, "why")["summary"]["memcg"]["serial_nr"], 5);
}

#[test]
fn a_memcg_that_is_released_in_the_recording() {
    let alive = memcg(DEAD, ROOT, "job");
    let offline = Sample {
        life: Some(vec![life(
            MemcgEventKind::Offline,
            START_NS + SECOND,
            &alive,
        )]),
        ..walked(2, vec![root(), named("job", |_| {})])
    };
    let samples = [
        walked(0, vec![root(), alive]),
        offline,
        walked(4, vec![root()]),
    ];
    let expected = "\
/job (css:9): it is gone: released

  4.0 s to 3.0 s ago  removed
           3.0 s ago  went offline
    2.0 s to 0 s ago  released";
    let text = text("why-released", &samples, "/job");
    assert_eq!(text, expected, "\n{text}");
}

#[test]
fn pins_that_are_known_and_one_that_is_not() {
    let socket = object(ObjectKind::Socket, 2, vec![open(812, "redis", 7)]);
    let found = pinned(DEAD, 1, vec![pin(PinKind::SocketInet, vec![socket])]);
    let rows = vec![root(), named("job", |dead| dead.refs = Some(3))];
    let samples = [walked(0, rows), pin_answers::answered(0, vec![found])];
    let shown = text("why-pinned", &samples, "/job");
    for part in [
        "went offline; when is not known: nobody watched",
        "pinned by 2 inet sockets",
        "held open by redis[812] fd 7",
        "1 more references: who holds them is not known",
        "not all of them are known",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn a_task_in_a_deadlock() {
    let rows = vec![root(), memcg(2, ROOT, "user.slice")];
    let waits = coredump(None).seen_twice(tries_again);
    let path = recording("why-task", host(), &[walked(0, rows), answered(0, waits)]);
    let args = [
        "why",
        "190",
        "--json",
        "--fail-on",
        "deadlock",
        "--from",
        &path,
    ];
    let output = run(&args);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    let data = document(&output, "why");
    assert_eq!(data["summary"]["task"]["tid"], 190);
    assert_eq!(data["summary"]["memcg"]["path"], "/user.slice");
    let steps = data["items"].as_array().unwrap();
    let waits = steps.iter().filter(|step| step["step"] == "wait");
    let tids: Vec<u64> = waits
        .map(|step| step["task"]["tid"].as_u64().unwrap())
        .collect();
    assert_eq!(tids, [190, 168, 161, 155, 157]);
    let end = steps.last().unwrap();
    assert_eq!(end["step"], "deadlock");
    assert!(
        end["sentence"]
            .as_str()
            .unwrap()
            .contains("4 tasks wait for each other")
    );
    assert_eq!(steps[0]["state"], "now");

    let output = run(&["why", "4711", "--from", &path]);
    assert_fails(&output, 1, &["not_recorded", "task 4711"]);
}

#[test]
fn what_is_not_there_is_an_error() {
    let rows = vec![root(), memcg(2, ROOT, "nginx.service")];
    let path = recording("why-nothing", host(), &[walked(0, rows)]);
    let output = run(&["why", "nginxx.service", "--from", &path]);
    assert_fails(&output, 1, &["did you mean /nginx.service", "released"]);
    let output = run(&["why", "12", "--from", &path]);
    assert_fails(&output, 1, &["not_recorded", "record --locks"]);
    let output = run(&["why", "/nginx.service", "--cgroup", "/a", "--from", &path]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn hostile_names_reach_no_terminal() {
    let mut waits = behind_a_device();
    for look in &mut waits.looks {
        let removals = look.removals.as_mut().unwrap();
        let work = removals.list[0].work.as_mut().unwrap();
        work.function = Some("\u{1b}[2J".to_owned());
        work.workqueue = Some(Text::from(&b"\xff\x1b[31m"[..]));
        look.tasks
            .iter_mut()
            .for_each(|task| task.comm = Text::from(&b"\x1b]0;x"[..]));
    }
    let samples = [
        walked(0, vec![root(), named("job", queued)]),
        answered(0, waits),
    ];
    let shown = text("why-hostile", &samples, "/job");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn alive_with_tasks_and_children() {
    let mut parent = memcg(2, ROOT, "a.slice");
    parent.has_tasks = Some(true);
    let rows = vec![root(), parent, memcg(3, 2, "b.service")];
    let mut host = Host::default();
    host.task(1, "init", 'S');
    host.look.removals = Some(Removals::default());
    let samples = [walked(0, rows), answered(0, host.seen())];
    let shown = text("why-alive", &samples, "/a.slice");
    for part in [
        "it is alive; no task waits in rmdir(2) of it",
        "rmdir(2) would be refused: tasks are in it or below it, and 1 live cgroup in it",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
}

/// Cgroups without the controller have no memory cgroup, and a scan may end before its last task.
#[test]
fn alive_and_empty_as_far_as_was_looked() {
    let shown = |name: &str, truncated_at: Option<u64>| {
        let mut empty = memcg(2, ROOT, "a.slice");
        empty.has_tasks = Some(false);
        let mut host = Host::default();
        host.task(1, "init", 'S');
        host.look.removals = Some(Removals::default());
        host.look.truncated_at = truncated_at;
        let samples = [walked(0, vec![root(), empty]), answered(0, host.seen())];
        text(name, &samples, "/a.slice").replace("\n", " ")
    };
    let all = shown("why-empty", None);
    assert!(all.contains("no task waits in rmdir(2) of it"), "{all}");
    assert!(all.contains("without the memory controller"), "{all}");
    assert!(!all.contains("would not be refused"), "{all}");
    let cut = shown("why-cut", Some(1));
    assert!(cut.contains("not all tasks were looked at"), "{cut}");
    assert!(!cut.contains("no task waits"), "{cut}");
}
