//! Opening of the source that the flags name.

use std::path::Path;

use super::args::Common;
use super::messages::Messages;
use crate::source::Source;
use crate::source::replay::Pace;

/// The subjects that a verb needs of a kernel. A recording has those that were recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    All,
    /// The list of memory cgroups, and answers to questions about them.
    Memcgs,
    /// The list of memory cgroups, and answers to questions about waits.
    Waits,
    /// The list of memory cgroups, answers about waits, and events of waits for locks.
    Locks,
    /// Memory cgroups, shrinkers and reclaim.
    Reclaim,
    /// The list of memory cgroups, and the call sites of slab objects.
    Callers,
    /// All of [`Needs::All`], and the call sites of slab objects.
    AllAndCallers,
}

/// Opens the recording that was named, or else this kernel.
pub(super) fn source(
    common: &Common,
    needs: Needs,
    file: Option<&Path>,
    pace: Pace,
    messages: &Messages,
) -> anyhow::Result<Source> {
    match file.or(common.from.as_deref()) {
        Some(path) => {
            messages.inform(&format!("reading {}", path.display()));
            Source::replay(path, pace)
        }
        None => live(common, needs, messages),
    }
}

#[cfg(feature = "live")]
fn live(common: &Common, needs: Needs, messages: &Messages) -> anyhow::Result<Source> {
    use super::args::Names;
    use crate::kernel::Subject;
    use crate::source::live;

    let options = live::Options {
        subjects: match (needs, common.trace_acquisitions) {
            (Needs::All, false) => Subject::ALL,
            (Needs::All, true) => Subject::ALL_AND_ACQUISITIONS,
            (Needs::Memcgs | Needs::Waits, _) => &[Subject::Memcg],
            (Needs::Callers, _) => &[Subject::Memcg, Subject::Callers],
            (Needs::AllAndCallers, _) => Subject::ALL_AND_CALLERS,
            (Needs::Reclaim, _) => &[Subject::Memcg, Subject::Shrinker, Subject::Reclaim],
            (Needs::Locks, false) => &[Subject::Memcg, Subject::MemcgEvents, Subject::Lock],
            (Needs::Locks, true) => &[
                Subject::Memcg,
                Subject::MemcgEvents,
                Subject::Lock,
                Subject::Acquisition,
            ],
        },
        attach: attach(common),
        walk_budget: common.walk_budget / 100.0,
        address_names: needs != Needs::Memcgs,
        state_files: common.names == Names::Files,
        debug: messages.is_debug(),
    };
    let source = Source::live(&options, common.interval)?;
    if let Source::Live { live, .. } = &source {
        for line in live.refused() {
            messages.warn(&line);
        }
    }
    Ok(source)
}

/// The family of hooks of `--attach`.
#[cfg(feature = "live")]
pub(super) fn attach(common: &Common) -> crate::source::live::Attach {
    use super::args::Attach;
    use crate::source::live;

    match common.attach {
        Attach::Auto => live::Attach::Auto,
        Attach::Tracepoint => live::Attach::Tracepoint,
        Attach::Kprobe => live::Attach::Kprobe,
        Attach::Trampoline => live::Attach::Trampoline,
    }
}

#[cfg(not(feature = "live"))]
fn live(_: &Common, _: Needs, _: &Messages) -> anyhow::Result<Source> {
    Err(replay_only())
}

/// The error of a build without a live kernel.
#[cfg(not(feature = "live"))]
pub(super) fn replay_only() -> anyhow::Error {
    crate::source::CannotTrace(
        "this build only replays recordings: use --from FILE or replay FILE".to_owned(),
    )
    .into()
}
