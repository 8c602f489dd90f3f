//! A trial of what the kernel really permits this user: each thing that tracing needs is tried once
//! and undone.

use crate::kernel::Subject;
use crate::kernel::hooks::attach;
use crate::kernel::hooks::facts::Facts;
use crate::kernel::hooks::object;
use crate::kernel::hooks::programs;
use crate::kernel::hooks::refusals::Refusals;
use crate::kernel::hooks::select::obstacle;
use crate::kernel::hooks::{At, HOOKS, Part};

/// The walk that is loaded to test whether the kernel accepts programs.
const WALK: &str = "peek_range";

/// Tries out what no fact rules out, and adds the outcome to the facts.
pub fn run(facts: &mut Facts) {
    if facts.unable().is_none() {
        facts.refusals = Some(refusals(facts));
    }
}

/// Makes the maps, loads a program that is never run, and attaches two programs that count rare
/// events.
fn refusals(facts: &Facts) -> Refusals {
    let mut found = Refusals::default();
    let opened = object::open(facts, Subject::ALL, false);
    let mut ebpf = match opened {
        Ok(ebpf) => ebpf,
        Err(error) => {
            found.programs = Some(format!("{error:#}"));
            return found;
        }
    };
    if let Err(error) = programs::load_walk(&mut ebpf, WALK) {
        found.programs = Some(format!("{error:#}"));
        return found;
    }
    let mut refused = |is_of_kind: fn(&Part) -> bool| {
        let mut parts = rare_first().filter(|part| is_of_kind(part));
        let part = parts.find(|part| obstacle(part, facts).is_none())?;
        let attached = attach::attach_part(&mut ebpf, facts, part);
        attached.err().map(|error| format!("{error:#}"))
    };
    found.tracepoint = refused(|part| matches!(part.at, At::Tracepoint(_)));
    found.kprobe = refused(|part| matches!(part.at, At::Kprobe(_)));
    found
}

/// All parts of hooks, those of rare events first: creation, offlining and OOM kills.
fn rare_first() -> impl Iterator<Item = &'static Part> {
    let is_rare = |subject| matches!(subject, Subject::MemcgEvents | Subject::Reclaim);
    let of = move |wanted: bool| {
        let hooks = HOOKS
            .iter()
            .filter(move |hook| is_rare(hook.subject) == wanted);
        hooks
            .flat_map(|hook| hook.variants)
            .flat_map(|variant| variant.parts)
    };
    of(true).chain(of(false))
}
