//! All references to dead cgroups, one kind after the other. What a cgroup itself leads to is
//! looked up here: its children, its css_sets, and the sockets that were made in it.

use std::collections::HashSet;

use super::bpf;
use super::controllers;
use crate::kernel::counted::memcgs::dying::{DeadCgroup, Dying};
use crate::kernel::debugger::css;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::open_files;
use crate::kernel::debugger::paths;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::visible_paths::VisiblePaths;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::css_sets;
use crate::kernel::pins::find_holders::find_holders;
use crate::kernel::pins::holders::{Holders, Kind};
use crate::kernel::pins::host::Host;
use crate::kernel::pins::ledger::{Ledger, Zombie};
use crate::kernel::pins::sockets;
use crate::sample::pins::{Object, ObjectKind, PinKind, Pinned};

/// Bound on the children and css_sets of one cgroup.
const MAX_LINKS: usize = 10_000;
/// Ways to hold a cgroup that leave no trace to look at.
const HIDDEN: &str = "pointers to it in values of BPF maps, BPF iterators over it, and rules of \
                      netfilter that match its path are not looked for";

/// Looks for all references to `targets`, and returns the number of objects that were looked at.
pub(in crate::kernel::pins) fn scan(
    host: &Host<'_, '_>,
    visible: &mut VisiblePaths,
    dying: &Dying,
    targets: &[DeadCgroup],
) -> (Vec<Pinned>, u64) {
    let reader = host.reader;
    let own: Vec<_> = targets.iter().map(|target| target.own).collect();
    let mut ledger = Ledger::new(&own);
    for (target, zombie) in targets.iter().zip(&mut ledger.zombies) {
        let cgroup = target.cgroup;
        for (kind, outcome) in [
            (PinKind::ChildCss, children(reader, zombie)),
            (PinKind::Task, sets(host, zombie, cgroup)),
            (PinKind::CgroupBpf, bpf::programs(reader, zombie, cgroup)),
            (PinKind::BpfLink, bpf::links(host, zombie, cgroup)),
        ] {
            if let Err(why) = outcome {
                zombie.note(kind, &why);
            }
        }
    }
    ledger.search(&[PinKind::ControllerCss], |ledger| {
        controllers::count(host, visible, dying, ledger)
    });
    ledger.search(&[PinKind::BpfMap], |ledger| bpf::maps(host, ledger));
    ledger.search(&[PinKind::SocketInet, PinKind::SocketUnix], |ledger| {
        of_sockets(host, ledger)
    });
    ledger.read_refs(reader);
    for zombie in ledger.zombies.iter_mut().filter(|zombie| zombie.is_short()) {
        zombie.note(PinKind::Other, &Unreadable::Absent(HIDDEN.to_owned()));
    }
    if !ledger.things().is_empty() {
        let mut holders = Holders::default();
        find_holders(host, visible, &mut ledger, &mut holders);
        ledger.set_holders(&holders);
    }
    let pins = ledger.into_pins();
    (pins.zombies, pins.visited_objects)
}

/// Counts the children: each holds one reference (cgroup_create(), css_free_rwork_fn()).
fn children(reader: &Reader<'_>, zombie: &mut Zombie) -> Result<(), Unreadable> {
    let own = reader.offset(Field::CgroupSelf)?;
    for child in css::children(reader, zombie.css, MAX_LINKS)? {
        let node = reader.word(child.wrapping_sub(own), Field::CgroupKn)?;
        let object = Object {
            kind: ObjectKind::Cgroup,
            refs: 1,
            path: paths::of_kernfs(reader, node),
            ino: reader.word(node, Field::KernfsId).ok(),
            ..Object::default()
        };
        zombie.add(PinKind::ChildCss, object);
    }
    Ok(())
}

/// Counts the css_sets: each holds one reference (link_css_set()), however many tasks and
/// namespaces it has.
fn sets(host: &Host<'_, '_>, zombie: &mut Zombie, cgroup: u64) -> Result<(), Unreadable> {
    let reader = host.reader;
    let head = cgroup + reader.offset(Field::CgroupCsetLinks)?;
    let (links, _) = reader.list(head, Field::CsetLinkNode, MAX_LINKS)?;
    let sets = reader.column(&links, Field::CsetLinkCset)?;
    for css_set in sets.into_iter().flatten() {
        css_sets::one(reader, host.tasks, host.namespaces, zombie, css_set)?;
    }
    Ok(())
}

/// Counts the sockets: each holds a reference to the cgroup that it was made in
/// (cgroup_sk_alloc()).
fn of_sockets(host: &Host<'_, '_>, ledger: &mut Ledger) -> Result<(), Unreadable> {
    let reader = host.reader;
    let own = reader.offset(Field::CgroupSelf)?;
    // Without the option, sockets hold no reference, and neither the field nor this function exists.
    if !reader.has(Field::SockCgroup) && reader.symbol(Symbol::CgroupSkAlloc).is_err() {
        return Ok(());
    }
    let files = open_files::known(&host.open.sockets)?;
    ledger.visited.objects += files.len() as u64;
    let socks: Vec<_> = files.iter().map(|file| file.object).collect();
    let owners = reader.column(&socks, Field::SockCgroup)?;
    let mut seen = HashSet::new();
    for (file, owner) in files.iter().zip(owners) {
        let position = owner.and_then(|cgroup| ledger.position(cgroup.wrapping_add(own)));
        let Some(at) = position.filter(|_| seen.insert(file.object)) else {
            continue;
        };
        // A socket that was closed meanwhile holds no reference.
        if let Ok((kind, object)) = sockets::describe(reader, host.namespaces, file.object) {
            ledger.zombies[at].add_held(kind, object, Kind::Sock.at(file.object));
        }
    }
    Ok(())
}
