//! The verdict on a zombie's pins in one line, for somebody who has just been woken up.

use std::collections::BTreeSet;

use super::words::{counted, grouped, nobody, not_found_text, object, user, user_of_unit};
use crate::model::snapshot::pins::sum;
use crate::model::snapshot::{Phase, Pins};
use crate::sample::pins::{Object, ObjectKind, Pin, PinKind, User, UserKind};

/// The number of kinds that are named after the one with the most references.
const NAMED_KINDS: usize = 3;

/// Returns the line.
pub(super) fn sentence(pins: &Pins) -> String {
    let found = &pins.found;
    if pins.phase == Some(Phase::Freeing) || found.refs == Some(0) {
        return "being freed: its last reference is gone".to_owned();
    }
    let is_dead = matches!(pins.phase, None | Some(Phase::Pinned));
    let mut text = match (not_dead_yet(pins.phase), found.pins.first()) {
        (Some(why), None) => why.to_owned(),
        (Some(why), Some(pin)) => format!("{why}; so far it is held by {}", phrase(pins, pin)),
        (None, Some(pin)) => format!("pinned by {}", phrase(pins, pin)),
        (None, None) => nothing(found.refs),
    };
    if let Some(others) = found.pins.get(1..).filter(|others| !others.is_empty()) {
        text += &more(others);
    }
    if found.refs.is_none() && is_dead {
        text += "; its references are not exact yet";
    }
    text += &open_questions(pins);
    if found.changed {
        text += " (it changed while it was looked at: ask again)";
    }
    text
}

/// Returns the reason why a memcg is not offline yet: then its holders do not matter.
fn not_dead_yet(phase: Option<Phase>) -> Option<&'static str> {
    match phase? {
        Phase::Populated => Some("not dead yet: tasks are still exiting in it"),
        Phase::KillPending => {
            Some("not dead yet: the kernel waits for every CPU to see that it was removed")
        }
        Phase::OfflineQueued => Some("not dead yet: it waits for its turn to be taken offline"),
        Phase::Pinned | Phase::Freeing => None,
    }
}

fn nothing(refs: Option<i64>) -> String {
    match refs {
        None => "nothing was found that pins it".to_owned(),
        Some(1) => "pinned by 1 reference, and nothing was found that holds it".to_owned(),
        Some(refs) => {
            format!("pinned by {refs} references, and nothing was found that holds them")
        }
    }
}

/// Returns the kinds after the first.
fn more(others: &[Pin]) -> String {
    let refs = sum(others);
    let noun = if refs == 1 { "reference" } else { "references" };
    let mut kinds: Vec<String> = others
        .iter()
        .take(NAMED_KINDS)
        .map(|pin| counted(pin.kind, pin.refs))
        .collect();
    let left_out = others.len().saturating_sub(NAMED_KINDS);
    if left_out > 0 {
        kinds.push(format!(
            "{left_out} more kind{}",
            if left_out == 1 { "" } else { "s" }
        ));
    }
    format!(", and {} more {noun}: {}", grouped(refs), listed(&kinds))
}

/// Joins words: `a`, `a and b`, `a, b and c`.
fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Returns the questions that the ledger leaves open.
fn open_questions(pins: &Pins) -> String {
    let found = &pins.found;
    let mut text = String::new();
    let is_cut = found.pins.iter().any(|pin| pin.truncated_at.is_some());
    if is_cut {
        text += "; counting stopped at a bound, there are more";
    } else if !found.pins.is_empty() {
        match pins.unexplained_refs {
            Some(1) => text += "; 1 reference is not explained",
            Some(refs) if refs > 1 => {
                text += &format!("; {} references are not explained", grouped_signed(refs));
            }
            Some(refs) if refs < 0 => {
                text += &format!(
                    "; that is {} more than it has references",
                    grouped(refs.unsigned_abs())
                );
            }
            Some(_) | None => {}
        }
    }
    let is_open = found.pins.is_empty() || pins.unexplained_refs.is_none_or(|refs| refs > 0);
    // The ledger names the other kinds.
    let kinds = found.not_checked.iter().map(|open| open.kind);
    let kinds: BTreeSet<PinKind> = kinds.filter(|kind| *kind != PinKind::Other).collect();
    match kinds.len() {
        0 => {}
        _ if !is_open => {}
        1 => text += "; 1 kind of pin could not be looked at",
        kinds => text += &format!("; {kinds} kinds of pins could not be looked at"),
    }
    text
}

fn grouped_signed(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    sign.to_owned() + &grouped(number.unsigned_abs())
}

