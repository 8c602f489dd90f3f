//! `why`: one timeline of a removal, a dead memory cgroup or a task.

use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use anyhow::{anyhow, bail};

use super::args::{self, Common};
use super::fail_on::{exit_code, nothing_seen};
use super::feed::Feed;
use super::messages::Messages;
use super::oneshot;
use super::signals::Stop;
use crate::model::snapshot::{Phase, Snapshot};
use crate::model::why::{self, NotFound, Seen, Subject, Target, Wanted, Why};
use crate::output::{document, report, why as text};
use crate::sample::ask::{Ask, NOT_RECORDED};
use crate::sample::{Text, sanitized};

/// Maximum number of paths in an error.
const MAX_NAMED: usize = 5;

/// A timeline, and the snapshot that it is of.
struct Answer {
    snapshot: Arc<Snapshot>,
    why: Why,
}

/// Prints the timeline, of a kernel or as of the end of a recording.
pub(super) async fn run(
    common: &Common,
    args: &args::Why,
    messages: &Messages,
) -> anyhow::Result<u8> {
    let fail_on = args.condition.fail_on;
    let mut stop = Stop::on_signals(nothing_seen(fail_on))?;
    let mut feed = Feed::of_waits(common, messages)?.redacting(args.report.redact);
    let host = feed.host().clone();
    let wanted = match Wanted::parse(args.subject.as_bytes()) {
        Wanted::Memcg(named) => Wanted::Memcg(named.with_name(|name| feed.as_sampled(name))),
        task @ Wanted::Task(_) => task,
    };
    let ask = async |feed: &mut Feed| ask(feed, &wanted).await;
    let answer = oneshot::answer(feed, &mut stop, messages, ask).await?;
    let Some(Answer { snapshot, why }) = answer else {
        return Ok(nothing_seen(fail_on));
    };
    let bytes = if args.report.report {
        report::why(&snapshot, &why, &host).into_bytes()
    } else if common.json {
        document::why(&snapshot, &why, &host)?
    } else {
        text::render(&snapshot, &why, &host, oneshot::style(common)).into_bytes()
    };
    oneshot::write(common, &bytes)?;
    Ok(exit_code(fail_on, &snapshot, snapshot.memcgs.is_known()))
}

/// Reads the list of memcgs, and asks what the timeline needs.
async fn ask(feed: &mut Feed, wanted: &Wanted) -> anyhow::Result<Option<Answer>> {
    let named = match wanted {
        Wanted::Memcg(named) => Some(named.clone()),
        Wanted::Task(_) => None,
    };
    let mut seen = Seen::new(named);
    let mut last = None;
    while let Some(snapshot) = feed.next().await? {
        seen.see(&snapshot);
        if let Wanted::Memcg(named) = wanted
            && feed.is_replay()
            && let Ok(target) = Target::find(&snapshot, named, &seen)
        {
            // What is over by the end of the recording.
            why::follow(&snapshot, &target, &mut seen);
        }
        last = Some(snapshot);
        if !feed.is_replay() {
            break;
        }
    }
    let Some(snapshot) = last else {
        return Ok(None);
    };
    match wanted {
        Wanted::Task(pid) => of_task(feed, snapshot, *pid).map(Some),
        Wanted::Memcg(named) => {
            let target = find(&snapshot, named, &seen)?;
            of_memcg(feed, snapshot, &target, &seen).map(Some)
        }
    }
}

fn of_task(feed: &mut Feed, snapshot: Arc<Snapshot>, pid: u32) -> anyhow::Result<Answer> {
    let snapshot = match feed.ask(&Ask::Task(pid))? {
        Some(answered) => answered,
        None if snapshot.judged.is_none() => bail!(
            "{NOT_RECORDED}: nobody asked who waits for whom while this was recorded; \
             `record --locks` does"
        ),
        None => snapshot,
    };
    match why::of_task(&snapshot, pid) {
        Some(why) => Ok(Answer { snapshot, why }),
        None if feed.is_replay() => bail!(
            "{NOT_RECORDED}: task {pid} is not among those that waited, or were waited for, in the \
             last answer of the recording"
        ),
        None => bail!("there is no task {pid}"),
    }
}

fn of_memcg(
    feed: &mut Feed,
    snapshot: Arc<Snapshot>,
    target: &Target,
    seen: &Seen,
) -> anyhow::Result<Answer> {
    let serial_nr = target.id.serial_nr;
    let mut snapshot = snapshot;
    let mut memcgs = snapshot.memcgs.items.iter();
    let memcg = memcgs.find(|memcg| memcg.id.serial_nr == serial_nr);
    let is_offline = memcg.is_some_and(|memcg| memcg.phase == Some(Phase::Pinned));
    if matches!(target.subject, Subject::Alive | Subject::Dead) && !is_offline {
        snapshot = feed.ask(&Ask::Removal(serial_nr))?.unwrap_or(snapshot);
    }
    // The timeline is worth having without.
    if why::needs_uses(&snapshot, target)
        && let Ok(Some(answered)) = feed.ask(&Ask::CgroupUses)
    {
        snapshot = answered;
    }
    if why::needs_pins(&snapshot, target) {
        snapshot = feed.ask(&Ask::Pins(vec![serial_nr]))?.unwrap_or(snapshot);
    }
    let why = why::of_memcg(&snapshot, target, seen);
    Ok(Answer { snapshot, why })
}

/// The memory cgroup that a user means.
pub(super) fn find(
    snapshot: &Snapshot,
    wanted: &crate::model::zombies::Wanted,
    seen: &Seen,
) -> anyhow::Result<Target> {
    if !snapshot.memcgs.is_known() {
        let reason = snapshot.memcgs.reason.as_deref().unwrap_or("not known why");
        bail!(
            "cannot look for cgroup {}: no list of cgroups here: {}",
            wanted.display(),
            sanitized(reason)
        );
    }
    let name = wanted.display();
    Target::find(snapshot, wanted, seen).map_err(|why| match why {
        NotFound::Ambiguous(paths) => anyhow!(
            "{name} means cgroups of {} paths: {}; name one of these",
            paths.len(),
            listed(&paths)
        ),
        NotFound::Unknown(near) if !near.is_empty() => anyhow!(
            "no cgroup {name}, dead or alive: did you mean {}? It may also have been removed and \
             released, or never have been",
            listed(&near)
        ),
        NotFound::Unknown(_) => {
            anyhow!("no cgroup {name}, dead or alive: it was removed and released, or never was")
        }
    })
}

fn listed(paths: &[Text]) -> String {
    let mut named: Vec<String> = paths
        .iter()
        .take(MAX_NAMED)
        .map(|path| path.display().into_owned())
        .collect();
    let left_out = paths.len().saturating_sub(MAX_NAMED);
    if left_out > 0 {
        named.push(format!("{left_out} more"));
    }
    named.join(" or ")
}
