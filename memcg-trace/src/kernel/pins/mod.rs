//! Pins of dead memory cgroups: every reference that can be found by reading kernel memory.
//!
//! One file for each kind of reference. A reference that a zombie leads to is looked up from the
//! zombie: its own lists, css_sets, children, the id in swap. A reference that only points to the
//! zombie is found by scanning all objects of its kind, once for all zombies that are asked about:
//! open files, writeback, the CPUs' stocks. All pages of the host come last, and only if references
//! are left over.

mod all_pages;
mod cgroups;
mod children;
mod css_sets;
mod descriptors;
mod files;
mod folios;
mod holders;
mod kernel_pages;
mod ledger;
mod lists;
mod look;
mod mappers;
mod namespaces;
mod segments;
mod slabs;
mod sockets;
mod stock;
mod swap;
mod swap_owners;
mod swapped;
mod ways;
mod writeback;

use crate::kernel::host::symbols::Symbol;
use std::time::Instant;

use crate::kernel::counted::memcgs::DeadCss;
use crate::kernel::counted::memcgs::dying::{DeadCgroup, Dying};
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::open_files::Open;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::tasks::{self, Tasks, Thread};
use crate::kernel::debugger::visible_paths::VisiblePaths;
use crate::kernel::layout::fields::Field;
use crate::sample::pins::{PinKind, Pins};
use holders::Holders;
use ledger::Ledger;
use namespaces::Namespaces;

/// Facts about the whole host that the searches share.
struct Host<'a, 'm> {
    reader: &'a Reader<'m>,
    tasks: &'a Tasks,
    threads: &'a [Thread],
    open: &'a Open,
    namespaces: &'a Namespaces,
}

/// Looks for all references to `targets`, and to `cgroups`, which the scan `dying` found.
pub(super) fn look(
    reader: &Reader<'_>,
    targets: &[DeadCss],
    (dying, cgroups): (&Dying, &[DeadCgroup]),
    now_ns: impl Fn() -> u64,
) -> Pins {
    let begin_ns = now_ns();
    let begin = Instant::now();
    let mut ledger = Ledger::new(targets);

    ledger.look_at_each(&[PinKind::ChildCss], |zombie, visited| {
        children::count(reader, zombie, visited)
    });
    ledger.look_at_each(&[PinKind::Swap], |zombie, _| swap::count(reader, zombie));
    ledger.look_at_each(&lists::KINDS, |zombie, visited| {
        lists::count(reader, zombie, visited)
    });
    ledger.look_at_each(&[PinKind::LruGenMm], |zombie, visited| {
        mappers::count_walked(reader, zombie, visited)
    });
    ledger.look(&lists::KINDS, |ledger| lists::batches(reader, ledger));
    ledger.look(&[PinKind::Stock], |ledger| stock::count(reader, ledger));
    let tasks = tasks::all(reader).unwrap_or_else(|why| {
        ledger.note_all(&[PinKind::SocketInet, PinKind::Fsnotify], &why);
        Tasks::default()
    });
    let processes = tasks.processes.iter().map(|process| process.task);
    let mut paths = VisiblePaths::read(reader, processes);
    ledger.look(&[PinKind::Writeback], |ledger| {
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
    ledger.look_at_each(&[PinKind::Task, PinKind::CgroupNs], |zombie, visited| {
        css_sets::count(reader, &tasks, &namespaces, zombie, visited)
    });
    ledger.look(&descriptors::KINDS, |ledger| {
        descriptors::count(reader, &open, &namespaces, ledger)
    });
    ledger.read_refs(reader);
    if let Some(why) = ledger.why_all_pages() {
        ledger.all_pages_because = Some(why);
        ledger.look(&all_pages::KINDS, |ledger| {
            all_pages::count(reader, &threads, &open, &namespaces, ledger)
        });
        ledger.read_refs(reader);
    }
    let mut holders = Holders::default();
    files::describe(
        reader,
        &mut paths,
        segments::Owners::new(&tasks),
        &mut ledger,
        &mut holders,
    );
    ledger.look(&[PinKind::Swap], |ledger| {
        swapped::describe(reader, &threads, &mut paths, ledger)
    });
    let host = Host {
        reader,
        tasks: &tasks,
        threads: &threads,
        open: &open,
        namespaces: &namespaces,
    };
    hold(&host, &mut paths, &mut ledger, &mut holders);
    ledger.set_holders(&holders);

    let mut pins = ledger.into_pins();
    if !cgroups.is_empty() {
        let (found, visited) = cgroups::look(&host, &mut paths, dying, cgroups);
        pins.cgroups = found;
        pins.visited_objects += visited;
    }
    pins.can_reclaim = can_reclaim(reader).ok();
    let room = room();
    pins.free_swap_bytes = Some(room.free_swap);
    pins.used_swap_bytes = Some(room.used_swap);
    pins.available_bytes = room.available;
    pins.by_pid = Some(std::process::id());
    pins.begin_ns = begin_ns;
    pins.took_ns = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
    pins.end_ns = now_ns();
    pins
}

/// Looks for the holders of the objects that pin.
fn hold(host: &Host<'_, '_>, paths: &mut VisiblePaths, ledger: &mut Ledger, holders: &mut Holders) {
    let (reader, open) = (host.reader, host.open);
    for thing in ledger.things() {
        holders.want(reader, thing);
    }
    for watches in open.inotify.iter().chain(&open.fanotify) {
        let group = holders::Kind::Watches.at(watches.object);
        holders.add_file(reader, group, watches.file);
    }
    let mut look = holders::Look {
        reader,
        threads: host.threads,
        open,
        holders,
        paths,
        visited: 0,
    };
    ways::look(&mut look);
    ledger.visited.objects += look.visited;
    holders.count_again(reader);
}

/// Returns whether there is a `memory.reclaim`: newer kernels have it in the unified hierarchy,
/// whose root is `cgrp_dfl_root`; version 1 has none.
fn can_reclaim(reader: &Reader<'_>) -> Result<bool, Unreadable> {
    if reader.symbol(Symbol::MemoryReclaim).is_err() {
        return Ok(false);
    }
    let memcg = reader.word_at(reader.symbol(Symbol::RootMemCgroup)?)?;
    let cgroup = reader.word(memcg, Field::CssCgroup)?;
    Ok(reader.word(cgroup, Field::CgroupRoot)? == reader.symbol(Symbol::CgrpDflRoot)?)
}

/// Bytes of memory and swap.
struct Room {
    free_swap: u64,
    used_swap: u64,
    available: Option<u64>,
}

fn room() -> Room {
    let info = rustix::system::sysinfo();
    let unit = u64::from(info.mem_unit);
    let used = info.totalswap.saturating_sub(info.freeswap);
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = { meminfo.lines() }.find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Room {
        free_swap: info.freeswap.saturating_mul(unit),
        used_swap: used.saturating_mul(unit),
        available: kib.map(|kib| kib << 10),
    }
}

type Found = Result<(), Unreadable>;
