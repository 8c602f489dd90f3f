//! The report about a dump: what it tells of its kernel, and what is missing.

use super::fact::fact;
use crate::kernel::Subject;
use crate::kernel::dump::CrashDump;
use crate::kernel::host::symbols::{Symbol, Symbols};
use crate::kernel::layout::{self, Resolved};
use crate::sample::doctor::{Doctor, Fact, Verdict};
use crate::units;

/// Subjects of which memory says how they are now; all others are events.
const SUBJECTS: [Subject; 3] = [Subject::Memcg, Subject::Slab, Subject::Lock];
const NO_FIX: &str = "";
const NEWER: &str = "a newer memcg-trace, or report this kernel to its authors";

/// Reports on a dump.
#[must_use]
pub fn report_of_dump(dump: &CrashDump) -> Doctor {
    let left_out = left_out(dump);
    let mut missing = usize::from(left_out.ok == Some(false));
    let mut facts = vec![
        fact("dump", dump.format().to_owned(), true, "", ""),
        left_out,
        fact("kernel", dump.release().to_owned(), true, "", ""),
    ];
    let symbols = dump.symbols(&Symbol::all_names().collect());
    facts.push(match &symbols {
        Ok(symbols) => fact(
            "kallsyms",
            format!("{} symbols", symbols.lines),
            true,
            "",
            "",
        ),
        Err(error) => fact(
            "kallsyms",
            format!("{error:#}"),
            false,
            "where things are in this kernel is not known: nothing can be read",
            NEWER,
        ),
    });
    let resolved = symbols.ok().and_then(|symbols| {
        facts.extend(of_boot(dump, &symbols));
        let (fact, resolved) = types(dump, &symbols);
        facts.push(fact);
        resolved
    });
    if let Some(resolved) = &resolved {
        for subject in SUBJECTS {
            let lacks = resolved.missing_for(subject);
            missing += usize::from(lacks.is_some());
            facts.push(fact(
                &format!("layout_{}", subject.name()),
                lacks.unwrap_or("known").to_owned(),
                lacks.is_none(),
                &format!("no {} figures", subject.name()),
                NEWER,
            ));
        }
    }
    Doctor {
        verdict: match missing {
            _ if resolved.is_none() => Verdict::Unable,
            0 => Verdict::Ready,
            _ => Verdict::Partial,
        },
        facts,
        hooks: Vec::new(),
    }
}

fn left_out(dump: &CrashDump) -> Fact {
    let level = match dump.dump_level() {
        Some(level) => format!("dump level {level}"),
        None => "the dump does not say why".to_owned(),
    };
    match dump.left_out_bytes() {
        Ok(0) => fact("left_out", "nothing".to_owned(), true, "", ""),
        // It is no fault by itself: tools leave out free memory, and more if they are told to.
        Ok(bytes) => fact(
            "left_out",
            format!(
                "{} of the host's memory ({level}): what was there is not known",
                units::bytes(Some(bytes))
            ),
            true,
            "",
            "",
        ),
        Err(error) => fact(
            "left_out",
            format!("{error:#}"),
            false,
            "what is missing in the dump is not known",
            NO_FIX,
        ),
    }
}

/// Facts that a kernel keeps of its boot.
fn of_boot(dump: &CrashDump, symbols: &Symbols) -> [Fact; 2] {
    let line = dump.command_line(symbols);
    let line = line.map(|line| String::from_utf8_lossy(&line).into_owned());
    let taint = dump.taint(symbols).map(|taint| match taint {
        0 => "none".to_owned(),
        flags => format!("flags {flags}"),
    });
    let one = |name, value: Option<String>| Fact {
        ok: value.is_some().then_some(true),
        ..fact(
            name,
            value.unwrap_or_else(|| "not known: not in the dump".to_owned()),
            true,
            "",
            "",
        )
    };
    [one("command_line", line), one("taint", taint)]
}

fn types(dump: &CrashDump, symbols: &Symbols) -> (Fact, Option<Resolved>) {
    match dump.btf(symbols) {
        Ok(btf) => {
            let resolved = layout::resolve(&btf, Some(symbols));
            let value = format!("{} types", btf.len());
            (fact("btf", value, true, "", ""), Some(resolved))
        }
        Err(error) => (
            fact(
                "btf",
                format!("{error:#}"),
                false,
                "where things are in this kernel is not known: nothing can be read",
                NO_FIX,
            ),
            None,
        ),
    }
}
