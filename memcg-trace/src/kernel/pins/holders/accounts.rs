//! The counts of each thing whose holders are wanted: the references that it has, and those that
//! were found.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::thing::{Anon, Kind, Merged, Thing};
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::{Reader, is_kernel_address};
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::file_object;
use crate::kernel::pins::users::set_users;
use crate::sample::pins::{Held, Object, User};

/// Bound on the names of one inode.
const ALIASES: usize = 64;
/// Open files of one object whose counts are read.
const PARTS: usize = 100_000;

/// References to one thing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Account {
    /// The highest value of the kernel's count; `None` if the kernel keeps none.
    pub(super) refs: Option<u64>,
    pub(super) found: u64,
}

/// An object that pins, with the things that it consists of.
#[derive(Debug, Default)]
pub(super) struct Root {
    pub(super) parts: Vec<Thing>,
    pub(super) users: Vec<User>,
    /// Some part of the object could not be read.
    pub(super) unread: bool,
}

/// All objects whose holders are wanted, and the holders that were found.
#[derive(Debug, Default)]
pub(in crate::kernel::pins) struct Holders {
    pub(super) roots: HashMap<Thing, Root>,
    pub(super) part_of: HashMap<Thing, Thing>,
    pub(super) accounts: HashMap<Thing, Account>,
    /// Folios by the number of their first page, with the number of their pages.
    pub(super) folios: BTreeMap<u64, (u64, Thing)>,
    /// Owners of anonymous folios, as the folios name them.
    pub(super) anon: Vec<Anon>,
    pub(super) merged: Vec<Merged>,
    /// Ways that could not be looked at: the kinds of things, and the way with the reason.
    not_checked: Vec<(&'static [Kind], String)>,
}

impl Holders {
    /// Adds a holder's references to those that were found of a thing.
    pub(in crate::kernel::pins) fn add(&mut self, thing: Thing, user: User) {
        let refs = user.refs.unwrap_or(1);
        self.found(thing, refs);
        if let Some(root) = self.root_of(thing) {
            root.users.push(User {
                refs: Some(refs),
                ..user
            });
        }
    }

    /// Registers an object that pins, to find its holders: an inode, a socket, a group of watches.
    pub(in crate::kernel::pins) fn want(&mut self, reader: &Reader<'_>, root: Thing) {
        if root.address == 0 || self.roots.contains_key(&root) {
            return;
        }
        self.roots.insert(root, Root::default());
        let outcome = match root.kind {
            Kind::Inode => self.add_inode(reader, root),
            Kind::Sock => self.add_sock(reader, root),
            _ => Ok(()),
        };
        if outcome.is_err()
            && let Some(root) = self.roots.get_mut(&root)
        {
            root.unread = true;
        }
    }

    /// Adds an open file as a part of a group of watches or a socket.
    pub(in crate::kernel::pins) fn add_file(
        &mut self,
        reader: &Reader<'_>,
        root: Thing,
        file: u64,
    ) {
        self.add_part(reader, root, Kind::File.at(file));
    }

    fn add_inode(&mut self, reader: &Reader<'_>, root: Thing) -> Result<(), Unreadable> {
        self.add_part(reader, root, root);
        let head = root.address + reader.offset(Field::InodeAliases)?;
        let offset = reader.offset(Field::DentryAlias)?;
        let mut dentries = Vec::new();
        reader.memory.chain(reader.word_at(head)?, 0, 0, |nodes| {
            dentries.extend(nodes.iter().map(|node| node.wrapping_sub(offset)));
            if dentries.len() < ALIASES {
                std::ops::ControlFlow::Continue(())
            } else {
                std::ops::ControlFlow::Break(())
            }
        })?;
        for dentry in dentries {
            // A dentry has one reference to its inode (fs/dcache.c: d_instantiate()).
            self.found(root, 1);
            let part = Kind::Dentry.at(dentry);
            self.add_part(reader, root, part);
            if file_object::keeps_name(reader, root.address, dentry)? {
                self.found(part, 1);
            }
        }
        Ok(())
    }

    fn add_sock(&mut self, reader: &Reader<'_>, root: Thing) -> Result<(), Unreadable> {
        let socket = reader.word(root.address, Field::SockSocket)?;
        let file = match socket {
            0 => 0,
            _ => reader.word(socket, Field::SocketFile)?,
        };
        if file != 0 {
            self.add_part(reader, root, Kind::File.at(file));
        } else if socket == 0 {
            self.add_part(reader, root, root);
        } else {
            // The count of a kernel socket does not tell its holder.
            return Err(Unreadable::Changed("a socket of the kernel"));
        }
        Ok(())
    }

    fn add_part(&mut self, reader: &Reader<'_>, root: Thing, part: Thing) {
        let Some(of) = self.roots.get_mut(&root) else {
            return;
        };
        if of.parts.len() >= PARTS {
            of.unread = true;
            return;
        }
        if self.part_of.insert(part, root).is_none() {
            of.parts.push(part);
        }
        self.count(reader, part);
    }

    /// Adds references that the kernel itself has by design.
    pub(in crate::kernel::pins) fn found(&mut self, thing: Thing, refs: u64) {
        self.accounts.entry(thing).or_default().found += refs;
    }

