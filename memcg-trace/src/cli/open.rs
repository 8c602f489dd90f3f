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
    use crate::source::live;

    let subjects = live::Subjects {
        memcg: true,
        slab: true,
        shrinker: true,
        lock: true,
    };
    let options = live::Options {
        subjects,
        attach: attach(common),
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

/// The family of hooks that was asked for.
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
fn live(_: &Common, _: &Messages) -> anyhow::Result<Source> {
    Err(super::replay_only())
}
