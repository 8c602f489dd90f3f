//! Waits for a program that has to answer: a file system in user space, or a program that decides
//! on permission events of fanotify. Any thread that has its descriptor may answer.

use std::collections::HashSet;

use super::descriptors::{self, Descriptor};
use super::finding::{Finding, holder};
use super::members;
use super::records::{self, Entry, LinkMemory};
use super::stacks::Stack;
use super::view::View;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::{is_kernel_address, words};
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::sample::waits::{Evidence, Holder, Resource};
use crate::sample::{Mode, ResourceKind};

/// Words at the start of an object of the FUSE module that may point to its mount or connection.
const NEAR_WORDS: usize = 8;
/// Upper bound of a request's size (fs/fuse/fuse_i.h: struct fuse_req).
const REQUEST_BYTES: u64 = 256;
/// The kernel's text and data, and its modules, lie from here on.
const VARIABLES: u64 = 0xffff_ffff_8000_0000;
/// Functions that keep a reference to the descriptor of a server while they wait.
const OF_FUSE: &[&str] = &[
    "fuse_dev_read",
    "fuse_dev_write",
    "fuse_dev_do_read",
    "fuse_dev_do_write",
    "fuse_dev_splice_read",
    "fuse_dev_splice_write",
    "fuse_dev_ioctl",
];
const OF_FANOTIFY: &[&str] = &["fanotify_read", "fanotify_write"];

/// A wait for the answer to a request to a file system in user space.
pub(super) fn fuse(
    view: &View<'_>,
    at: usize,
    stack: &Stack<'_>,
) -> Result<Option<Finding>, Unreadable> {
    let devices = descriptors::read(view, &["fuse_dev_operations", "cuse_channel_fops"])?;
    let mut resource = Resource {
        kind: ResourceKind::Fuse,
        ..Resource::default()
    };
    let object = queue(view, at, stack)?.and_then(|head| members::object_at(view, head));
    let connection = match object {
        Some((begin, bytes)) => fuse_connection(view, begin, bytes, &devices)?,
        None => None,
    };
    match connection {
        Some((connection, of_it)) => {
            resource.addr = connection;
            answer(view, at, &mut resource, &of_it, OF_FUSE)?;
        }
        None => {
            resource.incomplete = Some("nobody was found who has its connection open".to_owned());
        }
    }
    Ok(Some(Finding::new(
        at,
        resource,
        Mode::Write,
        Evidence::OwnerWord,
    )))
}

type Connection<'a> = (u64, Vec<&'a Descriptor>);

/// The connection of a request, and the descriptors of its server.
fn fuse_connection<'a>(
    view: &View<'_>,
    begin: u64,
    bytes: u64,
    devices: &'a [Descriptor],
) -> Result<Option<Connection<'a>>, Unreadable> {
    let reader = view.reader;
    if reader.offset(Field::FuseDevConn).is_err() {
        return guessed_connection(view, begin, bytes, devices);
    }
    let connection = if bytes > REQUEST_BYTES {
        // A task that waits to make a request waits in the connection itself.
        begin
    } else if reader.offset(Field::FuseReqChan).is_ok() {
        reader.word(begin, Field::FuseReqChan)?
    } else {
        let mount = reader.word(begin, Field::FuseReqMount)?;
        reader.word(mount, Field::FuseMountConn)?
    };
    let objects: Vec<_> = devices.iter().map(|one| one.private).collect();
    let connections = reader.column(&objects, Field::FuseDevConn)?;
    let of_it = devices.iter().zip(connections);
    let of_it = of_it.filter(|(_, one)| *one == Some(connection));
    let of_it: Vec<_> = of_it.map(|(device, _)| device).collect();
    Ok((!of_it.is_empty()).then_some((connection, of_it)))
}

/// The connection of a request where BTF does not describe the types of the module. A request leads
/// to its mount, and the mount and the descriptor lead to one connection, which nothing else leads
/// to; or the request and the descriptor do.
fn guessed_connection<'a>(
    view: &View<'_>,
    begin: u64,
    bytes: u64,
    devices: &'a [Descriptor],
) -> Result<Option<Connection<'a>>, Unreadable> {
    let reached = reached(view, begin, bytes)?;
    let mut connection: Option<HashSet<u64>> = None;
    let mut of_it = Vec::new();
    for device in devices {
        let common = near(view, device.private)?.into_iter();
        let common: HashSet<u64> = common.filter(|word| reached.contains(word)).collect();
        if !common.is_empty() {
            connection = Some(match connection {
                Some(known) => &known & &common,
                None => common,
            });
            of_it.push(device);
        }
    }
    let connection = connection.and_then(|words| words.into_iter().min());
    Ok(connection.map(|connection| (connection, of_it)))
}