    /// Reads the kernel's count, and keeps the highest value: a reference that was found may have
    /// been taken after another one, which was not found, was released.
    fn count(&mut self, reader: &Reader<'_>, thing: Thing) {
        let refs = match thing.kind {
            Kind::Inode => reader.word(thing.address, Field::InodeCount),
            Kind::Dentry => reader.word(thing.address, Field::DentryCount),
            Kind::File => {
                let refs = reader.word(thing.address, Field::FileCount);
                refs.map(|refs| refs.wrapping_add(reader.resolved.file_ref_bias))
            }
            Kind::Sock => reader.word(thing.address, Field::SockRefcnt),
            Kind::Folio | Kind::Watches => return,
        };
        match refs {
            Ok(refs) => {
                let account = self.accounts.entry(thing).or_default();
                account.refs = account.refs.max(Some(alive(refs)));
            }
            Err(_) => {
                if let Some(root) = self.root_of(thing) {
                    root.unread = true;
                }
            }
        }
    }

    /// Open files of objects whose holders are wanted, as far as they were found.
    pub(in crate::kernel::pins) fn files(&self) -> Vec<u64> {
        let parts = self.part_of.keys();
        let files = parts.filter(|part| part.kind == Kind::File);
        files.map(|file| file.address).collect()
    }

    /// Inodes whose holders are wanted.
    pub(in crate::kernel::pins) fn inodes(&self) -> Vec<u64> {
        let inodes = self.roots.keys();
        let inodes = inodes.filter(|root| root.kind == Kind::Inode);
        inodes.map(|root| root.address).collect()
    }

    /// Sockets whose own count is used: those that have no file.
    pub(in crate::kernel::pins) fn socks(&self) -> Vec<u64> {
        let parts = self.part_of.keys();
        let socks = parts.filter(|part| part.kind == Kind::Sock);
        socks.map(|sock| sock.address).collect()
    }

    /// Returns whether the holders of an inode are wanted.
    pub(in crate::kernel::pins) fn has_inode(&self, inode: u64) -> bool {
        self.roots.contains_key(&Kind::Inode.at(inode))
    }

    pub(in crate::kernel::pins) fn is_known(&self, thing: Thing) -> bool {
        self.part_of.contains_key(&thing) || self.roots.contains_key(&thing)
    }

    /// Returns whether a thing is, or is part of, an object whose holders are wanted. Adds a new
    /// file of such an inode as a part; the file has a reference to its dentry.
    pub(in crate::kernel::pins) fn learn(&mut self, reader: &Reader<'_>, thing: Thing) -> bool {
        if self.is_known(thing) {
            return true;
        }
        if thing.kind != Kind::File || !is_kernel_address(thing.address) {
            return false;
        }
        let inode = reader.word(thing.address, Field::FileInode).unwrap_or(0);
        let inode = Kind::Inode.at(inode);
        if !self.roots.contains_key(&inode) {
            return false;
        }
        self.add_part(reader, inode, thing);
        if let Ok(dentry) = reader.word(thing.address, Field::FileDentry) {
            let dentry = Kind::Dentry.at(dentry);
            if self.is_known(dentry) {
                self.found(dentry, 1);
            }
        }
        true
    }

    fn root_of(&mut self, thing: Thing) -> Option<&mut Root> {
        let root = self.part_of.get(&thing).copied().unwrap_or(thing);
        self.roots.get_mut(&root)
    }

    /// Notes a way that was not looked at.
    pub(in crate::kernel::pins) fn note(&mut self, kinds: &'static [Kind], what: String) {
        self.not_checked.push((kinds, what));
    }

    /// Reads all counts once more, after the search.
    pub(in crate::kernel::pins) fn count_again(&mut self, reader: &Reader<'_>) {
        let (folios, parts): (Vec<_>, Vec<_>) =
            (self.part_of.keys().copied()).partition(|part| part.kind == Kind::Folio);
        for part in parts {
            self.count(reader, part);
        }
        let pages: Vec<_> = folios.iter().map(|folio| folio.address).collect();
        let Ok(refs) = reader.column(&pages, Field::PageRefcount) else {
            return;
        };
        for (folio, refs) in folios.into_iter().zip(refs) {
            let account = self.accounts.entry(folio).or_default();
            account.refs = refs.map(alive).or(account.refs);
        }
    }

    /// Adds the holders to an object, and the number of references that were not found.
    pub(in crate::kernel::pins) fn describe(&self, thing: Thing, object: &mut Object) {
        let Some(root) = self.roots.get(&thing) else {
            return;
        };
        let users = object.users.drain(..).chain(root.users.iter().cloned());
        let users = users.collect();
        set_users(object, users);
        if root.unread {
            return;
        }
        let mut held = Held::default();
        let mut open: HashSet<Kind> = HashSet::new();
        for part in &root.parts {
            let account = self.accounts.get(part).copied().unwrap_or_default();
            let Some(refs) = account.refs else { continue };
            held.refs += refs;
            held.found += refs.min(account.found);
            if account.found < refs {
                open.insert(part.kind);
            }
        }
        // A file that was not found may have the name open.
        if open.contains(&Kind::Dentry) {
            open.insert(Kind::File);
        }
        let ways = self.not_checked.iter();
        let ways = ways.filter(|(kinds, _)| kinds.iter().any(|kind| open.contains(kind)));
        held.not_checked = ways.map(|(_, what)| what.clone()).collect();
        object.held = Some(held);
    }
}

/// The references in a count; none for a dead object, whose count is out of range.
fn alive(refs: u64) -> u64 {
    if refs < 1 << 30 { refs } else { 0 }
}
