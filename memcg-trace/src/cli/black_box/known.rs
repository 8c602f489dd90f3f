//! Incidents that earlier runs recorded in a folder.

use std::io::BufReader;

use anyhow::Context as _;

use super::folder::{self, Folder};
use super::triggers::Triggers;
use crate::cli::messages::Messages;
use crate::sample::incident::Cause;
use crate::sample::recording::{Host, Reader};
use crate::units;

/// Tidies up a folder, and notes which incidents it has: a program that is started anew does not
/// record the same ones again.
pub(super) fn tidy(
    folder: &Folder,
    host: &Host,
    triggers: &mut Triggers,
    messages: Messages,
) -> anyhow::Result<()> {
    let failed = || format!("cannot read the folder {}", folder.path.display());
    let tidied = folder.tidy().with_context(failed)?;
    if tidied > 0 {
        messages.inform(&format!(
            "incidents: {} cut off by an earlier end",
            units::things(tidied, "recording")
        ));
    }
    for entry in folder.content().with_context(failed)?.entries {
        let Ok(file) = folder::read(&entry.path) else {
            continue;
        };
        let Ok(reader) = Reader::open(BufReader::new(file)) else {
            continue;
        };
        let header = reader.header();
        let is_of_this_boot = header.host.boot_id == host.boot_id;
        if let Some(incident) = header.incident.as_deref() {
            let kind = (incident.cause, incident.finding.clone());
            // Elsewhere the same number may be another deadlock.
            if is_of_this_boot || incident.cause != Cause::Deadlock {
                triggers.note(kind, &incident.id, incident.unix_ns);
            }
        }
    }
    Ok(())
}
