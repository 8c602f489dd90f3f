//! Fields and hooks of kernels by their BTF. Each file of `tests/btf` was made by
//! `cargo xtask btf`, and has its expected text beside it. If a difference is meant,
//! `BLESS=1 cargo test --test layouts` writes these files anew; look at them.
//!
//! A row that was added after a kernel was trimmed is missing in its file: `cargo xtask btf` makes
//! the files anew.
#![cfg(feature = "live")]
#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use memcg_trace::kernel::hooks::facts::wanted_symbols;
use memcg_trace::kernel::host::btf::Btf;
use memcg_trace::kernel::layout::fields::ROWS;
use memcg_trace::output::doctor::render;
use memcg_trace::sample::doctor::{Doctor, Fact, Verdict};
use memcg_trace::source::live::{Attach, doctor_of_files};

fn kernels() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/btf");
    let all = fs::read_dir(folder).unwrap().map(|one| one.unwrap().path());
    let is_btf = |path: &PathBuf| path.extension().is_some_and(|name| name == "btf");
    let mut all: Vec<_> = all.filter(is_btf).collect();
    all.sort();
    all
}

/// The output of `doctor`, and each field that the kernel lacks.
fn of_kernel(path: &Path) -> String {
    let report = doctor_of_files(path, None, Attach::Auto).unwrap();
    let mut text = render(&report);
    text += "\nfields that it does not have\n";
    let btf = Btf::from_file(path).unwrap();
    for row in ROWS {
        if let Err(why) = row.find(&btf) {
            let why = why.trim_end_matches(" is not in this kernel's BTF");
            let needed: Vec<_> = row.needed_by.iter().map(|one| one.name()).collect();
            let _ = match needed.is_empty() {
                true => writeln!(text, "{why}"),
                false => writeln!(text, "{why}; needed by {}", needed.join(", ")),
            };
        }
    }
    text
}

#[test]
fn each_kernel_has_what_is_expected() {
    let mut changed = Vec::new();
    let kernels = kernels();
    assert!(kernels.len() > 10, "{kernels:?}");
    for path in kernels {
        let (text, expected) = (of_kernel(&path), path.with_extension("txt"));
        if std::env::var_os("BLESS").is_some() {
            fs::write(expected, text).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != text {
            changed.push(format!("{}:\n{text}", path.display()));
        }
    }
    assert!(changed.is_empty(), "{}", changed.join("\n"));
}

/// A row that no kernel has is a mistake or obsolete.
#[test]
fn each_row_is_found_in_some_kernel() {
    /// Kernels until 5.8, and kernels with allocation tags: both are refused.
    const ELSEWHERE: &[&str] = &["kmem_cache.memcg_params", "slabobj_ext._ctref"];
    let kernels = kernels();
    let kernels: Vec<_> = kernels
        .iter()
        .map(|path| Btf::from_file(path).unwrap())
        .collect();
    for row in ROWS.iter().filter(|row| !ELSEWHERE.contains(&row.paths[0])) {
        let has = kernels.iter().any(|btf| row.find(btf).is_ok());
        assert!(has, "no kernel has {:?}", row.paths);
    }
}

/// The output of `doctor` on 7.2 with these symbols.
fn with_symbols(name: &str, text: &str) -> Doctor {
    let symbols = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&symbols, text).unwrap();
    let btf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/btf/7.2.btf");
    doctor_of_files(&btf, Some(&symbols), Attach::Auto).unwrap()
}

fn fact<'a>(report: &'a Doctor, name: &str) -> &'a Fact {
    report.facts.iter().find(|fact| fact.name == name).unwrap()
}

#[test]
fn symbols_tell_what_btf_does_not() {
    let names: Vec<_> = wanted_symbols().into_iter().collect();
    let lines = |address: &str| -> String {
        names
            .iter()
            .map(|name| format!("{address} T {name}\n"))
            .collect()
    };
    let all = with_symbols("all", &lines("ffffffff81000000"));
    assert_eq!(all.verdict, Verdict::Ready, "{all:#?}");
    assert_eq!(fact(&all, "layout_slab").ok, Some(true));
    assert_eq!(fact(&all, "kprobes").ok, None);
    let scan = all
        .hooks
        .iter()
        .find(|hook| hook.fact == "shrinker_scan")
        .unwrap();
    assert!(
        scan.chosen
            .as_ref()
            .unwrap()
            .contains("kprobe:__traceiter_mm_"),
        "{scan:?}"
    );

    let hidden = with_symbols("hidden", &lines("0000000000000000"));
    assert_eq!(hidden.verdict, Verdict::Partial);
    let kallsyms = fact(&hidden, "kallsyms");
    assert_eq!(
        (kallsyms.ok, &*kallsyms.value),
        (Some(false), "no addresses are in the file")
    );
    assert_eq!(fact(&hidden, "layout_slab").ok, Some(false));
}

#[test]
fn files_that_are_none_of_a_kernel_are_refused() {
    let doctor = |arguments: &[&str]| {
        let tool = Command::new(env!("CARGO_BIN_EXE_memcg-trace"))
            .arg("doctor")
            .args(arguments)
            .output();
        let tool = tool.unwrap();
        (tool.status.code(), String::from_utf8(tool.stderr).unwrap())
    };
    let btf = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/btf/6.12.btf");
    let text = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/btf/6.12.txt");
    assert_eq!(doctor(&["--btf", btf]), (Some(0), String::new()));
    for (arguments, why) in [
        (&["--btf", text][..], "not BTF of this machine's byte order"),
        (&["--btf", "/nowhere"], "No such file"),
        (&["--btf", btf, "--symbols", btf], "no symbols are in"),
    ] {
        let (code, error) = doctor(arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {error}");
        assert!(error.contains(why), "{arguments:?}: {error}");
    }
    assert_eq!(doctor(&["--symbols", text]).0, Some(2));
}
