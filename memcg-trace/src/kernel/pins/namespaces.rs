//! Network and cgroup namespaces: the tasks in them, the descriptors of them, and their mounts.

use crate::kernel::host::symbols::Symbol;
use std::collections::{HashMap, HashSet};

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::mount_namespaces::MountNamespaces;
use crate::kernel::debugger::open_file::OpenFile;
use crate::kernel::debugger::open_files::{self, Open};
use crate::kernel::debugger::paths;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::superblocks;
use crate::kernel::debugger::tasks::{self, Tasks};
use crate::kernel::layout::fields::Field;
use crate::sample::Text;
use crate::sample::pins::{User, UserKind};

/// Bound on the mounts of namespaces.
const MAX_MOUNTS: usize = 100_000;

/// A namespace that holds a reference.
#[derive(Clone, Copy, Debug)]
pub(super) struct Namespace {
    /// Inode number, by which users know the namespace.
    pub(super) ino: u64,
}

/// Namespaces and their holders.
#[derive(Debug, Default)]
pub(super) struct Namespaces {
    /// Cgroup namespaces by the css_set that they are rooted in.
    by_css_set: HashMap<u64, Vec<Namespace>>,
    /// Tasks in each namespace.
    members: HashMap<u64, Vec<u64>>,
    /// Descriptors of each namespace.
    open: HashMap<u64, Vec<OpenFile>>,
    /// Files of cgroups that were opened in each namespace.
    files: HashMap<u64, Vec<OpenFile>>,
    /// Sockets in each network namespace that processes of others have open.
    sockets: HashMap<u64, Vec<OpenFile>>,
    mounts: HashMap<u64, Text>,
    /// The reasons why not all of them could be read.
    not_read: Vec<Unreadable>,
}

impl Namespaces {
    /// Reads all namespaces, as far as they can be read.
    pub(super) fn read(reader: &Reader<'_>, tasks: &Tasks, open: &Open) -> Self {
        let mut namespaces = Self::default();
        for outcome in [
            namespaces.read_members(reader, tasks),
            namespaces.read_open(reader, open),
            namespaces.read_mounts(reader, tasks),
            namespaces.read_cgroup_files(reader, open),
            namespaces.read_sockets(reader, tasks, open),
        ] {
            if let Err(why) = outcome
                && !namespaces.not_read.contains(&why)
            {
                namespaces.not_read.push(why);
            }
        }
        namespaces
    }

    /// The cgroup namespaces that are rooted in a css_set.
    pub(super) fn of_css_set(&self, css_set: u64) -> &[Namespace] {
        self.by_css_set.get(&css_set).map_or(&[], Vec::as_slice)
    }

    /// The reasons why not all namespaces and their holders are known.
    pub(super) fn not_read(&self) -> impl Iterator<Item = String> {
        let reasons = self.not_read.iter();
        reasons.map(|why| format!("namespaces: {why}"))
    }

    /// The mount point of a namespace.
    pub(super) fn mount(&self, ino: u64) -> Option<Text> {
        self.mounts.get(&ino).cloned()
    }

    /// The users of a namespace, which are in it or have it open.
    pub(super) fn users(&self, reader: &Reader<'_>, ino: u64) -> Vec<User> {
        let members = self.members.get(&ino).into_iter().flatten();
        let members = members.filter_map(|task| tasks::user(reader, *task, UserKind::Namespace));
        let open = self.open.get(&ino).into_iter().flatten();
        let open = open.filter_map(|file| {
            let user = tasks::user(reader, file.task, UserKind::NamespaceFd)?;
            Some(User {
                fd: Some(file.fd),
                ..user
            })
        });
        let files = self.files.get(&ino).into_iter().flatten();
        let files = files.filter_map(|file| {
            let user = tasks::user(reader, file.task, UserKind::NamespaceFile)?;
            Some(User {
                fd: Some(file.fd),
                ..user
            })
        });
        let sockets = self.sockets.get(&ino).into_iter().flatten();
        let sockets = sockets.filter_map(|file| {
            let user = tasks::user(reader, file.task, UserKind::NamespaceSocket)?;
            Some(User {
                fd: Some(file.fd),
                ..user
            })
        });
        members.chain(open).chain(files).chain(sockets).collect()
    }

    fn read_members(&mut self, reader: &Reader<'_>, tasks: &Tasks) -> Result<(), Unreadable> {
        let processes = &tasks.processes;
        let net: Vec<_> = processes.iter().map(|process| process.net_ns).collect();
        let cgroup: Vec<_> = processes.iter().map(|process| process.cgroup_ns).collect();
        for (column, field) in [(&net, Field::NetInum), (&cgroup, Field::CgroupNsInum)] {
            let inos = reader.column(column, field)?;
            for (process, ino) in processes.iter().zip(inos) {
                if let Some(ino) = ino {
                    self.members.entry(ino).or_default().push(process.task);
                }
            }
        }
        let distinct: HashSet<u64> = cgroup.into_iter().filter(|ns| *ns != 0).collect();
        for namespace in distinct {
            self.learn_cgroup_ns(reader, namespace)?;
        }
        Ok(())
    }

    fn learn_cgroup_ns(&mut self, reader: &Reader<'_>, namespace: u64) -> Result<(), Unreadable> {
        let css_set = reader.word(namespace, Field::CgroupNsRootCset)?;
        let ino = reader.word(namespace, Field::CgroupNsInum)?;
        let rooted = self.by_css_set.entry(css_set).or_default();
        if !rooted.iter().any(|namespace| namespace.ino == ino) {
            rooted.push(Namespace { ino });
        }
        Ok(())
    }

