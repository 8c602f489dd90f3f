//! `pins`: the references that keep one dead memory cgroup, or all of them.

use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use anyhow::{anyhow, bail};

use super::args::{self, Common};
use super::fail_on::{exit_code, nothing_seen};
use super::feed::Feed;
use super::messages::Messages;
use super::oneshot;
use super::signals::Stop;
use crate::model::reparent;
use crate::model::snapshot::{MemcgId, Pins, Snapshot};
use crate::model::zombies::{self, NotFound, Wanted};
use crate::output::{document, pins as text, report};
use crate::sample::ask::{Ask, NOT_RECORDED};
use crate::sample::{Text, sanitized};

/// Maximum number of candidates in an error.
const MAX_CANDIDATES: usize = 5;

/// Reasons why a cgroup may not be in the list.
const MAYBE_RELEASED: &str = "that it was removed and released is one way for it not to be there, \
                              a name that never was is another";

/// The answer to a question, and its zombie; `None` for all zombies.
struct Answer {
    snapshot: Arc<Snapshot>,
    zombie: Option<Arc<MemcgId>>,
}

/// Prints the answer, of a kernel or as of the end of a recording.
pub(super) async fn run(
    common: &Common,
    args: &args::Pins,
    messages: &Messages,
) -> anyhow::Result<u8> {
    let fail_on = args.condition.fail_on;
    let mut stop = Stop::on_signals(nothing_seen(fail_on))?;
    let mut feed = Feed::of_memcgs(common, messages)?.redacting(args.report.redact);
    let host = feed.host().clone();
    let zombie = args.zombie.as_ref();
    let wanted = zombie.map(|zombie| Wanted::parse(zombie.as_bytes()));
    let wanted = wanted.map(|wanted| wanted.with_name(|name| feed.as_sampled(name)));
    let ask = async |feed: &mut Feed| ask(feed, wanted.as_ref()).await;
    let answer = oneshot::answer(feed, &mut stop, messages, ask).await?;
    let Some(Answer { snapshot, zombie }) = answer else {
        return Ok(nothing_seen(fail_on));
    };
    let items = snapshot.pins.items.iter();
    let mut items: Vec<&Pins> = match &zombie {
        Some(id) => items
            .filter(|item| item.zombie.serial_nr == id.serial_nr)
            .collect(),
        None => items.collect(),
    };
    let open = match zombie {
        Some(_) => Vec::new(),
        None => gaps(&snapshot, items.len(), common.top()),
    };
    items.truncate(common.top().unwrap_or(usize::MAX));
    let bytes = if common.json {
        document::pins(&snapshot, &items, &open, &host)?
    } else if args.report.report {
        report::pins(&snapshot, &items, &open, &host).into_bytes()
    } else {
        text::render(&snapshot, &items, &open, &host, oneshot::style(common)).into_bytes()
    };
    oneshot::write(common, &bytes)?;
    Ok(exit_code(fail_on, &snapshot, snapshot.memcgs.is_known()))
}

/// Reads the list of memcgs, finds the zombies that are meant, and asks about them.
async fn ask(feed: &mut Feed, wanted: Option<&Wanted>) -> anyhow::Result<Option<Answer>> {
    let Some(snapshot) = feed.only().await? else {
        return Ok(None);
    };
    let zombie = match wanted {
        Some(wanted) => Some(find(&snapshot, wanted)?),
        None => None,
    };
    let serials: Vec<u64> = match &zombie {
        Some(id) => vec![id.serial_nr],
        None => {
            let zombies = zombies::list(&snapshot).into_iter();
            let others = snapshot.dying.iter().flat_map(|dying| &dying.cgroups);
            let others = others.map(|dead| dead.id.serial_nr);
            let zombies = zombies.map(|zombie| zombie.id.serial_nr);
            zombies.chain(others).collect()
        }
    };
    // An empty list would ask about all zombies.
    if serials.is_empty() {
        return Ok(Some(Answer { snapshot, zombie }));
    }
    let snapshot = match feed.ask(&Ask::Pins(serials))? {
        Some(answered) => answered,
        None if snapshot.pins.items.is_empty() => bail!(
            "{NOT_RECORDED}: nobody asked who pins zombies while this was recorded; \
             `record --pins` does"
        ),
        None => snapshot,
    };
    if let Some(id) = &zombie
        && zombies::pins_of(&snapshot, id.serial_nr).is_none()
    {
        let path = id.path.display();
        if feed.is_replay() {
            bail!("{NOT_RECORDED}: nobody asked who pins {path} while this was recorded");
        }
        bail!("{path} is gone: it was released while it was looked at");
    }
    Ok(Some(Answer { snapshot, zombie }))
}

