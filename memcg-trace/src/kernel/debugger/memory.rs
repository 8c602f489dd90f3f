//! A reader of kernel memory in user space, like a debugger's, by programs that are run on demand.
//!
//! Nothing is locked or referenced between two reads, so an object may be freed or its memory
//! reused. A reader bounds every list, and checks that an object is still the one that it looked
//! up.

use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::os::fd::AsFd as _;
use std::ptr::{self, NonNull};

use anyhow::{Context as _, anyhow};
use aya::Ebpf;
use aya::maps::{Map, MapData, ProgramArray};
use memcg_trace_common::peek::{PEEK_ADDRESSES, PEEK_BYTES, PEEK_EACH_BYTES, Peek};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::kernel::debugger::resolver::run;
use crate::kernel::hooks::programs::load_walk;
use crate::kernel::maps::take_map;

const RANGE: &str = "peek_range";
const EACH: &str = "peek_each";
const CHAIN: &str = "peek_chain";

/// The reason why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// This kernel has no such field, symbol or type.
    #[error("{0}")]
    Absent(String),
    /// Nothing is mapped at the address: it was stale.
    #[error("nothing to read at {0:#x}")]
    Fault(u64),
    /// The object is not, or no longer, the one that was looked up.
    #[error("{0} changed while it was looked at")]
    Changed(&'static str),
    /// The programs that read failed.
    #[error("{0}")]
    Failed(String),
}

/// The programs that read, and the memory that they share with us.
pub(crate) struct Peeker {
    shared: Shared,
    /// The map that the tail calls go through; it must stay open.
    _next: ProgramArray<MapData>,
}

impl Peeker {
    /// Loads the programs.
    pub(crate) fn open(ebpf: &mut Ebpf) -> anyhow::Result<Self> {
        load_walk(ebpf, RANGE)?;
        let mut next: ProgramArray<MapData> = take_map(ebpf, "PEEK_NEXT")?;
        for (at, name) in [(0, EACH), (1, CHAIN)] {
            let body = load_walk(ebpf, name)?
                .fd()
                .with_context(|| format!("program {name}"))?;
            next.set(at, body, 0)
                .with_context(|| format!("let {name} call itself"))?;
        }
        let Some(Map::Array(map)) = ebpf.take_map("PEEK") else {
            return Err(anyhow!(
                "no map PEEK in the eBPF object: built from other sources"
            ));
        };
        Ok(Self {
            shared: Shared::map(map)?,
            _next: next,
        })
    }
}

/// The value of the map `PEEK`, in our address space.
struct Shared {
    peek: NonNull<Peek>,
    /// Keeps the map alive for the mapping.
    _map: MapData,
}

impl Shared {
    fn map(map: MapData) -> anyhow::Result<Self> {
        // SAFETY: a fresh mapping of a map whose only value is a Peek; it overlaps nothing.
        let address = unsafe {
            mmap(
                ptr::null_mut(),
                size_of::<Peek>(),
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                map.fd().as_fd(),
                0,
            )
        };
        let address = address.context("map the memory that the reading programs fill")?;
        let peek = NonNull::new(address.cast()).context("a mapping at address 0")?;
        Ok(Self { peek, _map: map })
    }
}

// SAFETY: the mapping belongs to it alone, and to no thread.
unsafe impl Send for Shared {}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: mapped by `map` with that size, and nothing refers to it any more.
        let _ = unsafe { munmap(self.peek.as_ptr().cast(), size_of::<Peek>()) };
    }
}

/// Kernel memory.
pub(crate) struct Memory<'a> {
    ebpf: &'a Ebpf,
    shared: &'a Shared,
    /// The shared memory has no lock, so only one thread may use it.
    _one_thread: PhantomData<*mut ()>,
}

impl<'a> Memory<'a> {
    pub(crate) fn new(ebpf: &'a Ebpf, peeker: &'a mut Peeker) -> Self {
        Self {
            ebpf,
            shared: &peeker.shared,
            _one_thread: PhantomData,
        }
    }

