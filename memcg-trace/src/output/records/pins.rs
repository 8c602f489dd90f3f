//! Records of the pins of zombies.

use std::borrow::Cow;

use super::MemcgName;
use super::workloads::ContainedIn;
use crate::model::pins::words;
use crate::model::snapshot::{self, Action, Class, MemcgId, Source};
use crate::output::figures::{Name, Word, record};
use crate::sample::pins::{self as facts, Backing, Object, ObjectKind, PinKind, User, UserKind};
use crate::sample::sanitized;
use crate::units::PAGE_BYTES;

/// Maximum number of holders in a row; the others are counted.
const MAX_HOLDERS: usize = 64;

record! {
    /// The ledger of a zombie.
    pub struct Pins<'a> {
        /// The zombie.
        zombie: MemcgName<'a>,
        /// References to it, where they are exact.
        refs: Option<i64>,
        /// References that were not found.
        unexplained_refs: Option<i64>,
        /// References by kind.
        pins: Vec<Pin<'a>>,
        /// Kinds that could not be looked at.
        not_checked: Vec<NotChecked<'a>>,
        /// The verdict in one sentence.
        sentence: &'a str,
        /// What would free it.
        advice: Vec<Advice<'a>>,
        /// Whether only the cgroup is left.
        memcg_gone: bool,
    }
}

impl<'a> From<&'a snapshot::Pins> for Pins<'a> {
    fn from(pins: &'a snapshot::Pins) -> Self {
        let found = &pins.found;
        Self {
            zombie: MemcgName::of(Some(&pins.zombie)),
            refs: found.refs,
            unexplained_refs: pins.unexplained_refs,
            pins: found.pins.iter().map(|pin| Pin::of(pins, pin)).collect(),
            not_checked: found.not_checked.iter().map(NotChecked::from).collect(),
            sentence: &pins.sentence,
            advice: pins.advice.iter().map(Advice::from).collect(),
            memcg_gone: pins.is_cgroup,
        }
    }
}

record! {
    /// References of one kind.
    pub(in crate::output) struct Pin<'a> {
        /// Kind of the references.
        kind: Word<PinKind> => "KIND",
        /// Number of references.
        refs: u64 => "REFS",
        /// Pages that hold them.
        pages: Option<u64> => "PAGES",
        /// Bytes of those pages.
        bytes: Option<u64> => "BYTES",
        /// Where the figures come from.
        source: Word<Source>,
        /// Who holds them.
        holders: Vec<Holder<'a>>,
        /// Number of holders that are not listed.
        holders_omitted: u64,
        /// Set where a bound stopped the look after so many things.
        truncated_at: Option<u64>,
    }
}

impl<'a> Pin<'a> {
    fn of(pins: &'a snapshot::Pins, pin: &'a facts::Pin) -> Self {
        let holders = || {
            pin.objects
                .iter()
                .flat_map(|object| Holder::all_of(pins, object))
        };
        let in_lists = pin.objects.iter().map(|object| object.users.len().max(1));
        let in_lists = in_lists.sum::<usize>();
        let users_omitted = pin.objects.iter().map(|object| object.users_omitted);
        let omitted = users_omitted.fold(pin.objects_omitted, u64::saturating_add);
        Self {
            kind: Word(pin.kind),
            refs: pin.refs,
            pages: pin.pages,
            bytes: pin.pages.map(|pages| pages.saturating_mul(PAGE_BYTES)),
            source: Word(Source::Walk),
            holders: holders().take(MAX_HOLDERS).collect(),
            holders_omitted: omitted.saturating_add(in_lists.saturating_sub(MAX_HOLDERS) as u64),
            truncated_at: pin.truncated_at,
        }
    }
}

record! {
    /// An object that holds references, and one process that keeps it; all `null` where nobody
    /// does.
    struct Holder<'a> {
        /// Process id.
        pid: Option<u32>,
        /// Name of the task.
        comm: Name<'a>,
        /// File descriptor that it has of it.
        fd: Option<u32>,
        /// Path of the memory cgroup of the process.
        owner_path: Name<'a>,
        /// File system.
        fs: Name<'a>,
        /// Its device, `major:minor`.
        dev: Name<'a>,
        /// Inode number.
        ino: Option<u64>,
        /// Path of the object.
        path: Name<'a>,
        /// Inode number of the namespace.
        ns_ino: Option<u64>,
        /// Local end of a socket.
        local: Name<'a>,
        /// Remote end of a socket.
        remote: Name<'a>,
        /// Kind of the object.
        object: Word<ObjectKind>,
        /// References that it holds.
        refs: u64,
        /// Pages that it holds.
        pages: Option<u64>,
        /// Where the namespace is mounted.
        ns_mount: Name<'a>,
        /// How the process holds the object.
        how: Option<Word<UserKind>>,
        /// Name of what holds it that is no process.
        name: Name<'a>,
        /// State of the task, as in `ps`.
        state: Option<String>,
        /// Process id of its parent.
        parent_pid: Option<u32>,
        /// The CPU that keeps it.
        cpu: Option<u32>,
        /// References to the object, and how many of them were found.
        held: Option<Held<'a>>,
        /// References of this holder to the object.
        user_refs: Option<u64>,
        /// Names of the file's inode.
        links: Option<u64>,
        /// The process in whose mount namespace `path` is, where it is not in ours.
        path_of_pid: Option<u32>,
        /// Name of the device.
        dev_name: Name<'a>,
        /// The unit of the process.
        unit: Name<'a>,
        /// Where reclaim can move the file's pages: `storage`, `swap`, `memory` (nowhere) or
        /// `huge_pages`.
        backing: Option<Word<Backing>>,
        @part owner_in: ContainedIn<'a>,
    }
}

