//! Pods in the path of a cgroup.

use super::container::{is_id, short};
use crate::sample::Text;

/// Places of the dashes in a UUID.
const DASHES: [usize; 4] = [8, 13, 18, 23];
const UUID_BYTES: usize = 36;
/// Digits of the uid of a pod that the kubelet made of a file: a hash of it.
const HASH_DIGITS: usize = 32;

/// A pod of Kubernetes or podman.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its uid, or its id where podman made it.
    pub id: Text,
    /// Its name, where a state file told it.
    pub name: Option<Text>,
    /// Its namespace in Kubernetes, where a state file told it.
    pub namespace: Option<Text>,
}

impl Pod {
    pub(super) fn of_id(id: Text) -> Self {
        Self {
            id,
            name: None,
            namespace: None,
        }
    }

    /// Returns the pod as its tools show it: `namespace/name`, or the id.
    #[must_use]
    pub fn label(&self) -> String {
        match (&self.namespace, &self.name) {
            (Some(namespace), Some(name)) => format!("{}/{}", namespace.display(), name.display()),
            (None, Some(name)) => name.display().into_owned(),
            (_, None) => short(&self.id).display().into_owned(),
        }
    }
}

/// Returns the uid of the pod whose cgroup has this name: `podUID`, or `…kubepods…-podUID.slice`,
/// in which dashes are underscores (kubelet: pkg/kubelet/cm/cgroup_manager_linux.go); or
/// `…libpod_pod_ID` of podman.
pub(super) fn uid(name: &[u8]) -> Option<Text> {
    let bare = name.strip_suffix(b".slice").unwrap_or(name);
    if let Some(id) = after(bare, b"libpod_pod_") {
        return is_id(id).then(|| Text::from(id));
    }
    let uid = match bare.strip_prefix(b"pod") {
        Some(uid) => uid,
        None if after(bare, b"kubepods").is_some() => after(bare, b"-pod")?,
        None => return None,
    };
    if uid.len() == HASH_DIGITS && uid.iter().all(u8::is_ascii_hexdigit) {
        return Some(Text::from(uid));
    }
    let is_dash = |at: usize| DASHES.contains(&at);
    let fits = |(at, byte): (usize, &u8)| match is_dash(at) {
        true => matches!(byte, b'-' | b'_'),
        false => byte.is_ascii_hexdigit(),
    };
    if uid.len() != UUID_BYTES || !uid.iter().enumerate().all(fits) {
        return None;
    }
    let dashed = uid.iter().map(|byte| match byte {
        b'_' => b'-',
        byte => *byte,
    });
    Some(Text::from(dashed.collect::<Vec<_>>()))
}

/// Returns what follows the last occurrence of a word.
fn after<'a>(name: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let at = name.windows(word.len()).rposition(|bytes| bytes == word)?;
    name.get(at + word.len()..)
}
