//! Live memory cgroups without tasks: which of them are abandoned, and which must not be called so.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;
#[expect(dead_code, reason = "only what runs the program is needed here")]
mod tool;

use fixture::{ROOT, SECOND, START_NS, empty, evil_host, host, root, snapshots, walked, zombie};
use memcg_trace::model::abandoned::{self, Class, Empty, LEAST_AGE_NS};
use memcg_trace::sample::uses::{CgroupUse, CgroupUses};
use memcg_trace::sample::{Memcg, Sample};
use tool::{document, recording, run, stderr, stdout};

const HOUR: u64 = 3600 * SECOND;

fn cgroup(serial_nr: u64, parent: u64, name: &str, has_tasks: bool) -> Memcg {
    Memcg {
        has_tasks: Some(has_tasks),
        ..fixture::memcg(serial_nr, parent, name)
    }
}

fn unused(serial_nr: u64) -> CgroupUse {
    CgroupUse {
        serial_nr,
        least_age_ns: Some(HOUR),
        ..CgroupUse::default()
    }
}

/// /a has tasks below it; job-10 to job-13 have none.
fn rows() -> Vec<Memcg> {
    let jobs = (10..14).map(|serial| cgroup(serial, 2, &format!("job-{serial}"), false));
    let mut rows = vec![
        Memcg {
            has_tasks: Some(true),
            ..root()
        },
        cgroup(2, ROOT, "a", true),
        cgroup(3, 2, "web", true),
    ];
    rows.extend(jobs);
    rows
}

fn answer(cgroups: Vec<CgroupUse>) -> Sample {
    Sample {
        cgroup_uses: Some(CgroupUses {
            can_reclaim: Some(true),
            free_swap_bytes: Some(5 << 20),
            cgroups,
            ..CgroupUses::default()
        }),
        ..empty(1)
    }
}

fn samples(rows: Vec<Memcg>, uses: Vec<CgroupUse>) -> Vec<Sample> {
    vec![walked(0, rows), answer(uses)]
}

/// The classes of the empty ones of these samples, with their numbers.
fn classes(samples: &[Sample]) -> Vec<(String, Class, u64)> {
    let all = snapshots(samples);
    let found = abandoned::list(all.last().unwrap(), LEAST_AGE_NS);
    let row = |group: &Empty| {
        (
            group.name.display().into_owned(),
            group.class,
            group.cgroups,
        )
    };
    found.groups.iter().map(row).collect()
}

fn counts(samples: &[Sample]) -> (Option<u64>, Option<u64>) {
    let all = snapshots(samples);
    let found = abandoned::list(all.last().unwrap(), LEAST_AGE_NS);
    (found.empty, found.abandoned)
}

fn job(class: Class, count: u64) -> (String, Class, u64) {
    ("job-<n>".to_owned(), class, count)
}

#[test]
fn what_nobody_uses_is_abandoned() {
    let all = samples(rows(), (10..14).map(unused).collect());
    assert_eq!(classes(&all), [job(Class::Abandoned, 4)]);
    assert_eq!(counts(&all), (Some(4), Some(4)));
    let last = snapshots(&all).pop().unwrap();
    let found = abandoned::list(&last, LEAST_AGE_NS);
    let group = &found.groups[0];
    assert_eq!(group.usage_bytes, Some((10 + 11 + 12 + 13) << 20));
    assert_eq!(group.least_age_ns, Some(HOUR));
    assert!(group.empty_for.unwrap().at_least, "nobody saw when");
    assert_eq!(
        group.commands,
        [
            "echo 13M > /sys/fs/cgroup/a/job-13/memory.reclaim",
            "rmdir /sys/fs/cgroup/a/job-13",
        ]
    );
    // With another least age they are young.
    let found = abandoned::list(&last, 2 * HOUR);
    assert_eq!(found.groups[0].class, Class::Young);
    assert_eq!((found.empty, found.abandoned), (Some(4), Some(0)));
}

