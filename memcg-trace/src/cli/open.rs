//! From flags to a source.

use std::path::Path;

use super::args::Common;
use super::messages::Messages;
use crate::source::Source;
use crate::source::replay::Pace;

/// The recording that was named, else this kernel.
pub(super) fn source(
    common: &Common,
    file: Option<&Path>,
    pace: Pace,
    messages: &Messages,
) -> anyhow::Result<Source> {
    match file.or(common.from.as_deref()) {
        Some(path) => {
            messages.inform(&format!("reading {}", path.display()));
            Source::replay(path, pace)
        }
        None => live(common, messages),
    }
}

#[cfg(feature = "live")]
fn live(common: &Common, messages: &Messages) -> anyhow::Result<Source> {
    use super::args::Attach;
    use crate::source::live;

    let attach = match common.attach {
        Attach::Auto => live::Attach::Auto,
        Attach::Tracepoint => live::Attach::Tracepoint,
        Attach::Kprobe => live::Attach::Kprobe,
        Attach::Trampoline => live::Attach::Trampoline,
    };
    let subjects = live::Subjects {
        memcg: true,
        slab: true,
        shrinker: true,
        lock: true,
    };
    let options = live::Options {
        subjects,
        attach,
        debug: messages.is_debug(),
    };
    Source::live(&options, common.interval)
}

#[cfg(not(feature = "live"))]
fn live(_: &Common, _: &Messages) -> anyhow::Result<Source> {
    Err(super::replay_only())
}
