//! VMCOREINFO: what a kernel says of itself for dumps (kernel/vmcore_info.c), in a note of the dump
//! or, since it is made at boot, in its memory.

use std::collections::HashMap;
use std::ops::Range;

use memchr::memmem::Finder;

use super::errors::Malformed;
use super::input::u32_at;
use super::pages::{PAGE, PAGE_BYTES};
use super::physical::Physical;

/// The note's name, the padding of its header, and the first key.
const BEGIN: &[u8] = b"VMCOREINFO\0\0OSRELEASE=";
/// Bytes of the note before its name, and before its text.
const HEADER: usize = 12;
const TEXT: usize = HEADER + 12;
/// Bounds of the text: a kernel has some 4 KiB.
const TEXT_BYTES: Range<usize> = 64..8192;
/// Memory that is searched at once.
const WINDOW: usize = 1 << 20;

/// The keys and their values.
#[derive(Clone, Debug, Default)]
pub(super) struct Vmcoreinfo {
    values: HashMap<String, String>,
}

impl Vmcoreinfo {
    pub(super) fn parse(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let pair = |line: &str| {
            let (key, value) = line.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        };
        Self {
            values: text.lines().filter_map(pair).collect(),
        }
    }

    /// Searches all memory for it.
    pub(super) fn search(memory: &Physical) -> Result<Option<Self>, Malformed> {
        let finder = Finder::new(BEGIN);
        let overlap = HEADER + BEGIN.len();
        let mut window = vec![0; overlap + WINDOW];
        let mut at = 0;
        for range in memory.held() {
            if range.start != at {
                // What was read last is not before it.
                window[..overlap].fill(0);
            }
            at = range.start;
            while at < range.end {
                let bytes = (range.end - at).min(WINDOW as u64);
                let bytes = usize::try_from(bytes).unwrap_or(WINDOW);
                fill(memory, at, &mut window[overlap..overlap + bytes])?;
                for found in finder.find_iter(&window[..overlap + bytes]) {
                    let note = (at + found as u64).checked_sub((overlap + HEADER) as u64);
                    if let Some(found) = note.and_then(|note| Self::at(memory, note)) {
                        return Ok(Some(found));
                    }
                }
                window.copy_within(bytes..bytes + overlap, 0);
                at += bytes as u64;
            }
        }
        Ok(None)
    }

    /// Reads a note.
    fn at(memory: &Physical, note: u64) -> Option<Self> {
        let mut header = [0; HEADER];
        memory.read(note, &mut header).ok()?;
        let bytes = u32_at(&header, 4) as usize;
        let is_one = u32_at(&header, 0) == 11 && u32_at(&header, 8) == 0;
        if !is_one || !TEXT_BYTES.contains(&bytes) {
            return None;
        }
        let mut text = vec![0; bytes];
        memory.read(note + TEXT as u64, &mut text).ok()?;
        Some(Self::parse(&text))
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// The address of a symbol.
    pub(super) fn symbol(&self, name: &str) -> Option<u64> {
        let value = self.get(&format!("SYMBOL({name})"))?;
        u64::from_str_radix(value, 16).ok()
    }

    /// A number: in decimal, with a sign, or in hexadecimal.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let value = self.get(&format!("NUMBER({name})"))?;
        match value.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => value.parse().map(i64::cast_unsigned).ok(),
        }
    }
}

/// Fills `out`; pages that the dump lacks are zeros.
fn fill(memory: &Physical, address: u64, out: &mut [u8]) -> Result<(), Malformed> {
    use super::errors::Gap;

    if memory.read(address, out).is_ok() {
        return Ok(());
    }
    let mut at = address;
    let mut rest = out;
    while !rest.is_empty() {
        let bytes = PAGE_BYTES - usize::try_from(at % PAGE).unwrap_or(0);
        let (page, later) = rest.split_at_mut(bytes.min(rest.len()));
        match memory.read(at, page) {
            Ok(()) => {}
            Err(Gap::LeftOut | Gap::NoMemory) => page.fill(0),
            Err(Gap::Malformed(why)) => return Err(why),
        }
        at += page.len() as u64;
        rest = later;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_form_of_their_key() {
        let text = "OSRELEASE=6.1.0\nSYMBOL(init_top_pgt)=ffffffff82a0a000\n\
                    NUMBER(phys_base)=-629145600\nNUMBER(VMALLOC_START)=0xffa0000000000000\n\
                    KERNELOFFSET=1a000000\nno key\n";
        let found = Vmcoreinfo::parse(text.as_bytes());
        assert_eq!(found.get("OSRELEASE"), Some("6.1.0"));
        assert_eq!(found.symbol("init_top_pgt"), Some(0xffff_ffff_82a0_a000));
        assert_eq!(
            found.number("phys_base"),
            Some(0_u64.wrapping_sub(629_145_600))
        );
        assert_eq!(found.number("VMALLOC_START"), Some(0xffa0_0000_0000_0000));
        assert_eq!(found.number("KERNELOFFSET"), None);
    }
}