/// The parts that the answers for all zombies could not check.
fn gaps(snapshot: &Snapshot, answered: usize, top: Option<usize>) -> Vec<String> {
    let unanswered = text::unanswered(snapshot);
    let unanswered = (unanswered > 0).then(|| {
        let reason = snapshot.pins.reason.as_deref();
        let reason = reason.map_or_else(String::new, |reason| format!(": {}", sanitized(reason)));
        match unanswered {
            1 => format!("1 zombie has no answer{reason}"),
            _ => format!("{unanswered} zombies have no answer{reason}"),
        }
    });
    let left_out = answered.saturating_sub(top.unwrap_or(usize::MAX));
    let left_out = (left_out > 0).then(|| match left_out {
        1 => "1 more zombie is not shown".to_owned(),
        _ => format!("{left_out} more zombies are not shown"),
    });
    unanswered.into_iter().chain(left_out).collect()
}

/// The zombie that a user means.
fn find(snapshot: &Snapshot, wanted: &Wanted) -> anyhow::Result<Arc<MemcgId>> {
    if !snapshot.memcgs.is_known() {
        let reason = snapshot.memcgs.reason.as_deref().unwrap_or("not known why");
        bail!(
            "cannot look for zombie {}: no list of cgroups here: {}",
            wanted.display(),
            sanitized(reason)
        );
    }
    zombies::find(snapshot, wanted).map_err(|why| {
        let gone = reparent::find(snapshot, wanted);
        match gone.filter(|_| matches!(why, NotFound::Unknown(_))) {
            Some(gone) => anyhow!(
                "no zombie {}: {}",
                wanted.display(),
                reparent::sentence(gone)
            ),
            None => not_found(wanted, why),
        }
    })
}

fn not_found(wanted: &Wanted, why: NotFound) -> anyhow::Error {
    let name = wanted.display();
    match why {
        NotFound::Ambiguous(ids) => anyhow!(
            "{name} means {} zombies: {}; name one of them by its css:N",
            ids.len(),
            candidates(&ids)
        ),
        NotFound::Alive(ids) => {
            anyhow!(
                "no zombie {name}: {} is alive, not a zombie",
                candidates(&ids)
            )
        }
        NotFound::Unknown(near) if !near.is_empty() => {
            let near: Vec<_> = near.iter().map(Text::display).collect();
            anyhow!(
                "no zombie {name} was found: did you mean {}? If not, {MAYBE_RELEASED}",
                near.join(" or ")
            )
        }
        NotFound::Unknown(_) => anyhow!(
            "no zombie {name} was found, and nothing alive of that name; `memcg-trace zombies` \
             lists those that are there; {MAYBE_RELEASED}"
        ),
    }
}

fn candidates(ids: &[Arc<MemcgId>]) -> String {
    let named = ids.iter().take(MAX_CANDIDATES);
    let mut named: Vec<String> = named
        .map(|id| format!("{} (css:{})", id.path.display(), id.css_id))
        .collect();
    let left_out = ids.len().saturating_sub(MAX_CANDIDATES);
    if left_out > 0 {
        named.push(format!("{left_out} more"));
    }
    named.join(", ")
}
