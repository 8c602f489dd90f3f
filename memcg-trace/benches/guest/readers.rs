//! Cost of reading BTF and kallsyms before anything is attached: each in a fresh process, whose
//! peak memory is then that of the reader.

use std::hint::black_box;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use memcg_trace::kernel::hooks::facts::{Facts, Needs, wanted_symbols};
use memcg_trace::kernel::host::btf::{Btf, SYS_BTF};
use memcg_trace::kernel::host::symbols::Symbols;
use memcg_trace::kernel::{hooks, layout};

use crate::guest::{now_ns, status_bytes};
use crate::table::{Table, mib, ms};

/// The first argument of the child process.
pub const VERB: &str = "reader";

const READERS: [&str; 3] = ["btf", "kallsyms", "facts"];

pub fn report() -> Result<()> {
    let mut table = Table::new(
        "Readers, each in a fresh process",
        &["what", "of", "ms", "peak MiB more"],
    );
    for reader in READERS {
        let output = Command::new(std::env::current_exe()?)
            .args([VERB, reader])
            .output()
            .with_context(|| format!("start the reader of {reader}"))?;
        ensure!(
            output.status.success(),
            "the reader of {reader}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        for line in String::from_utf8(output.stdout)?.lines() {
            table.row(line.split('\t').map(str::to_owned));
        }
    }
    table.print();
    Ok(())
}

/// The child's side: prints rows of the table, with tabs between the cells.
pub fn child(reader: &str) -> Result<()> {
    match reader {
        "btf" => btf(),
        "kallsyms" => kallsyms(),
        "facts" => facts(),
        _ => bail!("no reader {reader}"),
    }
}

/// Runs a step, and prints its time and memory.
fn step<T>(
    what: &str,
    of: impl FnOnce(&T) -> String,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let before = status_bytes("self", "VmHWM")?;
    let begin = now_ns();
    let done = work()?;
    let took_ns = now_ns() - begin;
    let more = status_bytes("self", "VmHWM")? - before;
    println!(
        "{what}\t{}\t{}\t{}",
        of(&done),
        ms(took_ns as f64),
        mib(more)
    );
    Ok(done)
}

fn btf() -> Result<()> {
    let data = step(
        "BTF: read the file",
        |data: &Vec<u8>| format!("{} MiB", mib(data.len() as u64)),
        || std::fs::read(SYS_BTF).context(SYS_BTF),
    )?;
    let btf = step(
        "BTF: parse",
        |btf: &Btf| format!("{} types", btf.len()),
        || Ok(Btf::parse(data)?),
    )?;
    let symbols = Symbols::default();
    let resolved = step(
        "BTF: layout::resolve",
        |_| "all rows and shapes".to_owned(),
        || Ok(layout::resolve(&btf, Some(&symbols))),
    )?;
    step(
        "BTF: hooks looked up",
        |found: &usize| format!("{found} found"),
        || {
            let tracepoints = hooks::tracepoints().filter(|name| btf.tracepoint(name).is_some());
            let functions = hooks::functions().filter(|name| btf.function(name).is_some());
            Ok(tracepoints.count() + functions.count())
        },
    )?;
    black_box(resolved);
    Ok(())
}

fn kallsyms() -> Result<()> {
    let wanted = wanted_symbols();
    step(
        "kallsyms",
        |symbols: &Symbols| format!("{} lines", symbols.lines),
        || Ok(Symbols::of_running_kernel(&wanted, None, true)?),
    )?;
    Ok(())
}

fn facts() -> Result<()> {
    step(
        "Facts::gather",
        |_| "all of these, and ftrace's list".to_owned(),
        || Ok(Facts::gather(Needs::default())),
    )?;
    Ok(())
}
