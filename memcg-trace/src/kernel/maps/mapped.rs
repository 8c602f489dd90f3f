//! The memory of a kernel map in our address space (`BPF_F_MMAPABLE`).

use std::os::fd::AsFd as _;
use std::ptr::{self, NonNull};

use anyhow::{Context as _, anyhow};
use aya::Ebpf;
use aya::maps::{Map, MapData};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// The values of an array, which programs read and write at the same time.
pub(crate) struct Mapped<T> {
    first: NonNull<T>,
    len: usize,
    /// Keeps the map alive for the mapping.
    _map: MapData,
}

impl<T> Mapped<T> {
    /// Takes an array of so many values out of the object.
    ///
    /// # Errors
    /// If there is no such map, or it cannot be mapped.
    pub(crate) fn open(ebpf: &mut Ebpf, name: &str, len: usize) -> anyhow::Result<Self> {
        let Some(Map::Array(map)) = ebpf.take_map(name) else {
            return Err(anyhow!(
                "no map {name} in the eBPF object: built from other sources"
            ));
        };
        // SAFETY: a fresh mapping of a map of so many values; it overlaps nothing.
        let address = unsafe {
            mmap(
                ptr::null_mut(),
                size_of::<T>() * len,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                map.fd().as_fd(),
                0,
            )
        };
        let address = address.with_context(|| format!("map the memory of {name}"))?;
        let first = NonNull::new(address.cast()).context("a mapping at address 0")?;
        Ok(Self {
            first,
            len,
            _map: map,
        })
    }

    /// The number of values.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// A pointer to a value, or to the last one.
    pub(crate) fn at(&self, index: usize) -> *mut T {
        // SAFETY: within the values.
        unsafe { self.first.as_ptr().add(index.min(self.len - 1)) }
    }
}

// SAFETY: the mapping belongs to it alone, and to no thread.
unsafe impl<T> Send for Mapped<T> {}

impl<T> Drop for Mapped<T> {
    fn drop(&mut self) {
        // SAFETY: mapped by `open` with that size, and nothing refers to it any more.
        let _ = unsafe { munmap(self.first.as_ptr().cast(), size_of::<T>() * self.len) };
    }
}
