//! The process that reads state files: it may hang, and nobody waits for it then.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use super::found::{Finder, Found};
use super::{containerd, docker, kubernetes, storage, users};
use crate::kernel::host::privilege::give_up_attaching;

/// A kind of state files, and what reads it.
type Kind = (&'static str, fn(&Finder<'_>));

/// Each kind is read by a thread of its own, so that one that hangs keeps no other from the answer.
pub(super) const KINDS: [Kind; 5] = [
    ("docker", docker::find),
    ("containerd", containerd::find),
    ("containers/storage", storage::find),
    ("kubelet", kubernetes::find),
    ("users' containers", users::find),
];

/// Answers each byte of the input by reading all state files below a root, and writes what it finds,
/// a line each.
pub fn run(root: &Path, mut input: impl Read, output: &mut (dyn Write + Send)) {
    // Files need none of what attaching needs.
    let _ = give_up_attaching();
    let output = Mutex::new(output);
    let tell = |found: Found| {
        let Ok(mut line) = serde_json::to_vec(&found) else {
            return;
        };
        line.push(b'\n');
        if let Ok(mut output) = output.lock() {
            // If nobody reads any more, nobody needs the rest.
            let _ = output.write_all(&line).and_then(|()| output.flush());
        }
    };
    let mut question = [0];
    while input.read_exact(&mut question).is_ok() {
        thread::scope(|scope| {
            for (kind, find) in KINDS {
                let tell = &tell;
                scope.spawn(move || {
                    find(&Finder { root, kind, tell });
                    tell(Found::Done(kind.to_owned()));
                });
            }
        });
    }
}
