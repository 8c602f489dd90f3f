//! Owner of a slab object: a word in a vector of its slab. The word is written when the object is
//! charged and cleared when it is uncharged, and names an object cgroup, which stays the same for
//! the object's life.
//!
//! Where memory can be read without a helper, words are read one by one as they are needed;
//! otherwise the whole descriptor of a page is read at once.

use core::mem::{MaybeUninit, offset_of};

use memcg_trace_common::layout::{
    HEAD_MASK, Layout, PAGE_BYTES, VECTOR_ARRAY, VECTOR_IN_OBJECT, VECTOR_STRIDE,
};
use memcg_trace_common::loss::Loss;

use crate::layout::constants::{AT_BASE, constant, has_cast, load, load_half, load_two};
use crate::layout::read::{LAYOUT, page_offset, read, read_to, vmemmap, word};
use crate::maps::loss::lost;

const PAGE_HEAD: usize = offset_of!(Layout, page_head);
const SLAB_CACHE: usize = offset_of!(Layout, slab_cache);
const SLAB_COUNTERS: usize = offset_of!(Layout, slab_counters);
const SLAB_VECTOR: usize = offset_of!(Layout, slab_vector);
const CACHE_SIZE: usize = offset_of!(Layout, cache_size);

/// `PAGE_SHIFT` of x86-64.
const PAGE_SHIFT: u64 = 12;
/// Low bits of a vector's address: flags. An objcg pointer has at least that alignment, too.
const VECTOR_FLAGS: u64 = 7;

/// The facts about a slab that its objects need.
pub struct Slab {
    /// 0 where the caller has the cache.
    pub cache: u64,
    /// Address of its first object.
    base: u64,
    counters: u64,
    /// Address of its vector.
    vector: u64,
}

/// Bases of the direct map and of the page descriptors: each is loaded once.
#[derive(Clone, Copy)]
struct Bases {
    vmemmap: u64,
    page_offset: u64,
}

impl Bases {
    #[inline(always)]
    fn load() -> Self {
        Self {
            vmemmap: vmemmap(),
            page_offset: page_offset(),
        }
    }

    /// Address of the descriptor of an object's page.
    #[inline(always)]
    fn page_of(self, object: u64) -> u64 {
        self.vmemmap + (object.wrapping_sub(self.page_offset) >> PAGE_SHIFT) * PAGE_BYTES
    }

    /// Address of a page, by that of its descriptor.
    #[inline(always)]
    fn address_of(self, page: u64) -> u64 {
        self.page_offset + ((page.wrapping_sub(self.vmemmap) / PAGE_BYTES) << PAGE_SHIFT)
    }
}

/// The first page of a folio, by the word of another page of the folio.
#[inline(always)]
fn first_of(page: u64, head: u64) -> u64 {
    let is_mask = constant::<{ offset_of!(Layout, head_shape) }>() == u64::from(HEAD_MASK)
        && head >> 32 == 0xffff_ffff;
    if is_mask { page & head } else { head - 1 }
}

/// Returns whether a slab's word for its vector has nothing above its lowest bits. The lowest bit
/// alone marks a vector on 5.10 and 6.1, and a failed allocation later.
#[inline(always)]
fn is_empty(vector: u64) -> bool {
    vector & !VECTOR_FLAGS == 0
}

/// The slab of an object, if it has a vector; `None` if the address is no slab object, or nobody is
/// charged for any object on its page. The page type is not read if the caller knows that it is a
/// slab.
#[inline(always)]
pub fn slab_of(object: u64, is_known: bool) -> Option<Slab> {
    if has_cast() {
        slab_by_words(object, is_known)
    } else {
        slab_by_page(object, is_known)
    }
}

#[inline(always)]
fn slab_by_words(object: u64, is_known: bool) -> Option<Slab> {
    let bases = Bases::load();
    let mut page = bases.page_of(object);
    let mut base = object & !((1 << PAGE_SHIFT) - 1);
    let head = load::<PAGE_HEAD>(page);
    if head & 1 != 0 {
        page = first_of(page, head);
        base = bases.address_of(page);
    }
    let (counters, vector) = load_two::<SLAB_COUNTERS, SLAB_VECTOR>(page);
    if is_empty(vector) || !is_known && !is_slab(page) {
        return None;
    }
    Some(Slab {
        cache: if is_known {
            0
        } else {
            load::<SLAB_CACHE>(page)
        },
        base,
        counters,
        vector,
    })
}

/// Returns whether a page is the first of a slab.
#[inline(always)]
fn is_slab(page: u64) -> bool {
    let mask = word(&LAYOUT.page_slab_mask);
    if mask != 0 {
        load::<{ offset_of!(Layout, page_flags) }>(page) & mask != 0
    } else {
        let kind = load_half::<{ offset_of!(Layout, page_type) }>(page) >> 24;
        kind == constant::<{ offset_of!(Layout, page_type_slab) }>()
    }
}

/// The descriptor of a page.
type Page = MaybeUninit<[u64; PAGE_BYTES as usize / 8]>;

#[inline(always)]
fn page_word<const FIELD: usize>(page: &Page) -> u64 {
    // SAFETY: it was read; user space checked that the field lies within it, and each field of the
    // kernel is aligned to its size.
    unsafe {
        page.as_ptr()
            .cast::<u8>()
            .add(constant::<FIELD>() as usize)
            .cast::<u64>()
            .read()
    }
}

#[inline(always)]
fn page_half<const FIELD: usize>(page: &Page) -> u64 {
    // SAFETY: as above.
    let half = unsafe {
        page.as_ptr()
            .cast::<u8>()
            .add(constant::<FIELD>() as usize)
            .cast::<u32>()
            .read()
    };
    half.into()
}

