//! Objects whose key is known since their allocation.
//!
//! Most objects are freed soon, and reading the owner again is most of the cost of a free. So an
//! allocation stores a word: the object, and the place of its key in the table of hot keys
//! (`count.rs`), or that nobody is charged for it. The free takes the word. Another object may
//! overwrite the same word; then the free reads the owner.
//!
//! An object keeps its owner for life, so a word is right while its object lives: each free that is
//! seen takes the word, and each allocation that is seen stores another. User space clears the
//! words of a place before it gives the place to another key.

use aya_ebpf::bindings::BPF_F_MMAPABLE;
use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;
use memcg_trace_common::slab::{KNOWN_BITS, KNOWN_NOBODY, KNOWN_OBJECTS, known_place};

#[map]
static SLAB_KNOWN: Array<u64> = Array::with_max_entries(KNOWN_OBJECTS as u32, BPF_F_MMAPABLE);

/// Stores the word of an object: a place plus one, [`KNOWN_NOBODY`], or 0.
#[inline(always)]
pub fn remember(object: u64, what: u64) {
    if let Some(word) = SLAB_KNOWN.get_ptr_mut(known_place(object) as u32) {
        // SAFETY: a value of the map; volatile, since user space writes it too.
        unsafe { word.write_volatile(object << KNOWN_BITS | what) };
    }
}

/// Takes the word of an object; 0 if there is none.
#[inline(always)]
pub fn recall(object: u64) -> u64 {
    let Some(word) = SLAB_KNOWN.get_ptr_mut(known_place(object) as u32) else {
        return 0;
    };
    // SAFETY: as above.
    let what = unsafe { word.read_volatile() } ^ object << KNOWN_BITS;
    if what > KNOWN_NOBODY {
        return 0;
    }
    // SAFETY: as above.
    unsafe { word.write_volatile(0) };
    what
}
