//! Programs that a hook continues with by a tail call: they must be in a map before it is attached.

use anyhow::{Context as _, anyhow};
use aya::Ebpf;
use aya::maps::ProgramArray;

use crate::kernel::hooks::programs::load_kprobe;

/// A tail call in the eBPF object.
struct TailCall {
    /// The program that is attached.
    from: &'static str,
    /// The program that it continues with, and that calls itself again.
    to: &'static str,
    /// The map of programs, which stays open with the object, and the slot in it.
    map: &'static str,
    slot: u32,
}

/// `memcg-trace-ebpf/src/counted/slab/chain.rs` and `callers.rs`.
const TAIL_CALLS: [TailCall; 3] = [
    TailCall {
        from: "slab_free_hook",
        to: "slab_free_hook_many",
        map: "SLAB_NEXT",
        slot: 0,
    },
    TailCall {
        from: "slab_free_bulk",
        to: "slab_free_bulk",
        map: "SLAB_NEXT",
        slot: 1,
    },
    TailCall {
        from: "caller_free_bulk",
        to: "caller_free_bulk",
        map: "CALLER_NEXT",
        slot: 0,
    },
];

/// Loads the program that `program` continues with, if there is one.
pub(super) fn prepare(ebpf: &mut Ebpf, program: &str) -> anyhow::Result<()> {
    let Some(call) = TAIL_CALLS.iter().find(|call| call.from == program) else {
        return Ok(());
    };
    let TailCall { to, map, slot, .. } = call;
    let body = load_kprobe(ebpf, to)?;
    let programs = ebpf
        .map_mut(map)
        .ok_or_else(|| anyhow!("no map {map} in the eBPF object: built from other sources"))?;
    let mut programs = ProgramArray::try_from(programs)?;
    programs
        .set(*slot, &body, 0)
        .with_context(|| format!("let {program} call {to}"))
}
