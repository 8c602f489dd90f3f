//! Names that strangers chose, and pages for strangers.

use memcg_trace::sample::recording::Host;
use memcg_trace::sample::{Sample, Text};

use super::fixture::waits::{answered, coredump, tries_again};
use super::fixture::{ROOT, evil_host, hostile, memcg, oom_kill, pins, root, task, walked};
use super::tool::recording;
use super::{has_all, page};

/// A name that would run, or end what it is in, if it were not escaped.
const NAME: &str = "\"><script>alert(1)</script><img src=x onerror=a>'&amp;";

fn named(name: &str) -> Host {
    Host {
        host: name.into(),
        boot_id: name.into(),
        kernel: name.into(),
    }
}

/// Gives everything in some samples that has a name this one.
fn rename(samples: &mut [Sample], name: &str) {
    let text = || Text::from(name);
    for sample in samples {
        let rows = sample.memcgs.iter_mut().flat_map(|walk| &mut walk.rows);
        for row in rows.filter(|row| row.parent_serial_nr.is_some()) {
            row.name = text();
        }
        for event in sample.life.iter_mut().flatten() {
            (event.name, event.comm) = (text(), text());
        }
        for kill in sample.oom_kills.iter_mut().flatten() {
            (kill.comm, kill.victim_comm) = (text(), text());
        }
        let answers = sample.pins.iter_mut();
        let pins = answers
            .flat_map(|pins| &mut pins.zombies)
            .flat_map(|one| &mut one.pins);
        for object in pins.flat_map(|pin| &mut pin.objects) {
            object.path = object
                .path
                .as_ref()
                .map(|_| Text::from(format!("/{name}").as_str()));
            for user in &mut object.users {
                user.comm = text();
            }
        }
        if let Some(locks) = &mut sample.locks {
            for wait in &mut locks.waits {
                wait.task.comm = text();
                wait.owner = Some(task(1, text(), 1));
            }
        }
        for one in sample.reclaim.iter_mut().flat_map(|one| &mut one.tasks) {
            one.comm = text();
        }
        let looks = sample.waits.iter_mut().flat_map(|waits| &mut waits.looks);
        for look in looks {
            for task in &mut look.tasks {
                task.comm = text();
            }
            for resource in &mut look.resources {
                resource.of = Some(Text::from(format!("/{name}/lock").as_str()));
            }
        }
    }
}

fn all_kinds() -> Vec<Sample> {
    let mut samples = pins::demo_with_pins();
    let last = samples.len() - 1;
    let kill_ns = samples[last].mono_ns;
    samples[last].oom_kills = Some(vec![oom_kill(kill_ns, 5)]);
    let waits = coredump(None).seen_twice(tries_again);
    let mut answer = answered(9, waits);
    answer.memcgs = walked(9, vec![root(), memcg(2, ROOT, "slice")]).memcgs;
    samples.push(answer);
    samples
}

/// `Page::check` fails on a script, and on any element and attribute that is not ours.
#[test]
fn names_are_text() {
    let mut samples = all_kinds();
    rename(&mut samples, NAME);
    for answer in samples.iter_mut().filter_map(|sample| sample.pins.as_mut()) {
        pins::spoil(answer, &NAME.into(), NAME);
    }
    let path = recording("post-mortem-script", named(NAME), &samples);
    let (html, page) = page(&path, &[]);
    assert!(
        page.text.matches("<script>alert(1)</script>").count() > 20,
        "{}",
        page.text
    );
    has_all(&html, &["&lt;script&gt;"]);
}

#[test]
fn control_characters_reach_no_page() {
    let path = recording("post-mortem-hostile", evil_host(), &hostile());
    let (html, _) = page(&path, &[]);
    let is_hostile =
        |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    assert_eq!(html.find(is_hostile), None);
}

#[test]
fn a_page_without_names() {
    const SECRET: &str = "zebra";
    let mut samples = all_kinds();
    rename(&mut samples, SECRET);
    let path = recording("post-mortem-redacted", named(SECRET), &samples);
    let (html, _) = page(&path, &[]);
    assert!(html.matches(SECRET).count() > 30);
    let (html, page) = page(&path, &["--redact"]);
    // The kernel's release is what a report is about.
    let left = html.matches(SECRET).count();
    assert_eq!(left, page.text.matches("Kernel\nzebra").count(), "{html}");
    assert!(!html.contains("0xffff"), "{html}");
    has_all(
        &page.text,
        &["host-1", "name-", "comm-", "is proven", "Runs of shrinkers"],
    );
}
