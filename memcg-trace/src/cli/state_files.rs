//! `state-files`: what a reader of state files starts, and nobody types.

use std::io;

use super::args::StateFiles;
use super::exit_codes::DONE;
use crate::source::state_files;

/// Writes what the state files below a root tell, a line each, for each byte of the input.
pub(super) fn run(args: &StateFiles) -> u8 {
    state_files::run(&args.root, io::stdin(), &mut io::stdout());
    DONE
}