record! {
    /// References to an object, as the kernel counts them, and how many of them were found.
    struct Held<'a> {
        /// References to it by the kernel's count.
        refs: u64,
        /// Of those, found.
        found: u64,
        /// Ways to hold it that were not looked at.
        not_checked: Vec<Cow<'a, str>>,
    }
}

impl<'a> From<&'a facts::Held> for Held<'a> {
    fn from(held: &'a facts::Held) -> Self {
        Self {
            refs: held.refs,
            found: held.found,
            not_checked: held.not_checked.iter().map(|way| sanitized(way)).collect(),
        }
    }
}

impl<'a> Holder<'a> {
    /// One record for each process that keeps the object, or one record without a process.
    fn all_of(
        pins: &'a snapshot::Pins,
        object: &'a Object,
    ) -> impl Iterator<Item = Self> + use<'a> {
        let nobody = object.users.is_empty().then_some(None);
        let users = object.users.iter().map(Some);
        nobody
            .into_iter()
            .chain(users)
            .map(move |user| Self::of(pins, object, user))
    }

    fn of(pins: &'a snapshot::Pins, object: &'a Object, user: Option<&'a User>) -> Self {
        let has_path = |memcg: &&MemcgId| !memcg.path.is_empty();
        let owner = user
            .and_then(|user| pins.memcg(user.memcg_serial_nr))
            .filter(has_path);
        let below = pins.memcg(object.memcg_serial_nr).filter(has_path);
        let comm = Name::of(process(user).map(|user| &user.comm));
        let owner_path = Name::of(owner.map(|memcg| &memcg.path));
        let path = match words::path(object) {
            Some(path) => Name::made(&path),
            None => Name::of(below.map(|memcg| &memcg.path)),
        };
        let unit = user.and_then(|user| words::unit(pins, user));
        let unit = unit.as_ref().map_or_else(|| Name::of(None), Name::made);
        let dev_name = Name::of(object.dev_name.as_ref());
        let (fs, dev) = (Name::of(object.fs.as_ref()), Name::of(object.dev.as_ref()));
        let (local, remote) = (
            Name::of(object.local.as_ref()),
            Name::of(object.remote.as_ref()),
        );
        let ns_mount = Name::of(object.ns_mount.as_ref());
        let name = Name::of(user.and_then(|user| user.name.as_ref()));
        let parent = user.and_then(|user| user.parent.as_ref());
        Self {
            pid: process(user).map(|user| user.pid),
            comm,
            fd: user.and_then(|user| user.fd),
            owner_path,
            fs,
            dev,
            ino: object.ino,
            path,
            ns_ino: object.ns_ino,
            local,
            remote,
            object: Word(object.kind),
            refs: object.refs,
            pages: object.pages,
            ns_mount,
            how: user.map(|user| Word(user.kind)),
            name,
            state: user
                .and_then(|user| user.state)
                .map(|state| sanitized(&state.to_string()).into_owned()),
            parent_pid: parent.map(|(pid, _)| *pid),
            cpu: object.cpu,
            held: object.held.as_ref().map(Held::from),
            user_refs: user.and_then(|user| user.refs),
            links: object.links,
            path_of_pid: object.path_of_pid,
            dev_name,
            unit,
            backing: object.backing.map(Word),
            owner_in: ContainedIn::of(owner),
        }
    }
}

/// Adds the process that keeps the object.
fn process(user: Option<&User>) -> Option<&User> {
    user.filter(|user| user.pid != 0 || user.name.is_none())
}

record! {
    /// A kind of pin that could not be looked at.
    struct NotChecked<'a> {
        /// Kind of the references.
        kind: Word<PinKind>,
        /// Why it could not be looked at.
        reason: Cow<'a, str>,
    }
}

impl<'a> From<&'a facts::NotChecked> for NotChecked<'a> {
    fn from(open: &'a facts::NotChecked) -> Self {
        Self {
            kind: Word(open.kind),
            reason: sanitized(&open.reason),
        }
    }
}

record! {
    /// What would free it.
    struct Advice<'a> {
        /// The action to take.
        action: Word<Action>,
        /// The target of the action.
        target: Name<'a>,
        /// Why the action helps.
        why: &'a str,
        /// What all steps together cost.
        class: Word<Class>,
        /// Number of this step.
        step: usize,
        /// Number of steps.
        steps: usize,
        /// How much of it.
        amount_bytes: Option<u64>,
        /// What all steps together free.
        frees_refs: u64,
        /// References in all.
        of_refs: Option<u64>,
        /// Memory that it frees.
        frees_bytes: Option<u64>,
        /// Whether it may free less.
        frees_at_most: bool,
        /// What of the ledger it is about.
        cause: Cause<'a>,
    }
}

record! {
    /// The part of the ledger that a piece of advice is about.
    struct Cause<'a> {
        /// Kind of the references.
        kind: Word<PinKind>,
        /// What holds it.
        object: Option<&'a str>,
    }
}

impl<'a> From<&'a snapshot::Advice> for Advice<'a> {
    fn from(advice: &'a snapshot::Advice) -> Self {
        let target = Name::of(advice.target.as_ref());
        Self {
            action: Word(advice.action),
            target,
            why: &advice.why,
            class: Word(advice.class),
            step: advice.step,
            steps: advice.steps,
            amount_bytes: advice.amount_bytes,
            frees_refs: advice.frees.refs,
            of_refs: advice.frees.of_refs,
            frees_bytes: advice.frees.bytes,
            frees_at_most: advice.frees.at_most,
            cause: Cause {
                kind: Word(advice.cause.kind),
                object: advice.cause.object.as_deref(),
            },
        }
    }
}