/// A cgroup without the memory controller is no memory cgroup, and its parent cannot be removed.
#[test]
fn what_is_below_an_abandoned_cgroup_is_removed_first() {
    let with_below = |below: &dyn Fn(u64) -> Option<u64>| {
        let uses = (10..14).map(|serial| CgroupUse {
            live_below: below(serial),
            ..unused(serial)
        });
        let all = samples(rows(), uses.collect());
        let last = snapshots(&all).pop().unwrap();
        let mut found = abandoned::list(&last, LEAST_AGE_NS);
        let path = recording("abandoned-below", host(), &all);
        let text = stdout(&run(&["zombies", "--abandoned", "--from", &path])).to_owned();
        (found.groups.remove(0), text)
    };
    let unknown = "Whether live cgroups without the memory controller are below them is not known";
    let remove = |group: &Empty| group.commands[1].clone();

    let (group, text) = with_below(&|serial| Some(u64::from(serial == 13) * 2));
    assert_eq!((group.class, group.live_below), (Class::Abandoned, Some(2)));
    let said = "; 2 live cgroups without the memory controller are below, and rmdir fails until \
                they are removed";
    assert!(group.sentence.contains(said), "{}", group.sentence);
    let all = "find /sys/fs/cgroup/a/job-13 -depth -type d -exec rmdir {} +";
    assert_eq!(remove(&group), all);
    assert!(!text.contains(unknown), "{text}");

    // Below another one of the group.
    let (group, _) = with_below(&|serial| Some(u64::from(serial == 12)));
    let said = "; 1 live cgroup without the memory controller is below, and rmdir fails until it is \
                removed";
    assert!(group.sentence.contains(said), "{}", group.sentence);
    assert_eq!(remove(&group), "rmdir /sys/fs/cgroup/a/job-13");

    let (group, text) = with_below(&|_| Some(0));
    assert!(!group.sentence.contains("below, and"), "{}", group.sentence);
    assert!(!text.contains(unknown), "{text}");

    // Of a slice, those below are memory cgroups.
    let mut slice = rows();
    slice[6].name = "job.slice".into();
    let uses = (10..14).map(|serial| CgroupUse {
        live_below: Some(1),
        ..unused(serial)
    });
    let last = snapshots(&samples(slice, uses.collect())).pop().unwrap();
    let found = abandoned::list(&last, LEAST_AGE_NS).groups;
    let by_design = found
        .iter()
        .find(|one| one.class == Class::ByDesign)
        .unwrap();
    assert!(
        !by_design.sentence.contains("without the memory"),
        "{}",
        by_design.sentence
    );

    // Nobody counted them.
    let (group, text) = with_below(&|serial| (serial != 13).then_some(0));
    assert_eq!(group.live_below, None);
    assert!(!group.sentence.contains("below, and"), "{}", group.sentence);
    assert!(text.contains(unknown), "{text}");
}

/// A count of what was not all looked at would be one that does not close.
#[test]
fn a_count_of_some_is_none() {
    let uses = || -> Vec<CgroupUse> { (10..14).map(unused).collect() };
    let mut unread = rows();
    unread[6].has_tasks = None;
    assert_eq!(counts(&samples(unread, uses())), (None, None));
    let mut cut = samples(rows(), uses());
    cut[0].memcgs.as_mut().unwrap().truncated_at = Some(7);
    assert_eq!(counts(&cut), (None, None));
}

/// Each twin differs in one thing.
#[test]
fn what_could_be_used_is_not_called_abandoned() {
    let uses = || -> Vec<CgroupUse> { (10..14).map(unused).collect() };
    let with_use = |change: &dyn Fn(&mut CgroupUse)| {
        let mut uses = uses();
        change(&mut uses[3]);
        classes(&samples(rows(), uses))
    };
    let with_row = |change: &dyn Fn(&mut Memcg)| {
        let mut rows = rows();
        change(&mut rows[6]);
        classes(&samples(rows, uses()))
    };
    let three =
        |other: (&str, Class)| vec![job(Class::Abandoned, 3), (other.0.to_owned(), other.1, 1)];
    let one = |class| three(("job-<n>", class));
    assert_eq!(with_use(&|used| used.is_watched = true), one(Class::InUse));
    assert_eq!(with_use(&|used| used.is_open = true), one(Class::InUse));
    assert_eq!(
        with_use(&|used| used.least_age_ns = None),
        one(Class::Young)
    );
    assert_eq!(
        with_use(&|used| used.least_age_ns = Some(1)),
        one(Class::Young)
    );
    assert_eq!(
        with_use(&|used| used.serial_nr = 99),
        one(Class::NotChecked)
    );
    assert_eq!(
        with_row(&|row| row.usage_bytes = Some(0)),
        one(Class::Uncharged)
    );
    assert_eq!(
        with_row(&|row| row.usage_bytes = None),
        one(Class::NotChecked)
    );
    assert_eq!(
        with_row(&|row| row.has_tasks = Some(true)),
        [job(Class::Abandoned, 3)]
    );
    assert_eq!(
        with_row(&|row| row.has_tasks = None),
        [job(Class::Abandoned, 3)]
    );
    assert_eq!(
        with_row(&|row| *row = zombie(13, 2, "job-13", 1)),
        [job(Class::Abandoned, 3)]
    );
    for unit in ["dev-hugepages.mount", "system-getty.slice", "swap.swap"] {
        let found = with_row(&|row| row.name = unit.into());
        assert_eq!(found, three((unit, Class::ByDesign)));
    }
    // A live one below.
    let mut with_child = rows();
    with_child.push(cgroup(20, 13, "child", false));
    let found = classes(&samples(with_child, [uses(), vec![unused(20)]].concat()));
    assert_eq!(
        found,
        [
            job(Class::Abandoned, 3),
            ("child".to_owned(), Class::Abandoned, 1),
            job(Class::Parent, 1),
        ]
    );
}