/// A wait for the answer to a permission event.
pub(super) fn fanotify(
    view: &View<'_>,
    at: usize,
    stack: &Stack<'_>,
) -> Result<Option<Finding>, Unreadable> {
    let waiters = view.reader.offset(Field::FanotifyWaiters)?;
    let groups = descriptors::read(view, &["fanotify_fops"])?;
    let mut resource = Resource {
        kind: ResourceKind::Fanotify,
        ..Resource::default()
    };
    match queue(view, at, stack)? {
        Some(head) => {
            resource.addr = head.wrapping_sub(waiters);
            let of_it = groups.iter().filter(|one| one.private == resource.addr);
            let of_it: Vec<_> = of_it.collect();
            answer(view, at, &mut resource, &of_it, OF_FANOTIFY)?;
        }
        None => resource.incomplete = Some("its group was not found".to_owned()),
    }
    Ok(Some(Finding::new(
        at,
        resource,
        Mode::Write,
        Evidence::OwnerWord,
    )))
}

/// Adds the holders that may answer: all threads that have the descriptor, but for the waiter.
fn answer(
    view: &View<'_>,
    at: usize,
    resource: &mut Resource,
    found: &[&Descriptor],
    functions: &[&str],
) -> Result<(), Unreadable> {
    for one in found {
        let threads = one.threads.iter().filter(|thread| **thread != at);
        resource.holders.extend(threads.map(|thread| Holder {
            fd: Some(one.fd),
            ..holder(*thread, Mode::Write, Evidence::OwnerWord)
        }));
    }
    let missing = descriptors::unexplained(view, found, functions)?;
    resource.incomplete = match (found.len(), missing) {
        (0, _) => Some("nobody was found who has its descriptor".to_owned()),
        (_, 0) => None,
        (_, missing) => Some(format!(
            "{missing} references to its descriptor were not found"
        )),
    };
    Ok(())
}

/// The head of the queue that a task waits in.
fn queue(view: &View<'_>, at: usize, stack: &Stack<'_>) -> Result<Option<u64>, Unreadable> {
    let Some(waker) = view.symbols.address(Symbol::AutoremoveWakeFunction) else {
        return Ok(None);
    };
    let task = view.threads.all[at].addr;
    let entry = Entry::of(|field| view.reader.offset(field))?;
    LinkMemory::now(view.reader, view.threads, |memory| {
        records::queue_of(memory, stack, task, entry, waker, |_| true)
    })
}

/// Pointers to allocated memory at the start of an object.
fn near(view: &View<'_>, object: u64) -> Result<Vec<u64>, Unreadable> {
    let mut bytes = [0; NEAR_WORDS * 8];
    match view.reader.memory.read(object, &mut bytes) {
        Ok(()) => Ok(pointers(&bytes, object)),
        Err(Unreadable::Fault(_)) => Ok(Vec::new()),
        Err(why) => Err(why),
    }
}

/// The pointers among some words that lead neither into the object itself nor to a variable.
fn pointers(bytes: &[u8], object: u64) -> Vec<u64> {
    let own = object..object + NEAR_WORDS as u64 * 8;
    let words = words(bytes).into_iter();
    words
        .filter(|word| is_kernel_address(*word) && *word < VARIABLES && !own.contains(word))
        .collect()
}

/// The objects that a request leads to in one step or two. A task that waits to make a request
/// waits in the connection itself.
fn reached(view: &View<'_>, begin: u64, bytes: u64) -> Result<HashSet<u64>, Unreadable> {
    if bytes > REQUEST_BYTES {
        return Ok(HashSet::from([begin]));
    }
    let mut request = vec![0; usize::try_from(bytes).unwrap_or(0)];
    view.reader.memory.read(begin, &mut request)?;
    let mut found = HashSet::new();
    for word in pointers(&request, begin) {
        if view.threads.by_stack(word).is_none() {
            found.insert(word);
            found.extend(near(view, word)?);
        }
    }
    Ok(found)
}
