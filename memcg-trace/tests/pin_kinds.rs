//! Kinds of pins: the name of each in the verdict, and the advice that frees it.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;

use fixture::pins::{advice, file, mapped, object, one, open, unreaped, user};
use memcg_trace::sample::Text;
use memcg_trace::sample::pins::{Inodes, Object, ObjectKind, PinKind, User, UserKind};

fn of_netns(users: Vec<User>, mount: Option<&str>) -> Object {
    Object {
        fs: Some("NETLINK".into()),
        ns_ino: Some(4_026_532_281),
        ns_mount: mount.map(Text::from),
        ..object(ObjectKind::KernelSocket, 1, users)
    }
}

/// One object a case: the verdict on it, and the advice.
#[test]
fn every_kind_has_its_verdict_and_its_advice() {
    let tcp = Object {
        fs: Some("TCP".into()),
        local: Some("10.0.0.1:80".into()),
        remote: Some("10.0.0.2:40022".into()),
        ..object(ObjectKind::Socket, 1, vec![open(12, "nginx", 5)])
    };
    let unix = Object {
        fs: Some("UNIX".into()),
        path: Some("/run/bus".into()),
        ..object(ObjectKind::Socket, 1, vec![])
    };
    let moved = User {
        memcg_serial_nr: Some(3),
        ..mapped(55, "python")
    };
    let private = Object {
        pages: Some(300),
        ..object(ObjectKind::PrivateAnon, 300, vec![moved])
    };
    let shared = Object {
        pages: Some(64),
        ..object(ObjectKind::SharedAnon, 64, vec![mapped(9, "postgres")])
    };
    let namespace = Object {
        ns_ino: Some(4_026_532_300),
        ns_mount: Some("/run/cgns".into()),
        ..object(ObjectKind::CssSet, 1, vec![])
    };
    let exiting = User {
        state: Some('D'),
        ..user(UserKind::Member, 31, "dd")
    };
    let child = Object {
        memcg_serial_nr: Some(7),
        ..object(ObjectKind::Memcg, 1, vec![])
    };
    let swapped = Object {
        pages: Some(8_192),
        ..object(ObjectKind::SwapId, 1, vec![])
    };
    let device = Object {
        dev: Some("8:0".into()),
        inodes: Some(Inodes {
            dirty: 2,
            clean: 1,
            are_given_away: true,
        }),
        ..object(ObjectKind::Writeback, 1, vec![])
    };
    let stock = Object {
        cpu: Some(3),
        ..object(ObjectKind::Cpu, 1, vec![])
    };
    let segment = Object {
        ino: Some(5),
        ns_ino: Some(4_026_531_839),
        ..file(ObjectKind::SysvShm, "tmpfs", "SYSV00000000", 256, vec![])
    };
    let pipes = Object {
        pages: Some(16),
        ..object(ObjectKind::Unknown, 16, vec![])
    };
    let cases: Vec<(PinKind, Object, &str, &[&str])> = vec![
        (
            PinKind::PageShmem,
            file(
                ObjectKind::File,
                "tmpfs",
                "/dev/shm/cache.bin",
                6_400,
                vec![open(812, "redis", 7)],
            ),
            "pinned by 6,400 tmpfs pages of /dev/shm/cache.bin, held open by redis[812] fd 7",
            &["close_fd redis[812] fd 7", "remove_file /dev/shm/cache.bin"],
        ),
        (
            PinKind::PageShmem,
            file(ObjectKind::File, "tmpfs", "/dev/shm/x", 1, vec![]),
            "pinned by 1 tmpfs page of /dev/shm/x, which nobody has open",
            &["nothing"],
        ),
        (
            PinKind::PageShmem,
            file(
                ObjectKind::DeletedFile,
                "tmpfs",
                "/tmp/x",
                9,
                vec![mapped(4, "java")],
            ),
            "pinned by 9 tmpfs pages of deleted file /tmp/x, mapped by java[4]",
            &["restart_process java[4]"],
        ),
        (
            PinKind::PageShmem,
            file(
                ObjectKind::Memfd,
                "tmpfs",
                "memfd:wayland",
                9,
                vec![open(4, "sway", 31)],
            ),
            "pinned by 9 shmem pages of memfd wayland, held open by sway[4] fd 31",
            &["close_fd sway[4] fd 31"],
        ),
        (
            PinKind::PageShmem,
            segment,
            "pinned by 256 shmem pages of SysV segment 5, which nobody has attached",
            &["remove_segment 5"],
        ),
        (
            PinKind::PageFile,
            file(ObjectKind::File, "ext4", "/var/log/x", 1_000, vec![]),
            "pinned by 1,000 ext4 pages of /var/log/x",
            &["reclaim /sys/fs/cgroup/a/memory.reclaim"],
        ),
        (
            PinKind::PageFile,
            file(
                ObjectKind::File,
                "ext4",
                "/usr/lib/libc.so",
                10,
                vec![mapped(1, "init")],
            ),
            "pinned by 10 ext4 pages of /usr/lib/libc.so, mapped by init[1]",
            &["nothing"],
        ),
        (
            PinKind::PageAnon,
            private,
            "pinned by 300 anonymous pages, mapped by python[55], which is now in /b",
            &["restart_process python[55]"],
        ),
        (
            PinKind::PageAnonShared,
            shared,
            "pinned by 64 shared anonymous pages, mapped by postgres[9]",
            &["restart_process postgres[9]"],
        ),
        (
            PinKind::PageKmem,
            pipes,
            "pinned by 16 pages of the kernel",
            &["nothing"],
        ),
        (
            PinKind::Swap,
            swapped,
            "pinned by 8,192 pages in swap",
            &["swapoff"],
        ),
        (
            PinKind::SocketInet,
            tcp,
            "pinned by a TCP socket 10.0.0.1:80 to 10.0.0.2:40022, held open by nginx[12] fd 5",
            &["close_fd nginx[12] fd 5"],
        ),
        (
            PinKind::SocketUnix,
            unix,
            "pinned by a UNIX socket /run/bus, which nobody has open",
            &["nothing"],
        ),
        (
            PinKind::SocketOther,
            of_netns(vec![], Some("/run/netns/sandbox")),
            "pinned by a kernel NETLINK socket of network namespace 4026532281, kept by the mount \
             /run/netns/sandbox",
            &["unmount /run/netns/sandbox"],
        ),
        (
            PinKind::SocketOther,
            of_netns(
                vec![
                    user(UserKind::Namespace, 70, "pause"),
                    User {
                        fd: Some(4),
                        ..user(UserKind::NamespaceFd, 71, "cni")
                    },
                ],
                None,
            ),
            "pinned by a kernel NETLINK socket of network namespace 4026532281, with a process in \
             it: pause[70] and 1 more",
            &["end_process pause[70]", "close_fd cni[71] fd 4"],
        ),
        (
            PinKind::Fsnotify,
            object(ObjectKind::Inotify, 1, vec![open(33, "inotifywait", 3)]),
            "pinned by an inotify instance, held open by inotifywait[33] fd 3",
            &["close_fd inotifywait[33] fd 3"],
        ),
        (
            PinKind::CgroupNs,
            namespace,
            "pinned by the cgroup namespace 4026532300, kept by the mount /run/cgns",
            &["unmount /run/cgns"],
        ),
        (
            PinKind::Task,
            object(
                ObjectKind::CssSet,
                1,
                vec![unreaped(11, "make", (10, "sh")), exiting.clone()],
            ),
            "pinned by 2 tasks, such as the unreaped task make[11], whose parent sh[10] does not \
             reap it",
            &["reap sh[10]", "wait dd[31]"],
        ),
        (
            PinKind::Task,
            object(ObjectKind::CssSet, 1, vec![exiting]),
            "pinned by the exiting task dd[31]",
            &["wait dd[31]"],
        ),
        (
            PinKind::LruGenMm,
            object(ObjectKind::Mm, 1, vec![mapped(6, "qemu")]),
            "pinned by an address space, mapped by qemu[6]",
            &["restart_process qemu[6]"],
        ),
        (
            PinKind::Writeback,
            device,
            "pinned by the writeback to 8:0",
            &["sync 8:0"],
        ),
        (
            PinKind::Stock,
            stock,
            "pinned by the stock of CPU 3",
            &["wait"],
        ),
        (
            PinKind::ChildCss,
            child,
            "pinned by the child cgroup /a/dead",
            &["look_at_child css:7"],
        ),
        (
            PinKind::Other,
            object(ObjectKind::Unknown, 1, vec![]),
            "pinned by a reference of another kind that is not known",
            &["nothing"],
        ),
    ];
    for (kind, object, sentence, wanted) in cases {
        let pins = one(kind, object);
        assert_eq!(pins.sentence, sentence);
        assert_eq!(advice(&pins), wanted, "{sentence}");
        assert_eq!(pins.unexplained_refs, Some(0), "{sentence}");
        assert!(pins.advice.iter().all(|advice| !advice.why.is_empty()));
    }
}
