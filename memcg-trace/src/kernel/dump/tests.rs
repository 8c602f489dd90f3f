//! Dumps of a made-up kernel, and the same ones cut off and damaged.

mod files;
mod kernel;

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use self::files::{Packed, elf, flattened, kdump};
use self::kernel::{BANNER, COMMAND_LINE, Form, Kernel, TAINT};
use super::pages::{PAGE, PAGE_BYTES};
use super::{CrashDump, Gap, Unread};
use crate::kernel::host::symbols::{Symbol, Symbols};

/// A file that is removed when dropped.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, content: &[u8]) -> Self {
        let name = format!("memcg-trace-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).unwrap();
        Self(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// All that is read of a dump.
fn read(path: &Path) -> anyhow::Result<(CrashDump, Symbols)> {
    let dump = CrashDump::open(path)?;
    let names: HashSet<&str> = Symbol::all_names().chain(["linux_banner"]).collect();
    let symbols = dump.symbols(&names)?;
    dump.btf(&symbols)?;
    Ok((dump, symbols))
}

fn assert_is_read(name: &str, content: &[u8], kernel: &Kernel) {
    let file = Temporary::new(name, content);
    let (dump, symbols) = read(&file.0).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    assert_eq!(dump.release(), "6.99", "{name}");
    assert_eq!(symbols.lines, kernel.symbols.len(), "{name}");
    let banner = symbols.function_address("linux_banner").unwrap();
    let mut text = vec![0; BANNER.len()];
    dump.read(banner, &mut text).unwrap();
    assert_eq!(text, BANNER, "{name}");
    for (address, symbol) in kernel
        .symbols
        .iter()
        .filter(|(_, one)| one.starts_with("made_up_1"))
    {
        let found = symbols.variable_at(*address);
        assert_eq!(found.as_ref(), Some(symbol), "{name}");
    }
    let line = dump.command_line(&symbols);
    assert_eq!(line.as_deref(), Some(COMMAND_LINE), "{name}");
    assert_eq!(dump.taint(&symbols), Some(TAINT), "{name}");
    let types = dump.btf(&symbols).unwrap();
    assert_eq!(types.struct_bytes("task_struct"), Some(64), "{name}");
}

#[test]
fn each_format_has_the_same_kernel() {
    let kernel = Kernel::new(Form::PerCpu, 4);
    assert_is_read("elf", &elf(&kernel, true, PAGE_BYTES), &kernel);
    assert_is_read("scanned", &elf(&kernel, false, PAGE_BYTES), &kernel);
    for packed in Packed::ALL {
        let file = kdump(&kernel, packed, &[]);
        assert_is_read(&format!("{packed:?}"), &file, &kernel);
        let flat = flattened(&file);
        assert_is_read(&format!("{packed:?}-flat"), &flat, &kernel);
    }
}

#[test]
fn each_form_of_the_symbols_is_known() {
    for form in [Form::Unnamed, Form::PerCpu, Form::Based, Form::OfPlace] {
        for levels in [4, 5] {
            let kernel = Kernel::new(form, levels);
            let file = elf(&kernel, true, PAGE_BYTES);
            assert_is_read(&format!("{form:?}-{levels}"), &file, &kernel);
        }
    }
}

#[test]
fn what_is_left_out_is_not_zero() {
    let kernel = Kernel::new(Form::Based, 4);
    let last = *kernel.pages.keys().next_back().unwrap();
    let (banner, _) = kernel
        .symbols
        .iter()
        .find(|one| one.1 == "linux_banner")
        .unwrap();
    let files = [
        ("elf", elf(&kernel, true, 0)),
        ("kdump", kdump(&kernel, Packed::Zlib, &[last])),
    ];
    for (name, content) in files {
        let file = Temporary::new(&format!("left-out-{name}"), &content);
        let dump = CrashDump::open(&file.0).unwrap();
        let left_out = Unread::Gap {
            address: *banner,
            gap: Gap::LeftOut,
        };
        assert_eq!(dump.read(*banner, &mut [0]), Err(left_out), "{name}");
        assert_eq!(dump.left_out_bytes().unwrap(), PAGE, "{name}");
        let unmapped = banner + PAGE;
        let nothing = Err(Unread::NotMapped(unmapped));
        assert_eq!(dump.read(unmapped, &mut [0]), nothing, "{name}");
    }
}

#[test]
fn a_file_that_is_cut_off_is_an_error() {
    let kernel = Kernel::new(Form::OfPlace, 5);
    let files = [
        ("elf", elf(&kernel, true, PAGE_BYTES)),
        ("kdump", kdump(&kernel, Packed::Zlib, &[])),
        ("flat", flattened(&kdump(&kernel, Packed::Zstd, &[]))),
    ];
    for (name, content) in files {
        let file = Temporary::new(&format!("cut-{name}"), &content);
        let cut = File::options().write(true).open(&file.0).unwrap();
        let bytes = content.len() as u64;
        for bytes in (0..bytes).rev().step_by(499) {
            cut.set_len(bytes).unwrap();
            let error = read(&file.0).err();
            let error = error.unwrap_or_else(|| panic!("{name} of {bytes} bytes"));
            let line = format!("{error:#}");
            assert!(!line.contains('\n'), "{name} of {bytes} bytes: {line}");
        }
    }
}

/// Numbers that look random, and are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

#[test]
fn damaged_files_end_with_an_answer_or_one_line() {
    const MUTATIONS: usize = 2_500;
    /// Numbers that hurt.
    const WORDS: [u64; 6] = [0, 1, 0xff, 0x7fff_ffff, 1 << 40, u64::MAX];
    let kernel = Kernel::new(Form::Based, 5);
    let files = [
        ("elf", elf(&kernel, true, PAGE_BYTES), 4096),
        ("elf-memory", elf(&kernel, false, PAGE_BYTES), usize::MAX),
        ("kdump", kdump(&kernel, Packed::Zlib, &[]), 18_000),
        (
            "flat",
            flattened(&kdump(&kernel, Packed::Lzo, &[])),
            usize::MAX,
        ),
    ];
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut read_well, mut refused) = (0, 0);
    for (name, content, end) in files {
        let file = Temporary::new(&format!("damaged-{name}"), &content);
        let write = File::options().write(true).open(&file.0).unwrap();
        for _ in 0..MUTATIONS {
            let mut damaged = Vec::new();
            for _ in 0..=random.below(4) {
                let at = random.below(content.len().min(end));
                let word = WORDS[random.below(WORDS.len())].to_le_bytes();
                let bytes = [1, 4, 8][random.below(3)].min(content.len() - at);
                write.write_all_at(&word[..bytes], at as u64).unwrap();
                damaged.push((at, bytes));
            }
            match read(&file.0) {
                Ok(_) => read_well += 1,
                Err(error) => {
                    refused += 1;
                    let line = format!("{error:#}");
                    assert!(!line.contains('\n'), "{name}: {line}");
                }
            }
            for (at, bytes) in damaged {
                let whole = &content[at..at + bytes];
                write.write_all_at(whole, at as u64).unwrap();
            }
        }
    }
    assert!(
        read_well > 100 && refused > 100,
        "{read_well} were read, {refused} refused"
    );
}
