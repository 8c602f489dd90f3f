//! Flattened dumps: a file for pipes, which says of each of its pieces where it belongs
//! (makedumpfile.h: `makedumpfile_header`, `makedumpfile_data_header`). QEMU writes no other
//! kdump files.
//!
//! Pieces come in any order, and a later one overwrites an earlier one.

use std::collections::BTreeMap;

use super::errors::Malformed;
use super::plain_file::PlainFile;

const SIGNATURE: &[u8; 16] = b"makedumpfile\0\0\0\0";
const WHAT: &str = "a piece of the flattened file";
/// Bytes of the header, behind which the pieces are.
const HEADER: u64 = 4096;
/// Bytes before each piece: its offset, and its size.
const PIECE_HEADER: u64 = 16;
/// Maximum number of pieces: makedumpfile writes one for each of its buffers, of at least a page.
const MAX_PIECES: usize = 1 << 22;

/// The places of the described file's bytes in the flattened file.
pub(super) struct Pieces {
    /// In order, and disjoint.
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy)]
struct Piece {
    /// Offsets in the described file.
    begin: u64,
    end: u64,
    /// The offset of its first byte in the flattened file.
    place: u64,
}

pub(super) fn is_flattened(file: &PlainFile) -> bool {
    let mut signature = [0; SIGNATURE.len()];
    let is_read = file.read("the signature", 0, &mut signature).is_ok();
    is_read && signature == *SIGNATURE
}

impl Pieces {
    pub(super) fn read(file: &PlainFile) -> Result<Self, Malformed> {
        let [kind, version] = numbers(file, SIGNATURE.len() as u64)?;
        if (kind, version) != (1, 1) {
            let why = format!("type {kind} and version {version}, where 1 and 1 are known");
            return Err(Malformed::new("the header of the flattened file", 16, why));
        }
        let mut pieces = Overwritten::default();
        let mut at = HEADER;
        for _ in 0..MAX_PIECES {
            let [begin, bytes] = numbers(file, at)?;
            if (begin, bytes) == (-1, -1) {
                return Ok(pieces.in_order());
            }
            let place = at + PIECE_HEADER;
            let (Ok(begin), Ok(bytes @ 1..)) = (u64::try_from(begin), u64::try_from(bytes)) else {
                let why = format!("offset {begin} and size {bytes}");
                return Err(Malformed::new(WHAT, at, why));
            };
            let (end, next) = (begin.checked_add(bytes), place.checked_add(bytes));
            let (Some(end), Some(next)) = (end, next.filter(|next| *next <= file.bytes)) else {
                let why = format!("{bytes} bytes, which end behind the end of the file: cut off?");
                return Err(Malformed::new(WHAT, at, why));
            };
            pieces.add(Piece { begin, end, place });
            at = next;
        }
        Err(Malformed::new(WHAT, at, format!("more than {MAX_PIECES}")))
    }

    /// The place of a byte in the flattened file, and the number of bytes that follow each other
    /// there.
    pub(super) fn find(&self, offset: u64) -> Option<(u64, u64)> {
        let after = self.pieces.partition_point(|piece| piece.begin <= offset);
        let piece = self.pieces.get(after.checked_sub(1)?)?;
        let within = offset - piece.begin;
        (offset < piece.end).then(|| (piece.place + within, piece.end - offset))
    }

    /// The size of the described file.
    pub(super) fn end(&self) -> u64 {
        self.pieces.last().map_or(0, |piece| piece.end)
    }
}

fn numbers(file: &PlainFile, at: u64) -> Result<[i64; 2], Malformed> {
    let mut bytes = [0; 16];
    file.read(WHAT, at, &mut bytes)?;
    let (first, second) = bytes.split_at(8);
    Ok([first, second].map(|half| i64::from_be_bytes(half.try_into().unwrap_or_default())))
}

/// Pieces by their first byte, of which later ones cut earlier ones.
#[derive(Default)]
struct Overwritten(BTreeMap<u64, Piece>);

impl Overwritten {
    fn add(&mut self, new: Piece) {
        let before = self.0.range(..new.begin).next_back();
        if let Some((_, before)) = before.filter(|(_, before)| before.end > new.begin) {
            let before = *before;
            self.0.insert(
                before.begin,
                Piece {
                    end: new.begin,
                    ..before
                },
            );
            self.keep_behind(before, new.end);
        }
        while let Some((_, covered)) = self.0.range(new.begin..new.end).next() {
            let covered = *covered;
            self.0.remove(&covered.begin);
            self.keep_behind(covered, new.end);
        }
        self.0.insert(new.begin, new);
    }

    /// Keeps the part of a piece that is behind `end`.
    fn keep_behind(&mut self, piece: Piece, end: u64) {
        if piece.end > end {
            let rest = Piece {
                begin: end,
                place: piece.place + (end - piece.begin),
                ..piece
            };
            self.0.insert(end, rest);
        }
    }

    fn in_order(self) -> Pieces {
        Pieces {
            pieces: self.0.into_values().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Copies the pieces byte for byte, as places in the flattened file.
    fn copied(pieces: &[(u64, u64, u64)], bytes: usize) -> Vec<Option<u64>> {
        let mut copy = vec![None; bytes];
        for (begin, end, place) in pieces {
            for at in *begin..*end {
                copy[usize::try_from(at).unwrap()] = Some(place + (at - begin));
            }
        }
        copy
    }

    #[test]
    fn the_last_piece_wins() {
        let pieces = [
            (0, 10, 1000),
            (20, 40, 2000),
            (5, 25, 3000),
            (30, 32, 4000),
            (8, 9, 5000),
            (0, 1, 6000),
            (39, 50, 7000),
        ];
        for many in 1..=pieces.len() {
            let mut overwritten = Overwritten::default();
            for (begin, end, place) in &pieces[..many] {
                overwritten.add(Piece {
                    begin: *begin,
                    end: *end,
                    place: *place,
                });
            }
            let found = overwritten.in_order();
            let found: Vec<_> = (0..60)
                .map(|at| found.find(at).map(|(place, _)| place))
                .collect();
            assert_eq!(found, copied(&pieces[..many], 60), "{many} pieces");
        }
    }
}
