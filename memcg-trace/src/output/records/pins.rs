//! Records of who pins a zombie.

use std::borrow::Cow;

use serde::Serialize;

use super::{MemcgName, Name};
use crate::model::pins::words;
use crate::model::snapshot::{self, MemcgId};
use crate::sample::pins::{self as facts, Object, ObjectKind, User, UserKind};
use crate::sample::tame;

/// Holders of one row; the rest is counted.
const MAX_HOLDERS: usize = 64;
/// Bytes of a page, as pages are counted.
pub(in crate::output) const PAGE_BYTES: u64 = 4096;

/// The ledger of a zombie.
#[derive(Debug, Serialize)]
pub struct Pins<'a> {
    zombie: MemcgName<'a>,
    refs: Option<i64>,
    unexplained_refs: Option<i64>,
    pins: Vec<Pin<'a>>,
    not_checked: Vec<NotChecked<'a>>,
    sentence: &'a str,
    advice: Vec<Advice<'a>>,
    memcg_gone: bool,
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

/// References of one kind.
#[derive(Debug, Serialize)]
struct Pin<'a> {
    kind: &'static str,
    refs: u64,
    pages: Option<u64>,
    bytes: Option<u64>,
    source: &'static str,
    holders: Vec<Holder<'a>>,
    holders_omitted: u64,
    truncated_at: Option<u64>,
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
            kind: words::kind(pin.kind),
            refs: pin.refs,
            pages: pin.pages,
            bytes: pin.pages.map(|pages| pages.saturating_mul(PAGE_BYTES)),
            source: "walk",
            holders: holders().take(MAX_HOLDERS).collect(),
            holders_omitted: omitted.saturating_add(in_lists.saturating_sub(MAX_HOLDERS) as u64),
            truncated_at: pin.truncated_at,
        }
    }
}

/// An object that holds references, and one process that keeps it; all `null` where nobody
/// does.
#[derive(Debug, Default, Serialize)]
struct Holder<'a> {
    pid: Option<u32>,
    comm: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comm_hex: Option<String>,
    fd: Option<u32>,
    owner_path: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_path_hex: Option<String>,
    fs: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fs_hex: Option<String>,
    dev: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dev_hex: Option<String>,
    ino: Option<u64>,
    path: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    ns_ino: Option<u64>,
    local: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_hex: Option<String>,
    remote: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_hex: Option<String>,
    object: ObjectKind,
    refs: u64,
    pages: Option<u64>,
    ns_mount: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ns_mount_hex: Option<String>,
    how: Option<UserKind>,
    name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_hex: Option<String>,
    state: Option<String>,
    parent_pid: Option<u32>,
    cpu: Option<u32>,
    held: Option<Held<'a>>,
    user_refs: Option<u64>,
    /// Names of the file's inode.
    links: Option<u64>,
    /// The process in whose mount namespace `path` is, where it is not in ours.
    path_of_pid: Option<u32>,
    dev_name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dev_name_hex: Option<String>,
    /// The unit of the process.
    unit: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit_hex: Option<String>,
}

/// References to an object, as the kernel counts them, and how many of them were found.
#[derive(Debug, Serialize)]
struct Held<'a> {
    refs: u64,
    found: u64,
    not_checked: Vec<Cow<'a, str>>,
}

impl<'a> From<&'a facts::Held> for Held<'a> {
    fn from(held: &'a facts::Held) -> Self {
        Self {
            refs: held.refs,
            found: held.found,
            not_checked: held.not_checked.iter().map(|way| tame(way)).collect(),
        }
    }
}

impl<'a> Holder<'a> {
    /// One for each process, or one without.
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
            comm: comm.text,
            comm_hex: comm.hex,
            fd: user.and_then(|user| user.fd),
            owner_path: owner_path.text,
            owner_path_hex: owner_path.hex,
            fs: fs.text,
            fs_hex: fs.hex,
            dev: dev.text,
            dev_hex: dev.hex,
            ino: object.ino,
            path: path.text,
            path_hex: path.hex,
            ns_ino: object.ns_ino,
            local: local.text,
            local_hex: local.hex,
            remote: remote.text,
            remote_hex: remote.hex,
            object: object.kind,
            refs: object.refs,
            pages: object.pages,
            ns_mount: ns_mount.text,
            ns_mount_hex: ns_mount.hex,
            how: user.map(|user| user.kind),
            name: name.text,
            name_hex: name.hex,
            state: user
                .and_then(|user| user.state)
                .map(|state| tame(&state.to_string()).into_owned()),
            parent_pid: parent.map(|(pid, _)| *pid),
            cpu: object.cpu,
            held: object.held.as_ref().map(Held::from),
            user_refs: user.and_then(|user| user.refs),
            links: object.links,
            path_of_pid: object.path_of_pid,
            dev_name: dev_name.text,
            dev_name_hex: dev_name.hex,
            unit: unit.text,
            unit_hex: unit.hex,
        }
    }
}

/// A holder that is a process.
fn process(user: Option<&User>) -> Option<&User> {
    user.filter(|user| user.pid != 0 || user.name.is_none())
}

/// A kind of pin that could not be looked at.
#[derive(Debug, Serialize)]
struct NotChecked<'a> {
    kind: &'static str,
    reason: Cow<'a, str>,
}

impl<'a> From<&'a facts::NotChecked> for NotChecked<'a> {
    fn from(open: &'a facts::NotChecked) -> Self {
        Self {
            kind: words::kind(open.kind),
            reason: tame(&open.reason),
        }
    }
}

/// What would free it.
#[derive(Debug, Serialize)]
struct Advice<'a> {
    action: &'static str,
    target: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_hex: Option<String>,
    why: &'a str,
    /// What all steps together cost.
    class: &'static str,
    step: usize,
    steps: usize,
    amount_bytes: Option<u64>,
    /// What all steps together free.
    frees_refs: u64,
    of_refs: Option<u64>,
    frees_bytes: Option<u64>,
    frees_at_most: bool,
    cause: Cause<'a>,
}

/// What of the ledger a piece of advice is about.
#[derive(Debug, Serialize)]
struct Cause<'a> {
    kind: &'static str,
    object: Option<&'a str>,
}

impl<'a> From<&'a snapshot::Advice> for Advice<'a> {
    fn from(advice: &'a snapshot::Advice) -> Self {
        let target = Name::of(advice.target.as_ref());
        Self {
            action: advice.action.as_str(),
            target: target.text,
            target_hex: target.hex,
            why: &advice.why,
            class: advice.class.as_str(),
            step: advice.step,
            steps: advice.steps,
            amount_bytes: advice.amount_bytes,
            frees_refs: advice.frees.refs,
            of_refs: advice.frees.of_refs,
            frees_bytes: advice.frees.bytes,
            frees_at_most: advice.frees.at_most,
            cause: Cause {
                kind: words::kind(advice.cause.kind),
                object: advice.cause.object.as_deref(),
            },
        }
    }
}