    fn read_open(&mut self, reader: &Reader<'_>, open: &Open) -> Result<(), Unreadable> {
        for file in open_files::known(&open.namespaces)? {
            let ino = reader.word(file.object, Field::InodeIno)?;
            self.open.entry(ino).or_default().push(*file);
            self.learn_inode(reader, file.object)?;
        }
        Ok(())
    }

    /// A socket has a reference to its namespace (net/core/sock.c: sk_alloc()), whichever one its
    /// process is in.
    fn read_sockets(
        &mut self,
        reader: &Reader<'_>,
        tasks: &Tasks,
        open: &Open,
    ) -> Result<(), Unreadable> {
        let processes = tasks.processes.iter();
        let own: HashMap<u64, u64> = processes.map(|one| (one.task, one.net_ns)).collect();
        let sockets = open_files::known(&open.sockets)?;
        let socks: Vec<_> = sockets.iter().map(|file| file.object).collect();
        let namespaces = reader.column(&socks, Field::SockNet)?;
        let others = sockets.iter().zip(namespaces);
        let others = others.filter_map(|(file, namespace)| Some((file, namespace?)));
        let others: Vec<_> = others
            .filter(|(file, namespace)| own.get(&file.task) != Some(namespace))
            .collect();
        let namespaces: Vec<_> = others.iter().map(|(_, namespace)| *namespace).collect();
        let inos = reader.column(&namespaces, Field::NetInum)?;
        for ((file, _), ino) in others.into_iter().zip(inos) {
            if let Some(ino) = ino {
                self.sockets.entry(ino).or_default().push(*file);
            }
        }
        Ok(())
    }

    /// A file of a cgroup has a reference to the namespace of the task that opened it
    /// (kernel/cgroup/cgroup.c: cgroup_file_open()).
    fn read_cgroup_files(&mut self, reader: &Reader<'_>, open: &Open) -> Result<(), Unreadable> {
        // Older kernels have no such reference.
        if !reader.has(Field::CgroupFileNs) {
            return Ok(());
        }
        let files = open.of_kind_and_sent(reader, &[Symbol::KernfsFileFops], Field::FilePrivate)?;
        for file in files {
            match self.learn_cgroup_file(reader, file) {
                // A file that was closed meanwhile has no reference.
                Ok(()) | Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => {}
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }

    fn learn_cgroup_file(&mut self, reader: &Reader<'_>, file: OpenFile) -> Result<(), Unreadable> {
        if !is_of_cgroups(reader, file.file)? {
            return Ok(());
        }
        let opened = reader.word(file.object, Field::SeqFilePrivate)?;
        let context = reader.word(opened, Field::KernfsOpenPriv)?;
        let namespace = reader.word(context, Field::CgroupFileNs)?;
        let ino = reader.word(namespace, Field::CgroupNsInum)?;
        self.files.entry(ino).or_default().push(file);
        self.learn_cgroup_ns(reader, namespace)
    }

    /// An inode of nsfs is a namespace (fs/nsfs.c: `inode->i_private`).
    fn learn_inode(&mut self, reader: &Reader<'_>, inode: u64) -> Result<(), Unreadable> {
        let common = reader.word(inode, Field::InodePrivate)?;
        if common == 0 {
            // The root of the file system is no namespace.
            return Ok(());
        }
        let operations = reader.word(common, Field::NsCommonOps)?;
        if operations != reader.symbol(Symbol::CgroupnsOperations)? {
            return Ok(());
        }
        // Both offsets are of the same field, seen from either struct.
        let from = reader.offset(Field::CgroupNsInum)? - reader.offset(Field::NsCommonInum)?;
        self.learn_cgroup_ns(reader, common.wrapping_sub(from))
    }

    /// Of several mounts of a namespace, one in our mount namespace is preferred: the user can
    /// unmount it.
    fn read_mounts(&mut self, reader: &Reader<'_>, tasks: &Tasks) -> Result<(), Unreadable> {
        let processes = tasks.processes.iter().map(|process| process.task);
        let whose = MountNamespaces::read(reader, processes)?;
        let nsfs = reader.word_at(reader.symbol(Symbol::NsfsMnt)?)?;
        let superblock = reader.word(nsfs, Field::VfsmountSb)?;
        for mount in paths::mounts(reader, superblock, MAX_MOUNTS)? {
            let root = reader.word(mount, Field::MountRoot)?;
            let inode = reader.word(root, Field::DentryInode)?;
            if inode == 0 {
                continue;
            }
            let ino = reader.word(inode, Field::InodeIno)?;
            if let Some(place) = whose.place(reader, mount) {
                let is_ours = place.ns_ino.is_none();
                if is_ours || !self.mounts.contains_key(&ino) {
                    self.mounts.insert(ino, place.named());
                }
            }
            self.learn_inode(reader, inode)?;
        }
        Ok(())
    }
}

/// Returns whether a file is in the cgroup file system, and not in sysfs.
fn is_of_cgroups(reader: &Reader<'_>, file: u64) -> Result<bool, Unreadable> {
    let inode = reader.word(file, Field::FileInode)?;
    let superblock = reader.word(inode, Field::InodeSb)?;
    let (fs, _) = superblocks::describe(reader, superblock)?;
    Ok(matches!(fs.as_bytes(), b"cgroup" | b"cgroup2"))
}
