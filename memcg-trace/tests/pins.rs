//! The model of pins: the ledger, the verdict, the advice.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;

use fixture::pins::{
    ZOMBIE, advice, answer, ask, file, known, object, of, open, pin, pinned, rows, user,
};
use fixture::{DYING, ONLINE, ROOT, root, zombie};
use memcg_trace::model::snapshot::Action;
use memcg_trace::output::{pins as text, text::Style};
use memcg_trace::sample::Memcg;
use memcg_trace::sample::pins::{
    Held, NotChecked, Object, ObjectKind, Pin, PinKind, Pinned, Pins as Answer, UserKind,
};

#[test]
fn the_ledger_adds_up_and_hides_nothing() {
    let rows_of = || {
        vec![
            pin(
                PinKind::SocketInet,
                vec![object(ObjectKind::Socket, 3, vec![])],
            ),
            pin(
                PinKind::PageFile,
                vec![file(ObjectKind::File, "ext4", "/x", 40, vec![])],
            ),
        ]
    };
    let more = known(pinned(ZOMBIE, 2, rows_of()));
    assert_eq!((more.found_refs(), more.unexplained_refs), (43, Some(2)));
    assert_eq!(more.found.pins[0].kind, PinKind::PageFile, "the most first");
    assert!(
        more.sentence
            .ends_with("and 3 more references: 3 inet sockets; 2 references are not explained"),
        "{}",
        more.sentence
    );
    let less = known(pinned(ZOMBIE, -1, rows_of()));
    assert_eq!(less.unexplained_refs, Some(-1), "shown as it is");
    assert!(
        less.sentence
            .ends_with("that is 1 more than it has references"),
        "{}",
        less.sentence
    );
    let spread = known(Pinned {
        refs: None,
        ..pinned(ZOMBIE, 0, rows_of())
    });
    assert_eq!(spread.unexplained_refs, None, "not known is not 0");
    assert!(
        spread
            .sentence
            .ends_with("; its references are not exact yet"),
        "{}",
        spread.sentence
    );
    let cut = known(pinned(
        ZOMBIE,
        0,
        vec![Pin {
            truncated_at: Some(40),
            ..rows_of().remove(1)
        }],
    ));
    assert_eq!(
        cut.sentence,
        "pinned by at least 40 ext4 pages of /x; counting stopped at a bound, there are more"
    );
    let huge = known(Pinned {
        refs: Some(i64::MIN),
        ..pinned(ZOMBIE, 0, rows_of())
    });
    assert_eq!(huge.unexplained_refs, Some(i64::MIN));
}

#[test]
fn nothing_found_is_said_as_such() {
    let not_checked = vec![NotChecked {
        kind: PinKind::PageHugetlb,
        reason: "no symbol".to_owned(),
    }];
    assert_eq!(
        known(pinned(ZOMBIE, 1, vec![])).sentence,
        "pinned by 1 reference, and nothing was found that holds it"
    );
    let open = Pinned {
        not_checked: not_checked.clone(),
        ..pinned(ZOMBIE, 3, vec![])
    };
    assert_eq!(
        known(open).sentence,
        "pinned by 3 references, and nothing was found that holds them; 1 kind of pin could not \
         be looked at"
    );
    assert_eq!(
        known(pinned(ZOMBIE, 0, vec![])).sentence,
        "being freed: its last reference is gone"
    );
    let explained = Pinned {
        not_checked,
        ..pinned(
            ZOMBIE,
            0,
            vec![pin(
                PinKind::Stock,
                vec![object(ObjectKind::Cpu, 1, vec![])],
            )],
        )
    };
    assert_eq!(
        known(explained).sentence,
        "pinned by the stock of CPU ?",
        "what was not looked at does not matter"
    );
}

/// The openers of a file are known only if all tasks were scanned.
#[test]
fn nobody_is_an_answer_only_after_looking() {
    let kind = PinKind::PageShmem;
    let one = |held| Object {
        held,
        ..file(ObjectKind::File, "tmpfs", "/dev/shm/x", 7, vec![])
    };
    let told = |held| {
        let pins = of(vec![pin(kind, vec![one(held)])]);
        let shown = text::one(&pins, 0, Style::default());
        assert!(
            !shown
                .lines()
                .any(|line| line.trim() == "nobody has it open"),
            "{shown}"
        );
        pins.sentence.clone()
    };
    assert_eq!(told(None), "pinned by 7 tmpfs pages of /dev/shm/x");
    let held = Held {
        refs: 4,
        found: 2,
        not_checked: vec!["loop devices".to_owned()],
    };
    assert_eq!(
        told(Some(held)),
        "pinned by 7 tmpfs pages of /dev/shm/x, 2 references to it were not found"
    );
}

#[test]
fn what_is_not_dead_yet_says_so() {
    let task = || {
        pin(
            PinKind::Task,
            vec![object(
                ObjectKind::CssSet,
                1,
                vec![user(UserKind::Member, 5, "dd")],
            )],
        )
    };
    let row = |flags, confirmed, populated| Memcg {
        flags,
        confirmed,
        populated: Some(populated),
        refs: None,
        ..zombie(ZOMBIE, 7, "z", 0)
    };
    for (row, begin) in [
        (
            row(ONLINE | DYING, false, 1),
            "not dead yet: tasks are still exiting in it; so far it is held by the exiting task \
             dd[5]",
        ),
        (
            row(ONLINE | DYING, false, 0),
            "not dead yet: the kernel waits for every CPU to see that it was removed; so far",
        ),
        (
            row(ONLINE | DYING, true, 0),
            "not dead yet: it waits for its turn to be taken offline; so far",
        ),
    ] {
        let mut rows = rows();
        rows[4] = row;
        let unread = Pinned {
            refs: None,
            changed: true,
            ..pinned(ZOMBIE, 0, vec![task()])
        };
        let pins = ask(rows, answer(1, vec![unread]));
        assert!(pins.sentence.starts_with(begin), "{}", pins.sentence);
        assert!(
            pins.sentence
                .ends_with(" (it changed while it was looked at: ask again)"),
            "{}",
            pins.sentence
        );
        assert!(!pins.sentence.contains("not exact"), "{}", pins.sentence);
    }
}

