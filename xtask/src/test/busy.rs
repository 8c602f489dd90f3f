//! Other work beside the tests: what a newcomer's machine may have to do.

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::processors;

/// A loop on each processor, as urgent as the tests, until this is dropped.
pub struct Busy(Arc<AtomicBool>);

impl Busy {
    pub fn start() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        for _ in 0..processors() {
            let is_over = is_over.clone();
            // Not joined: nothing waits for what it does, and it ends with us at the latest.
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
