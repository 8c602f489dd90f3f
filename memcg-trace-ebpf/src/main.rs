//! The kernel side of memcg-trace: what is counted, a folder a subject, and the walks that run on
//! demand.
//!
//! A program is one generic function with a shim of a line for each kind of hook. It has no offsets
//! and no kernel versions: [`layout::read::LAYOUT`] has the offsets, and user space decides which programs
//! are loaded at all.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

mod counted;
mod current;
mod hooks;
mod layout;
mod maps;
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