#[test]
fn reclaim_is_advised_where_it_is_there_and_helps() {
    let tmpfs = || {
        vec![pin(
            PinKind::PageShmem,
            vec![file(ObjectKind::File, "tmpfs", "/dev/shm/x", 700, vec![])],
        )]
    };
    let disk = || {
        vec![pin(
            PinKind::PageFile,
            vec![file(ObjectKind::File, "ext4", "/x", 7, vec![])],
        )]
    };
    let reclaim = "reclaim /sys/fs/cgroup/a/memory.reclaim";
    let advised = |pins: Vec<Pin>, can_reclaim, free_swap_bytes| {
        advice(&ask(
            rows(),
            Answer {
                can_reclaim,
                free_swap_bytes,
                ..answer(1, vec![pinned(ZOMBIE, 0, pins)])
            },
        ))
    };
    assert_eq!(advised(disk(), Some(true), None), [reclaim]);
    assert_eq!(advised(disk(), Some(false), None), ["drop_file_pages /x"]);
    assert_eq!(advised(disk(), None, None), ["drop_file_pages /x"]);
    let swap = Some(1 << 30);
    assert_eq!(
        advised(tmpfs(), Some(true), swap),
        [reclaim, "remove_file /dev/shm/x"]
    );
    for (can_reclaim, free_swap) in [(Some(true), Some(0)), (Some(true), None), (None, swap)] {
        assert_eq!(
            advised(tmpfs(), can_reclaim, free_swap),
            ["remove_file /dev/shm/x"]
        );
    }
    // The nearest live ancestor may be the root.
    let pins = ask(
        vec![root(), zombie(ZOMBIE, ROOT, "z", 7)],
        answer(1, vec![pinned(ZOMBIE, 0, disk())]),
    );
    assert_eq!(advice(&pins), ["reclaim /sys/fs/cgroup/memory.reclaim"]);
}

/// A network namespace has a dozen sockets of the kernel: they are reported as one thing.
#[test]
fn sockets_of_a_namespace_are_one_thing() {
    let socket = |protocol: &str, ns_ino| Object {
        fs: Some(protocol.into()),
        ino: Some(1_000 + ns_ino),
        ns_ino: Some(ns_ino),
        ns_mount: Some("/run/netns/a".into()),
        ..object(ObjectKind::KernelSocket, 1, vec![])
    };
    let all = |ns_ino| {
        let netlink = vec![
            socket("NETLINK", 7),
            socket("NETLINK", 7),
            socket("NETLINK", ns_ino),
        ];
        of(vec![
            pin(PinKind::SocketOther, netlink),
            pin(PinKind::SocketInet, vec![socket("RAWv6", 7)]),
        ])
    };
    let same = all(7);
    assert_eq!(
        same.sentence,
        "pinned by 3 kernel sockets of network namespace 7, kept by the mount /run/netns/a, \
         and 1 more reference: 1 inet socket"
    );
    assert_eq!(advice(&same), ["unmount /run/netns/a"]);
    let shown = text::one(&same, 0, Style::default());
    let line = "    kernel NETLINK socket of network namespace 7 (mounted at /run/netns/a)\n";
    assert!(shown.contains(line), "{shown}");
    assert_eq!(shown.matches("kernel NETLINK").count(), 1, "{shown}");

    let other = all(8);
    assert!(
        other.sentence.starts_with(
            "pinned by 3 sockets, such as a kernel NETLINK socket of network namespace 7"
        ),
        "{}",
        other.sentence
    );
    let shown = text::one(&other, 0, Style::default());
    assert!(shown.contains("    2 kernel NETLINK socket"), "{shown}");
}

#[test]
fn advice_is_bounded_and_said_once() {
    let same = |pid| {
        file(
            ObjectKind::File,
            "tmpfs",
            "/dev/shm/x",
            700,
            vec![open(pid, "x", 3)],
        )
    };
    let pins = of(vec![pin(
        PinKind::PageShmem,
        (1_001..=1_003).map(same).collect(),
    )]);
    let removals = pins
        .advice
        .iter()
        .filter(|advice| advice.action == Action::RemoveFile);
    assert_eq!(
        (removals.count(), pins.advice.len()),
        (3, 6),
        "after each who has it open"
    );
    let pins = of(vec![pin(
        PinKind::PageShmem,
        vec![same(1_000), same(1_000)],
    )]);
    assert_eq!(pins.advice.len(), 2, "the same is said once");
    assert_eq!(pins.advice[0].frees.refs, 1_400);
    let many = |at| {
        file(
            ObjectKind::File,
            "tmpfs",
            &*format!("/dev/shm/{at}"),
            700,
            vec![],
        )
    };
    let pins = of(vec![pin(PinKind::PageShmem, (0..100).map(many).collect())]);
    assert_eq!(pins.advice.len(), 16);
}
