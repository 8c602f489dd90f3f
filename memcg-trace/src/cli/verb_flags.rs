//! Global flags that some verbs do not use.

use clap::{Arg, ArgMatches, Command};

/// A verb, and the flags that its help does not list.
const NOT_FOR: &[(&str, &[&str])] = &[
    ("live", &["json"]),
    (
        "zombies",
        &["interval", "walk_budget", "trace_acquisitions", "attach"],
    ),
    (
        "pins",
        &["interval", "walk_budget", "trace_acquisitions", "attach"],
    ),
    ("why", &["cgroup", "top", "walk_budget", "near_high"]),
    ("locks", &["walk_budget", "near_high"]),
    (
        "slab",
        &[
            "interval",
            "walk_budget",
            "trace_acquisitions",
            "near_high",
            "attach",
        ],
    ),
    (
        "shrinkers",
        &["walk_budget", "trace_acquisitions", "near_high"],
    ),
    (
        "reclaim",
        &["walk_budget", "trace_acquisitions", "near_high"],
    ),
    ("export", &["json", "color"]),
    (
        "record",
        &["cgroup", "top", "json", "output", "near_high", "color"],
    ),
    (
        "report",
        &[
            "json",
            "interval",
            "walk_budget",
            "trace_acquisitions",
            "color",
            "names",
            "attach",
        ],
    ),
    ("serve", &["json", "output", "color"]),
    (
        "replay",
        &[
            "from",
            "json",
            "interval",
            "walk_budget",
            "trace_acquisitions",
            "names",
            "attach",
        ],
    ),
    (
        "compare",
        &[
            "from",
            "interval",
            "walk_budget",
            "trace_acquisitions",
            "near_high",
            "names",
            "attach",
        ],
    ),
    (
        "doctor",
        &[
            "from",
            "cgroup",
            "top",
            "interval",
            "walk_budget",
            "trace_acquisitions",
            "near_high",
            "names",
            "color",
        ],
    ),
    ("known", WITHOUT_HOST),
    ("incidents", WITHOUT_HOST),
    ("schema", WITHOUT_SOURCE),
    ("man", WITHOUT_SOURCE),
    ("completions", WITHOUT_SOURCE),
];

/// The flags of verbs that look at no host.
const WITHOUT_HOST: &[&str] = &[
    "from",
    "cgroup",
    "top",
    "interval",
    "walk_budget",
    "trace_acquisitions",
    "near_high",
    "color",
    "names",
    "attach",
];

/// The flags of verbs that only print what is in the program.
const WITHOUT_SOURCE: &[&str] = &[
    "from",
    "cgroup",
    "top",
    "json",
    "interval",
    "walk_budget",
    "trace_acquisitions",
    "near_high",
    "color",
    "names",
    "attach",
];

/// Flags that leave rows out: they must not be ignored silently.
const SELECTIONS: [(&str, &str); 2] = [("cgroup", "--cgroup"), ("top", "--top")];

/// Hides unused flags from the help of each verb, by a hidden copy of the global flag. A verb with
/// a flag of its own by that name gets no copy.
pub(super) fn hide(mut command: Command) -> Command {
    let all: Vec<Arg> = command.get_arguments().cloned().collect();
    for (verb, flags) in NOT_FOR {
        let hidden = all
            .iter()
            .filter(|arg| flags.contains(&arg.get_id().as_str()));
        let hidden = hidden.map(|arg| arg.clone().hide(true));
        command = command.mut_subcommand(verb, |verb| verb.args(hidden));
    }
    command
}

/// The error about a flag that selects rows, for a verb that does not select any.
pub(super) fn vain(matches: &ArgMatches, is_given: impl Fn(&str) -> bool) -> Option<String> {
    let (verb, _) = matches.subcommand()?;
    let (_, flags) = NOT_FOR.iter().find(|(name, _)| *name == verb)?;
    let mut vain = SELECTIONS
        .iter()
        .filter(|(flag, _)| flags.contains(flag) && is_given(flag));
    let (_, flag) = vain.next()?;
    Some(format!(
        "{verb} leaves nothing out: {flag} means nothing to it"
    ))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::args::Args;

    #[test]
    fn what_is_hidden_is_there() {
        let command = hide(Args::command());
        for (verb, flags) in NOT_FOR {
            let verb = command.find_subcommand(verb).unwrap();
            for flag in *flags {
                let found = verb.get_arguments().find(|arg| arg.get_id() == flag);
                assert!(found.is_some_and(|arg| arg.is_hide_set()), "{flag}");
            }
        }
    }
}
