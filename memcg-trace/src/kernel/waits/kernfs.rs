//! Files of kernfs (sysfs, cgroups): who removes one waits for all that read or write it
//! (fs/kernfs/dir.c: kernfs_drain()). The file counts them, and their stacks say who they are.

use super::finding::{Finding, holder};
use super::members;
use super::stacks::Stack;
use super::view::View;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::paths;
use crate::kernel::debugger::reader::is_kernel_address;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::sample::waits::{Evidence, Resource};
use crate::sample::{Mode, ResourceKind};
use crate::units;

/// `KN_DEACTIVATED_BIAS` (fs/kernfs/kernfs-internal.h): the count of a file that is being removed.
const REMOVED: i32 = i32::MIN + 1;
/// Functions in which a task may use a file (fs/kernfs/file.c), by the start of their names.
/// `seq_read` stands for reading, whose own functions end in a call.
const USES: &[&str] = &["kernfs_fop_", "kernfs_seq_", "kernfs_vma_", "seq_read"];
/// Tasks whose stacks are read.
const STACKS: usize = 1 << 14;

/// A wait for the users of a file.
pub(super) fn drain(view: &View<'_>, at: usize, stack: &Stack<'_>) -> Result<Finding, Unreadable> {
    let mut resource = Resource {
        kind: ResourceKind::Kernfs,
        ..Resource::default()
    };
    match removed(view, stack)? {
        Some((node, count)) => {
            resource.addr = node;
            resource.of = paths::of_kernfs(view.reader, node);
            users(view, at, node, count, &mut resource)?;
        }
        None => resource.incomplete = Some("which file it is was not found".to_owned()),
    }
    Ok(Finding::new(at, resource, Mode::Write, Evidence::OwnerWord))
}

/// The file on a stack that is being removed and has users, and their number. `None` if several are
/// there.
fn removed(view: &View<'_>, stack: &Stack<'_>) -> Result<Option<(u64, u32)>, Unreadable> {
    let cache = view.reader.symbol(Symbol::KernfsNodeCache)?;
    let cache = view.reader.word_at(cache)?;
    let mut found = None;
    for word in stack
        .words
        .iter()
        .copied()
        .filter(|one| is_kernel_address(*one))
    {
        let Some(count) = users_of(view, word, cache).filter(|count| *count > 0) else {
            continue;
        };
        match found {
            Some((known, _)) if known != word => return Ok(None),
            _ => found = Some((word, count)),
        }
    }
    Ok(found)
}

/// The number of users of a file that is being removed; `None` if the address is not that of one.
fn users_of(view: &View<'_>, node: u64, cache: u64) -> Option<u32> {
    let active = view.reader.word(node, Field::KernfsActive).ok()?;
    let active = u32::try_from(active).ok()?.cast_signed();
    let users = active.checked_sub(REMOVED)?;
    let is_removed = active < 0 && users < 1 << 20;
    (is_removed && members::is_object_of(view, node, cache)).then(|| users.cast_unsigned())
}

/// Adds the tasks that are reading or writing the file. If there are more of them than users, some
/// have not begun, and each is a guess.
fn users(
    view: &View<'_>,
    at: usize,
    node: u64,
    count: u32,
    resource: &mut Resource,
) -> Result<(), Unreadable> {
    let operations = view.reader.symbol(Symbol::KernfsFileFops)?;
    let mut found = Vec::new();
    let others = view.threads.all.iter().enumerate();
    let others = others.filter(|(other, thread)| *other != at && !thread.is_kernel_thread());
    for (other, thread) in others.take(STACKS) {
        let unwound = view.unwound.of(thread);
        match Stack::read(view.reader, view.symbols, view.threads, thread, unwound) {
            Ok(stack) if uses(view, &stack) && has_open(view, &stack, node, operations) => {
                found.push(other);
            }
            // A task that runs has no stack that could be read.
            Ok(_) | Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => {}
            Err(why) => return Err(why),
        }
    }
    let missing = u64::from(count).saturating_sub(found.len() as u64);
    let evidence = match found.len() > count as usize {
        true => Evidence::Hint,
        false => Evidence::Inferred,
    };
    resource.incomplete = if missing > 0 {
        let users = units::things(u64::from(count), "user");
        let is = units::is(missing);
        Some(format!("{missing} of its {users} {is} not known"))
    } else if evidence == Evidence::Hint {
        Some(format!(
            "it has {} among these",
            units::things(u64::from(count), "user")
        ))
    } else {
        None
    };
    let found = found.into_iter();
    let users = found.map(|other| holder(other, Mode::Read, evidence));
    resource.holders.extend(users);
    Ok(())
}

/// Returns whether a task is in a function that uses a file. The kernel unwinds no stack beyond a
/// module that it has no unwind tables of, so return addresses count.
fn uses(view: &View<'_>, stack: &Stack<'_>) -> bool {
    let functions = stack.words.iter();
    let mut functions = functions.filter_map(|word| view.symbols.function_at(*word));
    functions.any(|function| USES.iter().any(|begin| function.starts_with(begin)))
}

/// Returns whether an open file on a stack is one of this node, and none is of another.
fn has_open(view: &View<'_>, stack: &Stack<'_>, node: u64, operations: u64) -> bool {
    let mut nodes = stack.words.iter().filter_map(|word| {
        let is_file =
            is_kernel_address(*word) && view.reader.word(*word, Field::FileOp) == Ok(operations);
        let inode = is_file.then(|| view.reader.word(*word, Field::FileInode).ok())??;
        view.reader.word(inode, Field::InodePrivate).ok()
    });
    nodes.next() == Some(node) && nodes.all(|other| other == node)
}
