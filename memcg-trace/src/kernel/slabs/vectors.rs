//! Owners of the objects of many slabs, in as few reads as possible.

use memcg_trace_common::peek::PEEK_EACH_BYTES;

use super::page::Slab;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::layout::pages::DATA_FLAGS;

/// Bytes of an entry: an address.
const ENTRY_BYTES: u64 = 8;

/// A part of a vector.
struct Part {
    /// Index of the slab.
    at: usize,
    address: u64,
    stride: u64,
    entries: u64,
}

/// Owners of the objects of each of `slabs`, in their order, 0 for an object without an owner;
/// empty for a slab without a vector, `None` for a slab whose vector is gone. `object_bytes`
/// returns the size of a slab's objects.
pub(super) fn owners(
    reader: &Reader<'_>,
    slabs: &[Slab],
    object_bytes: impl Fn(&Slab) -> u64,
) -> Result<Vec<Option<Vec<u64>>>, Unreadable> {
    let mut parts = Vec::new();
    for (at, slab) in slabs.iter().enumerate() {
        split(at, slab, object_bytes(slab), &mut parts);
    }
    let mut owners = vec![Some(Vec::new()); slabs.len()];
    let addresses: Vec<_> = parts.iter().map(|part| part.address).collect();
    let mut read = parts.iter();
    reader.memory.each(&addresses, PEEK_EACH_BYTES, |bytes| {
        if let Some(part) = read.next() {
            match bytes {
                Some(bytes) => add(&mut owners[part.at], part, bytes),
                None => retry(reader, &mut owners[part.at], part),
            }
        }
    })?;
    Ok(owners)
}

/// Splits a vector into parts of one read each.
fn split(at: usize, slab: &Slab, object_bytes: u64, parts: &mut Vec<Part>) {
    let Some(vector) = slab.vector else {
        return;
    };
    let stride = vector.stride(object_bytes).max(ENTRY_BYTES);
    let most = (PEEK_EACH_BYTES as u64 - ENTRY_BYTES) / stride + 1;
    let mut first = 0;
    while first < slab.objects {
        let entries = most.min(slab.objects - first);
        parts.push(Part {
            at,
            address: vector.address + first * stride,
            stride,
            entries,
        });
        first += entries;
    }
}

fn add(owners: &mut Option<Vec<u64>>, part: &Part, bytes: &[u8]) {
    let Some(owners) = owners else {
        return;
    };
    for entry in 0..part.entries {
        let at = usize::try_from(entry * part.stride).unwrap_or(usize::MAX);
        let word = bytes.get(at..).and_then(|rest| rest.first_chunk());
        owners.push(word.map_or(0, |word| u64::from_ne_bytes(*word)) & !DATA_FLAGS);
    }
}

/// Retries a part: memory behind the last entry need not be readable.
fn retry(reader: &Reader<'_>, owners: &mut Option<Vec<u64>>, part: &Part) {
    let bytes = (part.entries - 1) * part.stride + ENTRY_BYTES;
    let mut exactly = vec![0; usize::try_from(bytes).unwrap_or(0)];
    match reader.memory.read(part.address, &mut exactly) {
        Ok(()) => add(owners, part, &exactly),
        Err(_) => *owners = None,
    }
}