#[inline(always)]
fn slab_by_page(object: u64, is_known: bool) -> Option<Slab> {
    let bases = Bases::load();
    let mut bytes = Page::uninit();
    let page = read_first(bases.page_of(object), &mut bytes)?;
    let vector = page_word::<SLAB_VECTOR>(&bytes);
    if is_empty(vector) || !is_known && !is_slab_page(&bytes) {
        return None;
    }
    Some(Slab {
        cache: page_word::<SLAB_CACHE>(&bytes),
        base: bases.address_of(page),
        counters: page_word::<SLAB_COUNTERS>(&bytes),
        vector,
    })
}

/// Reads the first page of the slab that a page is a part of, and returns its address.
#[inline(always)]
fn read_first(mut page: u64, bytes: &mut Page) -> Option<u64> {
    if !read_to(page, bytes) {
        return None;
    }
    let head = page_word::<PAGE_HEAD>(bytes);
    if head & 1 != 0 {
        page = first_of(page, head);
        if !read_to(page, bytes) {
            return None;
        }
    }
    Some(page)
}

#[inline(always)]
fn is_slab_page(page: &Page) -> bool {
    let mask = word(&LAYOUT.page_slab_mask);
    if mask != 0 {
        page_word::<{ offset_of!(Layout, page_flags) }>(page) & mask != 0
    } else {
        let kind = page_half::<{ offset_of!(Layout, page_type) }>(page) >> 24;
        kind == constant::<{ offset_of!(Layout, page_type_slab) }>()
    }
}

/// The cache of an object, whoever is charged for it; `None` if the address is no slab object.
#[inline(always)]
pub fn cache_of(object: u64) -> Option<u64> {
    let mut page = Bases::load().page_of(object);
    if has_cast() {
        let head = load::<PAGE_HEAD>(page);
        if head & 1 != 0 {
            page = first_of(page, head);
        }
        return is_slab(page).then(|| load::<SLAB_CACHE>(page));
    }
    let mut bytes = Page::uninit();
    read_first(page, &mut bytes)?;
    is_slab_page(&bytes).then(|| page_word::<SLAB_CACHE>(&bytes))
}

/// A slab of which all but one word is known. `None` if that word could not be read.
#[inline(always)]
pub fn slab_with(cache: u64, page: u64, vector: u64) -> Option<Slab> {
    let counters = if has_cast() {
        load::<SLAB_COUNTERS>(page)
    } else {
        read(page + constant::<SLAB_COUNTERS>())?
    };
    Some(Slab {
        cache,
        base: Bases::load().address_of(page),
        counters,
        vector,
    })
}

/// A slab by the descriptor of its first page alone.
#[inline(always)]
pub fn slab_at(page: u64) -> Option<Slab> {
    slab_of(Bases::load().address_of(page), true)
}

/// Bytes from one entry of a slab's vector to the next; `None` where the vector does not have
/// owners.
#[inline(always)]
fn stride(slab: &Slab, size: u64) -> Option<u64> {
    let ext_bytes = constant::<{ offset_of!(Layout, ext_bytes) }>();
    let shape = constant::<{ offset_of!(Layout, vector_shape) }>();
    if shape == u64::from(VECTOR_STRIDE) {
        // The upper half of the counters: user space checked this.
        return Some(slab.counters >> 32);
    }
    if shape == u64::from(VECTOR_IN_OBJECT) {
        if slab.counters & word(&LAYOUT.slab_needs_objcg_mask) == 0 {
            return None;
        }
        let inside = slab.counters & word(&LAYOUT.slab_in_object_mask) != 0;
        return Some(if inside { size } else { ext_bytes });
    }
    (shape == u64::from(VECTOR_ARRAY)).then_some(ext_bytes)
}

/// The object cgroup that is charged for an object of this slab; `None` if there is none. `size` is
/// the size of its objects.
#[inline(always)]
pub fn owner(slab: &Slab, size: u64, object: u64) -> Option<u64> {
    if size == 0 {
        lost(Loss::SlabRead, 1);
        return None;
    }
    let objects = slab.counters >> 16 & 0x7fff;
    // A KFENCE object is alone in its page, at any offset.
    let index = match objects {
        1 => 0,
        _ => object.wrapping_sub(slab.base) / size,
    };
    if index >= objects {
        lost(Loss::SlabRead, 1);
        return None;
    }
    let entry = (slab.vector & !VECTOR_FLAGS) + index * stride(slab, size)?;
    let objcg = if has_cast() {
        load::<{ offset_of!(Layout, ext_objcg) }>(entry)
    } else {
        match read(entry + constant::<{ offset_of!(Layout, ext_objcg) }>()) {
            Some(objcg) => objcg,
            None => {
                lost(Loss::SlabRead, 1);
                return None;
            }
        }
    };
    Some(objcg & !VECTOR_FLAGS).filter(|objcg| *objcg != 0)
}

/// Bytes that one object of a cache takes; 0 if that could not be read.
#[inline(always)]
pub fn size_of_cache(cache: u64) -> u64 {
    if has_cast() {
        load_half::<CACHE_SIZE>(cache)
    } else {
        read::<u32>(cache + constant::<CACHE_SIZE>())
            .unwrap_or(0)
            .into()
    }
}

/// A pointer of an array of pointers; 0 if it could not be read.
#[inline(always)]
pub fn pointer_at(array: u64, index: u64) -> u64 {
    let at = array + index * 8;
    if has_cast() {
        load::<AT_BASE>(at)
    } else {
        read(at).unwrap_or(0)
    }
}
