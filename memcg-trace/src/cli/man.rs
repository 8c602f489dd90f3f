//! `man`: manual pages, made of the command line itself.

use anyhow::Context as _;
use clap::Command;

use super::args::{self, Common, Man};
use super::exit_codes::DONE;
use super::oneshot;

/// Prints the page of the program, or of one verb, in roff.
pub(super) fn run(common: &Common, man: &Man) -> anyhow::Result<u8> {
    let mut program = args::command();
    program.build();
    let page = match &man.verb {
        Some(verb) => program.find_subcommand(verb).cloned().with_context(|| {
            let verbs = program.get_subcommands().filter(|verb| !verb.is_hide_set());
            let verbs: Vec<_> = verbs.map(Command::get_name).collect();
            format!("no verb {verb}; there are {}", verbs.join(", "))
        })?,
        None => program,
    };
    let mut roff = Vec::new();
    clap_mangen::Man::new(page).render(&mut roff)?;
    oneshot::write(common, &roff)?;
    Ok(DONE)
}