/// Returns the references of one kind, with their first holder.
pub(in crate::model) fn phrase(pins: &Pins, pin: &Pin) -> String {
    let least = if pin.truncated_at.is_some() {
        "at least "
    } else {
        ""
    };
    let first = pin.objects.first();
    // Parts of an object have no reference of their own.
    let own = pin.objects.iter().filter(|object| object.refs > 0);
    let others = (own.count() as u64)
        .saturating_sub(1)
        .saturating_add(pin.objects_omitted);
    let what = match pin.kind {
        PinKind::Swap => in_swap(pins, pin, first),
        kind if is_pages(kind) => pages(pins, pin, first, others),
        _ if pin.refs > 1 && is_one_namespace(pin) => format!(
            "{} kernel sockets of network namespace {}",
            grouped(pin.refs),
            first.and_then(|first| first.ns_ino).unwrap_or_default()
        ),
        _ => match first {
            None => counted(pin.kind, pin.refs),
            Some(first) if others == 0 && pin.refs <= 1 => single(pins, pin.kind, first),
            // One object with several references.
            Some(first) if others == 0 => {
                format!(
                    "{}: {}",
                    counted(pin.kind, pin.refs),
                    single(pins, pin.kind, first)
                )
            }
            Some(first) => format!(
                "{}, such as {}",
                counted(pin.kind, pin.refs),
                single(pins, pin.kind, first)
            ),
        },
    };
    let first = whose_in_swap(pin).or(first);
    let who = first.map_or_else(String::new, |first| kept_by(pins, pin.kind, first));
    format!("{least}{what}{who}")
}

/// Returns the file or memory with the most pages in swap.
fn whose_in_swap(pin: &Pin) -> Option<&Object> {
    let is_part = |object: &&Object| object.kind != ObjectKind::SwapId;
    let mut parts = pin.objects.iter().filter(is_part);
    parts.next().filter(|_| pin.kind == PinKind::Swap)
}

fn in_swap(pins: &Pins, pin: &Pin, first: Option<&Object>) -> String {
    let pages = pin.pages.or_else(|| first.and_then(|object| object.pages));
    let text = match pages {
        Some(pages) => format!("{} in swap", numbered(pages, "page", "pages")),
        None => "pages in swap".to_owned(),
    };
    let Some(part) = whose_in_swap(pin) else {
        return text;
    };
    let how_many = if part.pages >= pages { "" } else { ", some" };
    format!("{text}{how_many} of {}", object(pins, part))
}

/// Returns whether all objects are sockets of the kernel in one network namespace.
fn is_one_namespace(pin: &Pin) -> bool {
    let namespace = pin.objects.first().and_then(|first| first.ns_ino);
    let is_there =
        |object: &Object| object.kind == ObjectKind::KernelSocket && object.ns_ino == namespace;
    namespace.is_some() && pin.objects_omitted == 0 && pin.objects.iter().all(is_there)
}

