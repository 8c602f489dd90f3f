//! The kernel side of memcg-trace: one module for each subject, and the walks that run on demand.
//!
//! A program is one generic function with a shim of a line for each kind of hook. It has no offsets
//! and no kernel versions: [`read::LAYOUT`] has the offsets, and user space decides which programs
//! are loaded at all.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

mod counter;
mod current;
mod empty;
mod fixed;
mod hold;
mod hold_slots;
mod iterated;
mod lock;
mod lock_stacks;
mod loss;
mod memcg;
mod oom;
mod read;
mod reclaim;
mod reclaim_pages;
mod release;
mod shrinker;
mod slab;
mod slab_chain;
mod slab_count;
mod slab_known;
mod slab_owner;
mod tax;
mod throttle;
mod times;
mod wait_slots;
mod waiters;
mod walks;

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // Nothing here panics: the verifier would have to prove that this loop is never reached.
    loop {}
}

/// Only programs that say they are GPL-compatible may call the helpers that read the kernel.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
