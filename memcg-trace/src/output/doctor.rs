//! The report of `doctor`, for people.

use std::fmt::Write as _;

use super::fit;
use crate::sample::doctor::{Doctor, Fact, Hook, Verdict};
use crate::sample::sanitized;

/// One line for each fact and each hook of a host, then the verdict.
#[must_use]
pub fn render(doctor: &Doctor) -> String {
    let is_all_known = doctor.facts.iter().all(|fact| fact.ok.is_some());
    let verdict = match doctor.verdict {
        Verdict::Ready if is_all_known => "ready: everything can be traced here",
        Verdict::Ready => "ready, as far as is known: what is marked \"?\" was not tried",
        Verdict::Partial if is_all_known => {
            "partial: what is marked \"no\" is missing, the rest works"
        }
        Verdict::Partial => {
            "partial, as far as is known: what is marked \"no\" is missing, what is marked \
             \"?\" was not tried"
        }
        Verdict::Unable => "unable: nothing can be traced here",
    };
    lines(doctor, verdict)
}

/// One line for each fact of a dump, then the verdict.
#[must_use]
pub fn render_of_dump(doctor: &Doctor) -> String {
    let verdict = match doctor.verdict {
        Verdict::Ready => "ready: the dump says where everything is in its kernel",
        Verdict::Partial => {
            "partial: what is marked \"no\" is not known, or not where it is expected in this kernel"
        }
        Verdict::Unable => "unable: nothing of the kernel can be read in this dump",
    };
    lines(doctor, verdict)
}

fn lines(doctor: &Doctor, verdict: &str) -> String {
    let mut text = String::new();
    let name_columns = doctor
        .facts
        .iter()
        .map(|fact| fit::width(&fact.name))
        .chain(doctor.hooks.iter().map(|hook| fit::width(&hook.fact)))
        .max()
        .unwrap_or(0);
    for fact in &doctor.facts {
        let _ = writeln!(text, "{}", fact_line(fact, name_columns));
    }
    if !doctor.hooks.is_empty() {
        let _ = writeln!(text, "\nhooks");
    }
    for hook in &doctor.hooks {
        let _ = writeln!(text, "{}", hook_line(hook, name_columns));
    }
    let _ = writeln!(text, "\n{verdict}");
    text
}

fn mark(ok: Option<bool>) -> &'static str {
    match ok {
        Some(true) => "ok",
        Some(false) => "no",
        None => "? ",
    }
}

fn fact_line(fact: &Fact, name_columns: usize) -> String {
    let name = fit::pad(&sanitized(&fact.name), name_columns, false);
    let mut line = format!("{}  {name}  {}", mark(fact.ok), sanitized(&fact.value));
    if !fact.costs.is_empty() {
        let _ = write!(line, "; costs: {}", sanitized(&fact.costs));
    }
    if !fact.fix.is_empty() {
        let _ = write!(line, "; fix: {}", sanitized(&fact.fix));
    }
    line
}

fn hook_line(hook: &Hook, name_columns: usize) -> String {
    let name = fit::pad(&sanitized(&hook.fact), name_columns, false);
    let chosen = hook.chosen.as_deref().map(sanitized);
    let mut line = format!(
        "{}  {name}  {}",
        mark(Some(chosen.is_some())),
        chosen.as_deref().unwrap_or("none"),
    );
    let failed: Vec<String> = hook
        .tried
        .iter()
        .filter_map(|tried| {
            let error = tried.error.as_deref()?;
            Some(format!(
                "{}: {}",
                sanitized(&tried.variant),
                sanitized(error)
            ))
        })
        .collect();
    if !failed.is_empty() {
        let _ = write!(line, " ({})", failed.join("; "));
    }
    if let Some(blind_to) = &hook.blind_to {
        let _ = write!(line, "; not seen: {}", sanitized(blind_to));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::doctor::Tried;

    #[test]
    fn a_gap_says_what_it_costs_and_what_helps() {
        let doctor = Doctor {
            verdict: Verdict::Partial,
            facts: vec![Fact {
                name: "btf".to_owned(),
                value: "none\u{1b}[2J".to_owned(),
                ok: Some(false),
                costs: "everything".to_owned(),
                fix: "boot a kernel with CONFIG_DEBUG_INFO_BTF".to_owned(),
            }],
            hooks: vec![Hook {
                fact: "slab_alloc".to_owned(),
                chosen: None,
                tried: vec![Tried {
                    variant: "kprobe:x".to_owned(),
                    error: Some("not there".to_owned()),
                }],
                blind_to: Some("bulk".to_owned()),
            }],
        };
        assert_eq!(
            render(&doctor),
            "no  btf         none\u{fffd}[2J; costs: everything; \
             fix: boot a kernel with CONFIG_DEBUG_INFO_BTF\n\
             \nhooks\n\
             no  slab_alloc  none (kprobe:x: not there); not seen: bulk\n\
             \npartial: what is marked \"no\" is missing, the rest works\n"
        );
    }
}
