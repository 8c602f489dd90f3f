//! Files that are registered with an io_uring: the ring has them open, without a descriptor.

use crate::kernel::layout::fields::Field;
use crate::kernel::memory::Unreadable;
use crate::kernel::pins::Found;
use crate::kernel::pins::holders::Kind;
use crate::kernel::pins::look::Look;
use crate::kernel::reader::{Reader, words};
use crate::sample::pins::{User, UserKind};

/// `IORING_MAX_FIXED_FILES` was never more (io_uring/rsrc.c).
const MOST: u64 = 1 << 20;
/// What the low bits of a file say (io_uring/filetable.h: FFS_NOWAIT, FFS_ISREG, …).
const FLAGS: u64 = 7;

/// Looks through the tables of all rings that somebody has open.
pub(super) fn registered_files(look: &mut Look<'_, '_>) -> Found {
    let reader = look.reader;
    for ring in look
        .open
        .of_kind(reader, &["io_uring_fops"], Field::FilePrivate)?
    {
        let files = match registered(reader, ring.object) {
            Ok(files) => files,
            // It ends meanwhile.
            Err(Unreadable::Fault(_)) => continue,
            Err(why) => return Err(why),
        };
        let wanted = look.wants_files(&files)?;
        for (file, _) in files.into_iter().zip(wanted).filter(|(_, wanted)| *wanted) {
            if let Some(user) = look.task(ring.task, UserKind::Ring) {
                let user = User {
                    fd: Some(ring.fd),
                    ..user
                };
                look.hold(Kind::File.at(file), user);
            }
        }
    }
    Ok(())
}

/// The table of one: of files, since 6.13 of nodes with a file each.
fn registered(reader: &Reader<'_>, ring: u64) -> Result<Vec<u64>, Unreadable> {
    let has_nodes = reader.has(Field::RingNodes);
    let (count, table) = match has_nodes {
        true => (Field::RingNrNodes, Field::RingNodes),
        false => (Field::RingNrFiles, Field::RingFiles),
    };
    let count = reader.word(ring, count)?.min(MOST);
    let table = reader.word(ring, table)?;
    if count == 0 || table == 0 {
        return Ok(Vec::new());
    }
    let mut bytes = vec![0; usize::try_from(count).unwrap_or(0) * 8];
    reader.memory.read(table, &mut bytes)?;
    let mut files = words(&bytes);
    files.retain(|file| *file != 0);
    if has_nodes {
        let of_nodes = reader.column(&files, Field::RingNodeFile)?;
        files = of_nodes.into_iter().flatten().collect();
    }
    Ok(files.into_iter().map(|file| file & !FLAGS).collect())
}
