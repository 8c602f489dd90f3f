//! Sockets that no descriptor leads to, found in the slabs that they are allocated from.
//!
//! Protocols with a cache of their own register it; the others (AF_NETLINK, AF_PACKET, …) take
//! their sockets from kmalloc, where only a pointer to such a protocol tells a socket from other
//! objects. A socket that was freed has no references (net/core/sock.c: sk_free()).

use crate::kernel::host::symbols::Symbol;
use std::collections::{HashMap, HashSet};

use super::holders::Kind;
use super::ledger::Ledger;
use super::namespaces::Namespaces;
use super::sockets;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::open_files::Open;
use crate::kernel::debugger::reader::{Reader, is_kernel_address};
use crate::kernel::layout::fields::Field;

/// Bound on the protocols of one kernel.
const PROTOCOLS: usize = 4096;
/// Bytes of a page.
const PAGE_BYTES: u64 = 4096;
/// Upper bound of a slab's size.
const SLAB_BYTES: u64 = 1 << 20;
/// Length of a cache's name.
const NAME_BYTES: usize = 64;

/// Slabs that may contain sockets.
pub(super) struct SocketSlabs {
    page_offset: u64,
    cache_at: u64,
    /// Caches of protocols.
    caches: HashSet<u64>,
    /// Protocols without a cache, and the sizes of their smallest and largest sockets.
    others: HashSet<u64>,
    sizes: (u64, u64),
    /// Size of the objects of each cache that was seen; `None` if they cannot be sockets.
    known: HashMap<u64, Option<u64>>,
    /// Address, cache and bytes of the slabs to look at.
    slabs: Vec<(u64, u64, u64)>,
}

impl SocketSlabs {
    pub(super) fn new(reader: &Reader<'_>) -> Result<Self, Unreadable> {
        let (protocols, _) = reader.list(
            reader.symbol(Symbol::ProtoList)?,
            Field::ProtoNode,
            PROTOCOLS,
        )?;
        let caches = reader.column(&protocols, Field::ProtoSlab)?;
        let sizes = reader.column(&protocols, Field::ProtoObjSize)?;
        let (mut own, mut others, mut range) = (HashSet::new(), HashSet::new(), (u64::MAX, 0));
        for ((protocol, cache), size) in protocols.into_iter().zip(caches).zip(sizes) {
            match (cache, size) {
                (Some(0), size) => {
                    let size = size.unwrap_or(0);
                    others.insert(protocol);
                    range = (range.0.min(size), range.1.max(size));
                }
                (Some(cache), _) => {
                    own.insert(cache);
                }
                (None, _) => {}
            }
        }
        Ok(Self {
            page_offset: reader.word_at(reader.symbol(Symbol::PageOffsetBase)?)?,
            cache_at: reader.offset(Field::SlabCache)?,
            caches: own,
            others,
            sizes: range,
            known: HashMap::new(),
            slabs: Vec::new(),
        })
    }

    /// The cache of a slab, by the descriptor of its first page.
    pub(super) fn cache_of(&self, page: &[u8]) -> u64 {
        word(page, self.cache_at)
    }

    /// Adds a slab.
    pub(super) fn see(&mut self, pfn: u64, cache: u64, pages: u64) {
        let bytes = (pages * PAGE_BYTES).min(SLAB_BYTES);
        self.slabs
            .push((self.page_offset + pfn * PAGE_BYTES, cache, bytes));
    }

    /// Scans all slabs. Sockets that are open have been counted before.
    pub(super) fn count(
        mut self,
        reader: &Reader<'_>,
        open: &Open,
        namespaces: &Namespaces,
        ledger: &mut Ledger,
    ) -> Result<(), Unreadable> {
        let memcg = reader.offset(Field::SockMemcg)?;
        let protocol = reader.offset(Field::SockProt)?;
        let references = reader.offset(Field::SockRefcnt)?;
        let mut bytes = Vec::new();
        for (address, cache, size) in std::mem::take(&mut self.slabs) {
            let Some(object) = self.object_bytes(reader, cache) else {
                continue;
            };
            bytes.resize(usize::try_from(size).unwrap_or(0), 0);
            if reader.memory.read(address, &mut bytes).is_err() {
                continue;
            }
            ledger.visited.objects += size / object;
            let is_own = self.caches.contains(&cache);
            // A red zone may come before the first object; the size tells where the others start.
            let padding = reader.word(cache, Field::CacheRedLeft).unwrap_or(0);
            let mut at = padding;
            while at + object <= size {
                let socket = at;
                at += object;
                let css = word(&bytes, socket + memcg);
                let Some(zombie) = ledger.position(css) else {
                    continue;
                };
                let protocol = word(&bytes, socket + protocol);
                let is_socket = is_kernel_address(protocol)
                    && (is_own || self.others.contains(&protocol))
                    && word(&bytes, socket + references) & 0xffff_ffff != 0;
                if !is_socket || open.has_socket(address + socket) {
                    continue;
                }
                match sockets::describe(reader, namespaces, address + socket) {
                    Ok((kind, object)) => {
                        let thing = Kind::Sock.at(address + socket);
                        ledger.zombies[zombie].add_held(kind, object, thing);
                    }
                    // The socket was closed meanwhile.
                    Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => {}
                    Err(why) => return Err(why),
                }
            }
        }
        Ok(())
    }

    fn object_bytes(&mut self, reader: &Reader<'_>, cache: u64) -> Option<u64> {
        if let Some(known) = self.known.get(&cache) {
            return *known;
        }
        let object = (|| {
            let bytes = reader.word(cache, Field::CacheSize).ok()?;
            let name = reader.word(cache, Field::CacheName).ok()?;
            let name = reader.string(name, NAME_BYTES).ok()?;
            // From the size of the smallest socket up to the kmalloc size above the largest.
            let fits = bytes >= self.sizes.0 && bytes / 2 < self.sizes.1;
            let may_be = name.as_bytes().starts_with(b"kmalloc-") && fits;
            (bytes > 0 && (may_be || self.caches.contains(&cache))).then_some(bytes)
        })();
        self.known.insert(cache, object);
        object
    }
}

fn word(bytes: &[u8], at: u64) -> u64 {
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    let word = at.checked_add(8).and_then(|end| bytes.get(at..end));
    u64::from_ne_bytes(
        word.and_then(|word| word.try_into().ok())
            .unwrap_or_default(),
    )
}
