//! The flags of `report`.

use std::ffi::OsStr;
use std::path::PathBuf;

use crate::tui;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct PostMortem {
    /// The recording to read.
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    /// Only from this time on: 12:34, 12:34:56, with a day before it (all in UTC), or -5m before
    /// the end of the recording.
    // It has the id and the type of the flag of other verbs, which it replaces.
    #[arg(id = "from", long, value_name = "TIME", allow_hyphen_values = true)]
    pub(super) begin: Option<PathBuf>,
    /// Only until this time.
    #[arg(id = "to", long, value_name = "TIME", allow_hyphen_values = true)]
    pub(super) end: Option<PathBuf>,
    /// Write waits, holds of locks, reclaim and runs of shrinkers as Chrome trace events to this
    /// file, for Perfetto; no page, unless -o says where.
    #[arg(long, value_name = "JSON")]
    pub(in crate::cli) trace: Option<PathBuf>,
    /// Replace names of the host, of cgroups, tasks and files, and addresses, each by the same word
    /// everywhere.
    #[arg(long)]
    pub(in crate::cli) redact: bool,
}

impl PostMortem {
    /// The texts of both ends of the span that is wanted.
    pub(in crate::cli) fn span(&self) -> [Option<&OsStr>; 2] {
        [&self.begin, &self.end].map(|end| end.as_deref().map(AsRef::as_ref))
    }

    /// Says what is no time.
    pub(super) fn wrong(&self) -> Option<String> {
        let texts = self.span().into_iter().flatten();
        let mut wrong = texts.filter_map(|text| match text.to_str() {
            Some(text) => tui::parse_moment(text, 0, 0).err(),
            None => Some("a time is not UTF-8".to_owned()),
        });
        wrong.next()
    }
}
