//! Actions that are never advised, whatever pins a zombie.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod any_object;
#[path = "../fixture/mod.rs"]
mod fixture;

use fixture::memcg;
use fixture::pins::{
    ZOMBIE, advice, answer, ask, file, mapped, object, one, open, pin, pinned, rows, unreaped, user,
};
use memcg_trace::model::snapshot::Class;
use memcg_trace::output::{pins as text, text::Style};
use memcg_trace::sample::Memcg;
use memcg_trace::sample::pins::{Held, Object, ObjectKind, PinKind, User, UserKind};

/// One MiB in pages: no data is destroyed for less.
const MIB_PAGES: u64 = 256;

/// A tmpfs file that nobody has open.
fn tmpfs(path: &str) -> Object {
    file(ObjectKind::File, "tmpfs", path, MIB_PAGES, vec![])
}

fn shmem(object: Object) -> Vec<String> {
    advice(&one(PinKind::PageShmem, object))
}

/// Whatever keeps the container, no file of it is removed, and the advice says so.
#[test]
fn what_must_not_be_removed_is_not() {
    let removed = shmem(tmpfs("/dev/shm/x"));
    assert_eq!(removed, ["remove_file /dev/shm/x"], "the twin that may be");
    let cases = [
        (
            "two names",
            Object {
                links: Some(2),
                ..tmpfs("/dev/shm/x")
            },
        ),
        (
            "names not known",
            Object {
                links: None,
                ..tmpfs("/dev/shm/x")
            },
        ),
        (
            "no name left",
            Object {
                links: Some(0),
                ..tmpfs("/dev/shm/x")
            },
        ),
        (
            "under 1 MiB",
            Object {
                pages: Some(MIB_PAGES - 1),
                ..tmpfs("/dev/shm/x")
            },
        ),
        (
            "holders not counted",
            Object {
                held: None,
                ..tmpfs("/dev/shm/x")
            },
        ),
        (
            "a holder not found",
            Object {
                held: Some(held(2, 1)),
                ..tmpfs("/dev/shm/x")
            },
        ),
        (
            "holders left out",
            Object {
                users_omitted: 1,
                ..tmpfs("/dev/shm/x")
            },
        ),
        (
            "no path",
            Object {
                path: None,
                ..tmpfs("")
            },
        ),
        ("a name alone", tmpfs("x")),
        (
            "container state",
            tmpfs("/tmp/podman-run-1000/crun/1/seccomp.bpf"),
        ),
        (
            "container state",
            tmpfs("/home/me/.local/share/containers/storage/x"),
        ),
        ("a run-time file", tmpfs("/run/crun/1/seccomp.bpf")),
        ("a system file", tmpfs("/etc/passwd")),
        ("a system file", tmpfs("/usr/lib/libc.so.6")),
        ("a system file", tmpfs("/var/lib/postgresql/base/1")),
        ("a system file", tmpfs("/var/run/x")),
        ("a device", tmpfs("/dev/x")),
        ("a roundabout path", tmpfs("/tmp/../etc/passwd")),
        ("a roundabout path", tmpfs("//etc/passwd")),
        ("open by PID 1", held_by(vec![open(1, "systemd", 9)])),
        (
            "mapped by a session manager",
            held_by(vec![mapped(700, "systemd")]),
        ),
        ("in a loop device", held_by(vec![loop_device()])),
    ];
    for (what, object) in cases {
        assert_eq!(shmem(object), ["nothing"], "{what}");
    }
    for fine in [
        "/tmp/x",
        "/var/tmp/x",
        "/dev/hugepages/x",
        "/data/runner/x",
        "/etcetera/x",
    ] {
        assert_eq!(shmem(tmpfs(fine)), [format!("remove_file {fine}")]);
    }
}

/// A mount keeps the file: the advice is to unmount it, and not to touch the file that is then at
/// the path.
#[test]
fn nothing_is_removed_from_below_a_mount_that_goes() {
    let mount = |path: &str| User {
        name: Some(path.into()),
        ..user(UserKind::Mount, 0, "")
    };
    assert_eq!(
        shmem(held_by(vec![mount("/tmp/target")])),
        ["unmount /tmp/target", "remove_file /dev/shm/x"]
    );
    assert_eq!(
        shmem(held_by(vec![mount("/dev/shm/x")])),
        ["unmount /dev/shm/x"]
    );
    assert_eq!(shmem(held_by(vec![mount("/")])), ["nothing"]);
    assert_eq!(shmem(held_by(vec![mount("/proc/7/root/")])), ["nothing"]);
    let nobodys = User {
        ns_ino: Some(5),
        ..mount("/tmp/target")
    };
    assert_eq!(
        shmem(held_by(vec![nobodys])),
        ["nothing"],
        "that path is another one here"
    );
    let theirs = User {
        ns_ino: Some(5),
        ..mount("/proc/7/root/tmp/target")
    };
    let shown = text::one(
        &one(PinKind::PageShmem, held_by(vec![theirs])),
        0,
        Style::default(),
    );
    assert!(
        shown.contains("  nsenter -t 7 -m umount /tmp/target\n"),
        "{shown}"
    );
}