#[test]
fn what_could_not_be_looked_at_is_said() {
    // Nobody asked.
    let unasked = [walked(0, rows())];
    assert_eq!(classes(&unasked), [job(Class::NotChecked, 4)]);
    assert_eq!(counts(&unasked), (Some(4), None));
    // Something was in the way.
    let mut all = samples(rows(), (10..14).map(unused).collect());
    let uses = all[1].cgroup_uses.as_mut().unwrap();
    uses.not_checked = vec!["no symbol\u{1b}[2J".to_owned()];
    assert_eq!(classes(&all), [job(Class::NotChecked, 4)]);
    assert_eq!(counts(&all), (Some(4), None));
    let path = recording("abandoned-open", evil_host(), &all);
    let text = stdout(&run(&["zombies", "--abandoned", "--from", &path]));
    assert!(text.contains("not checked: no symbol"), "{text}");
    assert!(
        text.contains("not known how many of these are abandoned"),
        "{text}"
    );
    assert!(
        !text.contains('\u{1b}') && !text.contains("rmdir"),
        "{text}"
    );
    let data = document(
        &run(&["zombies", "--abandoned", "--json", "--from", &path]),
        "empty_cgroup",
    );
    assert_eq!(data["not_checked"][0]["what"], "cgroup_uses");
    assert_eq!(data["summary"]["abandoned"], serde_json::Value::Null);
    // An older recording does not say who has tasks.
    let old = [walked(0, fixture::demo_rows())];
    assert_eq!(classes(&old), []);
    assert_eq!(counts(&old), (None, None));
}

/// A recording in which they become empty.
#[test]
fn the_time_since_they_are_empty_is_seen() {
    let with = |second: u64, has_tasks: bool| {
        let mut rows = rows();
        rows[6].has_tasks = Some(has_tasks);
        walked(second, rows)
    };
    let all = [
        with(0, true),
        with(10, false),
        with(20, false),
        Sample {
            mono_ns: START_NS + 30 * SECOND,
            ..answer((10..14).map(unused).collect())
        },
    ];
    let last = snapshots(&all).pop().unwrap();
    let found = abandoned::list(&last, LEAST_AGE_NS);
    let group = &found.groups[0];
    let (last_one, first_one) = (group.empty_for.unwrap(), group.longest.unwrap());
    assert_eq!((last_one.ns, last_one.at_least), (20 * SECOND, false));
    assert_eq!((first_one.ns, first_one.at_least), (30 * SECOND, true));
}

#[test]
fn a_person_reads_what_is_left_over() {
    let all = samples(rows(), (10..14).map(unused).collect());
    let path = recording("abandoned", host(), &all);
    let text = stdout(&run(&["zombies", "--abandoned", "--from", &path]));
    for part in [
        "4 alive but empty, 4 of these abandoned",
        "/a/job-<n>",
        "4 of 4 are /a/job-<n>: no task in or below, no watch on cgroup.events, not open",
        "rmdir /sys/fs/cgroup/a/job-13",
        "only go to swap, of which 5.0 MiB is free",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    let text = stdout(&run(&["zombies", "--from", &path]));
    assert!(
        text.contains("4 memcgs alive without a task in or below"),
        "{text}"
    );
    let vain = run(&["zombies", "--min-age", "1h", "--from", &path]);
    assert_eq!(vain.status.code(), Some(2));
    let said = stderr(&vain);
    assert!(
        said.contains("--min-age is for zombies --abandoned"),
        "{said}"
    );
}

/// `why` says of an empty cgroup what is below it, if that was counted just now.
#[test]
fn why_counts_those_without_the_memory_controller() {
    let shown = |name: &str, live_below: Option<u64>, asked_at: u64| {
        let mut all = samples(
            rows(),
            vec![CgroupUse {
                live_below,
                ..unused(13)
            }],
        );
        let uses = all[1].cgroup_uses.as_mut().unwrap();
        uses.end_ns = START_NS + asked_at * SECOND;
        all.push(empty(10));
        let path = recording(name, host(), &all);
        let output = run(&["why", "/a/job-13", "--from", &path]);
        assert_eq!(output.status.code(), Some(0));
        stdout(&output).replace('\n', " ")
    };
    let refused = "rmdir(2) would be refused: 2 live cgroups in or below it, without the memory \
                   controller";
    let (none, unknown) = ("no live cgroup is in it", "were not looked for");
    for (name, live_below, asked_at, part) in [
        ("why-below", Some(2), 9, refused),
        ("why-none-below", Some(0), 9, none),
        ("why-below-unread", None, 9, unknown),
        ("why-below-before", Some(0), 1, unknown),
    ] {
        let said = shown(name, live_below, asked_at);
        for one in [refused, none, unknown] {
            assert_eq!(said.contains(one), one == part, "{one}: {said}");
        }
    }
}
