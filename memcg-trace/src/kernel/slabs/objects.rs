//! States of dentries and inodes, with their file system and directory.
//!
//! A slab says nothing about its objects, and a free one keeps most of its old contents. A dentry
//! that was freed is marked dead (fs/dcache.c: __dentry_kill(), lockref_mark_dead()), and an inode
//! has `I_CLEAR` (fs/inode.c: clear_inode()). An inode is somewhere within an object of its file
//! system; the pointer from its own page cache back to it gives its place (fs/inode.c:
//! inode_init_always()), so that the code need not know the file system.

use crate::kernel::host::symbols::Symbol;
use std::collections::{BTreeMap, HashSet};

use super::page::Slab;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::{Reader, is_kernel_address};
use crate::kernel::debugger::superblocks;
use crate::kernel::layout::fields::Field;
use crate::kernel::layout::inodes::Inodes;
use crate::sample::slab_inside::States;

const PAGE_BYTES: u64 = 4096;
const WORD: usize = 8;

/// The type of a cache's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Dentry,
    /// Inodes, with the bytes before the inode in its object.
    Inode(usize),
}

/// The state of an object: see [`States`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    InUse,
    Unused,
    Negative,
    Dirty,
    Dying,
}

impl State {
    pub(super) fn count(self, states: &mut States) {
        let count = match self {
            Self::InUse => &mut states.in_use,
            Self::Unused => &mut states.unused,
            Self::Negative => &mut states.negative,
            Self::Dirty => &mut states.dirty,
            Self::Dying => &mut states.dying,
        };
        *count += 1;
    }

    /// Returns whether the object can be freed at once.
    pub(super) fn is_idle(self) -> bool {
        matches!(self, Self::Unused | Self::Negative)
    }
}

/// A dentry or an inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) state: State,
    pub(super) superblock: u64,
    /// The dentry of its directory; 0 if it is in none.
    pub(super) parent: u64,
}

/// Offsets of the fields.
#[derive(Clone, Copy, Debug)]
struct Places {
    count: usize,
    superblock: usize,
    parent: usize,
    inode: usize,
    inode_superblock: usize,
    inode_state: usize,
    inode_count: usize,
    aliases: usize,
    /// `inode.i_data.host`.
    host: usize,
}

/// The reader of objects.
#[derive(Debug)]
pub(super) struct Objects {
    places: Places,
    marks: Inodes,
    superblocks: HashSet<u64>,
    page_offset: u64,
    slab: Vec<u8>,
}

impl Objects {
    pub(super) fn new(reader: &Reader<'_>) -> Result<Self, Unreadable> {
        let place = |field| {
            let offset = reader.offset(field)?;
            usize::try_from(offset).map_err(|_| Unreadable::Fault(offset))
        };
        let marks = reader.resolved.inodes;
        if marks.clear == 0 {
            let why = "inode.i_state: unsupported layout";
            return Err(Unreadable::Absent(why.to_owned()));
        }
        Ok(Self {
            places: Places {
                count: place(Field::DentryCount)?,
                superblock: place(Field::DentrySb)?,
                parent: place(Field::DentryParent)?,
                inode: place(Field::DentryInode)?,
                inode_superblock: place(Field::InodeSb)?,
                inode_state: place(Field::InodeState)?,
                inode_count: place(Field::InodeCount)?,
                aliases: place(Field::InodeAliases)?,
                host: place(Field::InodeData)? + place(Field::MappingHost)?,
            },
            marks,
            superblocks: superblocks::all(reader)?.into_iter().collect(),
            page_offset: reader.word_at(reader.symbol(Symbol::PageOffsetBase)?)?,
            slab: Vec::new(),
        })
    }

    /// Reads a slab into our memory, and returns the slab's address.
    pub(super) fn read(&mut self, reader: &Reader<'_>, slab: &Slab) -> Result<u64, Unreadable> {
        let address = self.page_offset.wrapping_add(slab.pfn * PAGE_BYTES);
        self.slab.resize(
            usize::try_from(slab.pages * PAGE_BYTES)
                .unwrap_or(0)
                .min(1 << 20),
            0,
        );
        reader.memory.read(address, &mut self.slab)?;
        Ok(address)
    }

    /// The offset of the inode in objects of `size` bytes, by the objects of the slab that was
    /// read, which start at `begins`; `is_charged` has whether each is charged to a memcg.
    pub(super) fn find_inode(
        &self,
        address: u64,
        begins: impl Iterator<Item = usize>,
        size: usize,
        is_charged: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let offsets = |begin: usize| {
            let into = (0..size).step_by(WORD);
            into.filter(move |into| self.is_inode(address, begin + into))
        };
        let objects = begins.enumerate();
        let objects = objects.map(|(at, begin)| (is_charged(at), offsets(begin)));
        common_offset(objects)
    }

    /// Returns whether there is an inode at an offset of the slab.
    fn is_inode(&self, address: u64, at: usize) -> bool {
        self.word(at + self.places.host) == address.wrapping_add(at as u64)
            && is_kernel_address(self.word(at + self.places.inode_superblock))
    }

    /// The objects of the slab that was read, which start at `begins`; `None` for a free object.
    pub(super) fn look(
        &self,
        reader: &Reader<'_>,
        kind: Kind,
        address: u64,
        begins: impl Iterator<Item = usize>,
    ) -> Result<Vec<Option<Object>>, Unreadable> {
        match kind {
            Kind::Dentry => Ok(begins.map(|at| self.dentry(address, at)).collect()),
            Kind::Inode(into) => {
                let inodes: Vec<_> = begins.map(|at| self.inode(address, at + into)).collect();
                self.with_names(reader, inodes)
            }
        }
    }

