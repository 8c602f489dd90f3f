//! `known`: the table of known bugs of the kernel.

use anyhow::Context as _;

use super::args::{Common, Known};
use super::exit_codes::DONE;
use super::oneshot;
use crate::model::known::{BUGS, Bug, bug};
use crate::output::known as text;
use crate::output::records::KnownBug;

/// Prints the table, or one row of it; with `--json` a record a line, without an envelope.
pub(super) fn run(common: &Common, args: &Known) -> anyhow::Result<u8> {
    let bugs: Vec<&'static Bug> = match &args.bug {
        None => BUGS.iter().collect(),
        Some(key) => {
            let keys = || {
                BUGS.iter()
                    .map(|bug| bug.key)
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            let bug = bug(key);
            vec![bug.with_context(|| format!("no known bug {key}; there are {}", keys()))?]
        }
    };
    let bytes = if common.json {
        let mut bytes = Vec::new();
        for bug in bugs {
            serde_json::to_writer(&mut bytes, &KnownBug::row(bug))?;
            bytes.push(b'\n');
        }
        bytes
    } else {
        text::table(&bugs, oneshot::style(common).columns).into_bytes()
    };
    oneshot::write(common, &bytes)?;
    Ok(DONE)
}
