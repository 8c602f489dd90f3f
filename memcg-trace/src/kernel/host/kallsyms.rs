//! The kernel's symbols as text, from `/proc/kallsyms`: `ffffffff81000000 T name`, and its module
//! behind a tab. The type letter is not used: since 6.18 data is marked as text.

use std::fs::File;
use std::io::{self, Read};

use memchr::{memchr, memchr2};

use crate::kernel::host::address_names::Table;

pub(crate) const PATH: &str = "/proc/kallsyms";

/// Digits of an address.
const DIGITS: usize = 16;
/// The offset of the name: after the address, the letter and the blanks around it.
const NAME: usize = DIGITS + 3;

pub(crate) fn open() -> io::Result<File> {
    File::open(PATH)
}

/// Whether the file is the kernel's own, and no other is mounted over it.
pub(crate) fn is_the_kernels(file: &File) -> bool {
    /// include/uapi/linux/magic.h: PROC_SUPER_MAGIC
    const PROC: i64 = 0x9fa0;
    rustix::fs::fstatfs(file).is_ok_and(|stat| stat.f_type == PROC)
}

/// All symbols by address.
pub(crate) fn all() -> io::Result<Table> {
    let mut table = Table::default();
    for_each(open()?, |line| {
        if let Some(address) = line.address() {
            table.add(address, line.name());
        }
    })?;
    table.finish();
    Ok(table)
}

/// A line with a symbol.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a>(&'a [u8]);

impl<'a> Line<'a> {
    fn of(line: &'a [u8]) -> Option<Self> {
        let is_symbol = line.len() > NAME && line[DIGITS] == b' ' && line[NAME - 1] == b' ';
        is_symbol.then_some(Self(line))
    }

    /// Whether the address is not zero; all are zero for users who may not see them.
    pub(crate) fn is_visible(self) -> bool {
        self.0[..DIGITS] != [b'0'; DIGITS]
    }

    /// The address; `None` if it is no number.
    pub(crate) fn address(self) -> Option<u64> {
        let mut number = 0;
        for digit in &self.0[..DIGITS] {
            // Letters are 9 more than their low four bits.
            let value = match digit {
                b'0'..=b'9' => digit & 15,
                b'a'..=b'f' => (digit & 15) + 9,
                _ => return None,
            };
            number = number << 4 | u64::from(value);
        }
        Some(number)
    }

    pub(crate) fn name(self) -> &'a [u8] {
        let rest = &self.0[NAME..];
        &rest[..memchr2(b'\t', b' ', rest).unwrap_or(rest.len())]
    }
}

/// Hands over each line with a symbol, without a copy.
pub(crate) fn for_each(mut input: impl Read, mut see: impl FnMut(Line<'_>)) -> io::Result<()> {
    /// The kernel returns at most a page for each read.
    const BUFFER: usize = 1 << 16;
    let mut buffer = vec![0; BUFFER];
    let mut held = 0;
    loop {
        if held == buffer.len() {
            // A line of that length is no symbol.
            held = 0;
        }
        let read = match input.read(&mut buffer[held..]) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let mut rest = &buffer[..held + read];
        while let Some(end) = memchr(b'\n', rest) {
            Line::of(&rest[..end]).into_iter().for_each(&mut see);
            rest = &rest[end + 1..];
        }
        let begin = held + read - rest.len();
        buffer.copy_within(begin..held + read, 0);
        held = held + read - begin;
    }
    Line::of(&buffer[..held]).into_iter().for_each(see);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns as few bytes as allowed for each read.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let bytes = self.1.min(out.len());
            (&mut self.0).read(&mut out[..bytes])
        }
    }

    const TEXT: &str = "\
0000000000000000 A fixed_percpu_data
no symbol
ffffffff81001000 t do_migrate_range.isra.0
fffffffg81001000 t no_number
ffffffffc0001000 t evil\t[evil_module]";

    #[test]
    fn lines_are_whole_however_they_come() {
        for bytes in [1, 7, 40, 1_000] {
            let mut seen = Vec::new();
            let see = |line: Line<'_>| {
                let name = str::from_utf8(line.name()).unwrap().to_owned();
                seen.push((line.address(), line.is_visible(), name));
            };
            for_each(Slow(TEXT.as_bytes(), bytes), see).unwrap();
            let is = |address, visible, name: &str| (address, visible, name.to_owned());
            assert_eq!(
                seen,
                [
                    is(Some(0), false, "fixed_percpu_data"),
                    is(Some(0xffff_ffff_8100_1000), true, "do_migrate_range.isra.0"),
                    is(None, true, "no_number"),
                    is(Some(0xffff_ffff_c000_1000), true, "evil"),
                ],
                "{bytes} bytes at a time"
            );
        }
    }
}
