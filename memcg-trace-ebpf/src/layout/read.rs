//! Reads of kernel memory, by offsets that user space resolved.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::MaybeUninit;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use memcg_trace_common::layout::{ABSENT, Layout};
use zerocopy::FromBytes;

/// The layout, frozen before anything is loaded, so that the verifier knows every offset.
// SAFETY: all of Layout is integers, for which zero is a value; user space replaces it.
#[unsafe(no_mangle)]
pub static LAYOUT: Layout = unsafe { MaybeUninit::zeroed().assume_init() };

/// A word of `.bss`: written once by the program `bases`, before anything is attached.
struct Base(UnsafeCell<u64>);

// SAFETY: one writer, which has ended before any reader begins.
unsafe impl Sync for Base {}

impl Base {
    #[inline(always)]
    fn get(&self) -> u64 {
        // SAFETY: see Sync. Volatile, since the compiler sees no writer in some programs.
        unsafe { self.0.get().read_volatile() }
    }

    #[inline(always)]
    fn set(&self, value: u64) {
        // SAFETY: see Sync.
        unsafe { self.0.get().write_volatile(value) }
    }
}

/// `*vmemmap_base`: a variable, with KASLR.
static VMEMMAP: Base = Base(UnsafeCell::new(0));
/// `*page_offset_base`: a variable, with KASLR.
static PAGE_OFFSET: Base = Base(UnsafeCell::new(0));

/// Address of the first `struct page`.
#[inline(always)]
pub fn vmemmap() -> u64 {
    VMEMMAP.get()
}

/// Address at which physical memory is mapped.
#[inline(always)]
pub fn page_offset() -> u64 {
    PAGE_OFFSET.get()
}

/// Reads the two bases. `None` if that failed.
#[inline(always)]
pub fn learn_bases() -> Option<()> {
    VMEMMAP.set(read(word(&LAYOUT.sym_vmemmap_base))?);
    PAGE_OFFSET.set(read(word(&LAYOUT.sym_page_offset_base))?);
    Some(())
}

/// A field of [`LAYOUT`] that is an offset.
#[inline(always)]
pub fn offset(field: &u32) -> u64 {
    u64::from(value(field))
}

/// A field of [`LAYOUT`] that is not an offset.
#[inline(always)]
pub fn value(field: &u32) -> u32 {
    // SAFETY: a reference is readable. Volatile, since the compiler would fold the zeros in.
    unsafe { core::ptr::read_volatile(field) }
}

/// A field of [`LAYOUT`] that is a mask or an address.
#[inline(always)]
pub fn word(field: &u64) -> u64 {
    // SAFETY: as for `value`.
    unsafe { core::ptr::read_volatile(field) }
}

/// Returns whether this kernel has the field.
#[inline(always)]
pub fn has(field: &u32) -> bool {
    value(field) != ABSENT
}

/// Reads a value at a kernel address, which may be stale or nonsense.
#[inline(always)]
pub fn read<T: FromBytes>(address: u64) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the helper writes size_of::<T>() bytes, or zeros on a fault; both are a T.
    let failed = unsafe {
        bpf_probe_read_kernel(
            value.as_mut_ptr().cast::<c_void>(),
            size_of::<T>() as u32,
            address as *const c_void,
        )
    };
    if failed != 0 {
        return None;
    }
    // SAFETY: written above.
    Some(unsafe { value.assume_init() })
}

/// Reads as many bytes as `to` has; returns whether that succeeded. For types bigger than a word,
/// since a returned value is copied twice.
#[inline(always)]
pub fn read_to<T: FromBytes>(address: u64, to: &mut MaybeUninit<T>) -> bool {
    // SAFETY: the helper writes size_of::<T>() bytes, or zeros on a fault; both are a T.
    let failed = unsafe {
        bpf_probe_read_kernel(
            to.as_mut_ptr().cast::<c_void>(),
            size_of::<T>() as u32,
            address as *const c_void,
        )
    };
    failed == 0
}

/// Reads a word; returns whether that succeeded. On failure `word` is 0. As in [`pointer`], there
/// is no Option.
#[inline(always)]
pub fn read_into(address: u64, word: &mut u64) -> bool {
    *word = 0;
    // SAFETY: the helper writes 8 bytes, or zeros on a fault.
    let failed = unsafe {
        bpf_probe_read_kernel(
            core::ptr::from_mut(word).cast::<c_void>(),
            size_of::<u64>() as u32,
            address as *const c_void,
        )
    };
    failed == 0
}

/// Reads the field at `base + offset`; `None` where this kernel lacks it, or on a fault.
#[inline(always)]
pub fn field<T: FromBytes>(base: u64, field: &u32) -> Option<T> {
    if !has(field) {
        return None;
    }
    read(base.wrapping_add(offset(field)))
}

/// Follows a pointer at `base + offset`; 0 if the pointer is null, absent or cannot be read, and a
/// read from there fails in turn. There is no Option here: the compiler keeps its two halves apart
/// on the stack, and the verifier of 5.10 rejects the half that was never written.
#[inline(always)]
pub fn pointer(base: u64, offset: &u32) -> u64 {
    field(base, offset).unwrap_or(0)
}
