//! Which values there are: those that the command line takes.

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command};

use super::file::{Content, Setting, Value};
use super::keys;

/// Passes the values for all verbs, and then those of each verb, to the parser of the command line.
pub(super) fn check(content: &Content, command: &Command) -> Result<(), String> {
    let verbs = content.tables.iter().map(|(verb, _)| Some(verb.as_str()));
    std::iter::once(None).chain(verbs).try_for_each(|verb| {
        let settings = content.values.iter();
        let settings = settings.filter(|setting| setting.verb.as_deref() == verb);
        let flags = settings.filter_map(|setting| {
            let arg = keys::flag(command, verb, &setting.key)?;
            Some((setting, arg))
        });
        one_verb(verb, &flags.collect::<Vec<_>>(), command)
    })
}

fn one_verb(
    verb: Option<&str>,
    flags: &[(&Setting, &Arg)],
    command: &Command,
) -> Result<(), String> {
    let mut line = vec![command.get_name().to_owned()];
    line.extend(verb.map(str::to_owned));
    for (setting, arg) in flags {
        match &setting.value {
            Value::Switch(true) => line.push(format!("--{}", setting.key)),
            Value::Text(times) if matches!(arg.get_action(), ArgAction::Count) => {
                if times.parse::<u8>().is_err() {
                    let key = &setting.key;
                    return Err(format!("line {}: {key} is a number", setting.line));
                }
            }
            Value::Text(text) => line.push(format!("--{}={text}", setting.key)),
            Value::Switch(false) | Value::Other(_) => {}
        }
    }
    let Err(error) = command.clone().try_get_matches_from(line) else {
        return Ok(());
    };
    let about = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(arg)) => Some(arg),
        _ => None,
    };
    let setting = flags
        .iter()
        .find(|(_, arg)| Some(&arg.to_string()) == about);
    let place = match (setting, verb) {
        (Some((setting, _)), _) => format!("line {}", setting.line),
        (None, Some(verb)) => format!("[{verb}]"),
        (None, None) => "the keys for all verbs".to_owned(),
    };
    Err(format!("{place}: {}", reason(&error)))
}

/// What the parser says, without what it says of its own use.
fn reason(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let parts = text.trim_end().split("\n\n");
    let parts = parts.filter(|part| !part.starts_with("Usage:") && !part.starts_with("For more"));
    let text = parts.collect::<Vec<_>>().join("\n\n");
    text.trim_start_matches("error: ").to_owned()
}
