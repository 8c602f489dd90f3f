//! Whose a mount is: ours, or one of another mount namespace, which a process in it shows.

use std::collections::HashMap;

use super::layout::fields::Field;
use super::memory::Unreadable;
use super::paths;
use super::reader::{Reader, is_kernel_address};
use crate::sample::Text;

/// All mount namespaces that a process is in.
#[derive(Debug, Default)]
pub(super) struct MountNamespaces {
    ours: Option<u64>,
    /// A process in each, the one with the lowest id.
    members: HashMap<u64, u32>,
}

/// Where something is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// A path of ours, or `/proc/PID/root/…`; in a namespace without a process, one of that.
    pub(super) path: Text,
    /// Inode number of the namespace, where it is not ours.
    pub(super) ns_ino: Option<u64>,
}

impl MountNamespaces {
    /// Those of some tasks.
    pub(super) fn read(
        reader: &Reader<'_>,
        tasks: impl IntoIterator<Item = u64>,
    ) -> Result<Self, Unreadable> {
        let tasks: Vec<_> = tasks.into_iter().collect();
        let proxies = reader.column(&tasks, Field::TaskNsproxy)?;
        let proxies: Vec<_> = proxies.into_iter().map(Option::unwrap_or_default).collect();
        let namespaces = reader.column(&proxies, Field::NsproxyMnt)?;
        let pids = reader.column(&tasks, Field::TaskTgid)?;
        let own = u64::from(std::process::id());
        let mut all = Self::default();
        for (namespace, pid) in namespaces.into_iter().zip(pids) {
            let (Some(namespace), Some(pid)) = (namespace, pid) else {
                continue;
            };
            if pid == own {
                all.ours = Some(namespace);
            }
            let Ok(pid) = u32::try_from(pid) else {
                continue;
            };
            let member = all.members.entry(namespace).or_insert(pid);
            *member = pid.min(*member);
        }
        Ok(all)
    }

    /// Where a mount is; `None` where it is in no namespace: the kernel's own, or detached.
    pub(super) fn place(&self, reader: &Reader<'_>, mount: u64) -> Option<Place> {
        let path = paths::of_mount(reader, mount)?;
        let namespace = reader.word(mount, Field::MountNs).ok()?;
        if self.ours == Some(namespace) {
            return Some(Place { path, ns_ino: None });
        }
        let ns_ino = is_kernel_address(namespace)
            .then(|| reader.word(namespace, Field::MntNsInum).ok())
            .flatten();
        let path = match self.members.get(&namespace) {
            Some(pid) => {
                Text::from([format!("/proc/{pid}/root").as_bytes(), path.as_bytes()].concat())
            }
            None => path,
        };
        Some(Place { path, ns_ino })
    }
}