    /// The programs that read.
    pub(crate) fn ebpf(&self) -> &'a Ebpf {
        self.ebpf
    }

    /// Fills `out` with the bytes at `address`.
    pub(crate) fn read(&self, address: u64, out: &mut [u8]) -> Result<(), Unreadable> {
        let mut from = address;
        for part in out.chunks_mut(PEEK_BYTES) {
            self.view(from, part.len(), |bytes| part.copy_from_slice(bytes))?;
            from = from.wrapping_add(part.len() as u64);
        }
        Ok(())
    }

    /// Hands up to 64 KiB at `address` to `look`, without a copy. `look` must not call back into
    /// [`Memory`]: it borrows the shared memory.
    pub(crate) fn view<T>(
        &self,
        address: u64,
        bytes: usize,
        look: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, Unreadable> {
        let bytes = bytes.min(PEEK_BYTES);
        self.ask(RANGE, |peek| {
            peek.address = address;
            peek.bytes = u32::try_from(bytes).unwrap_or(0);
        })?;
        let peek = self.peek();
        if peek.faults != 0 {
            return Err(Unreadable::Fault(address));
        }
        Ok(look(&peek.data[..bytes]))
    }

    /// Reads `bytes` at each of the addresses, at most [`PEEK_EACH_BYTES`], and hands over the
    /// results in order; `None` for an address that could not be read.
    pub(crate) fn each(
        &self,
        addresses: &[u64],
        bytes: usize,
        mut see: impl FnMut(Option<&[u8]>),
    ) -> Result<(), Unreadable> {
        let bytes = bytes.min(PEEK_EACH_BYTES);
        // The callback may call back into [`Memory`], so it gets a copy.
        let mut data = vec![0; PEEK_BYTES.min(addresses.len() * PEEK_EACH_BYTES)];
        let mut read = [0; PEEK_ADDRESSES];
        for some in addresses.chunks(PEEK_ADDRESSES) {
            self.ask(EACH, |peek| {
                peek.bytes = u32::try_from(bytes).unwrap_or(0);
                peek.count = u32::try_from(some.len()).unwrap_or(0);
                peek.done = 0;
                peek.faults = 0;
                peek.addresses[..some.len()].copy_from_slice(some);
            })?;
            let peek = self.peek();
            let used = some.len() * PEEK_EACH_BYTES;
            data[..used].copy_from_slice(&peek.data[..used]);
            read[..some.len()].copy_from_slice(&peek.addresses[..some.len()]);
            for (at, address) in read[..some.len()].iter().enumerate() {
                let from = at * PEEK_EACH_BYTES;
                see((*address != 0).then(|| &data[from..from + bytes]));
            }
        }
        Ok(())
    }

    /// Hands over the nodes of a list from `first` on, some hundred at a time; the address of the
    /// next node is `next` bytes into each. The list ends at `end`, at 0, or when `see` breaks.
    pub(crate) fn chain(
        &self,
        first: u64,
        end: u64,
        next: u64,
        mut see: impl FnMut(&[u64]) -> ControlFlow<()>,
    ) -> Result<(), Unreadable> {
        let mut address = first;
        let mut nodes = Vec::with_capacity(PEEK_ADDRESSES);
        while address != 0 && address != end {
            self.ask(CHAIN, |peek| {
                peek.address = address;
                peek.end = end;
                peek.bytes = u32::try_from(next).unwrap_or(0);
                peek.count = 0;
                peek.faults = 0;
            })?;
            let peek = self.peek();
            if peek.faults != 0 || peek.count == 0 {
                return Err(Unreadable::Fault(address));
            }
            nodes.clear();
            nodes.extend_from_slice(&peek.addresses[..(peek.count as usize).min(PEEK_ADDRESSES)]);
            address = peek.address;
            if see(&nodes).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn ask(&self, program: &str, question: impl FnOnce(&mut Peek)) -> Result<(), Unreadable> {
        // SAFETY: mapped and aligned to a page; no program runs, and no reference is held across
        // a call of this function, since those of `peek` end before.
        question(unsafe { &mut *self.shared.peek.as_ptr() });
        run(self.ebpf, program).map_err(|error| Unreadable::Failed(format!("{error:#}")))
    }

    fn peek(&self) -> &Peek {
        // SAFETY: as in `ask`; the program has ended.
        unsafe { self.shared.peek.as_ref() }
    }
}
