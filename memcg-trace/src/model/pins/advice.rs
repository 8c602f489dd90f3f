//! What would free a zombie, by what pins it. Advice only: nothing here is ever done.

use super::verdict::is_unreaped;
use super::words::{grouped, object as name, process, user_text};
use crate::model::snapshot::{Action, Advice, MemcgId, Pins};
use crate::sample::Text;
use crate::sample::pins::{Object, ObjectKind, Pin, PinKind, User, UserKind};

/// Pieces of advice for one zombie: who needs more has to ask again after the first.
const MAX_ADVICE: usize = 16;
/// Of the users of one object, so many are named.
const MAX_USERS: usize = 4;

/// What would free it, what helps most first.
pub(super) fn of(pins: &Pins) -> Vec<Advice> {
    let mut all: Vec<Advice> = Vec::new();
    let has_swap = pins.look.free_swap_bytes.is_some_and(|bytes| bytes > 0);
    let mut reclaim = reclaim(pins, has_swap);
    for pin in &pins.found.pins {
        if pages_to_reclaim(pin, has_swap) > 0 {
            all.extend(reclaim.take());
        }
        for object in &pin.objects {
            for advice in for_object(pins, pin.kind, object) {
                let is_said =
                    |one: &Advice| (one.action, &one.target) == (advice.action, &advice.target);
                if all.len() < MAX_ADVICE && !all.iter().any(is_said) {
                    all.push(advice);
                }
            }
        }
        if pin.objects.is_empty() {
            let advice = without_object(pin.kind);
            all.extend(advice.filter(|_| all.len() < MAX_ADVICE));
        }
    }
    all
}

fn advise(action: Action, target: impl Into<Option<Text>>, why: impl Into<String>) -> Advice {
    Advice {
        action,
        target: target.into(),
        why: why.into(),
    }
}

/// Reclaim at the nearest memcg that still has a directory: it walks dead ones below as well.
fn reclaim(pins: &Pins, has_swap: bool) -> Option<Advice> {
    let ancestor = pins.live_ancestor.as_deref()?;
    if pins.look.can_reclaim != Some(true) {
        return None;
    }
    let reclaimable = |pin: &Pin| pages_to_reclaim(pin, has_swap);
    let pages = pins.found.pins.iter().map(reclaimable);
    let pages = pages.fold(0, u64::saturating_add);
    (pages > 0).then(|| {
        advise(
            Action::Reclaim,
            reclaim_file(ancestor),
            format!(
                "{} of its pages can be reclaimed{}, with others below that memcg",
                grouped(pages),
                if has_swap {
                    " unless they are locked"
                } else {
                    ""
                }
            ),
        )
    })
}

fn reclaim_file(memcg: &MemcgId) -> Text {
    let path = match memcg.path.as_bytes() {
        b"/" => b"",
        path => path,
    };
    Text::from([b"/sys/fs/cgroup", path, b"/memory.reclaim"].concat())
}

/// Pages of a kind that reclaim would take. Pages of mapped files are used all the time, or
/// locked; without swap, memory that is in no file on a disk has nowhere to go.
fn pages_to_reclaim(pin: &Pin, has_swap: bool) -> u64 {
    let pages = pin.pages.unwrap_or(pin.refs);
    match pin.kind {
        PinKind::PageAnon if has_swap => pages,
        PinKind::PageFile => pages.saturating_sub(mapped_pages(pin)),
        PinKind::PageShmem | PinKind::PageAnonShared if has_swap => {
            pages.saturating_sub(mapped_pages(pin))
        }
        _ => 0,
    }
}

fn mapped_pages(pin: &Pin) -> u64 {
    let mapped = pin.objects.iter().filter(|object| is_mapped(object));
    mapped
        .map(|object| object.pages.unwrap_or(object.refs))
        .fold(0, u64::saturating_add)
}

fn is_mapped(object: &Object) -> bool {
    object
        .users
        .iter()
        .any(|user| user.kind == UserKind::Mapped)
}

fn without_object(kind: PinKind) -> Option<Advice> {
    match kind {
        PinKind::Swap => Some(swapoff()),
        PinKind::Stock => Some(advise(
            Action::Wait,
            None,
            "a CPU gives its stock back when it charges something else",
        )),
        PinKind::Writeback => Some(advise(
            Action::Sync,
            None,
            "it goes when what is dirty is written",
        )),
        _ => None,
    }
}

fn swapoff() -> Advice {
    advise(
        Action::Swapoff,
        None,
        "brings back what is in swap, which needs as much free memory; \
         or restart the processes whose memory it is",
    )
}

/// What would make one object let go.
fn for_object(pins: &Pins, kind: PinKind, object: &Object) -> Vec<Advice> {
    let mut advice = match object.kind {
        ObjectKind::File => file(pins, kind, object),
        ObjectKind::SysvShm => vec![advise(
            Action::RemoveSegment,
            object.ino.map(|id| Text::from(&*id.to_string())),
            match object.users.is_empty() {
                true => "its pages go at once",
                false => "its pages go when the last process detaches it",
            },
        )],
        ObjectKind::KernelSocket => unmount(object, "network"),
        ObjectKind::CssSet => {
            let mut advice = tasks(object);
            advice.extend(unmount(object, "cgroup"));
            advice
        }
        ObjectKind::Writeback => vec![advise(
            Action::Sync,
            object.dev.clone(),
            "it goes when what is dirty is written to that device",
        )],
        ObjectKind::Cpu => without_object(PinKind::Stock).into_iter().collect(),
        ObjectKind::SwapId => vec![swapoff()],
        ObjectKind::Memcg => vec![child(pins, object)],
        ObjectKind::Socket if object.users.is_empty() => vec![advise(
            Action::Wait,
            None,
            "a socket that no process has open is in flight, or the kernel still ends its \
             connection",
        )],
        _ => Vec::new(),
    };
    let keepers = object
        .users
        .iter()
        .filter(|user| !matches!(user.kind, UserKind::Member | UserKind::Kernel));
    advice.extend(
        keepers
            .take(MAX_USERS)
            .map(|user| keeper(pins, object, user)),
    );
    advice
}

