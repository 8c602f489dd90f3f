//! Which rows of a table make room for others: those of memcgs that are no more, once there are
//! many, and those of dead ones, once there is little room.

use crate::kernel::counted::memcgs::Memcgs;
use crate::sample::GONE_SERIAL_NR;

/// Rows from which on those of memcgs that are gone are added up in one: that many keep their names.
const MANY: usize = 1024;
/// The part of a table that is to be free for the living.
const FREE: usize = 2;

/// Stands for all memcgs that made room, in keys.
pub(crate) const GONE: u64 = u64::MAX;

/// Whether the row of a memcg makes room in a table of so many rows, which has room for `most`.
pub(crate) fn gives_way(memcgs: &Memcgs, serial_nr: u64, rows: usize, most: usize) -> bool {
    if serial_nr == 0 || serial_nr == GONE || rows <= MANY {
        return false;
    }
    memcgs.is_gone(serial_nr) || rows > most / FREE && memcgs.is_dead(serial_nr)
}

/// A memcg of a key as samples have it: 0 stands for none, and those that made room for one.
pub(crate) fn known(serial_nr: u64) -> Option<u64> {
    match serial_nr {
        0 => None,
        GONE => Some(GONE_SERIAL_NR),
        serial_nr => Some(serial_nr),
    }
}
