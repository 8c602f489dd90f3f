//! Files of records, compressed or not.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::Context as _;

/// The first bytes of what zstd compressed.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Opens a file, or standard input if it is called `-`.
pub(super) fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    let failed = || format!("cannot read {}", path.display());
    let file: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(path).with_context(failed)?),
    };
    let mut file = BufReader::new(file);
    let mut first = Vec::new();
    let read = file
        .by_ref()
        .take(ZSTD.len() as u64)
        .read_to_end(&mut first);
    read.with_context(failed)?;
    let is_compressed = first == ZSTD;
    let whole = io::Cursor::new(first).chain(file);
    Ok(match is_compressed {
        true => Box::new(BufReader::new(zstd::Decoder::with_buffer(whole)?)),
        false => Box::new(whole),
    })
}

/// Whether a file starts as records do: a recording starts with the name of its format.
pub(super) fn has_records(path: &Path) -> anyhow::Result<bool> {
    let mut first = [0];
    let mut file = open(path)?;
    let read = file.read(&mut first);
    let read = read.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(read == 1 && first == *b"{")
}
