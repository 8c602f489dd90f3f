//! `schema`: the JSON Schema of records.

use std::io::Write as _;

use anyhow::Context as _;

use super::args::{Common, Schema};
use super::output_file::OutputFile;
use crate::output::schema;

/// Prints the schema of a type of records, or of each of them, one a line.
pub(super) fn run(common: &Common, args: &Schema) -> anyhow::Result<u8> {
    let of = |kind: &str| match args.lenient {
        true => schema::lenient(kind),
        false => schema::strict(kind),
    };
    let text = match &args.kind {
        Some(kind) => {
            let one = of(kind).with_context(|| {
                let kinds: Vec<_> = schema::kinds().collect();
                format!("no records of type {kind}; there are {}", kinds.join(", "))
            })?;
            serde_json::to_string_pretty(&one)? + "\n"
        }
        None => {
            let all = schema::kinds().filter_map(of);
            all.map(|one| format!("{one}\n")).collect()
        }
    };
    let mut output = OutputFile::create(common.output.as_deref())?;
    let name = output.name();
    output
        .write_all(text.as_bytes())
        .with_context(|| format!("cannot write to {name}"))?;
    Ok(super::exit_codes::DONE)
}
