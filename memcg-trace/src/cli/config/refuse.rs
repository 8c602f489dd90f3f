//! The end of the program over a file that is wrong.

use std::path::PathBuf;

use clap::error::ErrorKind;

use crate::sample::sanitized;

/// What is wrong with a file.
#[derive(Debug)]
pub(in crate::cli) struct Wrong {
    pub(super) file: PathBuf,
    pub(super) message: String,
}

/// Says what is wrong, and ends the program like a wrong flag does.
pub(in crate::cli) fn refuse(wrong: Wrong) -> ! {
    let lines = wrong.message.lines().map(sanitized).collect::<Vec<_>>();
    let file = wrong.file.to_string_lossy();
    let message = format!("{}: {}\n", sanitized(&file), lines.join("\n"));
    clap::Error::raw(ErrorKind::InvalidValue, message).exit()
}
