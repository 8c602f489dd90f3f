//! Slabs, from the descriptor of the first page, and the vectors of their objects' owners.

use memcg_trace_common::layout::{Layout, VECTOR_ARRAY, VECTOR_IN_OBJECT, VECTOR_STRIDE};

use crate::kernel::debugger::folio::DESCRIPTOR_BYTES;
use crate::kernel::layout::pages::DATA_FLAGS;

/// A slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slab {
    /// Page frame number of its first page.
    pub(super) pfn: u64,
    /// Pages of 4 KiB.
    pub(super) pages: u64,
    /// Its `kmem_cache`.
    pub(super) cache: u64,
    /// Number of objects that fit, and of those that are allocated.
    pub(super) objects: u64,
    pub(super) inuse: u64,
    /// The owners of its objects; `None` if its objects cannot have owners.
    pub(super) vector: Option<Vector>,
}

/// The owners of a slab's objects, one entry each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vector {
    /// Address of the first object's owner.
    pub(super) address: u64,
    /// Bytes from one entry to the next; `None` if that is the size of an object.
    pub(super) stride: Option<u64>,
}

impl Vector {
    /// Bytes from one entry to the next, for objects of `object_bytes` bytes.
    pub(super) fn stride(&self, object_bytes: u64) -> u64 {
        self.stride.unwrap_or(object_bytes)
    }
}

/// Reads a slab of `pages` pages from the descriptor of its first one.
pub(super) fn slab(layout: &Layout, page: &[u8; DESCRIPTOR_BYTES], pfn: u64, pages: u64) -> Slab {
    let counters = word(page, layout.slab_counters);
    Slab {
        pfn,
        pages,
        cache: word(page, layout.slab_cache),
        // struct slab: inuse has 16 bits, objects 15, frozen 1.
        objects: counters >> 16 & 0x7fff,
        inuse: counters & 0xffff,
        vector: vector(layout, page, counters),
    }
}

/// Must agree with the programs (memcg-trace-ebpf/src/counted/slab/owner.rs: slab_at()).
fn vector(layout: &Layout, page: &[u8; DESCRIPTOR_BYTES], counters: u64) -> Option<Vector> {
    // On 5.10 and 6.1 the lowest bit alone marks a vector; later it marks a failed allocation.
    let vector = word(page, layout.slab_vector) & !DATA_FLAGS;
    if vector == 0 {
        return None;
    }
    let plain = Some(u64::from(layout.ext_bytes));
    let stride = match layout.vector_shape {
        VECTOR_ARRAY => plain,
        VECTOR_STRIDE => {
            let stride = word(page, layout.slab_stride) & 0xffff_ffff;
            if stride == 0 {
                return None;
            }
            Some(stride)
        }
        VECTOR_IN_OBJECT if counters & layout.slab_needs_objcg_mask == 0 => return None,
        VECTOR_IN_OBJECT if counters & layout.slab_in_object_mask != 0 => None,
        VECTOR_IN_OBJECT => plain,
        _ => return None,
    };
    Some(Vector {
        address: vector + u64::from(layout.ext_objcg),
        stride,
    })
}

/// A word of a descriptor; 0 if the word would end behind the descriptor.
fn word(page: &[u8; DESCRIPTOR_BYTES], at: u32) -> u64 {
    let at = at as usize;
    let end = (at + 8).min(DESCRIPTOR_BYTES);
    let mut word = [0; 8];
    if let Some(bytes) = page.get(at..end) {
        word[..bytes.len()].copy_from_slice(bytes);
    }
    u64::from_ne_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTOR: u64 = 0xffff_8880_1234_5600;

    /// A descriptor with the vector at 56, counters at 40 and the fields beside them at 44.
    fn page(counters: u64, vector: u64) -> [u8; DESCRIPTOR_BYTES] {
        let mut page = [0; DESCRIPTOR_BYTES];
        page[8..16].copy_from_slice(&0xffff_8880_0000_1000_u64.to_ne_bytes());
        page[40..48].copy_from_slice(&counters.to_ne_bytes());
        page[56..].copy_from_slice(&vector.to_ne_bytes());
        page
    }

    fn layout(vector_shape: u32) -> Layout {
        Layout {
            slab_cache: 8,
            slab_counters: 40,
            slab_stride: 44,
            slab_vector: 56,
            ext_bytes: 8,
            ext_objcg: 0,
            vector_shape,
            slab_needs_objcg_mask: 1 << 32,
            slab_in_object_mask: 1 << 33,
            ..Layout::absent()
        }
    }

    fn stride_of(shape: u32, counters: u64) -> Option<Option<u64>> {
        let slab = slab(&layout(shape), &page(counters, VECTOR | 1), 7, 2);
        slab.vector.map(|vector| {
            assert_eq!(vector.address, VECTOR);
            vector.stride
        })
    }

    #[test]
    fn counters_are_two_numbers_and_a_flag() {
        let full_and_frozen = 21 | 21 << 16 | 1 << 31;
        let slab = slab(&layout(VECTOR_ARRAY), &page(full_and_frozen, 0), 7, 2);
        assert_eq!((slab.inuse, slab.objects, slab.vector), (21, 21, None));
        assert_eq!(slab.cache, 0xffff_8880_0000_1000);
    }

    #[test]
    fn a_failed_vector_is_none() {
        for flags in [1, 4] {
            let slab = slab(&layout(VECTOR_ARRAY), &page(0, flags), 7, 2);
            assert_eq!(slab.vector, None);
        }
    }

    #[test]
    fn how_far_owners_are_apart() {
        assert_eq!(stride_of(VECTOR_ARRAY, 0), Some(Some(8)));
        assert_eq!(stride_of(VECTOR_STRIDE, 8 << 32), Some(Some(8)));
        assert_eq!(stride_of(VECTOR_STRIDE, 192 << 32), Some(Some(192)));
        assert_eq!(stride_of(VECTOR_STRIDE, 0), None);
        assert_eq!(stride_of(VECTOR_IN_OBJECT, 0), None);
        assert_eq!(stride_of(VECTOR_IN_OBJECT, 1 << 32), Some(Some(8)));
        assert_eq!(stride_of(VECTOR_IN_OBJECT, 3 << 32), Some(None));
        assert_eq!(stride_of(u32::MAX, 0), None);
    }
}
