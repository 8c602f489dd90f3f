//! One search for all references, in order.

use std::time::Instant;

use super::find_holders::find_holders;
use super::holders::Holders;
use super::host::Host;
use super::ledger::Ledger;
use super::namespaces::Namespaces;
use super::{all_pages, cgroups, children, css_sets, descriptors, host_memory, lists, mappers};
use super::{page_owners, segments, stock, swap, swapped, writeback};
use crate::kernel::counted::memcgs::DeadCss;
use crate::kernel::counted::memcgs::dying::{DeadCgroup, Dying};
use crate::kernel::debugger::open_files::Open;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::tasks::{self, Tasks};
use crate::kernel::debugger::visible_paths::VisiblePaths;
use crate::sample::pins::{PinKind, Pins};

/// Looks for all references to `targets`, and to `cgroups`, which the scan `dying` found.
pub(in crate::kernel) fn scan(
    reader: &Reader<'_>,
    targets: &[DeadCss],
    (dying, cgroups): (&Dying, &[DeadCgroup]),
    now_ns: impl Fn() -> u64,
) -> Pins {
    let begin_ns = now_ns();
    let begin = Instant::now();
    let mut ledger = Ledger::new(targets);

    ledger.search_each(&[PinKind::ChildCss], |zombie, visited| {
        children::count(reader, zombie, visited)
    });
    ledger.search_each(&[PinKind::Swap], |zombie, _| swap::count(reader, zombie));
    ledger.search_each(&lists::KINDS, |zombie, visited| {
        lists::count(reader, zombie, visited)
    });
    ledger.search_each(&[PinKind::LruGenMm], |zombie, visited| {
        mappers::count_walked(reader, zombie, visited)
    });
    ledger.search(&lists::KINDS, |ledger| lists::batches(reader, ledger));
    ledger.search(&[PinKind::Stock], |ledger| stock::count(reader, ledger));
    let tasks = tasks::all(reader).unwrap_or_else(|why| {
        ledger.note_all(&[PinKind::SocketInet, PinKind::Fsnotify], &why);
        Tasks::default()
    });
    let processes = tasks.processes.iter().map(|process| process.task);
    let mut paths = VisiblePaths::read(reader, processes);
    ledger.search(&[PinKind::Writeback], |ledger| {
        writeback::count(reader, &mut paths, ledger)
    });
    let threads = tasks::threads(reader, &tasks).unwrap_or_else(|why| {
        ledger.note_all(&descriptors::KINDS, &why);
        Vec::new()
    });
    let open = Open::read(reader, &threads).unwrap_or_else(|why| {
        ledger.note_all(&descriptors::KINDS, &why);
        Open::default()
    });
    let namespaces = Namespaces::read(reader, &tasks, &open);
    ledger.search_each(&[PinKind::Task, PinKind::CgroupNs], |zombie, visited| {
        css_sets::count(reader, &tasks, &namespaces, zombie, visited)
    });
    descriptors::count(reader, &open, &namespaces, &mut ledger);
    ledger.read_refs(reader);
    if let Some(why) = ledger.why_all_pages() {
        ledger.all_pages_because = Some(why);
        ledger.search(&all_pages::KINDS, |ledger| {
            all_pages::count(reader, &threads, &open, &namespaces, ledger)
        });
        ledger.read_refs(reader);
    }
    let mut holders = Holders::default();
    page_owners::describe(
        reader,
        &mut paths,
        segments::Owners::new(&tasks),
        &mut ledger,
        &mut holders,
    );
    ledger.search(&[PinKind::Swap], |ledger| {
        swapped::describe(reader, &threads, &mut paths, ledger)
    });
    let host = Host {
        reader,
        tasks: &tasks,
        threads: &threads,
        open: &open,
        namespaces: &namespaces,
    };
    find_holders(&host, &mut paths, &mut ledger, &mut holders);
    ledger.set_holders(&holders);

    let mut pins = ledger.into_pins();
    if !cgroups.is_empty() {
        let (found, visited) = cgroups::scan(&host, &mut paths, dying, cgroups);
        pins.cgroups = found;
        pins.visited_objects += visited;
    }
    pins.can_reclaim = host_memory::can_reclaim(reader).ok();
    let room = host_memory::room();
    pins.free_swap_bytes = Some(room.free_swap);
    pins.used_swap_bytes = Some(room.used_swap);
    pins.available_bytes = room.available;
    pins.by_pid = Some(std::process::id());
    pins.begin_ns = begin_ns;
    pins.took_ns = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
    pins.end_ns = now_ns();
    pins
}
