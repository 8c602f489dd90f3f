//! Files that the kernel itself holds: the verdict on them, and the order of the steps that release
//! them.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;

use fixture::pins::{ZOMBIE, advice, answer, ask, file, of, one, open, pin, pinned, rows, user};
use memcg_trace::sample::pins::{Object, ObjectKind, PinKind, Pins, User, UserKind};

/// 2 MiB.
const PAGES: u64 = 512;

fn of_kernel(kind: UserKind, name: &str) -> User {
    User {
        kind,
        name: Some(name.into()),
        ..User::default()
    }
}

fn held_by(user: User) -> Object {
    let path = "/dev/shm/disk.img";
    file(ObjectKind::File, "tmpfs", path, PAGES, vec![user])
}

/// The holder, the end of the sentence, and the steps.
fn cases() -> Vec<(User, &'static str, Vec<&'static str>)> {
    let mount = of_kernel(UserKind::Mount, "/mnt");
    let remove = "remove_file /dev/shm/disk.img";
    let elsewhere = User {
        ns_ino: Some(4_026_532_300),
        ..of_kernel(UserKind::Mount, "/proc/77/root/mnt")
    };
    let nowhere = User {
        ns_ino: Some(4_026_532_300),
        ..mount.clone()
    };
    let device = |held_by: Vec<User>| User {
        held_by,
        ..of_kernel(UserKind::Loop, "/dev/loop0")
    };
    let above = |name| User {
        held_by: vec![of_kernel(UserKind::Mount, "/srv")],
        ..of_kernel(UserKind::Device, name)
    };
    let ring = User {
        fd: Some(9),
        ..user(UserKind::Ring, 12, "qemu")
    };
    vec![
        (
            mount.clone(),
            "kept by mount /mnt",
            vec!["unmount /mnt", remove],
        ),
        (
            elsewhere,
            "kept by mount /proc/77/root/mnt",
            vec!["unmount /proc/77/root/mnt", remove],
        ),
        // A path of a namespace without tasks must not be taken for a path of ours.
        (
            nowhere,
            "kept by mount /mnt of mount namespace 4026532300",
            vec!["nothing"],
        ),
        (
            device(vec![mount, open(12, "qemu", 4)]),
            "the backing file of loop device /dev/loop0, mounted at /mnt and 1 more",
            vec![
                "unmount /mnt",
                "close_fd qemu[12] fd 4",
                "detach_loop /dev/loop0",
                remove,
            ],
        ),
        (
            device(vec![of_kernel(UserKind::Swap, "/dev/loop0")]),
            "the backing file of loop device /dev/loop0, which is swap",
            vec!["swapoff /dev/loop0", "detach_loop /dev/loop0", remove],
        ),
        (
            device(vec![above("/dev/mapper/data")]),
            "the backing file of loop device /dev/loop0, below device /dev/mapper/data, mounted at \
             /srv",
            vec![
                "unmount /srv",
                "remove_device /dev/mapper/data",
                "detach_loop /dev/loop0",
                remove,
            ],
        ),
        // How to end that one is not known.
        (
            device(vec![above("/dev/bcache0")]),
            "the backing file of loop device /dev/loop0, below device /dev/bcache0, mounted at /srv",
            vec!["nothing"],
        ),
        (
            device(vec![of_kernel(UserKind::Kernel, "1 user of /dev/loop0")]),
            "the backing file of loop device /dev/loop0, used by 1 user of /dev/loop0",
            vec!["nothing"],
        ),
        (
            of_kernel(UserKind::Kernel, "an overlay"),
            "held by an overlay",
            vec!["nothing"],
        ),
        (
            ring,
            "registered with io_uring by qemu[12] fd 9",
            vec!["restart_process qemu[12]", remove],
        ),
    ]
}

#[test]
fn each_holder_is_named_and_lets_go_first() {
    for (user, who, steps) in cases() {
        let pins = one(PinKind::PageShmem, held_by(user));
        let sentence = format!("pinned by 512 tmpfs pages of /dev/shm/disk.img, {who}");
        assert_eq!(pins.sentence, sentence);
        assert_eq!(advice(&pins), steps, "{who}");
    }
}

/// A device is in use as swap though nothing is in it yet.
#[test]
fn empty_swap_lets_go_too() {
    let by = vec![of_kernel(UserKind::Swap, "/dev/loop0")];
    let held = held_by(User {
        held_by: by,
        ..of_kernel(UserKind::Loop, "/dev/loop0")
    });
    let row = pin(PinKind::PageShmem, vec![held]);
    let answer = Pins {
        used_swap_bytes: Some(0),
        available_bytes: Some(1 << 30),
        ..answer(1, vec![pinned(ZOMBIE, 0, vec![row])])
    };
    let steps = advice(&ask(rows(), answer));
    assert_eq!(steps[..2], ["swapoff /dev/loop0", "detach_loop /dev/loop0"]);
}

/// Pages in swap share one reference; their owners are parts of it.
#[test]
fn pages_in_swap_are_those_of_a_file() {
    let id = Object {
        kind: ObjectKind::SwapId,
        refs: 1,
        pages: Some(600),
        ..Object::default()
    };
    let part = Object {
        refs: 0,
        ..held_by(open(148, "dbserver", 3))
    };
    let mut row = pin(PinKind::Swap, vec![id, part]);
    row.pages = Some(600);
    let pins = of(vec![row]);
    assert_eq!(
        pins.sentence,
        "pinned by 600 pages in swap, some of /dev/shm/disk.img, held open by dbserver[148] fd 3"
    );
    assert!(
        advice(&pins).contains(&"close_fd dbserver[148] fd 3".to_owned()),
        "{:?}",
        advice(&pins)
    );
}
