//! Ways of holding a thing that cannot be scanned: whichever they are, the output states nothing
//! that a full scan would contradict, neither an absence nor advice.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;

use fixture::pins::{file, mapped, object, one, open, user};
use memcg_trace::model::snapshot::{Action, Advice, Class, Pins as Ledger};
use memcg_trace::output::{pins as text, text::Style};
use memcg_trace::sample::pins::{Held, Object, ObjectKind, PinKind, User, UserKind};

/// References that the kernel always has, as a name's to its inode.
const OF_ITS_NATURE: u64 = 2;

fn device(name: &str) -> User {
    User {
        kind: UserKind::Kernel,
        name: Some(name.into()),
        ..User::default()
    }
}

/// Objects of each kind whose holders are reported, held in one way or in several.
fn cases() -> Vec<(PinKind, Object)> {
    let on = |kind, fs: &str, users| file(kind, fs, "/data/x", 40, users);
    let all_ways = || {
        vec![
            open(12, "nginx", 5),
            mapped(13, "postgres"),
            user(UserKind::Runs, 14, "x"),
            device("loop device /dev/loop0"),
        ]
    };
    let one_way = || vec![device("mount /tmp/target")];
    let (shmem, disk) = (PinKind::PageShmem, PinKind::PageFile);
    vec![
        (shmem, on(ObjectKind::File, "tmpfs", all_ways())),
        (shmem, on(ObjectKind::File, "tmpfs", one_way())),
        (shmem, on(ObjectKind::File, "tmpfs", vec![])),
        (disk, on(ObjectKind::File, "ext4", all_ways())),
        (disk, on(ObjectKind::File, "ext4", vec![mapped(9, "java")])),
        (disk, on(ObjectKind::File, "ext4", vec![])),
        (shmem, on(ObjectKind::DeletedFile, "tmpfs", all_ways())),
        (shmem, on(ObjectKind::Memfd, "tmpfs", all_ways())),
        (
            shmem,
            on(ObjectKind::SysvShm, "tmpfs", vec![mapped(7, "oracle")]),
        ),
        (
            PinKind::PageAnonShared,
            object(ObjectKind::SharedAnon, 9, vec![mapped(7, "postgres")]),
        ),
        (
            PinKind::PageAnon,
            object(
                ObjectKind::PrivateAnon,
                9,
                vec![mapped(7, "java"), user(UserKind::InPipe, 8, "cat")],
            ),
        ),
        (
            PinKind::SocketUnix,
            object(
                ObjectKind::Socket,
                1,
                vec![open(5, "dbus", 9), open(6, "x", 4)],
            ),
        ),
        (
            PinKind::SocketInet,
            object(ObjectKind::Socket, 1, vec![device("an accept queue")]),
        ),
        (
            PinKind::Fsnotify,
            object(ObjectKind::Inotify, 1, vec![open(5, "udevd", 9)]),
        ),
    ]
}

/// The result of a scan that sees only the holders of `seen`.
fn look(complete: &Object, seen: u32) -> Object {
    let users = complete.users.iter().enumerate();
    let (seen, hidden): (Vec<_>, Vec<_>) = users.partition(|(at, _)| seen & 1 << at != 0);
    let held = Held {
        refs: complete.users.len() as u64 + OF_ITS_NATURE,
        found: seen.len() as u64 + OF_ITS_NATURE,
        not_checked: hidden
            .iter()
            .map(|(_, user)| format!("{:?}", user.kind))
            .collect(),
    };
    Object {
        users: seen.into_iter().map(|(_, user)| user.clone()).collect(),
        held: Some(held),
        ..complete.clone()
    }
}

fn shown(ledger: &Ledger) -> String {
    let style = Style {
        colour: false,
        columns: None,
    };
    text::one(ledger, 0, style)
}

/// Returns whether a line of the ledger says that an object has no holder.
fn is_nobody(line: &str) -> bool {
    line.trim_start().starts_with("nobody has it")
}

/// Returns whether a piece of advice promises its effect, or destroys something for it.
fn is_promise(advice: &Advice) -> bool {
    let is_sure = !advice.frees.at_most || advice.class == Class::DestroysData;
    is_sure && advice.action != Action::Nothing
}

/// Bytes that the advice has reclaimed.
fn reclaimable(ledger: &Ledger) -> u64 {
    let mut advice = ledger.advice.iter();
    let reclaim = advice.find(|advice| advice.action == Action::Reclaim);
    reclaim
        .and_then(|advice| advice.amount_bytes)
        .unwrap_or_default()
}

#[test]
fn nothing_is_said_that_a_complete_look_contradicts() {
    let mut looks = 0;
    for (kind, complete) in cases() {
        let all = (1_u32 << complete.users.len()) - 1;
        let truth = one(kind, look(&complete, all));
        let says_nobody = |ledger: &Ledger| {
            ledger.sentence.contains("nobody") || shown(ledger).lines().any(is_nobody)
        };
        let at_once = |ledger: &Ledger| {
            let mut advice = ledger.advice.iter();
            advice.any(|advice| advice.why.contains("at once"))
        };
        for seen in 0..=all {
            let partial = one(kind, look(&complete, seen));
            let case = format!("{:?} seen {seen:b}: {}", complete.kind, partial.sentence);
            looks += 1;
            assert!(!says_nobody(&partial) || says_nobody(&truth), "{case}");
            assert!(!at_once(&partial) || at_once(&truth), "{case}");
            assert!(reclaimable(&partial) <= reclaimable(&truth), "{case}");
            for advice in partial.advice.iter().filter(|advice| is_promise(advice)) {
                let mut of_truth = truth.advice.iter();
                let is_true = of_truth.any(|other| {
                    let is_same = (other.action, &other.target) == (advice.action, &advice.target);
                    is_same && other.frees.refs >= advice.frees.refs
                });
                assert!(is_true, "{case}: {advice:?}, not {:?}", truth.advice);
            }
            let hidden = (seen ^ all).count_ones();
            let told = shown(&partial);
            if hidden > 0 {
                assert!(
                    partial.sentence.contains(" to it w") && partial.sentence.contains("not found"),
                    "{case}"
                );
                assert!(told.contains("not looked at: "), "{told}");
            } else {
                assert!(!partial.sentence.contains("not found"), "{case}");
            }
        }
    }
    assert!(looks > 50, "{looks} looks");
}

/// A count that was not read leaves the sum open.
#[test]
fn without_a_count_there_is_no_absence() {
    for (kind, complete) in cases() {
        let unread = Object {
            held: None,
            users: Vec::new(),
            ..complete
        };
        let ledger = one(kind, unread);
        let told = shown(&ledger);
        assert!(!ledger.sentence.contains("nobody"), "{}", ledger.sentence);
        assert!(!told.lines().any(is_nobody), "{told}");
        let waits = ledger.advice.iter();
        let waits = waits.filter(|advice| advice.action == Action::Wait);
        assert_eq!(waits.count(), 0, "{:?}", ledger.advice);
    }
}
