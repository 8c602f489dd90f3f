//! Reports without names.

use memcg_trace::sample::recording::Host;
use memcg_trace::sample::waits::Waits;
use memcg_trace::sample::{Sample, Text};

use super::fixture::waits::{answered, coredump, tries_again};
use super::fixture::{ROOT, memcg, pins, root, walked};
use super::tool::{recording, run, stderr, stdout};
use super::{report, with_facts};

/// A part of each name of the hosts below.
const SECRET: &str = "zebra";

fn secret(text: &str) -> Text {
    Text::from(format!("{SECRET}{text}").as_str())
}

fn secret_host() -> Host {
    Host {
        host: secret("-web"),
        boot_id: "6e2a3c1e".into(),
        kernel: "6.12.74".into(),
    }
}

/// Gives every task, cgroup and path a secret name.
fn rename(samples: &mut [Sample]) {
    for sample in samples {
        let rows = sample.memcgs.iter_mut().flat_map(|walk| &mut walk.rows);
        for row in rows.filter(|row| row.parent_serial_nr.is_some()) {
            row.name = secret(&row.name.display());
        }
        let answers = sample.pins.iter_mut();
        let zombies = answers.flat_map(|pins| &mut pins.zombies);
        let pins = zombies.flat_map(|one| &mut one.pins);
        for object in pins.flat_map(|pin| &mut pin.objects) {
            object.path = object
                .path
                .as_ref()
                .map(|path| Text::from(format!("/{SECRET}{}", path.display()).as_str()));
            for user in &mut object.users {
                user.comm = secret(&user.comm.display());
            }
        }
        if let Some(waits) = &mut sample.waits {
            rename_waits(waits);
        }
    }
}

fn rename_waits(waits: &mut Waits) {
    for look in &mut waits.looks {
        for task in &mut look.tasks {
            task.comm = secret(&task.comm.display());
        }
        for resource in &mut look.resources {
            resource.of = Some(Text::from(format!("/{SECRET}/lock").as_str()));
            resource.incomplete = resource.incomplete.take();
        }
    }
}

/// The same task has the same word in each sentence, and no name and no address is left.
#[test]
fn a_report_of_locks() {
    let rows = vec![root(), memcg(2, ROOT, "slice")];
    let waits = coredump(None).seen_twice(tries_again);
    let mut samples = with_facts(vec![walked(0, rows), answered(1, waits)]);
    rename(&mut samples);
    let path = recording("redacted-locks", secret_host(), &samples);
    let open = report(&["locks"], &path);
    assert!(open.matches(SECRET).count() > 20, "{open}");
    let text = report(&["locks", "--redact"], &path);
    assert!(!text.contains(SECRET), "{text}");
    assert!(!text.contains("0xffff"), "{text}");
    for part in [
        "Host:          host-1",
        "Kernel:        6.12.74",
        "Command line:  root=(removed) quiet",
        "kernel.core_pattern = |(removed)",
        "looks like a known bug: the deadlock of a core dump",
        " | WAITERS",
        "pipe_write+0x2c8",
    ] {
        assert!(text.contains(part), "{text}\nlacks {part:?}");
    }
    let timeline = report(&["why", "157", "--redact"], &path);
    assert!(!timeline.contains(SECRET), "{timeline}");
    // The dumper is in the proof, in the list of tasks and in the likeness.
    let line = text
        .lines()
        .find(|line| line.contains("[155]: pid 155"))
        .unwrap();
    let (dumper, _) = line.split_once(':').unwrap();
    assert!(dumper.starts_with("comm-"), "{dumper}");
    assert!(text.matches(dumper).count() >= 4, "{text}");
}

#[test]
fn a_report_of_pins() {
    let mut samples = with_facts(pins::demo_with_pins());
    rename(&mut samples);
    let path = recording("redacted-pins", secret_host(), &samples);
    let text = report(&["pins", "--redact"], &path);
    assert!(!text.contains(SECRET), "{text}");
    assert!(text.contains("/name-"), "{text}");
    // A zombie is still found by its real name.
    let named = format!("/{SECRET}system.slice/{SECRET}backup.service");
    let args = ["pins", &named, "--report", "--redact", "--from", &path];
    let output = run(&args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let one = stdout(&output);
    assert!(!one.contains(SECRET), "{one}");
    assert_eq!(one.matches("\nwhat would free it\n").count(), 1, "{one}");
}
