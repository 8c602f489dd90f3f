//! Aliases of merged caches: the kernel gives one `kmem_cache` to all users whose objects are
//! alike, and keeps the name of the first (mm/slab_common.c: find_mergeable()).

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use crate::sample::Text;

/// A directory for each cache, and a link to it for each alias (mm/slub.c: sysfs_slab_alias()).
const CACHES: &str = "/sys/kernel/slab";
/// Names that are kept of one cache.
const MAX_ALIASES: usize = 64;

/// Aliases of merged caches, by each of their names. Empty if sysfs cannot be read.
pub(super) fn by_name() -> HashMap<Vec<u8>, Vec<Text>> {
    of_folder(Path::new(CACHES))
}

fn of_folder(folder: &Path) -> HashMap<Vec<u8>, Vec<Text>> {
    let mut groups: BTreeMap<OsString, Vec<OsString>> = BTreeMap::new();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let target = fs::read_link(entry.path()).ok();
        if let Some(target) = target.as_deref().and_then(Path::file_name) {
            groups
                .entry(target.to_owned())
                .or_default()
                .push(entry.file_name());
        }
    }
    let mut by_name = HashMap::new();
    for (target, mut names) in groups {
        // The directory of a cache that can be merged is no name: `:0001024`.
        if !target.as_bytes().starts_with(b":") {
            names.push(target);
        }
        names.sort_unstable();
        for name in &names {
            let others = names
                .iter()
                .filter(|other| *other != name)
                .take(MAX_ALIASES);
            let others: Vec<_> = others.map(|other| Text::from(other.as_bytes())).collect();
            if !others.is_empty() {
                by_name.insert(name.clone().into_vec(), others);
            }
        }
    }
    by_name
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_to_one_folder_are_names_of_one_cache() {
        let folder = std::env::temp_dir().join(format!("aliases-{}", std::process::id()));
        fs::create_dir_all(folder.join(":0001024")).unwrap();
        fs::create_dir_all(folder.join("dentry")).unwrap();
        for name in ["PING", "UNIX", "RAW"] {
            symlink(":0001024", folder.join(name)).unwrap();
        }
        let by_name = of_folder(&folder);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(by_name[&b"PING"[..]], ["RAW".into(), "UNIX".into()]);
        assert_eq!(by_name[&b"UNIX"[..]], ["PING".into(), "RAW".into()]);
        assert_eq!(by_name.get(&b"dentry"[..]), None);
        assert!(of_folder(&folder).is_empty(), "where there is none");
    }
}
