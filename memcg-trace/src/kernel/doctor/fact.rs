//! Facts in a report.

use crate::sample::doctor::Fact;

/// A fact; what it costs and what fixes it are said only if it is not as it should be.
pub(super) fn fact(name: &str, value: String, ok: bool, costs: &str, fix: &str) -> Fact {
    let shown = |text: &str| if ok { String::new() } else { text.to_owned() };
    Fact {
        name: name.to_owned(),
        value,
        ok: Some(ok),
        costs: shown(costs),
        fix: shown(fix),
    }
}
