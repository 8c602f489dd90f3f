//! Advice on objects of any kind, which proptest generates.

use memcg_trace::model::snapshot::{Action, Class};
use memcg_trace::sample::Text;
use memcg_trace::sample::pins::{Object, ObjectKind, PinKind, User, UserKind};
use proptest::prelude::*;

use crate::MIB_PAGES;
use crate::fixture::pins::{file, of, pin, user};

fn any_path() -> impl Strategy<Value = String> {
    let top = prop::sample::select(vec![
        "",
        "/",
        "/run",
        "/etc",
        "/usr",
        "/var/lib",
        "/var",
        "/dev",
        "/dev/shm",
        "/tmp",
        "/var/tmp",
        "/srv",
        "/proc/7/root",
        "/home/me/.local/share/containers",
        "/tmp/containers-user-0",
        "/tmp/..",
        "/bin",
        "/opt",
    ]);
    (top, "[a-z./]{0,6}").prop_map(|(top, rest)| format!("{top}/{rest}"))
}

fn any_user() -> impl Strategy<Value = User> {
    let kinds = prop::sample::select(vec![
        UserKind::Open,
        UserKind::Mapped,
        UserKind::Member,
        UserKind::Namespace,
        UserKind::NamespaceFd,
        UserKind::Other,
    ]);
    let comms = prop::sample::select(vec!["systemd", "sshd", "memcg-trace", "redis", "", "login"]);
    (kinds, 0_u32..4, comms, prop::option::of(0_u32..5)).prop_map(|(kind, pid, comm, fd)| User {
        fd,
        ..user(kind, pid, comm)
    })
}

fn any_object() -> impl Strategy<Value = Object> {
    let kinds = prop::sample::select(vec![
        ObjectKind::File,
        ObjectKind::DeletedFile,
        ObjectKind::Memfd,
        ObjectKind::SysvShm,
        ObjectKind::SharedAnon,
        ObjectKind::PrivateAnon,
        ObjectKind::Socket,
        ObjectKind::KernelSocket,
        ObjectKind::CssSet,
        ObjectKind::SwapId,
        ObjectKind::Mm,
        ObjectKind::Unknown,
    ]);
    let fs = prop::sample::select(vec!["tmpfs", "ext4", "ramfs", "hugetlbfs", "secretmem"]);
    let held = prop::option::of((0_u64..4, 0_u64..4));
    (
        (kinds, fs, any_path(), 0_u64..1_000, held),
        (
            prop::option::of(0_u64..4),
            prop::option::of(1_u32..9),
            prop::collection::vec(any_user(), 0..4),
            0_u64..2,
            prop::option::of(1_u64..3),
        ),
    )
        .prop_map(
            |((kind, fs, path, pages, held), (links, path_of_pid, users, omitted, ns_ino))| {
                Object {
                    links,
                    path_of_pid,
                    held: held.map(|(refs, found)| crate::held(refs, found)),
                    users_omitted: omitted,
                    ns_ino,
                    ..file(kind, fs, path.as_str(), pages, users)
                }
            },
        )
}

fn any_kind() -> impl Strategy<Value = PinKind> {
    prop::sample::select(vec![
        PinKind::PageFile,
        PinKind::PageShmem,
        PinKind::PageAnon,
        PinKind::PageAnonShared,
        PinKind::PageHugetlb,
        PinKind::PageKmem,
        PinKind::Swap,
        PinKind::SocketUnix,
        PinKind::Task,
        PinKind::LruGenMm,
    ])
}

/// A second implementation of the rule, so that one mistake is not in both.
fn may_be_removed(object: &Object, path: &Text) -> bool {
    let path = path.display();
    let names: Vec<&str> = path.split('/').skip(1).collect();
    let is_plain = path.starts_with('/') && names.iter().all(|n| !matches!(*n, "" | "." | ".."));
    let is_anybodys = matches!(names.as_slice(), ["tmp" | "srv" | "home", ..])
        || path.starts_with("/dev/shm/")
        || path.starts_with("/var/tmp/")
        || !matches!(
            names.first(),
            Some(&("run" | "etc" | "usr" | "var" | "dev" | "bin" | "opt" | "proc"))
        );
    let is_engines = names
        .iter()
        .any(|n| *n == "containers" || n.starts_with("containers-user-"));
    let closes = object
        .held
        .as_ref()
        .is_some_and(|held| held.refs == held.found);
    object.links == Some(1)
        && object.path_of_pid.is_none()
        && is_plain
        && is_anybodys
        && !is_engines
        && closes
        && object.users_omitted == 0
        && object.pages >= Some(MIB_PAGES)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_object_is_destroyed_that_must_not_be(
        kind in any_kind(), objects in prop::collection::vec(any_object(), 1..4),
    ) {
        let pins = of(vec![pin(kind, objects.clone())]);
        prop_assert!(!pins.advice.is_empty(), "silence");
        for advice in &pins.advice {
            let target = advice.target.clone().unwrap_or_default();
            let shown = target.display().into_owned();
            if advice.action == Action::RemoveFile {
                let of_it = |object: &&Object| object.path.as_ref() == Some(&target);
                let all: Vec<_> = objects.iter().filter(of_it).collect();
                prop_assert!(all.iter().any(|object| may_be_removed(object, &target)), "{all:?}");
            }
            let ends = [
                Action::CloseFd, Action::RestartProcess, Action::EndProcess, Action::Reap,
            ];
            if ends.contains(&advice.action) {
                for never in ["[1]", "[0]", "systemd[", "sshd[", "memcg-trace[", "login["] {
                    prop_assert!(!shown.contains(never), "{shown}");
                }
            }
            let total = u64::try_from(pins.found.refs.unwrap()).unwrap();
            prop_assert!(advice.frees.refs <= total, "{advice:?}");
            prop_assert!(advice.class >= advice.action.class());
        }
        let classes: Vec<Class> = pins
            .advice
            .iter()
            .filter(|advice| advice.action != Action::Nothing)
            .map(|advice| advice.class)
            .collect();
        prop_assert!(classes.is_sorted(), "{classes:?}");
    }
}
