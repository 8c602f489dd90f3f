//! A tool that makes a test input of a kernel's BTF: only the types that the layout and the hooks
//! need.
//!
//! ```text
//! cargo run -p memcg-trace --example trim_btf -- FULL memcg-trace/tests/btf/6.12.btf
//! ```
//!
//! FULL is a copy of `/sys/kernel/btf/vmlinux`. The trimmed BTF must answer as the full one does:
//! this is checked, so that nothing that a new row or shape needs is left out.

mod names;
mod trimmed;
mod whole;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use memcg_trace::kernel::hooks;
use memcg_trace::kernel::host::btf::Btf;
use memcg_trace::kernel::layout::{self, fields::ROWS};

use names::{MEMBERS, STRUCTS};
use trimmed::Trimmed;
use whole::Whole;

/// The answers of a BTF, except ids, which differ after trimming.
fn answers(btf: &Btf) -> String {
    let mut resolved = layout::resolve(btf, None);
    let (cast, iterator) = (resolved.rdonly_cast.take(), resolved.task_iterator.take());
    let words = &mut resolved.layout.word_type_id;
    let has_words = std::mem::take(words) != u32::MAX;
    let tracepoints: BTreeSet<_> = hooks::tracepoints()
        .filter(|name| btf.tracepoint(name).is_some())
        .collect();
    let functions: BTreeSet<_> = hooks::functions()
        .filter(|name| btf.function(name).is_some())
        .collect();
    format!(
        "{resolved:#?}\n{} {} {has_words}\n{tracepoints:#?}\n{functions:#?}",
        cast.is_some(),
        iterator.is_some()
    )
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (full, to) = arguments
        .next()
        .zip(arguments.next())
        .context("trim_btf FULL OUTPUT")?;
    let data = std::fs::read(&full).with_context(|| format!("read {full}"))?;
    let paths = ROWS.iter().flat_map(|row| row.paths);
    let roots = paths.clone().filter_map(|path| path.split('.').next());
    let members = paths.flat_map(|path| path.split('.').skip(1));
    let before = Btf::parse(data.clone())?;
    let whole = Whole::parse(&data)?;
    let roots = roots.chain(STRUCTS.iter().copied()).collect();
    let members = members.chain(MEMBERS.iter().copied()).collect();
    let mut trimmed = Trimmed::new(&whole, roots, members);
    trimmed.keep_all();
    let bytes = trimmed.bytes();
    let after = Btf::parse(bytes.clone())?;
    ensure!(
        answers(&before) == answers(&after),
        "what is left of {full} answers otherwise: name what is missing in names.rs of this program"
    );
    std::fs::write(&to, bytes).with_context(|| format!("write {to}"))
}
