//! IPC namespaces of SysV segments: an id means another segment in any other namespace.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::tasks::Tasks;
use crate::kernel::debugger::xarray;
use crate::kernel::layout::fields::Field;
use crate::sample::pins::Object;

/// Nodes of one namespace's array of segments: 64 segments each.
const MAX_NODES: usize = 4096;
/// Index of the segments among an IPC namespace's kinds of ids (ipc/util.h: IPC_SHM_IDS).
const SEGMENTS: u64 = 2;
const KINDS: u64 = 3;

/// The IPC namespaces of some tasks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owners<'t> {
    tasks: &'t Tasks,
}

impl<'t> Owners<'t> {
    pub(super) fn new(tasks: &'t Tasks) -> Self {
        Self { tasks }
    }

    /// Adds to `object` the namespace of the segment with this inode, if the namespace is found.
    pub(super) fn describe(self, reader: &Reader<'_>, inode: u64, object: &mut Object) {
        let found = self.find(reader, inode);
        if let Ok(Some((ino, pid))) = found {
            let own = std::fs::metadata("/proc/self/ns/ipc").map(|own| own.ino());
            object.ns_ino = Some(ino);
            object.path_of_pid = (own.ok() != Some(ino)).then_some(pid);
        }
    }

    fn find(self, reader: &Reader<'_>, inode: u64) -> Result<Option<(u64, u32)>, Unreadable> {
        let tasks: Vec<_> = self.tasks.processes.iter().map(|one| one.task).collect();
        let proxies = reader.column(&tasks, Field::TaskNsproxy)?;
        let proxies: Vec<_> = proxies.into_iter().map(Option::unwrap_or_default).collect();
        let namespaces = reader.column(&proxies, Field::NsproxyIpc)?;
        let mut members: HashMap<u64, u64> = HashMap::new();
        for (namespace, task) in namespaces.into_iter().zip(tasks) {
            if let Some(namespace) = namespace {
                members.entry(namespace).or_insert(task);
            }
        }
        for (namespace, task) in members {
            if has_segment(reader, namespace, inode)? {
                let ino = reader.word(namespace, Field::IpcNsInum)?;
                let pid = reader.word(task, Field::TaskTgid)?;
                return Ok(Some((ino, u32::try_from(pid).unwrap_or(0))));
            }
        }
        Ok(None)
    }
}

/// Returns whether a namespace has a segment whose file has this inode.
fn has_segment(reader: &Reader<'_>, namespace: u64, inode: u64) -> Result<bool, Unreadable> {
    let ids = reader.place(Field::IpcNsIds)?;
    let of_segments = namespace + ids.offset + SEGMENTS * (ids.bytes / KINDS);
    let array = of_segments + reader.offset(Field::IpcIdsIdr)?;
    let mut segments = Vec::new();
    xarray::entries(reader, array, MAX_NODES, |entry| {
        segments.extend(entry.pointer());
    })?;
    let files = reader.column(&segments, Field::SegmentFile)?;
    let files: Vec<_> = files.into_iter().map(Option::unwrap_or_default).collect();
    let inodes = reader.column(&files, Field::FileInode)?;
    Ok(inodes.contains(&Some(inode)))
}
