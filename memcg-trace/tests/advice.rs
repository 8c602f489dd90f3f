//! Advice on what frees a zombie: its order and its extent.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;

use fixture::pins::{
    ZOMBIE, advice, answer, ask, file, known, mapped, object, of, one, open, pin, pinned, rows,
};
use fixture::zombie;
use memcg_trace::model::snapshot::{Action, Class};
use memcg_trace::output::{pins as text, text::Style};
use memcg_trace::sample::Memcg;
use memcg_trace::sample::pins::{
    Backing, Held, Object, ObjectKind, Pin, PinKind, Pins as Answer, User,
};

/// One MiB in pages: no data is destroyed for less.
const MIB_PAGES: u64 = 256;

/// A tmpfs file that nobody has open.
fn tmpfs(path: &str) -> Object {
    file(ObjectKind::File, "tmpfs", path, MIB_PAGES, vec![])
}

fn held_by(users: Vec<User>) -> Object {
    file(ObjectKind::File, "tmpfs", "/dev/shm/x", MIB_PAGES, users)
}

fn held(refs: u64, found: u64) -> Held {
    Held {
        refs,
        found,
        ..Held::default()
    }
}

/// If all holders close the file and then it is removed, that frees it.
#[test]
fn steps_belong_together() {
    let users = vec![
        open(12, "a", 3),
        open(13, "b", 4),
        open(13, "b", 5),
        mapped(14, "c"),
    ];
    let pins = one(PinKind::PageShmem, held_by(users));
    assert_eq!(
        advice(&pins),
        [
            "close_fd a[12] fd 3",
            "restart_process b[13]",
            "restart_process c[14]",
            "remove_file /dev/shm/x"
        ]
    );
    for (number, step) in (1..).zip(&pins.advice) {
        assert_eq!((step.step, step.steps), (number, 4));
        assert_eq!(step.class, Class::DestroysData, "of all of them");
        assert_eq!(
            (step.frees.refs, step.frees.of_refs),
            (MIB_PAGES, Some(MIB_PAGES))
        );
        assert_eq!(step.frees.bytes, Some(1 << 20));
        assert!(!step.frees.at_most);
        assert_eq!(step.cause.kind, PinKind::PageShmem);
        assert_eq!(step.cause.object.as_deref(), Some("/dev/shm/x"));
    }
    let shown = text::one(&pins, 0, Style::default());
    let end = "  then rm /dev/shm/x\n      its 256 pages go with it\n      destroys data, frees 256 \
               of 256 references, 1.0 MiB\n";
    assert!(shown.ends_with(end), "{shown}");
}

/// A list of holders that may be incomplete promises nothing.
#[test]
fn a_bound_is_a_promise_only_where_the_count_closes() {
    let memfd = |held| Object {
        held,
        ..file(
            ObjectKind::Memfd,
            "tmpfs",
            "memfd:x",
            9,
            vec![open(5, "a", 3)],
        )
    };
    for (held, at_most) in [(Some(held(1, 1)), false), (None, true)] {
        let pins = one(PinKind::PageShmem, memfd(held));
        assert_eq!(advice(&pins), ["close_fd a[5] fd 3"]);
        assert_eq!(pins.advice[0].frees.at_most, at_most);
        let shown = text::one(&pins, 0, Style::default());
        assert_eq!(shown.contains("frees up to 9 of 9"), at_most, "{shown}");
    }
    // Another holder was not found: closing this one may free nothing.
    let pins = one(PinKind::PageShmem, memfd(Some(held(2, 1))));
    assert_eq!(advice(&pins), ["nothing"]);
}

#[test]
fn the_harmless_comes_first_and_then_what_frees_most() {
    let disk = file(ObjectKind::File, "ext4", "/srv/log", 5, vec![]);
    let pins = of(vec![
        pin(PinKind::PageShmem, vec![tmpfs("/dev/shm/x")]),
        pin(
            PinKind::Fsnotify,
            vec![object(ObjectKind::Inotify, 1, vec![open(3, "w", 4)])],
        ),
        pin(
            PinKind::SocketInet,
            vec![object(ObjectKind::Socket, 2, vec![open(3, "w", 9)])],
        ),
        pin(PinKind::PageFile, vec![disk]),
        pin(
            PinKind::PageKmem,
            vec![object(ObjectKind::Unknown, 9, vec![])],
        ),
    ]);
    assert_eq!(
        advice(&pins),
        [
            "reclaim /sys/fs/cgroup/a/memory.reclaim",
            "close_fd w[3] fd 9",
            "close_fd w[3] fd 4",
            "remove_file /dev/shm/x",
            "nothing"
        ]
    );
    let classes: Vec<Class> = pins.advice[..4].iter().map(|advice| advice.class).collect();
    assert!(classes.is_sorted(), "{classes:?}");
    let reclaim = &pins.advice[0];
    assert_eq!(
        (reclaim.frees.refs, reclaim.amount_bytes),
        (5, Some(5 * 4096))
    );
    assert!(
        reclaim.frees.at_most,
        "others below that memcg give pages as well"
    );
    let shown = text::one(&pins, 0, Style::default());
    assert!(
        shown.contains("  echo 1M > /sys/fs/cgroup/a/memory.reclaim\n"),
        "{shown}"
    );
}

