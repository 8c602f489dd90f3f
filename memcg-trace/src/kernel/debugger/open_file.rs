//! One open file: the process that has it open, and the object behind it.

/// A file that a process has open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenFile {
    pub(crate) task: u64,
    pub(crate) fd: u32,
    pub(crate) file: u64,
    /// `struct sock`, `struct fsnotify_group`, the inode of a namespace, or another object as
    /// requested.
    pub(crate) object: u64,
}
