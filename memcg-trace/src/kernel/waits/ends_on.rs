//! What ends a sleep before its reason does: signals and timers.

use super::stacks::Stack;
use super::threads::{INTERRUPTIBLE, Thread};
use crate::kernel::host::symbols::{Symbol, Symbols};
use crate::sample::waits::EndsOn;

/// The signals that end a sleep. None reaches a task that exits, and while a process dumps core
/// only SIGKILL does (kernel/signal.c: wants_signal(), prepare_signal()).
pub(super) fn signals(thread: &Thread, stack: &Stack<'_>) -> EndsOn {
    let dumps = stack.has(&["do_coredump", "vfs_coredump"]);
    if thread.is_kernel_thread() || thread.exits() {
        EndsOn::Nothing
    } else if thread.state & INTERRUPTIBLE != 0 && !dumps {
        EndsOn::AnySignal
    } else if thread.state & INTERRUPTIBLE != 0 || thread.ends_on_kill() {
        EndsOn::Kill
    } else {
        EndsOn::Nothing
    }
}

/// Returns whether a timer will wake the task: the frames of schedule_timeout() and its variants
/// have one.
pub(super) fn has_timer(symbols: &Symbols, stack: &Stack<'_>) -> bool {
    let times = |function: &&str| function.contains("_timeout") || function.contains("hrtimeout");
    let wakers =
        [Symbol::ProcessTimeout, Symbol::HrtimerWakeup].map(|symbol| symbols.address(symbol));
    stack.hidden.iter().any(times)
        && stack.words[..stack.hidden_words]
            .iter()
            .any(|word| wakers.contains(&Some(*word)))
}
