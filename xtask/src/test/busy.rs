//! Other work beside the tests: the load of a newcomer's machine.

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A busy loop on each processor, at the priority of the tests, until dropped.
pub struct Busy(Arc<AtomicBool>);

impl Busy {
    pub fn start() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        for _ in 0..processors() {
            let is_over = is_over.clone();
            // Not joined: nothing waits for this thread, and it ends with us at the latest.
            thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    hint::spin_loop();
                }
            });
        }
        Self(is_over)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Number of processors of this host.
pub fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