/// Reclaim is not advised for pages that it would leave in place.
#[test]
fn reclaim_takes_what_the_kernel_lets_go() {
    let swap = |kind, object, free_swap_bytes| {
        let pins = vec![pin(kind, vec![object])];
        ask(
            rows(),
            Answer {
                free_swap_bytes: Some(free_swap_bytes),
                ..answer(1, vec![pinned(ZOMBIE, 0, pins)])
            },
        )
    };
    let refs = |kind, object, free| {
        let pins = swap(kind, object, free);
        let reclaim = pins.advice.iter().find(|one| one.action == Action::Reclaim);
        reclaim.map(|one| one.frees.refs)
    };
    let much = 1 << 30;
    let disk = || file(ObjectKind::File, "ext4", "/x", 9, vec![]);
    assert_eq!(refs(PinKind::PageFile, disk(), 0), Some(9));
    let partly = Object {
        unevictable_refs: Some(4),
        ..disk()
    };
    assert_eq!(refs(PinKind::PageFile, partly, 0), Some(5));
    let locked = Object {
        unevictable_refs: Some(9),
        ..disk()
    };
    assert_eq!(refs(PinKind::PageFile, locked, 0), None);
    let mapped = Object {
        users: vec![mapped(5, "a")],
        ..disk()
    };
    assert_eq!(refs(PinKind::PageFile, mapped, 0), None);
    for fs in ["ramfs", "secretmem", "hugetlbfs"] {
        let object = Object {
            fs: Some(fs.into()),
            ..disk()
        };
        assert_eq!(refs(PinKind::PageFile, object, much), None, "{fs}");
    }
    // What the kernel's own marks say counts, and not the name of the file system.
    for (backing, expected) in [
        (Backing::Storage, Some(9)),
        (Backing::Swap, None),
        (Backing::Memory, None),
        (Backing::HugePages, None),
    ] {
        for fs in ["new", "ramfs", "ext4"] {
            let object = Object {
                fs: Some(fs.into()),
                backing: Some(backing),
                ..disk()
            };
            assert_eq!(refs(PinKind::PageFile, object, much), expected, "{fs}");
        }
    }
    let memory = || tmpfs("/dev/shm/x");
    assert_eq!(refs(PinKind::PageShmem, memory(), 0), None, "no swap");
    assert_eq!(refs(PinKind::PageShmem, memory(), much), Some(MIB_PAGES));
    assert_eq!(
        refs(PinKind::PageShmem, memory(), 100 * 4096),
        Some(100),
        "no room for more"
    );
    let alone = Object {
        pages: Some(1),
        ..file(ObjectKind::Memfd, "tmpfs", "memfd:x", 1, vec![])
    };
    assert_eq!(refs(PinKind::PageShmem, alone, much), Some(1));
    assert_eq!(refs(PinKind::PageHugetlb, memory(), much), None);
    assert_eq!(refs(PinKind::PageKmem, memory(), much), None);
}

/// A file that only memory has is removed, one that no path leads to is not, and the pages of one
/// with storage are dropped: whatever its file system is called.
#[test]
fn what_frees_a_file_follows_its_backing() {
    let actions = |backing, is_mountable| {
        let object = Object {
            fs: Some("new".into()),
            backing: Some(backing),
            is_mountable: Some(is_mountable),
            ..tmpfs("/srv/x")
        };
        let pins = vec![pin(PinKind::PageFile, vec![object])];
        let pins = ask(rows(), answer(1, vec![pinned(ZOMBIE, 0, pins)]));
        let actions = pins.advice.iter().map(|one| one.action);
        actions.collect::<Vec<_>>()
    };
    assert_eq!(actions(Backing::Storage, true), [Action::Reclaim]);
    for backing in [Backing::Swap, Backing::Memory, Backing::HugePages] {
        assert_eq!(actions(backing, true), [Action::RemoveFile], "{backing:?}");
        assert_eq!(actions(backing, false), [Action::Nothing], "{backing:?}");
    }
}

