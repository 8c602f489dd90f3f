//! Descriptors of one kind of file, from the file tables of all threads.

use std::collections::HashMap;

use super::view::View;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::open_files::table;
use crate::kernel::layout::fields::Field;

/// A file that threads have open.
#[derive(Clone, Debug)]
pub(super) struct Descriptor {
    /// Threads that share the table.
    pub(super) threads: Vec<usize>,
    pub(super) fd: u32,
    pub(super) file: u64,
    /// `file.private_data`.
    pub(super) private: u64,
}

/// Reads the descriptors whose `file.f_op` has one of these names. A table that several threads
/// share is read once.
pub(super) fn read(view: &View<'_>, operations: &[&str]) -> Result<Vec<Descriptor>, Unreadable> {
    let reader = view.reader;
    let mut sharers: HashMap<u64, Vec<usize>> = HashMap::new();
    for (at, thread) in view.threads.all.iter().enumerate() {
        if thread.files != 0 {
            sharers.entry(thread.files).or_default().push(at);
        }
    }
    // Modules have operations, too, whose names cannot be resolved beforehand.
    let mut is_wanted: HashMap<u64, bool> = HashMap::new();
    let mut found = Vec::new();
    for (files, threads) in sharers {
        let (fds, files) = match table(reader, files) {
            Ok(table) => table,
            // The threads of the table exit.
            Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => continue,
            Err(why) => return Err(why),
        };
        let ops = reader.column(&files, Field::FileOp)?;
        let mut wanted = |ops: &Option<u64>| {
            ops.is_some_and(|ops| {
                *is_wanted.entry(ops).or_insert_with(|| {
                    let name = view.name_of(ops);
                    name.is_some_and(|name| operations.contains(&&*name))
                })
            })
        };
        let some = fds.iter().zip(&files).zip(&ops);
        let some = some.filter(|(_, ops)| wanted(ops));
        let (fds, files): (Vec<u32>, Vec<u64>) = some.map(|((fd, file), _)| (*fd, *file)).unzip();
        let objects = reader.column(&files, Field::FilePrivate)?;
        for ((fd, file), private) in fds.into_iter().zip(files).zip(objects) {
            found.extend(private.map(|private| Descriptor {
                threads: threads.clone(),
                fd,
                file,
                private,
            }));
        }
    }
    Ok(found)
}

/// The number of references to a file that neither a descriptor of a table nor a thread in one of
/// `functions` explains: a descriptor that is sent through a socket, for example.
pub(super) fn unexplained(
    view: &View<'_>,
    found: &[&Descriptor],
    functions: &[&str],
) -> Result<u64, Unreadable> {
    let mut files: HashMap<u64, u64> = HashMap::new();
    for one in found {
        let users = one.threads.iter().filter(|at| {
            let stack = view.functions(**at);
            stack.iter().any(|function| functions.contains(function))
        });
        *files.entry(one.file).or_default() += 1 + users.count() as u64;
    }
    let mut missing = 0;
    for (file, known) in files {
        missing += count(view, file)?.saturating_sub(known);
    }
    Ok(missing)
}

/// The number of references to a file.
fn count(view: &View<'_>, file: u64) -> Result<u64, Unreadable> {
    let refs = view.reader.word(file, Field::FileCount)?;
    Ok(refs.wrapping_add(view.reader.resolved.file_ref_bias))
}
