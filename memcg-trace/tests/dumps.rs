//! Dumps of guests, compared with what the guests said of themselves a moment before. `cargo xtask
//! test` makes them, a file `NAME.core` and a file `NAME.said` of each.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use memcg_trace::kernel::dump::CrashDump;
use memcg_trace::kernel::host::symbols::Symbol;

/// Checksum and size, as at the end of a gzip file.
fn checksum(bytes: &[u8]) -> String {
    let size = u32::try_from(bytes.len()).unwrap();
    let words = [crc32fast::hash(bytes), size];
    let hexadecimal = words.map(|word| format!("{:08x}", word.swap_bytes()));
    hexadecimal.concat()
}

#[test]
fn the_checksum_is_that_of_the_guest() {
    assert_eq!(checksum(b"123456789"), "2639f4cb09000000");
}

#[test]
#[ignore = "`cargo xtask test` makes the dumps"]
fn a_dump_says_what_its_guest_said() {
    let folder = PathBuf::from(env::var_os("DUMPS").unwrap());
    let files = fs::read_dir(&folder).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let dumps: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|end| end == "core"))
        .collect();
    assert!(!dumps.is_empty(), "no dump in {}", folder.display());
    for dump in dumps {
        compare(&dump);
    }
}

fn compare(file: &Path) {
    let said = fs::read_to_string(file.with_extension("said")).unwrap();
    let said: HashMap<_, _> = said
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    let name = file.display();
    let dump = CrashDump::open(file).unwrap();
    assert_eq!(dump.release(), said["release"], "{name}");
    let mut list = Vec::new();
    dump.for_each_symbol(|address, symbol| {
        list.extend_from_slice(format!("{address:016x} ").as_bytes());
        list.extend_from_slice(symbol);
        list.push(b'\n');
    })
    .unwrap();
    assert_eq!(checksum(&list), said["symbols"], "{name}");
    let symbols = dump.symbols(&Symbol::all_names().collect()).unwrap();
    assert_eq!(
        checksum(&dump.types(&symbols).unwrap()),
        said["types"],
        "{name}"
    );
    let line = dump.command_line(&symbols).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&line),
        said["command_line"],
        "{name}"
    );
    let taint = dump.taint(&symbols).unwrap().to_string();
    assert_eq!(taint, said["taint"], "{name}");
    let doctor = Command::new(env!("CARGO_BIN_EXE_memcg-trace"))
        .args(["doctor", "--core"])
        .arg(file)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&doctor.stdout);
    let errors = String::from_utf8_lossy(&doctor.stderr);
    assert!(doctor.status.success(), "{name}: {text}{errors}");
    assert!(text.contains("\nready: "), "{name}: {text}");
}