/// A loop device is detached after its users are gone, and before its file is removed.
#[test]
fn a_file_under_a_loop_device_is_taken_from_it_first() {
    let of_loop = |held_by| User {
        kind: UserKind::Loop,
        held_by,
        ..loop_device()
    };
    let mount = User {
        name: Some("/tmp/m".into()),
        ..user(UserKind::Mount, 0, "")
    };
    assert_eq!(
        shmem(held_by(vec![of_loop(vec![mount])])),
        [
            "unmount /tmp/m",
            "detach_loop /dev/loop0",
            "remove_file /dev/shm/x"
        ]
    );
    let by_manager = of_loop(vec![open(1, "systemd", 4)]);
    assert_eq!(shmem(held_by(vec![by_manager])), ["nothing"]);
}

/// A holder that is no process.
fn loop_device() -> User {
    User {
        name: Some("/dev/loop0".into()),
        ..user(UserKind::Other, 0, "")
    }
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

#[test]
fn a_file_of_another_mount_namespace_is_its_owners() {
    let object = Object {
        path_of_pid: Some(77),
        ..tmpfs("/tmp/vol/cache.bin")
    };
    let pins = one(PinKind::PageShmem, object);
    assert_eq!(advice(&pins), ["ask_owner /proc/77/root/tmp/vol/cache.bin"]);
    assert_eq!(pins.advice[0].class, Class::DestroysData);
    let shown = text::one(&pins, 0, Style::default());
    assert!(!shown.contains("rm "), "{shown}");
    assert!(
        !shown.contains(" /tmp/vol"),
        "never as a path of ours: {shown}"
    );
    assert!(
        pins.sentence.contains("/proc/77/root/tmp/vol/cache.bin"),
        "{}",
        pins.sentence
    );

    let segment = Object {
        ino: Some(5),
        ns_ino: Some(4_026_532_000),
        path_of_pid: Some(77),
        ..file(
            ObjectKind::SysvShm,
            "tmpfs",
            "SYSV00000000",
            MIB_PAGES,
            vec![],
        )
    };
    assert_eq!(shmem(segment.clone()), ["ask_owner 5"]);
    let ours = Object {
        path_of_pid: None,
        ..segment.clone()
    };
    assert_eq!(shmem(ours), ["remove_segment 5"]);
    let unknown = Object {
        ns_ino: None,
        path_of_pid: None,
        ..segment
    };
    assert_eq!(
        shmem(unknown),
        ["nothing"],
        "an id means another one elsewhere"
    );
}

/// A process that must keep running is neither restarted nor asked to close or reap anything.
#[test]
fn managers_are_left_alone() {
    let tool = || answer(1, vec![]).by_pid.unwrap();
    let in_manager = User {
        memcg_serial_nr: Some(3),
        ..open(800, "helper", 3)
    };
    let rows = || -> Vec<Memcg> {
        let mut rows = rows();
        rows[2] = memcg(3, 1, "init.scope");
        rows
    };
    let users = [
        open(1, "anything", 3),
        mapped(1, "anything"),
        mapped(tool(), "renamed"),
        open(5, "memcg-trace", 3),
        open(5, "sshd-session", 3),
        mapped(5, "login"),
        user(UserKind::Namespace, 5, "systemd"),
        in_manager,
    ];
    for user in users {
        let what = user.clone();
        let rows_of = vec![pin(
            PinKind::PageShmem,
            vec![file(ObjectKind::Memfd, "tmpfs", "memfd:x", 9, vec![user])],
        )];
        let pins = ask(rows(), answer(1, vec![pinned(ZOMBIE, 0, rows_of)]));
        assert_eq!(advice(&pins), ["nothing"], "{what:?}");
        assert!(pins.advice[0].why.contains("must keep running"), "{what:?}");
    }
    // The program has its inherited descriptors until it ends.
    let own = vec![open(tool(), "renamed", 3)];
    let own = file(ObjectKind::Memfd, "tmpfs", "memfd:x", 9, own);
    assert_eq!(
        advice(&one(PinKind::PageShmem, own)),
        ["wait renamed[9999] fd 3"]
    );
    let orphan = object(
        ObjectKind::CssSet,
        1,
        vec![unreaped(11, "make", (1, "systemd"))],
    );
    assert_eq!(advice(&one(PinKind::Task, orphan)), ["nothing"]);
}
