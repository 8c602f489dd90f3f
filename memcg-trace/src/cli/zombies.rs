//! `zombies`: all dead memory cgroups that are still in memory.

use std::sync::Arc;

use super::args::{By, Common, Sort, Zombies};
use super::fail_on::{exit_code, nothing_seen};
use super::feed::Feed;
use super::messages::Messages;
use super::oneshot;
use super::signals::Stop;
use crate::model::abandoned;
use crate::model::origins;
use crate::model::snapshot::Snapshot;
use crate::model::zombies::{self, Order};
use crate::output::{document, empties as text_of_empties, origins as by_origin, zombies as text};
use crate::sample::ask::Ask;
use crate::sample::recording::Host;

/// Maximum number of dead cgroups without a zombie that are asked about.
const MAX_ASKED: usize = 256;

/// Prints the list, of a kernel or as of the end of a recording.
pub(super) async fn run(
    common: &Common,
    args: &Zombies,
    messages: &Messages,
) -> anyhow::Result<u8> {
    let fail_on = args.condition.fail_on;
    let mut stop = Stop::on_signals(nothing_seen(fail_on))?;
    let feed = Feed::of_memcgs(common, messages)?;
    let host = feed.host().clone();
    let by_origin = args.by == Some(By::Origin);
    let asked = async |feed: &mut Feed| match (by_origin, args.pins) {
        _ if args.abandoned => ask_uses(feed).await,
        (false, _) => ask(feed).await,
        (true, false) => feed.only().await,
        (true, true) => ask_pins(feed).await,
    };
    let seen = oneshot::answer(feed, &mut stop, messages, asked).await?;
    let Some(snapshot) = seen else {
        return Ok(nothing_seen(fail_on));
    };
    if args.abandoned {
        oneshot::write(common, &empties(common, args, &snapshot, &host)?)?;
        return Ok(exit_code(fail_on, &snapshot, snapshot.memcgs.is_known()));
    }
    if by_origin {
        oneshot::write(common, &by_origins(common, &snapshot, &host)?)?;
        return Ok(exit_code(fail_on, &snapshot, snapshot.memcgs.is_known()));
    }
    let mut zombies = zombies::list(&snapshot);
    let order = order(args.sort);
    zombies.sort_by(|a, b| order.compare(a, b));
    let shown = common.top().unwrap_or(zombies.len()).min(zombies.len());
    let (shown, left_out) = zombies.split_at(shown);
    let bytes = if common.json {
        document::zombies(&snapshot, shown, &host)?
    } else {
        let style = oneshot::style(common);
        text::render(&snapshot, &host, shown, left_out.len(), common.top(), style).into_bytes()
    };
    oneshot::write(common, &bytes)?;
    Ok(exit_code(fail_on, &snapshot, snapshot.memcgs.is_known()))
}

/// Reads the list of memcgs, and asks what keeps dead cgroups without a zombie: no figure of such a
/// cgroup says that.
async fn ask(feed: &mut Feed) -> anyhow::Result<Option<Arc<Snapshot>>> {
    let Some(snapshot) = feed.only().await? else {
        return Ok(None);
    };
    let others = snapshot.dying.iter().flat_map(|dying| &dying.cgroups);
    let others = others.take(MAX_ASKED).map(|dead| dead.id.serial_nr);
    let serials: Vec<u64> = others.collect();
    if serials.is_empty() {
        return Ok(Some(snapshot));
    }
    let answered = feed.ask(&Ask::Pins(serials))?;
    Ok(Some(answered.unwrap_or(snapshot)))
}

/// Reads the list of memcgs, and asks what pins each zombie.
async fn ask_pins(feed: &mut Feed) -> anyhow::Result<Option<Arc<Snapshot>>> {
    let Some(snapshot) = feed.only().await? else {
        return Ok(None);
    };
    let zombies = zombies::list(&snapshot);
    let serials: Vec<u64> = zombies.iter().map(|zombie| zombie.id.serial_nr).collect();
    // An empty list would ask about all.
    if serials.is_empty() {
        return Ok(Some(snapshot));
    }
    let answered = feed.ask(&Ask::Pins(serials))?;
    Ok(Some(answered.unwrap_or(snapshot)))
}

/// Reads the list of memcgs, and asks who uses those without tasks.
async fn ask_uses(feed: &mut Feed) -> anyhow::Result<Option<Arc<Snapshot>>> {
    let Some(snapshot) = feed.only().await? else {
        return Ok(None);
    };
    let answered = feed.ask(&Ask::CgroupUses)?;
    Ok(Some(answered.unwrap_or(snapshot)))
}

/// The live memory cgroups without tasks.
fn empties(
    common: &Common,
    args: &Zombies,
    snapshot: &Snapshot,
    host: &Host,
) -> anyhow::Result<Vec<u8>> {
    let least_age_ns = u64::try_from(args.min_age.as_nanos()).unwrap_or(u64::MAX);
    let empties = abandoned::list(snapshot, least_age_ns);
    let shown = common.top().unwrap_or(usize::MAX).min(empties.groups.len());
    if common.json {
        return Ok(document::empties(snapshot, &empties, shown, host)?);
    }
    let style = oneshot::style(common);
    Ok(text_of_empties::render(snapshot, host, &empties, shown, style).into_bytes())
}

/// The zombies by where they come from.
fn by_origins(common: &Common, snapshot: &Snapshot, host: &Host) -> anyhow::Result<Vec<u8>> {
    let origins = origins::list(snapshot);
    let shown = common.top().unwrap_or(origins.len()).min(origins.len());
    let (shown, left_out) = origins.split_at(shown);
    if common.json {
        return Ok(document::origins(snapshot, shown, left_out.len(), host)?);
    }
    let style = oneshot::style(common);
    Ok(by_origin::render(snapshot, host, shown, left_out.len(), style).into_bytes())
}

fn order(sort: Sort) -> Order {
    match sort {
        Sort::Path => Order::Path,
        Sort::Age => Order::Age,
        Sort::Refs => Order::Refs,
        Sort::Pages => Order::Pages,
        Sort::Cost => Order::Cost,
        Sort::Swap => Order::Swap,
        Sort::Phase => Order::Phase,
        Sort::Name => Order::Name,
    }
}
