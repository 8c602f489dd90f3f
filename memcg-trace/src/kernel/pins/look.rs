//! One look for holders: what each way looks at, and where it says whom it found.

use super::holders::{Holders, Kind, Thing};
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::open_files::Open;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::tasks::{self, Thread};
use crate::kernel::debugger::visible_paths::VisiblePaths;
use crate::kernel::layout::fields::Field;
use crate::sample::Text;
use crate::sample::pins::{User, UserKind};

/// What a way looks at, and where it says whom it found.
pub(super) struct Look<'a, 'm> {
    pub(super) reader: &'a Reader<'m>,
    pub(super) threads: &'a [Thread],
    pub(super) open: &'a Open,
    pub(super) holders: &'a mut Holders,
    pub(super) paths: &'a mut VisiblePaths,
    /// Objects of the kernel that were looked at.
    pub(super) visited: u64,
}

impl Look<'_, '_> {
    /// Whether the holders of a thing are wanted. A file's are if its inode's are.
    pub(super) fn wants(&mut self, thing: Thing) -> bool {
        self.holders.learn(self.reader, thing)
    }

    /// Which of many files are wanted.
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

    /// Says that `user` has so many references to a thing as its `refs` say, else one. Of several
    /// users of one reference, all but the first have 0.
    pub(super) fn hold(&mut self, thing: Thing, user: User) {
        if self.wants(thing) {
            self.holders.add(thing, user);
        }
    }

    /// Says that `refs` references to a thing are the kernel's own by its nature, and nobody's.
    pub(super) fn explain(&mut self, thing: Thing, refs: u64) {
        if self.wants(thing) {
            self.holders.found(thing, refs);
        }
    }

    /// Says that `user` has so many references to each of some folios.
    pub(super) fn hold_all(&mut self, folios: &[(Thing, u64)], user: &User) {
        self.holders.add_all(folios, user);
    }

    /// The folio that a page belongs to, by its number, if its holders are wanted.
    pub(super) fn folio(&self, pfn: u64) -> Option<Thing> {
        self.holders.folio(pfn)
    }

    /// The same, with how many references it is to pin one of its pages.
    pub(super) fn pinned_folio(&self, pfn: u64) -> Option<(Thing, u64)> {
        self.holders.pinned_folio(pfn)
    }

    /// A task as a holder; `None` if it exits.
    pub(super) fn task(&self, task: u64, kind: UserKind) -> Option<User> {
        tasks::user(self.reader, task, kind)
    }
}

/// Something of the kernel's own as a holder, by its name: `loop device /dev/loop0`.
pub(super) fn of_kernel(name: impl Into<Text>) -> User {
    User {
        kind: UserKind::Kernel,
        name: Some(name.into()),
        ..User::default()
    }
}
