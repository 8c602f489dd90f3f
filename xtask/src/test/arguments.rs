//! The arguments of the verb.

use std::path::PathBuf;

use crate::kernel::Series;

/// Runs all checks and tests: on this host, then in a guest per kernel
#[derive(Clone, clap::Args)]
pub struct Arguments {
    /// Only this kernel's guest (5.10, 6.1, 6.12, 7.0.4, 7.2); can be given more than once
    #[arg(long, value_name = "SERIES")]
    pub(super) kernel: Vec<&'static Series>,
    /// No guests
    #[arg(long, conflicts_with_all = ["kernel", "without_kernel"])]
    pub(super) host_only: bool,
    /// Pass although this kernel is not tested; can be given more than once
    #[arg(long, value_name = "SERIES")]
    pub(super) without_kernel: Vec<&'static Series>,
    /// Let the storm over locks blow for ten minutes in any case, and run all tests on each kernel
    #[arg(long)]
    pub(super) long: bool,
    /// Beside a busy loop on each processor: no test may depend on speed
    #[arg(long)]
    pub(super) busy: bool,
    /// Let a guest test that fails once fail the run: else up to three are tried again, in a guest of
    /// their own, and the end names those that pass then
    #[arg(long)]
    pub(super) once: bool,
    /// Guests at a time; one more than there are processors, since tests wait now and then
    #[arg(long, value_name = "NUMBER")]
    pub(super) lanes: Option<usize>,
    /// Number of tests whose times are shown
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub(super) slowest: usize,
    /// Keep the console of each guest's kernel in a file of this folder
    #[arg(long, value_name = "FOLDER")]
    pub(super) keep_console: Option<PathBuf>,
    /// Instead: run the README's two commands as an ordinary user with an empty home folder, then
    /// without network, and fail if anything of the system changed. Takes twice as long as a test
    #[arg(long, conflicts_with_all = ["kernel", "host_only", "without_kernel", "long"])]
    pub(super) fresh: bool,
    /// Instead: boot the guest that this test needs, and leave a shell in it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["host_only", "busy", "fresh", "names"])]
    pub(super) shell: Option<String>,
    /// Only guest tests whose names contain one of these, and no checks on this host; `dumps` for the
    /// dumps of guests; or steps of `--long` on this host: packages, alerts, dashboard, questions
    #[arg(value_name = "NAME", conflicts_with = "host_only")]
    pub(super) names: Vec<String>,
}
