//! The flags of a report.

/// Whether to print a report, and with which names.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(in crate::cli) struct ReportArgs {
    /// Print a report for a mailing list: kernel, command line, taint, settings, the answer with
    /// stacks and lock words, and how to reproduce it if that is known.
    #[arg(long, conflicts_with = "json")]
    pub(in crate::cli) report: bool,
    /// With --report: replace names of the host, of cgroups, tasks and files, and addresses, each
    /// by the same word everywhere.
    #[arg(long, requires = "report")]
    pub(in crate::cli) redact: bool,
}
