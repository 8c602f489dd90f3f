//! State files of users' own podman and Docker, below their homes.

use std::collections::HashMap;
use std::path::PathBuf;
use std::str;

use super::found::Finder;
use super::{docker, files, storage};

const MAX_BYTES: u64 = 1 << 20;

/// Reads the names of the containers of users who are logged in, or whose services run: the homes
/// of others are left alone, since a look may mount them.
pub(super) fn find(finder: &Finder<'_>) {
    let users = files::read(&finder.at("etc/passwd"), MAX_BYTES).unwrap_or_default();
    let users = String::from_utf8_lossy(&users);
    let homes: HashMap<&str, &str> = users.lines().filter_map(home).collect();
    finder.each(&finder.at("run/user"), |uid, _| {
        let home = str::from_utf8(uid).ok().and_then(|uid| homes.get(uid));
        let Some(home) = home.map(|home| home.trim_start_matches('/')) else {
            return;
        };
        let share: PathBuf = finder.at(home).join(".local/share");
        storage::below(finder, &share.join("containers/storage"));
        docker::below(finder, &share.join("docker"));
    });
}

/// Returns the uid and the home of a line of passwd(5).
fn home(line: &str) -> Option<(&str, &str)> {
    let mut fields = line.split(':').skip(2);
    let uid = fields.next()?;
    fields.nth(2).map(|home| (uid, home))
}
