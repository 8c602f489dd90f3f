//! `incidents`: the recordings of incidents in a folder.

use std::io::BufReader;

use anyhow::Context as _;

use super::args::{Common, ListIncidents};
use super::black_box::folder::{self, Entry, Folder, MAX_FILES};
use super::exit_codes::{DONE, ERROR};
use super::oneshot;
use crate::output::{document, incidents};
use crate::sample::Text;
use crate::sample::incident::{Listed, NotRead, Recorded, Wholeness};
use crate::sample::recording::{Host, Outline};

/// Prints the list.
pub(super) fn run(common: &Common, args: &ListIncidents) -> anyhow::Result<u8> {
    let folder = Folder {
        path: args.folder.clone(),
    };
    let content = folder.content();
    let content =
        content.with_context(|| format!("cannot read the folder {}", args.folder.display()))?;
    let mut listed = Listed {
        recordings: Vec::new(),
        not_read: Vec::new(),
        other_files: content.others,
    };
    if content.is_truncated {
        listed.not_read.push(NotRead {
            file: Text::from(args.folder.as_os_str().as_encoded_bytes()),
            why: format!("only {MAX_FILES} of its files were looked at"),
        });
    }
    let mut is_any_unreadable = content.is_truncated;
    for entry in &content.entries {
        let why = match read(entry) {
            Ok(Some(recorded)) => {
                listed.recordings.push(recorded);
                continue;
            }
            Ok(None) => "its first bytes are not written yet".to_owned(),
            Err(error) => {
                is_any_unreadable = true;
                format!("{error:#}")
            }
        };
        let file = name(entry);
        listed.not_read.push(NotRead { file, why });
    }
    let bytes = match common.json {
        true => document::incidents(&listed, &host())?,
        false => incidents::render(&listed, oneshot::style(common).columns).into_bytes(),
    };
    oneshot::write(common, &bytes)?;
    let is_nothing_read = listed.recordings.is_empty() && is_any_unreadable;
    Ok(if is_nothing_read { ERROR } else { DONE })
}

/// Returns the outline of a recording; `None` if a program has just made its file.
fn read(entry: &Entry) -> anyhow::Result<Option<Recorded>> {
    let file = folder::read(&entry.path)?;
    let is_locked = folder::is_locked(&file);
    let size_bytes = file.metadata()?.len();
    if is_locked && size_bytes == 0 {
        return Ok(None);
    }
    let outline = Outline::read(BufReader::new(file), size_bytes)?;
    let incident =
        *(outline.header.incident.clone()).context("it is no recording of an incident")?;
    let moment_ns = incident.mono_ns;
    let since_moment = outline.last_ns.and_then(|ns| ns.checked_sub(moment_ns));
    let has_end = since_moment.is_some_and(|ns| ns >= incident.wanted_after_ns);
    let is_cut = outline.is_cut || entry.is_cut || entry.is_part || !has_end;
    let (wholeness, why) = match &outline.damage {
        Some(damage) => (Wholeness::Damaged, Some(damage.clone())),
        None if is_locked && !entry.is_cut => (Wholeness::BeingWritten, None),
        None if is_cut && since_moment.is_none() => {
            let why = "it ends before the moment".to_owned();
            (Wholeness::CutOff, Some(why))
        }
        None if is_cut => (Wholeness::CutOff, None),
        None => (Wholeness::Whole, None),
    };
    Ok(Some(Recorded {
        file: name(entry),
        host: outline.header.host.host,
        wholeness,
        why,
        samples: outline.samples,
        before_ns: outline.first_ns.and_then(|ns| moment_ns.checked_sub(ns)),
        after_ns: since_moment,
        size_bytes,
        incident,
    }))
}

fn name(entry: &Entry) -> Text {
    let name = entry.path.file_name().unwrap_or_default();
    Text::from(name.as_encoded_bytes())
}

/// The host that the list is made on.
fn host() -> Host {
    #[cfg(feature = "live")]
    return crate::source::live::host();
    #[cfg(not(feature = "live"))]
    Host::default()
}
