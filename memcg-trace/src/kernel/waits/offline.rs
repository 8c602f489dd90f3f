//! Memory that is taken offline: the task that does it, the pages that it tries to move again and
//! again, and the tasks that keep these in place.
//!
//! The task does not sleep, so its stack cannot be unwound. But the pages that it failed to move
//! are on a list whose head is on its stack (mm/memory_hotplug.c: do_migrate_range(), mm/migrate.c:
//! migrate_pages()), and each of them points back to the head.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::thread::sleep;
use std::time::Duration;

use memcg_trace_common::hold::{Offline, OfflinePage};

use super::dumps;
use super::finding::{Finding, holder};
use super::pages::PageArray;
use super::percpu_rwsems;
use super::stacks::Stack;
use super::view::View;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::words;
use crate::sample::waits::{EndsOn, Evidence, Resource, Retry, Wait};
use crate::sample::{Mode, ResourceKind};

/// Attempts to see pages on the stack, while none was seen.
const TRIES: usize = 400;
const MORE_TRIES: usize = 2000;
/// Attempts once pages were seen.
const LOOKS: usize = 16;
/// Attempts in which a page must be seen: a page that was moved does not come back. The kernel
/// alternates between several pages that do not move, so not each of them is seen each time.
const ENOUGH: usize = 4;
/// Bound on the pages of one stack.
const MAX_PAGES: usize = 16;
const PAUSE: Duration = Duration::from_micros(500);
/// Functions that keep a reference to a user page while they wait (fs/coredump.c, mm/gup.c).
const KEEPERS: &[&str] = &[
    "dump_user_range",
    "dump_emit_page",
    "get_dump_page",
    "elf_core_dump",
];

