//! The values of a file as defaults of flags.

use std::path::Path;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::file::{Content, Setting, USUAL, Value};
use super::refuse::Wrong;
use super::{check, file, keys};

/// The values of a file, all of which the command line takes.
#[derive(Debug)]
pub(in crate::cli) struct Settings {
    content: Content,
    /// The command line that they are for.
    command: Command,
}

impl Settings {
    /// Reads the named file, or the usual one, which may be missing.
    pub(in crate::cli) fn read(named: Option<&Path>, command: Command) -> Result<Self, Wrong> {
        let command = keys::of(command);
        let read = || {
            let content = file::read(named)?;
            keys::check(&content, &command)?;
            check::check(&content, &command)?;
            Ok(content)
        };
        let content = read().map_err(|message: String| Wrong {
            file: named.unwrap_or(Path::new(USUAL)).to_owned(),
            message,
        })?;
        Ok(Self { content, command })
    }

    pub(in crate::cli) fn is_empty(&self) -> bool {
        self.content.values.is_empty()
    }

    /// The command line with these values as defaults, for what was given on it.
    pub(in crate::cli) fn set_defaults(&self, mut command: Command, given: &ArgMatches) -> Command {
        let verb = given.subcommand_name();
        for (setting, arg) in self.of(given) {
            let value = match &setting.value {
                Value::Switch(switch) => switch.to_string(),
                Value::Text(text) => text.clone(),
                Value::Other(_) => continue,
            };
            let id = arg.get_id().as_str();
            let is_own = |command: &Command| command.get_arguments().any(|arg| arg.get_id() == id);
            let set = |arg: Arg| arg.default_value(value);
            command = match verb {
                Some(verb) if command.find_subcommand(verb).is_some_and(is_own) => {
                    command.mut_subcommand(verb, |verb| verb.mut_arg(id, set))
                }
                _ => command.mut_arg(id, set),
            };
        }
        command
    }

    /// The values that count for a command line: those for its verb before those for all, without
    /// any that a flag of more weight excludes.
    fn of(&self, given: &ArgMatches) -> Vec<(&Setting, &Arg)> {
        let verb = given.subcommand();
        let own = verb.map_or(given, |(_, own)| own);
        let verb = verb.map(|(verb, _)| verb);
        let command = verb.and_then(|verb| self.command.find_subcommand(verb));
        let command = command.unwrap_or(&self.command);
        let is_given = |id: &str| {
            let source = own.value_source(id);
            source.is_some_and(|source| source != ValueSource::DefaultValue)
        };
        let ids: Vec<_> = own.ids().map(|id| id.as_str()).collect();
        let given = command.get_arguments().filter(|arg| {
            let id = arg.get_id().as_str();
            ids.contains(&id) && is_given(id)
        });
        let mut before: Vec<&Arg> = given.collect();
        let mut all = Vec::new();
        let levels = match verb {
            Some(_) => vec![verb, None],
            None => vec![None],
        };
        for level in levels {
            let settings = self.content.values.iter();
            let settings = settings.filter(|setting| setting.verb.as_deref() == level);
            let flags = settings.filter_map(|setting| {
                let arg = keys::flag(&self.command, level, &setting.key)?;
                let is_excluded = |other: &&Arg| {
                    other.get_id() == arg.get_id() || exclude_each_other(command, arg, other)
                };
                (!before.iter().any(is_excluded)).then_some((setting, arg))
            });
            let flags: Vec<_> = flags.collect();
            before.extend(flags.iter().map(|(_, arg)| *arg));
            all.extend(flags);
        }
        all
    }
}

fn exclude_each_other(command: &Command, a: &Arg, b: &Arg) -> bool {
    let excludes = |a: &Arg, b: &Arg| {
        let excluded = command.get_arg_conflicts_with(a);
        excluded.iter().any(|arg| arg.get_id() == b.get_id())
    };
    excludes(a, b) || excludes(b, a)
}
