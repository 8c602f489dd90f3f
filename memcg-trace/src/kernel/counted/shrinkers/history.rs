//! Shrinkers by address over time. The kernel reuses memory: the counts of a freed shrinker must
//! not go to the next one at its address, and keep the name that it had.

use std::collections::HashMap;

use memcg_trace_common::shrinker::ShrinkerRow;

/// Addresses are multiples of this: the numbers between two stand for earlier shrinkers.
const ALIGN: u64 = 8;

/// Shrinkers by address, and the earlier ones.
#[derive(Debug, Default)]
pub(crate) struct ShrinkerHistory {
    rows: HashMap<u64, ShrinkerRow>,
    /// The number of earlier shrinkers at an address.
    earlier: HashMap<u64, u64>,
}

impl ShrinkerHistory {
    /// Takes in the shrinker that is at an address now. If another one was there, returns the key
    /// of that one from now on. Without a name, the shrinker is gone.
    pub(crate) fn record(&mut self, row: &ShrinkerRow, has_name: bool) -> Option<u64> {
        if !has_name {
            if row.scan_objects != 0 {
                self.rows.entry(row.shrinker).or_insert(*row);
            }
            return None;
        }
        let before = self.rows.insert(row.shrinker, *row);
        let before = before.filter(|before| !is_same(before, row))?;
        let earlier = self.earlier.entry(row.shrinker).or_default();
        // The last number stands for all shrinkers after it.
        *earlier = (*earlier + 1).min(ALIGN - 1);
        let key = row.shrinker + *earlier;
        self.rows.insert(key, before);
        Some(key)
    }

    /// The facts of a shrinker, as read while it was registered.
    pub(crate) fn row(&self, key: u64) -> Option<&ShrinkerRow> {
        self.rows.get(&key)
    }

    /// Forgets the shrinkers that are in no row any more.
    pub(crate) fn keep(&mut self, is_used: impl Fn(u64) -> bool) {
        self.rows.retain(|key, _| is_used(*key));
        self.earlier.retain(|address, _| is_used(*address));
    }
}

fn is_same(one: &ShrinkerRow, other: &ShrinkerRow) -> bool {
    let functions = |row: &ShrinkerRow| (row.scan_objects, row.count_objects);
    // Without a file system, the device number means nothing.
    let is_block = one.fs[0] != 0 || other.fs[0] != 0;
    functions(one) == functions(other) && (!is_block || (one.dev, one.fs) == (other.dev, other.fs))
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros as _;

    use super::*;

    fn superblock(shrinker: u64, dev: u32) -> ShrinkerRow {
        let mut row = ShrinkerRow::new_zeroed();
        (row.shrinker, row.scan_objects, row.dev) = (shrinker, 0x1000, dev);
        row.fs[..5].copy_from_slice(b"tmpfs");
        row
    }

    #[test]
    fn another_one_at_an_address_is_another_one() {
        let address = 0xffff_8880_0000_1000;
        let mut history = ShrinkerHistory::default();
        assert_eq!(history.record(&superblock(address, 30), true), None);
        assert_eq!(history.record(&superblock(address, 30), true), None);
        // After the shrinker is freed, the bytes at its address mean nothing.
        assert_eq!(history.record(&superblock(address, 99), false), None);
        assert_eq!(history.row(address).map(|row| row.dev), Some(30));
        let earlier = history.record(&superblock(address, 31), true).unwrap();
        assert_ne!(earlier, address);
        assert_eq!(history.row(earlier).map(|row| row.dev), Some(30));
        assert_eq!(history.row(address).map(|row| row.dev), Some(31));
        history.keep(|key| key == address);
        assert!(history.row(earlier).is_none());
    }
}
