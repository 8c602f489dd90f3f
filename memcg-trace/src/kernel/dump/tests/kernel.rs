//! The memory of a made-up kernel: page tables, symbols, types and VMCOREINFO, as real ones have
//! them.

use std::collections::BTreeMap;

use crate::kernel::dump::pages::{PAGE, PAGE_BYTES};

/// The start of its text, and the physical address of that.
const TEXT: u64 = 0xffff_ffff_8100_0000;
const TEXT_PHYSICAL: u64 = 0x1_0000;
const PHYS_BASE: i64 = TEXT_PHYSICAL.cast_signed() - 0x100_0000;
/// Physical addresses of page tables, the first level last.
const TABLES: [u64; 5] = [0x1000, 0x2000, 0x3000, 0x4000, 0x5000];
/// The physical address of a note of VMCOREINFO.
const NOTE: u64 = 0x7000 - 20;
/// Bytes of the image; the last page has data.
const IMAGE: u64 = 0x1_0000;
const DATA: u64 = IMAGE - PAGE;
pub(super) const BANNER: &[u8] = b"Linux version 6.99 (made up)\n\0";
pub(super) const COMMAND_LINE: &[u8] = b"root=/dev/made_up quiet";
pub(super) const TAINT: u64 = 512;
const FILLERS: u64 = 1_200;

/// A form of the list of symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As of 5.10: VMCOREINFO does not say where the list is, and offsets come first.
    Unnamed,
    /// As of 6.12.
    PerCpu,
    /// As of 6.18.
    Based,
    /// As of 7.0: offsets are from their own places.
    OfPlace,
}

/// A kernel, by what its dump has.
pub(super) struct Kernel {
    /// By page frame number.
    pub(super) pages: BTreeMap<u64, [u8; PAGE_BYTES]>,
    /// The text of VMCOREINFO.
    pub(super) vmcoreinfo: Vec<u8>,
    /// All symbols, in the order of the list.
    pub(super) symbols: Vec<(u64, String)>,
}

impl Kernel {
    pub(super) fn new(form: Form, levels: usize) -> Self {
        let mut kernel = Self {
            pages: BTreeMap::new(),
            vmcoreinfo: Vec::new(),
            symbols: Vec::new(),
        };
        kernel.map(levels);
        let data = TEXT + DATA;
        let named = [
            (0x20, "made_up_per_cpu"),
            (TEXT, "_stext"),
            (data, "linux_banner"),
            (data + 0x100, "saved_command_line"),
            (data + 0x108, "tainted_mask"),
            (data + 0x200, "__start_BTF"),
            (data + 0x200 + btf().len() as u64, "__stop_BTF"),
        ];
        let named = named.map(|(address, name)| (address, name.to_owned()));
        kernel.symbols.extend(named);
        for at in 0..FILLERS {
            kernel
                .symbols
                .push((TEXT + 0x1000 + at * 16, format!("made_up_{at}")));
        }
        if form != Form::Unnamed && form != Form::PerCpu {
            kernel.symbols.remove(0);
        }
        kernel.write(data, BANNER);
        kernel.write(data + 0x100, &(data + 0x180).to_le_bytes());
        kernel.write(data + 0x108, &TAINT.to_le_bytes());
        kernel.write(data + 0x180, COMMAND_LINE);
        kernel.write(data + 0x200, &btf());
        let places = kernel.list(form);
        kernel.describe(levels, &places);
        kernel
    }

    /// Maps the image by pages of 4 KiB.
    fn map(&mut self, levels: usize) {
        let tables = &TABLES[TABLES.len() - levels..];
        for (at, table) in tables.iter().enumerate() {
            let level = levels - at;
            let shift = 12 + 9 * (level - 1);
            let entries = if level == 1 { IMAGE / PAGE } else { 1 };
            for entry in 0..entries {
                let index = ((TEXT >> shift) + entry) % 512;
                let to = match tables.get(at + 1) {
                    Some(next) => *next,
                    None => TEXT_PHYSICAL + entry * PAGE,
                };
                self.write_physical(table + index * 8, &(to | 0x63).to_le_bytes());
            }
        }
    }