fn numbered(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

fn is_pages(kind: PinKind) -> bool {
    matches!(
        kind,
        PinKind::PageFile
            | PinKind::PageShmem
            | PinKind::PageAnon
            | PinKind::PageAnonShared
            | PinKind::PageKmem
            | PinKind::PageHugetlb
    )
}

/// Returns the words for pages: `6,400 tmpfs pages of /dev/shm/cache.bin and 2 more`.
fn pages(pins: &Pins, pin: &Pin, first: Option<&Object>, others: u64) -> String {
    let count = pin.pages.unwrap_or(pin.refs);
    let fs = first
        .filter(|first| matches!(first.kind, ObjectKind::File | ObjectKind::DeletedFile))
        .and_then(|first| first.fs.as_ref())
        .filter(|fs| !fs.is_empty());
    let mut text = match (pin.kind, fs) {
        (PinKind::PageFile | PinKind::PageShmem, Some(fs)) => {
            let noun = if count == 1 { "page" } else { "pages" };
            format!("{} {} {noun}", grouped(count), fs.display())
        }
        (PinKind::PageShmem, None) => numbered(count, "shmem page", "shmem pages"),
        (kind, _) => counted(kind, count),
    };
    let named = first.filter(|first| {
        !matches!(
            first.kind,
            ObjectKind::PrivateAnon | ObjectKind::SharedAnon | ObjectKind::Unknown
        )
    });
    if let Some(first) = named {
        text += &format!(" of {}", object(pins, first));
        if others > 0 {
            text += &format!(" and {} more", grouped(others));
        }
    }
    text
}

/// Returns the words for one object that is not pages.
fn single(pins: &Pins, kind: PinKind, first: &Object) -> String {
    match kind {
        PinKind::Task => tasks(first),
        PinKind::CssSet => "a css_set of which neither task nor namespace was found".to_owned(),
        PinKind::BpfMap if first.refs == 1 => format!("an entry of {}", object(pins, first)),
        _ => match first.kind {
            ObjectKind::Inotify | ObjectKind::Mm => format!("an {}", object(pins, first)),
            ObjectKind::Socket | ObjectKind::KernelSocket | ObjectKind::Fanotify => {
                format!("a {}", object(pins, first))
            }
            ObjectKind::Unknown => format!("a {} that is not known", noun(kind)),
            _ => format!("the {}", object(pins, first)),
        },
    }
}

fn noun(kind: PinKind) -> String {
    counted(kind, 1).trim_start_matches("1 ").to_owned()
}

/// Returns the words for the tasks of a css_set, which are one reference together.
fn tasks(css_set: &Object) -> String {
    let members = css_set
        .users
        .iter()
        .filter(|user| user.kind == UserKind::Member);
    let count = (members.clone().count() as u64).saturating_add(css_set.users_omitted);
    let Some(first) = members
        .clone()
        .find(|user| is_unreaped(user))
        .or_else(|| members.clone().next())
    else {
        return match css_set.held {
            // Older recordings do not list the tasks.
            None => "a css_set with tasks".to_owned(),
            Some(_) => "a css_set in which no task was found".to_owned(),
        };
    };
    let such = format!(
        "{} {}",
        if is_unreaped(first) {
            "unreaped task"
        } else {
            "exiting task"
        },
        user(first)
    );
    let parent = match &first.parent {
        Some((pid, comm)) if is_unreaped(first) => format!(
            ", whose parent {} does not reap it",
            super::words::process(*pid, comm).display()
        ),
        _ => String::new(),
    };
    match count {
        1 => format!("the {such}{parent}"),
        _ => format!("{} tasks, such as the {such}{parent}", grouped(count)),
    }
}

/// Returns whether a process is a zombie in the sense of `ps`: it has ended, and its parent has not
/// waited for it.
pub(super) fn is_unreaped(user: &User) -> bool {
    user.state == Some('Z')
}

/// Returns the users of an object, after a comma.
fn kept_by(pins: &Pins, kind: PinKind, first: &Object) -> String {
    let mut keepers = Vec::new();
    if let Some(mount) = &first.ns_mount {
        let mount = mount.display();
        keepers.push(match kind {
            // The tasks keep the css_set, too.
            PinKind::Task => format!("with a cgroup namespace that the mount {mount} keeps"),
            _ => format!("kept by the mount {mount}"),
        });
    }
    // The pin is the members of the css_set: they are no users beside it.
    let mut users = first
        .users
        .iter()
        .filter(|user| user.kind != UserKind::Member);
    if let Some(one) = users.next() {
        let how = match one.kind {
            UserKind::Open | UserKind::NamespaceFd => "held open by",
            UserKind::Mapped => "mapped by",
            UserKind::Namespace => "with a process in it:",
            UserKind::Watches => "watched by",
            UserKind::Receives => "in a message that was sent to",
            UserKind::Accepts => "to be accepted by",
            UserKind::Peer => "the other end of one that is held by",
            UserKind::NamespaceFile => "with a cgroup file opened in it, which is held by",
            UserKind::NamespaceSocket => "with a socket in it, which is held by",
            UserKind::FileSystem => "in a file system that is not mounted, and is kept by",
            UserKind::InPipe => "in the pipe of",
            UserKind::Runs => "run by",
            UserKind::WorksIn => "the working directory of",
            UserKind::Loop => "the backing file of",
            UserKind::Device => "below",
            UserKind::Mount => "kept by",
            UserKind::Swap => "in use as",
            UserKind::Ring => "registered with io_uring by",
            UserKind::Aio => "in asynchronous I/O of",
            UserKind::Member | UserKind::Kernel | UserKind::Other => "held by",
        };
        let more = (users.count() as u64).saturating_add(first.users_omitted);
        let now_in = match pins.memcg(one.memcg_serial_nr) {
            Some(memcg) if kind == PinKind::PageAnon && !memcg.path.is_empty() => {
                format!(", which is now in {}", memcg.shown())
            }
            _ => String::new(),
        };
        let who = match &*now_in {
            "" => user_of_unit(pins, one),
            _ => user(one),
        };
        keepers.push(match more {
            0 => format!("{how} {who}{now_in}"),
            _ => format!("{how} {who} and {} more{now_in}", grouped(more)),
        });
    }
    if keepers.is_empty()
        && let Some(has_it) = nobody(kind, first)
    {
        keepers.push(format!("which nobody has {has_it}"));
    }
    keepers.extend(not_found_text(first));
    if keepers.is_empty() {
        String::new()
    } else {
        format!(", {}", keepers.join(" and "))
    }
}