/// A file that has a name.
fn file(pins: &Pins, kind: PinKind, object: &Object) -> Vec<Advice> {
    let path = object.path.clone().filter(|path| !path.is_empty());
    let pages = grouped(object.pages.unwrap_or(object.refs));
    let is_on_disk = kind == PinKind::PageFile;
    // Where reclaim takes them, that does no harm to the file.
    if is_on_disk && pins.look.can_reclaim == Some(true) && !is_mapped(object) {
        return Vec::new();
    }
    let (action, mut why) = if is_on_disk {
        (
            Action::DropFilePages,
            format!("drops its {pages} pages from memory, the file stays"),
        )
    } else {
        (Action::RemoveFile, format!("its {pages} pages go with it"))
    };
    if !object.users.is_empty() {
        why += match is_on_disk {
            true => ", once nobody maps them",
            false => ", once nobody has it open",
        };
    }
    // A name alone could be anywhere: the inode tells which file is meant.
    let is_whole = path
        .as_ref()
        .is_some_and(|path| path.as_bytes().starts_with(b"/"));
    if let (false, Some(ino)) = (is_whole, object.ino) {
        why += &format!("; it is inode {ino}");
        if let Some(dev) = &object.dev {
            why += &format!(" of device {}", dev.display());
        }
    }
    vec![advise(action, path, why)]
}

/// A namespace that a mount keeps.
fn unmount(object: &Object, of: &str) -> Vec<Advice> {
    let mount = object.ns_mount.clone();
    let namespace = object.ns_ino.map_or_else(
        || format!("a {of} namespace"),
        |ino| format!("{of} namespace {ino}"),
    );
    let why = format!("this mount keeps {namespace}");
    mount
        .map(|mount| advise(Action::Unmount, mount, why))
        .into_iter()
        .collect()
}

/// Tasks that are in a css_set: dead ones, since the cgroup is.
fn tasks(css_set: &Object) -> Vec<Advice> {
    let members = css_set
        .users
        .iter()
        .filter(|user| user.kind == UserKind::Member);
    members
        .take(MAX_USERS)
        .map(|user| {
            let task = user_text(user);
            match &user.parent {
                _ if !is_unreaped(user) => advise(
                    Action::Wait,
                    task,
                    match user.state {
                        Some('D') => {
                            "it is exiting, and sleeps in the kernel: see what it waits for"
                        }
                        _ => "it is exiting",
                    },
                ),
                Some((pid, comm)) => advise(
                    Action::Reap,
                    process(*pid, comm),
                    format!(
                        "it must wait for its child {}, which has ended",
                        task.display()
                    ),
                ),
                None => advise(
                    Action::Reap,
                    None,
                    format!(
                        "its parent must wait for {}, which has ended",
                        task.display()
                    ),
                ),
            }
        })
        .collect()
}

fn child(pins: &Pins, object: &Object) -> Advice {
    let id = pins.memcg(object.memcg_serial_nr);
    let target = id.map(|id| Text::from(&*format!("css:{}", id.css_id)));
    advise(
        Action::LookAtChild,
        target,
        format!("{} keeps its parent: free that one", name(pins, object)),
    )
}

/// A process that keeps an object otherwise than by being a member of it.
fn keeper(pins: &Pins, object: &Object, user: &User) -> Advice {
    let what = name(pins, object);
    let namespace = || {
        object.ns_ino.map_or_else(
            || "the namespace".to_owned(),
            |ino| format!("namespace {ino}"),
        )
    };
    match user.kind {
        UserKind::Open => advise(
            Action::CloseFd,
            user_text(user),
            format!("it has {what} open"),
        ),
        UserKind::Receives | UserKind::Accepts | UserKind::Peer => advise(
            Action::CloseFd,
            user_text(user),
            match user.kind {
                UserKind::Accepts => format!("{what} waits there to be accepted"),
                UserKind::Peer => format!("the other end of {what} is there"),
                _ => format!("{what} is in a message there, and was not received"),
            },
        ),
        UserKind::NamespaceFile => advise(
            Action::CloseFd,
            user_text(user),
            format!(
                "it has a cgroup file open that was opened in {}",
                namespace()
            ),
        ),
        UserKind::NamespaceFd => advise(
            Action::CloseFd,
            user_text(user),
            format!("it has {} open", namespace()),
        ),
        UserKind::Namespace => advise(
            Action::EndProcess,
            user_text(user),
            format!("it is in {}", namespace()),
        ),
        UserKind::Mapped => advise(
            Action::RestartProcess,
            user_text(user),
            match (object.kind, pins.memcg(user.memcg_serial_nr)) {
                (ObjectKind::PrivateAnon, Some(memcg)) if !memcg.path.is_empty() => format!(
                    "it is its memory, from before it moved to {}",
                    memcg.path.display()
                ),
                (ObjectKind::PrivateAnon, _) => "it is its memory".to_owned(),
                _ => format!("it maps {what}"),
            },
        ),
        UserKind::Member
        | UserKind::Runs
        | UserKind::WorksIn
        | UserKind::Kernel
        | UserKind::Other => advise(
            Action::RestartProcess,
            user_text(user),
            format!("it keeps {what}"),
        ),
    }
}
