//! `completions`: what a shell needs to complete the command line.

use super::args::{self, Common, Completions};
use super::exit_codes::DONE;
use super::oneshot;

/// Prints the completions for a shell.
pub(super) fn run(common: &Common, completions: &Completions) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    let mut program = args::command();
    let name = program.get_name().to_owned();
    clap_complete::generate(completions.shell, &mut program, name, &mut script);
    oneshot::write(common, &script)?;
    Ok(DONE)
}
