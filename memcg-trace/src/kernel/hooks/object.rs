//! The eBPF object, opened with the layout of this kernel in place.

use std::collections::HashMap;

use anyhow::Context as _;
use aya::{Ebpf, include_bytes_aligned};
use memcg_trace_common::callers::CALLER_TRACES;
use memcg_trace_common::hold::LOCK_STACKS;
use zerocopy::IntoBytes as _;

use crate::kernel::Subject;
use crate::kernel::hooks::facts::Facts;
use crate::kernel::hooks::loader;
use crate::kernel::hooks::map_memory;
use crate::kernel::hooks::map_rows;
use crate::kernel::hooks::patch_object;
use crate::kernel::host::cpus::possible_cpus;
use crate::timings;

/// The eBPF object that build.rs made.
static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/memcg-trace.bpf.o"));

/// The map of tables of slab keys that move, one table for each CPU.
pub(crate) const SLAB_HOT: &str = "SLAB_HOT";
/// The map of objects that are known by a place in those tables
/// (memcg-trace-ebpf/src/counted/slab/known.rs).
pub(crate) const SLAB_KNOWN: &str = "SLAB_KNOWN";

/// The large maps. Those of a subject that is not observed are made as small as possible: the
/// kernel takes longer to make and free them than to answer most questions.
const MAPS: &[(&str, Subject)] = &[
    ("LIFE", Subject::MemcgEvents),
    ("SLAB", Subject::Slab),
    (SLAB_HOT, Subject::Slab),
    (SLAB_KNOWN, Subject::Slab),
    ("SHRINKERS", Subject::Shrinker),
    ("SHRINKER_RUNS", Subject::Shrinker),
    ("SHRINKER_TIMES", Subject::Shrinker),
    ("RECLAIM", Subject::Reclaim),
    ("RECLAIMERS", Subject::Reclaim),
    ("STALLED_TASKS", Subject::Reclaim),
    ("STALL_TIMES", Subject::Reclaim),
    ("THROTTLED", Subject::Reclaim),
    ("WAITS", Subject::Lock),
    ("LOCKS", Subject::Lock),
    ("LOCK_STACKS", Subject::Lock),
    ("LOCK_TIMES", Subject::Lock),
    ("HOLDS", Subject::Lock),
    ("RELEASED", Subject::Lock),
    ("RELEASES", Subject::Lock),
    ("CALLERS", Subject::Callers),
    ("CALLER_OBJECTS", Subject::Callers),
    ("CALLER_STACKS", Subject::Callers),
    ("CALLER_TRACES", Subject::Callers),
];

/// The depth of stacks in maps of stacks that aya makes (PERF_MAX_STACK_DEPTH).
const AYA_STACK_FUNCTIONS: u32 = 127;
const WORD_BYTES: u32 = 8;

/// Opens the object with the layout in place. Nothing is loaded into the kernel but its maps.
///
/// # Errors
/// If the kernel refuses the maps, or the layout is not known.
pub fn open(facts: &Facts, subjects: &[Subject], debug: bool) -> anyhow::Result<Ebpf> {
    let resolved = facts
        .resolved
        .as_ref()
        .context("resolve the kernel's layout: no BTF")?;
    let layout = resolved.layout.as_bytes();
    let mut object = OBJECT.to_vec();
    patch_object::complete(&mut object, &resolved.layout, resolved.rdonly_cast);
    let object = with_stacks(object, facts.stack_functions);
    timings::step("object completed");
    // Log messages cost a branch, which the verifier removes unless they are requested.
    let log_level: u8 = if debug { 0xff } else { 0 };
    let mut loader = loader::without_types();
    loader
        .override_global("LAYOUT", layout, true)
        .override_global("AYA_LOG_LEVEL", &log_level, false);
    let mut entries = HashMap::from([(SLAB_HOT, possible_cpus())]);
    entries.extend(map_rows::ALL.map(|map| (map.name, map.rows())));
    let unused = MAPS
        .iter()
        .filter(|(_, subject)| !subjects.contains(subject));
    entries.extend(unused.map(|(map, _)| (*map, 1)));
    for (map, entries) in &entries {
        loader.map_max_entries(map, *entries);
    }
    loader
        .load(&object)
        .map_err(|error| map_memory::explain(&object, &entries, error))
}

/// The object with maps for stacks no deeper than the kernel keeps: it refuses any other such map
/// (kernel/bpf/stackmap.c: stack_map_alloc()). aya lets a loader change the number of
/// entries of a map, but not their size.
fn with_stacks(mut object: Vec<u8>, functions: Option<u32>) -> Vec<u8> {
    /// The beginning of `struct bpf_map_def`: type and size of the key. The size of the value and
    /// the number of entries follow.
    const STACK_TRACE: [u32; 2] = [7, 4];
    let bytes = |words: [u32; 2]| words.map(u32::to_le_bytes).concat();
    if let Some(functions) = functions.filter(|functions| *functions < AYA_STACK_FUNCTIONS) {
        for entries in [LOCK_STACKS, CALLER_TRACES] {
            let size = [AYA_STACK_FUNCTIONS * WORD_BYTES, entries];
            let wanted = [bytes(STACK_TRACE), bytes(size)].concat();
            let at = object
                .windows(wanted.len())
                .position(|some| *some == wanted);
            if let Some(place) = at.and_then(|at| object.get_mut(at + 8..at + 12)) {
                place.copy_from_slice(&(functions * WORD_BYTES).to_le_bytes());
            }
        }
    }
    object
}
