//! Which keys there are: the flags of the command line.

use clap::{Arg, ArgAction, Command};

use super::file::{Content, Setting, Value};

/// The flag that names the file is none of its keys.
const NAMES_THE_FILE: &str = "config";
/// How similar a name has to be to one that is known: the bound that clap has for flags.
const SIMILAR: f64 = 0.7;

/// The command line without what a file cannot have (positions, help), and without the environment,
/// so that a file is judged by itself.
pub(super) fn of(command: Command) -> Command {
    let alone = |arg: Arg| match arg.is_positional() {
        true => arg.required(false),
        false => arg.env(None::<&'static str>),
    };
    let command = command
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .disable_version_flag(true);
    let command = command.mut_args(alone);
    let mut command = command.mut_subcommands(|verb| verb.mut_args(alone));
    command.build();
    command
}

/// The flags of a verb, or those of all.
fn flags(command: &Command) -> impl Iterator<Item = (&str, &Arg)> {
    let named = command.get_arguments();
    let named = named.filter_map(|arg| Some((arg.get_long()?, arg)));
    named.filter(|(name, _)| *name != NAMES_THE_FILE)
}

/// The flag of that name, if the verb has it and uses it.
pub(super) fn flag<'a>(command: &'a Command, verb: Option<&str>, name: &str) -> Option<&'a Arg> {
    let command = match verb {
        Some(verb) => command.find_subcommand(verb)?,
        None => command,
    };
    let mut flags = flags(command).filter(|(_, arg)| !arg.is_hide_set());
    flags.find_map(|(one, arg)| (one == name).then_some(arg))
}

/// Checks that all tables are verbs, and all keys flags that take such a value.
pub(super) fn check(content: &Content, command: &Command) -> Result<(), String> {
    for (verb, line) in &content.tables {
        if command.find_subcommand(verb).is_none() {
            let verbs = command.get_subcommands().map(Command::get_name);
            let instead = instead(verb, verbs);
            return Err(format!("line {line}: no verb [{verb}]; {instead}"));
        }
    }
    content.values.iter().try_for_each(|setting| {
        let line = setting.line;
        match flag(command, setting.verb.as_deref(), &setting.key) {
            Some(arg) => kind(setting, arg),
            None => Err(unknown(setting, command)),
        }
        .map_err(|wrong| format!("line {line}: {wrong}"))
    })
}

/// Whether the flag takes a value of this kind.
fn kind(setting: &Setting, arg: &Arg) -> Result<(), String> {
    let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
    let key = &setting.key;
    match (&setting.value, is_switch) {
        (Value::Other(what), _) => Err(format!("{key} has one value, not {what}")),
        (Value::Text(_), true) => Err(format!("{key} is true or false")),
        (Value::Switch(_), false) => Err(format!("{key} needs a value, not true or false")),
        (Value::Switch(_), true) | (Value::Text(_), false) => Ok(()),
    }
}

fn unknown(setting: &Setting, command: &Command) -> String {
    let key = &setting.key;
    let place = setting.verb.as_deref();
    let here = place.and_then(|verb| command.find_subcommand(verb));
    let here = here.unwrap_or(command);
    let is_flag_of = |verb: &&str| flag(command, Some(verb), key).is_some();
    let verbs: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
    let having: Vec<_> = verbs.into_iter().filter(is_flag_of).collect();
    let mut tables = having.iter().map(|verb| format!("[{verb}]"));
    match (place, tables.next()) {
        (Some(verb), Some(_)) if flags(here).any(|(name, _)| name == key) => {
            format!("{verb} does not use {key}")
        }
        (_, Some(first)) => {
            let tables = tables.fold(first, |list, one| format!("{list}, {one}"));
            format!("{key} is a key of {tables}")
        }
        (_, None) => {
            let used = flags(here).filter(|(_, arg)| !arg.is_hide_set());
            let instead = instead(key, used.map(|(name, _)| name));
            format!("unknown key {key}; {instead}")
        }
    }
}

/// What was meant, or else what there is.
fn instead<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let mut known: Vec<_> = known.collect();
    known.sort_unstable();
    let likeness = |one: &&str| strsim::jaro(name, one);
    let nearest = known.iter().copied().max_by(|a, b| {
        let (a, b) = (likeness(a), likeness(b));
        a.total_cmp(&b)
    });
    match nearest.filter(|nearest| likeness(nearest) > SIMILAR) {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => format!("there are {}", known.join(", ")),
    }
}
