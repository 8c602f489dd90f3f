//! Overlayfs: a descriptor has an inode of its own, and behind it the real file open
//! (fs/overlayfs/file.c).

use super::files::files_among;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::Found;
use crate::kernel::pins::holders::Kind;
use crate::kernel::pins::look::Look;
use crate::sample::pins::{User, UserKind};

const OPERATIONS: &str = "ovl_file_operations";
/// A function that is there wherever the operations are.
const FUNCTION: &str = "ovl_fill_super";

/// Looks behind the descriptors of overlayfs. The file's private word is the real file, since
/// 6.13 a struct that begins with up to two of them.
pub(super) fn real_files(look: &mut Look<'_, '_>) -> Found {
    let reader = look.reader;
    if let Err(why) = reader.symbol(OPERATIONS) {
        return match reader.symbol(FUNCTION) {
            Ok(_) => Err(why),
            Err(_) => Ok(()),
        };
    }
    for file in look
        .open
        .of_kind(reader, &[OPERATIONS], Field::FilePrivate)?
    {
        look.visited += 1;
        let mut candidates = vec![file.object];
        for at in [0, 8] {
            candidates.extend(reader.word_at(file.object + at).ok());
        }
        for real in files_among(look, &candidates) {
            if let Some(user) = look.task(file.task, UserKind::Open) {
                let user = User {
                    fd: Some(file.fd),
                    ..user
                };
                look.hold(Kind::File.at(real), user);
            }
        }
    }
    Ok(())
}