/// The waits of a task that offlines memory: one finding for each page that does not move.
pub(super) fn wait(
    view: &View<'_>,
    at: usize,
    stacks: &[(usize, Stack<'_>)],
) -> Result<Vec<Finding>, Unreadable> {
    let pages = PageArray::of(view)?;
    let Some(stuck) = stuck_pages(view, &pages, at)? else {
        return Ok(vec![unseen(view, at)]);
    };
    let thread = &view.threads.all[at];
    let seen = view.events.offline(view, at);
    let span = seen
        .map(|seen| seen.begin_ns)
        .filter(|begin_ns| *begin_ns != 0)
        .unwrap_or(thread.addr);
    let mut findings = Vec::new();
    for (page, Sightings { times, extra }) in stuck {
        let folio = pages.folio(view, page)?;
        let mut resource = Resource {
            kind: ResourceKind::PageRef,
            addr: page,
            pfn: Some(pages.pfn(page)),
            ..Resource::default()
        };
        for (keeper, stack) in stacks.iter().filter(|(keeper, _)| *keeper != at) {
            if !stack.words.iter().any(|word| folio.has(*word)) {
                continue;
            }
            let taken = dumps::taken_page(view, *keeper);
            let evidence = if taken.is_some_and(|taken| folio.has_page(taken)) {
                Evidence::Traced
            } else if stack.has(KEEPERS) {
                Evidence::Inferred
            } else {
                Evidence::Hint
            };
            resource.holders.push(holder(*keeper, Mode::Read, evidence));
        }
        let missing = extra.saturating_sub(resource.holders.len() as u64);
        resource.incomplete = (missing > 0)
            .then(|| format!("{missing} of {extra} references to the page were not found"));
        let tried = seen.and_then(|seen| tried(seen, pages.pfn(page)));
        let evidence = match tried {
            Some(_) => Evidence::Traced,
            None if times >= ENOUGH => Evidence::Inferred,
            None => Evidence::Hint,
        };
        let mut finding = Finding::new(at, resource, Mode::Write, evidence);
        finding.wait = Wait {
            since_ns: tried.map(|page| page.since_ns).filter(|since| *since != 0),
            function: Some("offline_pages".to_owned()),
            // mm/memory_hotplug.c: offline_pages() asks signal_pending().
            ends_on: EndsOn::AnySignal,
            retry: Some(Retry {
                span,
                tries_total: tried.map(|page| page.tries),
            }),
            ..finding.wait
        };
        findings.push(finding);
    }
    Ok(findings)
}

/// A wait for pages of which none was seen, although the task tried to move pages all the time.
fn unseen(view: &View<'_>, at: usize) -> Finding {
    let span = view.threads.all[at].addr;
    let resource = Resource {
        kind: ResourceKind::PageRef,
        addr: span,
        incomplete: Some("which pages it tries to move was not seen".to_owned()),
        ..Resource::default()
    };
    let mut finding = Finding::new(at, resource, Mode::Write, Evidence::Hint);
    finding.wait = Wait {
        // At least for the time of this look.
        since_ns: Some(view.begin_ns),
        ends_on: EndsOn::AnySignal,
        retry: Some(Retry {
            span,
            tries_total: None,
        }),
        ..finding.wait
    };
    finding
}

/// The tries to move a page, by events: the sum of the tries that started at this page or before
/// it.
fn tried(seen: &Offline, pfn: u64) -> Option<OfflinePage> {
    let begins = seen.pages.iter().filter(|begin| begin.pfn != 0);
    let with_page = begins.filter(|begin| (begin.pfn..seen.end_pfn).contains(&pfn));
    with_page.copied().reduce(|sum, begin| OfflinePage {
        pfn,
        since_ns: sum.since_ns.min(begin.since_ns),
        last_ns: sum.last_ns.max(begin.last_ns),
        tries: sum.tries + begin.tries,
    })
}

/// The number of times that a page was seen on the stack.
#[derive(Clone, Copy)]
struct Sightings {
    times: usize,
    /// The fewest references that neither a mapping nor the mover explains. A minimum, since other
    /// tasks take a reference for a moment.
    extra: u64,
}

/// Pages that are on the stack again and again. If lists were rarely seen, all pages on them may be
/// stuck. `None` if no list was seen and the task still moves pages.
fn stuck_pages(
    view: &View<'_>,
    pages: &PageArray,
    at: usize,
) -> Result<Option<BTreeMap<u64, Sightings>>, Unreadable> {
    let mut seen: BTreeMap<u64, Sightings> = BTreeMap::new();
    let mut looks = 0;
    let mut is_over = false;
    for attempt in 0..TRIES + MORE_TRIES {
        if attempt >= TRIES {
            is_over = percpu_rwsems::memory_hotplugger(view)? != Some(at);
            if is_over || looks > 0 {
                break;
            }
        }
        let now = listed_pages(view, pages, at)?;
        for page in &now {
            let folio = pages.folio(view, *page).ok();
            if let Some(extra) = folio.and_then(|folio| folio.unexplained_refs(view)) {
                let before = seen.entry(*page);
                let one = before.or_insert(Sightings { times: 0, extra });
                one.times += 1;
                one.extra = extra.min(one.extra);
            }
        }
        looks += usize::from(!now.is_empty());
        if looks == LOOKS {
            break;
        }
        sleep(PAUSE);
    }
    if looks >= ENOUGH {
        seen.retain(|_, one| one.times >= ENOUGH);
    }
    Ok((looks > 0 || is_over).then_some(seen))
}

/// Pages on lists whose heads are on a stack now.
fn listed_pages(view: &View<'_>, pages: &PageArray, at: usize) -> Result<Vec<u64>, Unreadable> {
    let thread = &view.threads.all[at];
    let mut memory = vec![0; usize::try_from(view.threads.stack_bytes).unwrap_or(0)];
    view.reader.memory.read(thread.stack, &mut memory)?;
    let words = words(&memory);
    let mut found = HashSet::new();
    for (word_at, word) in words.iter().enumerate() {
        let head = thread.stack + word_at as u64 * 8;
        let Some(first) = pages.linked_at(*word) else {
            continue;
        };
        // A stale word on the stack is no list head: its page points elsewhere.
        if view.reader.word_at(word.wrapping_add(8)) != Ok(head) {
            continue;
        }
        let mut on_list = vec![first];
        let next = view.reader.word_at(*word).unwrap_or(head);
        let outcome = view.reader.memory.chain(next, head, 0, |links| {
            on_list.extend(links.iter().filter_map(|link| pages.linked_at(*link)));
            if on_list.len() < MAX_PAGES {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        if outcome.is_ok() {
            found.extend(on_list);
        }
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_unstable();
    found.truncate(MAX_PAGES);
    Ok(found)
}
