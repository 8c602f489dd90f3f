//! Users of objects, as an object lists them.

use crate::kernel::debugger::open_file::OpenFile;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::tasks;
use crate::sample::pins::{Object, User, UserKind};

/// Users that an object lists.
const MAX_USERS: usize = 16;

/// Lists users of an object, bounded.
pub(super) fn set_users(object: &mut Object, mut users: Vec<User>) {
    users.sort_by_key(|user| (user.pid, user.kind, user.fd));
    users.dedup();
    object.users_omitted = users.len().saturating_sub(MAX_USERS) as u64;
    users.truncate(MAX_USERS);
    object.users = users;
}

/// Users of some files: of each file, the first process that has it open.
pub(super) fn descriptor_users(reader: &Reader<'_>, files: &[OpenFile]) -> Vec<User> {
    let user = |file: &OpenFile| {
        let user = tasks::user(reader, file.task, UserKind::Open)?;
        Some(User {
            fd: Some(file.fd),
            ..user
        })
    };
    files.iter().filter_map(user).collect()
}
