use super::{Redactor, cmdline};
use crate::sample::host_facts::{HostFacts, Setting};
use crate::sample::oom::{OomMemory, ShmemFile, ShmemFiles};
use crate::sample::pins::{Object, Pin, Pinned, Pins, User};
use crate::sample::reclaim::OomKill;
use crate::sample::waits::{Holder, Resource, Run, Task, TaskScan, Wait, Waits};
use crate::sample::{
    self, LockHold, LockHolder, LockWait, Locks, Memcg, MemcgWalk, ResourceKind, Sample, Shrinker,
    Slab, SlabCount, Text,
};

fn text(text: &str) -> Text {
    Text::from(text)
}

#[test]
fn a_name_has_the_same_word_everywhere() {
    let mut redactor = Redactor::default();
    assert_eq!(
        redactor.path(&text("/shop/db/shop")),
        text("/name-1/name-2/name-1")
    );
    assert_eq!(redactor.component(&text("db")), text("name-2"));
    assert_eq!(redactor.component(&text("")), text(""));
    assert_eq!(redactor.comm(&text("db")), text("comm-1"));
    assert_eq!(redactor.device(&text("8:1")), text("8:1"));
    assert_eq!(redactor.device(&text("vg-secret")), text("name-3"));
}

#[test]
fn names_of_the_kernel_stay() {
    let mut redactor = Redactor::default();
    let mut thread = |name: &str| redactor.thread(&text(name)).display().into_owned();
    for name in [
        "kworker/0:1H-events",
        "kworker/u8:2",
        "kswapd0",
        "rcu_tasks_kthre",
        "ksoftirqd/3",
    ] {
        assert_eq!(thread(name), name);
    }
    assert_eq!(thread("jbd2/vg-shop-8"), "jbd2/name-1");
    assert_eq!(thread("kworker/R-shop-wq"), "kworker/R-name-2");
    // That of a mount's server, of a disk, and one that only starts like the kernel's own.
    for (at, name) in ["10.0.0.5-manage", "drbd_w_shop", "kswapd-shop"]
        .iter()
        .enumerate()
    {
        assert_eq!(thread(name), format!("comm-{}", at + 1));
    }
    assert_eq!(
        redactor.workqueue(&text("xfs-conv/vg-shop")),
        text("xfs-conv/name-3")
    );
    assert_eq!(
        redactor.workqueue(&text("cgroup_destroy")),
        text("cgroup_destroy")
    );
    assert_eq!(redactor.workqueue(&text("wg-crypt-shop")), text("name-4"));
}

#[test]
fn an_owner_word_keeps_its_owner_and_its_flags() {
    let mut redactor = Redactor::default();
    let task = redactor.address(0xffff_8880_0012_3400);
    assert_eq!(redactor.address(0xffff_8880_0012_3403), task | 3);
    assert_ne!(redactor.address(0xffff_8880_0012_3440) & !7, task);
    assert_eq!([redactor.address(0), redactor.address(1)], [0, 1]);
    assert!(task < 0x1000, "{task:#x}");
}

#[test]
fn sentences_have_no_names_and_no_addresses() {
    let mut redactor = Redactor::default();
    redactor.comm(&text("Web Content"));
    let said =
        redactor.sentence("frozen by Web Content[7] and cp[8], /srv/a at 0xffff888000123440");
    assert_eq!(
        said,
        "frozen by comm-1[7] and comm-2[8], /name-1/name-2 at 0x10"
    );
    assert_eq!(redactor.symbol("pipe_write+0x2c8"), "pipe_write+0x2c8");
    assert_eq!(redactor.symbol("0xffffffffc0001234"), "0x24");
    assert_eq!(
        redactor.symbol("mutex 0xffff888000123440 in kmalloc-64+0x20"),
        "mutex 0x10 in kmalloc-64+0x20"
    );
    assert_eq!(redactor.sentence("(at:ffff888000123440)"), "(at:0x10)");
    assert_eq!(
        redactor.frozen("xfs on vg shop is frozen by My Shop[9]"),
        "xfs on name-3 is frozen by comm-3[9]"
    );
    assert_eq!(
        redactor.sentence("1 of 2 readers was not found"),
        "1 of 2 readers was not found"
    );
}

#[test]
fn the_command_line_keeps_what_is_no_name() {
    let line = text("BOOT_IMAGE=/vmlinuz root=/dev/vg-shop/root quiet isolcpus=2-3 psi=1 -- shop");
    assert_eq!(
        cmdline::without_names(&line),
        text("BOOT_IMAGE=(removed) root=(removed) quiet isolcpus=2-3 psi=1 -- (removed)")
    );
    let shown = |line: &str| {
        let line = cmdline::without_names(&text(line));
        line.display().into_owned()
    };
    // An argument of init, a value with spaces, and what only starts like an option of the kernel's.
    assert_eq!(shown("shop ro"), "(removed) ro");
    assert_eq!(
        shown("foo.dyndbg=\"file shop.c +p\" \"bar=a shop\" psi=1"),
        "foo.dyndbg=(removed) bar=(removed) psi=1"
    );
    assert_eq!(
        shown("membership=shop mem=4G"),
        "membership=(removed) mem=4G"
    );
    assert_eq!(shown("/shop=1"), "(removed)");
    let setting = |value: &str| cmdline::setting_without_names(&text(value));
    assert_eq!(setting("|/opt/shop/dump %p"), text("|(removed)"));
    assert_eq!(setting("core"), text("core"));
    assert_eq!(setting("0x0007"), text("0x0007"));
    assert_eq!(setting("shop-%p"), text("(removed)"));
    assert_eq!(setting("/var/shop/core"), text("(removed)"));
}

