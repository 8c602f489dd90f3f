//! Holders of a percpu-rwsem, as its words count them.

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::layout::fields::Field;

/// The number of readers: each counts up on one CPU and down on another
/// (kernel/locking/percpu-rwsem.c: per_cpu_sum()).
pub(crate) fn readers(reader: &Reader<'_>, lock: u64) -> Result<u64, Unreadable> {
    let counter = reader.word(lock, Field::PercpuReadCount)?;
    let mut sum: u32 = 0;
    for offset in reader.cpu_offsets()? {
        let mut count = [0; 4];
        let place = counter.wrapping_add(offset);
        reader.memory.read(place, &mut count)?;
        sum = sum.wrapping_add(u32::from_ne_bytes(count));
    }
    Ok(u64::from(sum))
}

/// An upper bound of the number of readers: a reader that comes or leaves meanwhile must not hide
/// one that stays.
pub(crate) fn most_readers(reader: &Reader<'_>, lock: u64) -> Result<u64, Unreadable> {
    const LOOKS: usize = 3;
    let mut most = 0;
    for _ in 0..LOOKS {
        most = most.max(readers(reader, lock)?);
    }
    Ok(most)
}

/// The number of writers, which is one at most: a writer that waits for readers to leave does not
/// hold the lock yet.
pub(crate) fn writers(reader: &Reader<'_>, lock: u64) -> Result<u64, Unreadable> {
    let block = reader.word(lock, Field::PercpuBlock)?;
    let waits = reader.word(lock, Field::PercpuWriter)?;
    Ok(u64::from(block != 0 && waits == 0))
}
