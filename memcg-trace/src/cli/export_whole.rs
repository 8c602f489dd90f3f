//! `export --whole`: rebuilds whole snapshots from what `export --changes` wrote.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};

use super::args::{Common, Rotation};
use super::exit_codes::DONE;
use super::messages::Messages;
use super::record_file;
use super::record_stream::RecordStream;
use crate::output::changes::{Frames, Lost, Rebuilt};
use crate::units;

/// So many lost snapshots are named, and all others are counted.
const MAX_NAMED: u64 = 5;

/// Writes every snapshot that can be rebuilt.
pub(super) fn run(common: &Common, file: &Path, messages: &Messages) -> anyhow::Result<u8> {
    let source = match file == Path::new("-") {
        true => "standard input".to_owned(),
        false => file.display().to_string(),
    };
    let frames = Frames::of(record_file::open(file)?);
    let mut output = RecordStream::create(common, &Rotation::none())?;
    let name = output.name();
    let (mut whole, mut lost) = (0, 0);
    for frame in frames {
        match frame {
            Rebuilt::Whole(records) => {
                let mut lines = records.split_inclusive(|byte| *byte == b'\n');
                let written = lines.try_for_each(|line| output.write_all(line));
                let written = written.and_then(|()| output.flush());
                written.with_context(|| format!("cannot write to {name}"))?;
                whole += 1;
            }
            Rebuilt::Lost(one) => {
                lost += 1;
                if lost <= MAX_NAMED {
                    messages.warn(&format!("{source}: {}", sentence(&one)));
                }
            }
        }
    }
    output.end()?;
    match (whole, lost) {
        (0, 0) => bail!("{source}: there is not one snapshot"),
        (_, 0) => Ok(DONE),
        _ => bail!(
            "{source}: {} could not be rebuilt, and {whole} were",
            units::things(lost, "snapshot")
        ),
    }
}

fn sentence(lost: &Lost) -> String {
    match lost.frame {
        Some(frame) => format!("snapshot {frame} cannot be rebuilt: {}", lost.why),
        None => lost.why.clone(),
    }
}
