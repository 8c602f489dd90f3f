//! The end of a session.

use std::time::Duration;

use crate::kernel::hooks::Family;
use crate::kernel::hooks::select::Outcome;

/// Time for trampolines to be detached.
const GRACE: Duration = Duration::from_secs(5);

/// Detaches everything. Trampolines can hang while a task spins in the kernel: programs that are
/// not detached in time are returned by name.
pub(super) fn close(outcomes: &[Outcome], detach: impl FnOnce() + Send + 'static) -> Vec<String> {
    let trampolines = trampolines(outcomes);
    if trampolines.is_empty() {
        detach();
        return Vec::new();
    }
    let (done, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        detach();
        // The receiver may have given up waiting.
        let _ = done.send(());
    });
    if wait.recv_timeout(GRACE).is_ok() {
        return Vec::new();
    }
    let names = trampolines.into_iter();
    let sentence = |name| {
        format!(
            "{name} is still attached: the kernel waits for every task to leave it \
             (synchronize_rcu_tasks), and one does not"
        )
    };
    names.map(sentence).collect()
}

fn trampolines(outcomes: &[Outcome]) -> Vec<String> {
    let chosen = outcomes.iter().filter_map(|one| one.chosen);
    chosen
        .filter(|variant| variant.family == Family::Trampoline)
        .flat_map(|variant| variant.parts)
        .map(|part| part.at.name())
        .collect()
}