    fn dentry(&self, address: u64, at: usize) -> Option<Object> {
        let places = &self.places;
        let superblock = self.word(at + places.superblock);
        let parent = self.word(at + places.parent);
        if !self.superblocks.contains(&superblock) || !is_kernel_address(parent) {
            return None;
        }
        let state = match (self.count(at + places.count), self.word(at + places.inode)) {
            (..0, _) => State::Dying,
            (1.., _) => State::InUse,
            (0, 0) => State::Negative,
            (0, _) => State::Unused,
        };
        // The root of a tree is its own parent; so are pipes and sockets.
        let is_root = parent == address.wrapping_add(at as u64);
        Some(Object {
            state,
            superblock,
            parent: if is_root { 0 } else { parent },
        })
    }

    /// An inode, and the address of its first alias.
    fn inode(&self, address: u64, at: usize) -> Option<(Object, i32, u64)> {
        let superblock = self.word(at + self.places.inode_superblock);
        if !self.is_inode(address, at) || !self.superblocks.contains(&superblock) {
            return None;
        }
        let flags = self.word(at + self.places.inode_state);
        let count = self.count(at + self.places.inode_count);
        let state = if flags & self.marks.clear != 0 {
            State::Dying
        } else if flags & self.marks.dirty != 0 {
            State::Dirty
        } else {
            State::Unused
        };
        let object = Object {
            state,
            superblock,
            parent: 0,
        };
        Some((object, count, self.word(at + self.places.aliases)))
    }

    /// Sets the states that depend on other objects. A dentry has a reference to its inode, and
    /// is in a directory. An inode with only that reference is in use if the dentry is.
    fn with_names(
        &self,
        reader: &Reader<'_>,
        inodes: Vec<Option<(Object, i32, u64)>>,
    ) -> Result<Vec<Option<Object>>, Unreadable> {
        let to_dentry = reader.offset(Field::DentryAlias)?;
        let named = inodes.iter().flatten().map(|(_, _, alias)| *alias);
        let dentries: Vec<_> = named
            .filter(|alias| is_kernel_address(*alias))
            .map(|alias| alias.wrapping_sub(to_dentry))
            .collect();
        let parents = reader.column(&dentries, Field::DentryParent)?;
        let counts = reader.column(&dentries, Field::DentryCount)?;
        let mut names = dentries.iter().zip(parents).zip(counts);
        let look = |(mut object, count, alias): (Object, i32, u64)| {
            let name = is_kernel_address(alias).then(|| names.next()).flatten();
            let mut by_names = 0;
            if let Some(((dentry, parent), users)) = name {
                object.parent = parent.filter(|parent| parent != dentry).unwrap_or(0);
                // The kernel's type is int.
                by_names = i32::from(users.is_some_and(|users| users as u32 == 0));
            }
            if object.state != State::Dying && count > by_names {
                object.state = State::InUse;
            }
            object
        };
        let mut look = look;
        Ok(inodes.into_iter().map(|one| one.map(&mut look)).collect())
    }

    fn word(&self, at: usize) -> u64 {
        let word = self.slab.get(at..).and_then(|rest| rest.first_chunk());
        word.map_or(0, |word| u64::from_ne_bytes(*word))
    }

    fn count(&self, at: usize) -> i32 {
        let half = self.slab.get(at..).and_then(|rest| rest.first_chunk());
        half.map_or(0, |half| i32::from_ne_bytes(*half))
    }
}

/// The offset that is an inode's in most objects of a slab. A page keeps what it had when it was a
/// slab of another file system's inodes, until its objects are used: an object that was not has
/// an inode at a wrong offset. Charged objects are used; without them it takes two that agree.
fn common_offset<I: Iterator<Item = usize>>(
    objects: impl Iterator<Item = (bool, I)>,
) -> Option<usize> {
    let (mut charged, mut votes) = (0, BTreeMap::<usize, (usize, usize)>::new());
    for (is_charged, offsets) in objects {
        charged += usize::from(is_charged);
        for offset in offsets {
            let (of_charged, of_all) = votes.entry(offset).or_default();
            *of_charged += usize::from(is_charged);
            *of_all += 1;
        }
    }
    let (offset, (of_charged, of_all)) = votes.into_iter().max_by_key(|(_, votes)| *votes)?;
    let is_common = match charged {
        0 => of_all > 1,
        _ => of_charged * 2 > charged,
    };
    is_common.then_some(offset)
}

#[cfg(test)]
mod tests {
    use super::common_offset;

    fn offset(objects: &[(bool, &[usize])]) -> Option<usize> {
        let objects = objects.iter();
        common_offset(objects.map(|(charged, offsets)| (*charged, offsets.iter().copied())))
    }

    #[test]
    fn an_inode_of_a_slab_that_was_another_cache_s_is_not_believed() {
        let stale: (bool, &[usize]) = (false, &[64]);
        let used: (bool, &[usize]) = (true, &[432]);
        assert_eq!(offset(&[stale, used]), Some(432));
        assert_eq!(offset(&[stale, stale, stale, used]), Some(432));
        // What is charged has no inode: the cache has none, whatever its pages had before.
        assert_eq!(offset(&[stale, stale, (true, &[])]), None);
        assert_eq!(
            offset(&[(true, &[432]), (true, &[]), (true, &[432])]),
            Some(432)
        );
    }

    #[test]
    fn without_a_charged_object_two_have_to_agree() {
        let found: (bool, &[usize]) = (false, &[432]);
        assert_eq!(offset(&[]), None);
        assert_eq!(offset(&[found]), None);
        assert_eq!(offset(&[(false, &[64]), found, found]), Some(432));
    }
}