/// A sample whose names all have one word in them.
fn secret() -> Sample {
    let secret = || text("/secret/place");
    let name = || "by secret[3] at 0xffff888000777000".to_owned();
    let user = User {
        comm: text("secret"),
        name: Some(secret()),
        parent: Some((1, text("secret"))),
        held_by: vec![User {
            comm: text("secret"),
            ..User::default()
        }],
        ..User::default()
    };
    let object = Object {
        path: Some(secret()),
        dev: Some(text("secret")),
        dev_name: Some(secret()),
        ns_mount: Some(secret()),
        local: Some(text("secret:80")),
        remote: Some(text("secret:81")),
        users: vec![user],
        ..Object::default()
    };
    let pinned = Pinned {
        pins: vec![Pin {
            objects: vec![object],
            ..Pin::default()
        }],
        ..Pinned::default()
    };
    let counted = sample::Task {
        comm: text("secret"),
        ..sample::Task::default()
    };
    let task = Task {
        addr: 0xffff_8880_0077_7000,
        comm: text("secret"),
        run: Some(Run {
            throttled_by: Some(secret()),
            ..Run::default()
        }),
        ..Task::default()
    };
    let resource = Resource {
        kind: ResourceKind::Mutex,
        addr: 0xffff_8880_0077_8000,
        owner_word: Some(0xffff_8880_0077_7001),
        of: Some(secret()),
        kept_by: Some(name()),
        incomplete: Some(name()),
        holders: vec![Holder::default()],
        ..Resource::default()
    };
    Sample {
        host_facts: Some(HostFacts {
            cmdline: Some(text("root=secret")),
            settings: vec![Setting {
                name: "kernel.core_pattern".to_owned(),
                value: text("|/secret"),
            }],
            ..HostFacts::default()
        }),
        memcgs: Some(MemcgWalk {
            rows: vec![Memcg {
                name: text("secret"),
                ..Memcg::default()
            }],
            ..MemcgWalk::default()
        }),
        pins: Some(Pins {
            zombies: vec![pinned],
            all_pages_because: Some(name()),
            ..Pins::default()
        }),
        shrinkers: Some(vec![Shrinker {
            shrinker: 0xffff_ffff_8177_7000,
            name: Some("0xffff888000777000".to_owned()),
            ..Shrinker::default()
        }]),
        slab: Some(Slab {
            counts: vec![SlabCount {
                objcg: 0xffff_8880_0077_7000,
                cache: 0xffff_8880_0077_9000,
                ..SlabCount::default()
            }],
            ..Slab::default()
        }),
        locks: Some(Locks {
            waits: vec![LockWait {
                task: counted.clone(),
                owner: Some(counted.clone()),
                ..LockWait::default()
            }],
            holds: vec![LockHold {
                holders: vec![LockHolder {
                    task: counted,
                    ..LockHolder::default()
                }],
                ..LockHold::default()
            }],
            ..Locks::default()
        }),
        oom_kills: Some(vec![OomKill {
            comm: text("secret"),
            victim_comm: text("secret"),
            memory: Some(Box::new(OomMemory {
                files: Some(ShmemFiles {
                    files: vec![ShmemFile {
                        path: Some(secret()),
                        ..ShmemFile::default()
                    }],
                    not_checked: vec![name()],
                    ..ShmemFiles::default()
                }),
                ..OomMemory::default()
            })),
            ..OomKill::default()
        }]),
        waits: Some(Waits {
            looks: vec![TaskScan {
                tasks: vec![task],
                resources: vec![resource],
                waits: vec![Wait::default()],
                ..TaskScan::default()
            }],
            ..Waits::default()
        }),
        ..Sample::default()
    }
}

#[test]
fn nothing_of_a_name_is_left() {
    let before = serde_json::to_string(&secret()).unwrap();
    assert!(before.matches("secret").count() > 22, "{before}");
    let after = serde_json::to_string(&Redactor::default().sample(secret())).unwrap();
    assert!(!after.contains("secret"), "{after}");
    // 0xffff888000000000 in decimal begins so.
    assert!(!after.contains("184466"), "{after}");
    let waits = Redactor::default().sample(secret()).waits.unwrap();
    let look = &waits.looks[0];
    assert_eq!(look.resources[0].owner_word, Some(look.tasks[0].addr | 1));
}