/// Swapoff needs free memory for the pages that come back, and a swap device to switch off.
#[test]
fn swapoff_needs_room() {
    let swapped = |used_swap_bytes, available_bytes| {
        let object = Object {
            pages: Some(50),
            ..object(ObjectKind::SwapId, 1, vec![])
        };
        let rows_of = vec![pin(PinKind::Swap, vec![object])];
        advice(&ask(
            rows(),
            Answer {
                used_swap_bytes,
                available_bytes,
                ..answer(1, vec![pinned(ZOMBIE, 0, rows_of)])
            },
        ))
    };
    assert_eq!(swapped(Some(100), Some(101)), ["swapoff"]);
    for (used, available) in [
        (Some(100), Some(100)),
        (Some(0), Some(100)),
        (None, Some(100)),
        (Some(100), None),
    ] {
        assert_eq!(
            swapped(used, available),
            ["nothing"],
            "{used:?} {available:?}"
        );
    }
}

/// All pages in swap share one reference: the owner of the pages releases all of them.
#[test]
fn what_is_in_swap_goes_with_its_owners() {
    let swapped_by = |users, found, part: Object| {
        let id = Object {
            pages: Some(MIB_PAGES),
            held: Some(held(MIB_PAGES, found)),
            ..object(ObjectKind::SwapId, 1, users)
        };
        let part = Object { refs: 0, ..part };
        let row = Pin {
            kind: PinKind::Swap,
            refs: 1,
            pages: Some(MIB_PAGES),
            objects: vec![id, part],
            ..Pin::default()
        };
        of(vec![row])
    };
    let swapped = |found, part| swapped_by(vec![], found, part);
    let pins = swapped(MIB_PAGES, held_by(vec![open(12, "db", 3)]));
    assert_eq!(
        advice(&pins),
        ["swapoff", "close_fd db[12] fd 3", "remove_file /dev/shm/x"]
    );
    assert_eq!(
        (pins.advice[2].frees.refs, pins.advice[2].frees.at_most),
        (1, false)
    );
    let partly = swapped(MIB_PAGES - 1, held_by(vec![]));
    assert_eq!(advice(&partly), ["swapoff", "remove_file /dev/shm/x"]);
    assert!(
        partly.advice[1].frees.at_most,
        "a page in swap is somebody else's"
    );
    let protected = swapped(MIB_PAGES, held_by(vec![open(1, "init", 3)]));
    assert_eq!(advice(&protected), ["swapoff"]);

    // Memory of a process and a file are in swap by one reference, so both have to go.
    let file = held_by(vec![open(12, "db", 3)]);
    let both = swapped_by(vec![mapped(13, "app")], MIB_PAGES, file.clone());
    assert_eq!(
        advice(&both),
        [
            "swapoff",
            "restart_process app[13]",
            "close_fd db[12] fd 3",
            "remove_file /dev/shm/x"
        ]
    );
    assert_eq!(both.advice[3].frees.refs, 1);
    let same = swapped_by(vec![open(12, "db", 3)], MIB_PAGES, file);
    assert_eq!(
        advice(&same),
        ["swapoff", "close_fd db[12] fd 3", "remove_file /dev/shm/x"]
    );
    assert_eq!(same.advice[2].frees.refs, 1, "one reference, not two");
}

/// Every object is mentioned in the advice or in its caveats.
#[test]
fn there_is_always_an_answer() {
    assert_eq!(advice(&known(pinned(ZOMBIE, 3, vec![]))), ["nothing"]);
    let gone = advice(&known(pinned(ZOMBIE, 0, vec![])));
    assert_eq!(
        gone,
        ["wait"],
        "its last reference is gone: that ends by itself"
    );
    let mut many: Vec<User> = (1_000..1_010).map(|pid| mapped(pid, "worker")).collect();
    many.sort_by_key(|user| user.pid);
    let shared = object(ObjectKind::SharedAnon, 9, many);
    let pins = one(PinKind::PageAnonShared, shared.clone());
    assert_eq!(advice(&pins), ["nothing"]);
    let why = "it goes when all 10 who hold it let go";
    assert_eq!(pins.advice[0].why, why);
    let shown = text::one(&pins, 0, Style::default());
    assert!(
        shown.contains("nothing sensible can be done about shared anonymous memory"),
        "{shown}"
    );
    let second = Object {
        ino: Some(10),
        ..shared.clone()
    };
    let twice = of(vec![pin(PinKind::PageAnonShared, vec![shared, second])]).advice;
    let [once] = &twice[..] else {
        panic!("{twice:?}")
    };
    assert_eq!(
        once.why,
        format!("{why}; the same holds for 1 other object")
    );
    let row = Pin {
        kind: PinKind::PageKmem,
        refs: 5,
        ..Pin::default()
    };
    assert_eq!(advice(&of(vec![row])), ["nothing"]);
    let not_dead = ask(
        {
            let mut rows = rows();
            rows[4] = Memcg {
                confirmed: false,
                refs: None,
                ..zombie(ZOMBIE, 7, "z", 0)
            };
            rows
        },
        answer(1, vec![pinned(ZOMBIE, 0, vec![])]),
    );
    assert_eq!(not_dead.advice.len(), 1);
}