    /// Writes the list of symbols; returns what VMCOREINFO says of it.
    fn list(&mut self, form: Form) -> Vec<(&'static str, u64)> {
        let mut tokens = Vec::new();
        let mut index = Vec::new();
        for token in 0..=255_u8 {
            index.extend_from_slice(&u16::try_from(tokens.len()).unwrap().to_le_bytes());
            if token.is_ascii_graphic() {
                tokens.push(token);
            }
            tokens.push(0);
        }
        let mut names = Vec::new();
        let mut markers = Vec::new();
        for (at, (_, name)) in self.symbols.iter().enumerate() {
            if at % 256 == 0 {
                markers.extend_from_slice(&u32::try_from(names.len()).unwrap().to_le_bytes());
            }
            names.push(u8::try_from(name.len() + 1).unwrap());
            names.push(b'T');
            names.extend_from_slice(name.as_bytes());
        }
        let count = u32::try_from(self.symbols.len()).unwrap();
        let bytes = u64::from(count) * 4;
        let mut at = TEXT + PAGE;
        let mut place = |bytes: usize| {
            let place = at;
            at = (at + bytes as u64).next_multiple_of(8);
            place
        };
        let first = (form == Form::Unnamed).then(|| (place(bytes as usize), place(8)));
        let count_at = place(4);
        let names_at = place(names.len());
        let markers_at = place(markers.len());
        let tokens_at = place(tokens.len());
        let index_at = place(index.len());
        let (offsets_at, base_at) = first.unwrap_or_else(|| (place(bytes as usize), place(8)));
        for (at, part) in [
            (count_at, &count.to_le_bytes()[..]),
            (names_at, &names),
            (markers_at, &markers),
            (tokens_at, &tokens),
            (index_at, &index),
            (base_at, &TEXT.to_le_bytes()),
        ] {
            self.write(at, part);
        }
        for (number, (address, _)) in self.symbols.clone().into_iter().enumerate() {
            let own = offsets_at + number as u64 * 4;
            let offset = match form {
                Form::OfPlace => address.wrapping_sub(own),
                Form::Based => address - TEXT,
                _ if address < TEXT => address,
                _ => (TEXT - 1).wrapping_sub(address),
            };
            self.write(own, &offset.to_le_bytes()[..4]);
        }
        let mut places = vec![
            ("kallsyms_num_syms", count_at),
            ("kallsyms_names", names_at),
            ("kallsyms_token_table", tokens_at),
            ("kallsyms_token_index", index_at),
            ("kallsyms_offsets", offsets_at),
            ("kallsyms_relative_base", base_at),
        ];
        match form {
            Form::Unnamed => places.clear(),
            Form::OfPlace => places.truncate(5),
            Form::PerCpu | Form::Based => {}
        }
        places
    }

    fn describe(&mut self, levels: usize, places: &[(&str, u64)]) {
        let table = TABLES[TABLES.len() - levels]
            .wrapping_add(0xffff_ffff_8000_0000)
            .wrapping_sub(PHYS_BASE.cast_unsigned());
        let mut text = format!(
            "OSRELEASE=6.99\nSYMBOL(swapper_pg_dir)={table:x}\nSYMBOL(_stext)={TEXT:x}\n\
             NUMBER(phys_base)={PHYS_BASE}\nNUMBER(pgtable_l5_enabled)={}\nNUMBER(sme_mask)=0\n",
            usize::from(levels == 5)
        );
        for (name, address) in places {
            text.push_str(&format!("SYMBOL({name})={address:x}\n"));
        }
        let mut note = Vec::new();
        for word in [11, text.len(), 0] {
            note.extend_from_slice(&u32::try_from(word).unwrap().to_le_bytes());
        }
        note.extend_from_slice(b"VMCOREINFO\0\0");
        note.extend_from_slice(text.as_bytes());
        self.write_physical(NOTE, &note);
        self.vmcoreinfo = text.into_bytes();
    }

    fn write(&mut self, address: u64, bytes: &[u8]) {
        self.write_physical(address - TEXT + TEXT_PHYSICAL, bytes);
    }

    fn write_physical(&mut self, address: u64, bytes: &[u8]) {
        for (byte, at) in bytes.iter().zip(address..) {
            let page = self.pages.entry(at / PAGE).or_insert([0; PAGE_BYTES]);
            page[(at % PAGE) as usize] = *byte;
        }
    }
}

/// Types: one struct, `task_struct`.
fn btf() -> Vec<u8> {
    let strings = b"\0task_struct\0";
    let mut btf = vec![0x9f, 0xeb, 1, 0];
    for word in [24, 0, 12, 12, strings.len() as u32] {
        btf.extend_from_slice(&word.to_le_bytes());
    }
    for word in [1, 4 << 24, 64_u32] {
        btf.extend_from_slice(&word.to_le_bytes());
    }
    btf.extend_from_slice(strings);
    btf
}
