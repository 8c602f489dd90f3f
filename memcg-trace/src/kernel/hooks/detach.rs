//! Detaching of kprobes in parallel: for each of them the kernel waits until no CPU runs it any
//! more.

use std::thread;

use aya::Ebpf;
use aya::programs::{KProbe, Program};

/// Most threads. More of them would wait for each other (kernel/trace/trace_event_perf.c:
/// perf_kprobe_destroy() waits once with a mutex held, and once without).
const THREADS: usize = 8;

/// Detaches all kprobes.
pub(crate) fn kprobes(ebpf: &mut Ebpf) {
    let programs = ebpf
        .programs_mut()
        .filter_map(|(_, program)| match program {
            Program::KProbe(program) if program.fd().is_ok() => Some(program),
            _ => None,
        });
    let mut programs: Vec<_> = programs.collect();
    let each = programs.len().div_ceil(THREADS).max(1);
    thread::scope(|scope| {
        for some in programs.chunks_mut(each) {
            // Without a thread, these are detached with the rest.
            let _ = thread::Builder::new().spawn_scoped(scope, || take_off(some));
        }
    });
}

fn take_off(programs: &mut [&mut KProbe]) {
    for program in programs {
        if let Err(error) = program.unload() {
            log::debug!("take a kprobe off: {error}");
        }
    }
}
