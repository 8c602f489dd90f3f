//! Rows to fold when a table fills up: those of released memcgs once there are many, and those of
//! dead ones once the table is nearly full.

use crate::kernel::counted::memcgs::Memcgs;
use crate::sample::GONE_SERIAL_NR;

/// Rows from which on those of released memcgs are folded into one: up to here, each keeps its
/// name.
const MANY: usize = 1024;
/// The fraction of a table that is kept free for living memcgs, as one in so many.
const FREE: usize = 2;

/// In keys: all memcgs whose rows were folded.
pub(crate) const GONE: u64 = u64::MAX;

/// Whether the row of a memcg is folded in a table of `rows` rows, whose capacity is `most`.
pub(crate) fn gives_way(memcgs: &Memcgs, serial_nr: u64, rows: usize, most: usize) -> bool {
    if serial_nr == 0 || serial_nr == GONE || rows <= MANY {
        return false;
    }
    memcgs.is_gone(serial_nr) || rows > most / FREE && memcgs.is_dead(serial_nr)
}

/// The memcg of a key as samples have it: 0 stands for none, [`GONE`] for all that were folded.
pub(crate) fn known(serial_nr: u64) -> Option<u64> {
    match serial_nr {
        0 => None,
        GONE => Some(GONE_SERIAL_NR),
        serial_nr => Some(serial_nr),
    }
}
