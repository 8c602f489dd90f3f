//! One search for holders: the input of each way, and the sink for the holders that it finds.

use super::holders::{Holders, Kind, Thing};
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::open_files::Open;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::tasks::{self, Thread};
use crate::kernel::debugger::visible_paths::VisiblePaths;
use crate::kernel::layout::fields::Field;
use crate::sample::Text;
use crate::sample::pins::{User, UserKind};

/// The input of a way, and the sink for the holders that it finds.
pub(super) struct HolderSearch<'a, 'm> {
    pub(super) reader: &'a Reader<'m>,
    pub(super) threads: &'a [Thread],
    pub(super) open: &'a Open,
    pub(super) holders: &'a mut Holders,
    pub(super) paths: &'a mut VisiblePaths,
    /// Number of kernel objects that were looked at.
    pub(super) visited: u64,
}

impl HolderSearch<'_, '_> {
    /// Returns whether the holders of a thing are wanted. Those of a file are if its inode's are.
    pub(super) fn wants(&mut self, thing: Thing) -> bool {
        self.holders.learn(self.reader, thing)
    }

    /// Returns for each of many files whether its holders are wanted.
    pub(super) fn wants_files(&mut self, files: &[u64]) -> Result<Vec<bool>, Unreadable> {
        self.visited += files.len() as u64;
        let inodes = self.reader.column(files, Field::FileInode)?;
        let mut wanted = Vec::with_capacity(files.len());
        for (file, inode) in files.iter().zip(inodes) {
            let is_of_one = inode.is_some_and(|inode| self.holders.is_known(Kind::Inode.at(inode)));
            let file = Kind::File.at(*file);
            wanted.push(self.holders.is_known(file) || is_of_one && self.wants(file));
        }
        Ok(wanted)
    }

    /// Adds `user` as a holder of a thing, with `user.refs` references or else one. Of several
    /// users of one reference, all but the first have 0.
    pub(super) fn hold(&mut self, thing: Thing, user: User) {
        if self.wants(thing) {
            self.holders.add(thing, user);
        }
    }

    /// Adds `refs` references to a thing that the kernel itself has by design, without a user.
    pub(super) fn explain(&mut self, thing: Thing, refs: u64) {
        if self.wants(thing) {
            self.holders.found(thing, refs);
        }
    }

    /// Adds `user` as a holder of some folios, with a number of references to each.
    pub(super) fn hold_all(&mut self, folios: &[(Thing, u64)], user: &User) {
        self.holders.add_all(folios, user);
    }

    /// The folio that contains the page with this number, if its holders are wanted.
    pub(super) fn folio(&self, pfn: u64) -> Option<Thing> {
        self.holders.folio(pfn)
    }

    /// As `folio()`, with the number of references that a pin of one of its pages counts.
    pub(super) fn pinned_folio(&self, pfn: u64) -> Option<(Thing, u64)> {
        self.holders.pinned_folio(pfn)
    }

    /// A task as a holder; `None` if the task exits.
    pub(super) fn task(&self, task: u64, kind: UserKind) -> Option<User> {
        tasks::user(self.reader, task, kind)
    }
}

/// A part of the kernel as a holder, by its name: `loop device /dev/loop0`.
pub(super) fn of_kernel(name: impl Into<Text>) -> User {
    User {
        kind: UserKind::Kernel,
        name: Some(name.into()),
        ..User::default()
    }
}
