//! Mount namespaces: each by a process in it, and the namespace of a mount.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::paths;
use crate::kernel::debugger::reader::{Reader, is_kernel_address};
use crate::kernel::layout::fields::Field;
use crate::sample::Text;

/// All mount namespaces with a process.
#[derive(Debug, Default)]
pub(crate) struct MountNamespaces {
    ours: Option<u64>,
    /// A process in each namespace: this one in ours, else the one with the lowest id.
    members: HashMap<u64, Member>,
}

/// A process that is in a mount namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) pid: u32,
    pub(crate) task: u64,
}

/// The place of a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// A path of ours, or `/proc/PID/root/…`; for a namespace without a process, a path within it.
    pub(crate) path: Text,
    /// Inode number of the namespace, if it is not ours.
    pub(crate) ns_ino: Option<u64>,
}

impl Place {
    /// The path, with its namespace if the path alone would be one of ours.
    pub(crate) fn named(self) -> Text {
        match self.ns_ino {
            Some(of) if !self.path.as_bytes().starts_with(b"/proc/") => {
                let shown = self.path.display();
                let shown = shown.trim_start_matches('/');
                Text::from(format!("{shown} in mount namespace {of}").as_str())
            }
            _ => self.path,
        }
    }
}

impl MountNamespaces {
    /// Reads the namespaces of these tasks.
    pub(crate) fn read(
        reader: &Reader<'_>,
        tasks: impl IntoIterator<Item = u64>,
    ) -> Result<Self, Unreadable> {
        let tasks: Vec<_> = tasks.into_iter().collect();
        let proxies = reader.column(&tasks, Field::TaskNsproxy)?;
        let proxies: Vec<_> = proxies.into_iter().map(Option::unwrap_or_default).collect();
        let namespaces = reader.column(&proxies, Field::NsproxyMnt)?;
        let pids = reader.column(&tasks, Field::TaskTgid)?;
        let own_pid = std::process::id();
        let mut all = Self::default();
        for ((namespace, pid), task) in namespaces.into_iter().zip(pids).zip(tasks) {
            let (Some(namespace), Some(pid)) = (namespace, pid) else {
                continue;
            };
            let Ok(pid) = u32::try_from(pid) else {
                continue;
            };
            let member = Member { pid, task };
            let order = |member: &Member| (member.pid != own_pid, member.pid);
            let best = all.members.entry(namespace).or_insert(member);
            if order(&member) < order(best) {
                *best = member;
            }
        }
        // In a pid namespace, this process has another id.
        let own_ino = std::fs::metadata("/proc/self/ns/mnt")
            .map(|own| own.ino())
            .ok();
        let mut namespaces = all.members.keys();
        all.ours = namespaces
            .find(|of| reader.word(**of, Field::MntNsInum).ok() == own_ino)
            .copied()
            .filter(|_| own_ino.is_some());
        Ok(all)
    }

    /// A process in our mount namespace.
    pub(crate) fn our_member(&self) -> Option<(u64, Member)> {
        let ours = self.ours?;
        self.members.get(&ours).map(|member| (ours, *member))
    }

    /// A process in a mount namespace that is not ours.
    pub(crate) fn member_of_other(&self, namespace: u64) -> Option<Member> {
        let member = self.members.get(&namespace).copied();
        member.filter(|_| self.ours != Some(namespace))
    }

    /// The place of a mount; `None` for a mount in no namespace: the kernel's own, or detached.
    pub(crate) fn place(&self, reader: &Reader<'_>, mount: u64) -> Option<Place> {
        let path = paths::of_mount(reader, mount)?;
        let namespace = reader.word(mount, Field::MountNs).ok()?;
        if self.ours == Some(namespace) {
            return Some(Place { path, ns_ino: None });
        }
        let ns_ino = is_kernel_address(namespace)
            .then(|| reader.word(namespace, Field::MntNsInum).ok())
            .flatten();
        let path = match self.members.get(&namespace) {
            Some(Member { pid, .. }) => inside_of(*pid, &path),
            None => path,
        };
        Some(Place { path, ns_ino })
    }
}

/// A path within the root of a process, as seen from here. Text that is no path is unchanged.
pub(crate) fn inside_of(pid: u32, path: &Text) -> Text {
    if path.as_bytes().starts_with(b"/") {
        Text::from([format!("/proc/{pid}/root").as_bytes(), path.as_bytes()].concat())
    } else {
        path.clone()
    }
}
