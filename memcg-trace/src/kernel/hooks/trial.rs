//! A trial of what the kernel really permits this user: each thing that tracing needs is tried once
//! and undone.

use crate::kernel::Subject;
use crate::kernel::hooks::attach;
use crate::kernel::hooks::facts::Facts;
use crate::kernel::hooks::select::obstacle;
use crate::kernel::hooks::{At, HOOKS, Part};

/// The walk that is loaded to test whether the kernel accepts programs.
const WALK: &str = "peek_range";

/// Refusals and their reasons; `None` for what was permitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// The creation of all maps, and the load of a program.
    pub programs: Option<String>,
    /// A program on a tracepoint.
    pub tracepoint: Option<String>,
    /// A program on a function.
    pub kprobe: Option<String>,
}

impl Trial {
    /// Makes the maps, loads a program that is never run, and attaches two programs that count rare
    /// events.
    #[must_use]
    pub fn run(facts: &Facts) -> Self {
        let mut trial = Self::default();
        let opened = attach::open(facts, Subject::ALL, false);
        let mut ebpf = match opened {
            Ok(ebpf) => ebpf,
            Err(error) => {
                trial.programs = Some(format!("{error:#}"));
                return trial;
            }
        };
        if let Err(error) = attach::load_walk(&mut ebpf, WALK) {
            trial.programs = Some(format!("{error:#}"));
            return trial;
        }
        let mut refused = |is_of_kind: fn(&Part) -> bool| {
            let mut parts = rare_first().filter(|part| is_of_kind(part));
            let part = parts.find(|part| obstacle(part, facts).is_none())?;
            let attached = attach::attach_part(&mut ebpf, facts, part);
            attached.err().map(|error| format!("{error:#}"))
        };
        trial.tracepoint = refused(|part| matches!(part.at, At::Tracepoint(_)));
        trial.kprobe = refused(|part| matches!(part.at, At::Kprobe(_)));
        trial
    }
}

/// All parts of hooks, those of rare events first: creation, offlining and OOM kills.
fn rare_first() -> impl Iterator<Item = &'static Part> {
    let is_rare = |subject| matches!(subject, Subject::Life | Subject::Reclaim);
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
