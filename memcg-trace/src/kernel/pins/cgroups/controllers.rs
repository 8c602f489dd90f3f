//! References to a dead cgroup from other controllers: each of its csses holds one
//! (kernel/cgroup/cgroup.c: init_and_link_css(), css_free_rwork_fn()).

use crate::kernel::host::symbols::Symbol;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::huge_pages;
use crate::kernel::counted::memcgs::dying::{self, Dying};
use crate::kernel::debugger::css;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::open_file::OpenFile;
use crate::kernel::debugger::visible_paths::VisiblePaths;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::file_object;
use crate::kernel::pins::holders::Kind;
use crate::kernel::pins::host::Host;
use crate::kernel::pins::ledger::Ledger;
use crate::kernel::pins::users::{descriptor_users, set_users};
use crate::sample::Text;
use crate::sample::pins::{Held, Object, ObjectKind, PinKind};

/// Bytes of a controller's name.
const NAME_BYTES: usize = 32;
/// The controllers of huge pages and of perf events.
const HUGETLB: &[u8] = b"hugetlb";
const PERF: &[u8] = b"perf_event";
/// Bound on the children of one css.
const MAX_CHILDREN: usize = 10_000;
/// Files of one css that are listed.
const LISTED: usize = 16;

pub(super) fn count(
    host: &Host<'_, '_>,
    paths: &mut VisiblePaths,
    dying: &Dying,
    ledger: &mut Ledger,
) -> Result<(), Unreadable> {
    let reader = host.reader;
    let own = reader.offset(Field::CgroupSelf)?;
    let root = dying::root(reader)?;
    let events = perf_events(host);
    let mut reserved = None;
    let above: HashSet<u64> = dying.above.iter().copied().collect();
    for root_css in reader.words(root, Field::CgroupSubsys)? {
        if root_css == 0 {
            continue;
        }
        for (css, cgroup) in dying::csses_below(reader, root_css, &above)? {
            let Some(at) = ledger.position(cgroup.wrapping_add(own)) else {
                continue;
            };
            let of_css = events.as_ref().ok().and_then(|events| events.get(&css));
            let mut object = describe(host, css, of_css.map_or(&[], Vec::as_slice))?;
            if let (Err(why), true) = (&events, is_of(&object, PERF)) {
                not_looked_at(&mut object, format!("perf events: {why}"));
            }
            let mut files = BTreeMap::new();
            if is_of(&object, HUGETLB) {
                match reserved.get_or_insert_with(|| huge_pages::reserved(reader)) {
                    Ok(all) => files = all.remove(&css).unwrap_or_default(),
                    Err(why) => {
                        let what = format!("reservations of huge pages: {why}");
                        not_looked_at(&mut object, what);
                    }
                }
            }
            // References of files that are not listed count as not found, since the user cannot
            // remove a file without its name.
            let mut parts = Vec::new();
            for (inode, stretches) in files.into_iter().take(LISTED) {
                let mut part = Object::default();
                if file_object::fill(reader, paths, inode, &mut part).is_ok() {
                    add_found(&mut object, stretches);
                    parts.push((part, Kind::Inode.at(inode)));
                }
            }
            let zombie = &mut ledger.zombies[at];
            zombie.add(PinKind::ControllerCss, object);
            for (part, thing) in parts {
                zombie.add_part(PinKind::ControllerCss, part, Some(thing));
            }
        }
    }
    Ok(())
}

fn is_of(css: &Object, controller: &[u8]) -> bool {
    let name = css.fs.as_ref();
    name.is_some_and(|name| name.as_bytes() == controller)
}

/// Adds a reason why not all holders of an object are known, if some are not.
fn not_looked_at(object: &mut Object, what: String) {
    let held = object.held.as_mut();
    if let Some(held) = held.filter(|held| held.found < held.refs) {
        held.not_checked.push(what);
    }
}

/// Adds references to those that an object's parts were found to hold.
fn add_found(object: &mut Object, refs: u64) {
    if let Some(held) = &mut object.held {
        held.found += refs;
        if held.found >= held.refs {
            held.not_checked.clear();
        }
    }
}

/// Perf events that count for a cgroup, by the css that each has a reference to
/// (kernel/events/core.c: perf_cgroup_connect()).
fn perf_events(host: &Host<'_, '_>) -> Result<HashMap<u64, Vec<OpenFile>>, Unreadable> {
    let reader = host.reader;
    let mut found: HashMap<u64, Vec<OpenFile>> = HashMap::new();
    let css = reader.offset(Field::PerfCgroupCss)?;
    let files = (host.open).of_kind_and_sent(reader, &[Symbol::PerfFops], Field::FilePrivate)?;
    let events: Vec<_> = files.iter().map(|file| file.object).collect();
    let cgroups = reader.column(&events, Field::PerfEventCgrp)?;
    for (file, cgroup) in files.into_iter().zip(cgroups) {
        if let Some(cgroup) = cgroup.filter(|cgroup| *cgroup != 0) {
            found.entry(cgroup + css).or_default().push(file);
        }
    }
    Ok(found)
}

fn describe(host: &Host<'_, '_>, css: u64, events: &[OpenFile]) -> Result<Object, Unreadable> {
    let reader = host.reader;
    let subsystem = reader.word(css, Field::CssSs)?;
    let name = reader.word(subsystem, Field::SubsysName)?;
    let name = reader.string(name, NAME_BYTES)?;
    let mut object = Object {
        kind: ObjectKind::Css,
        refs: 1,
        ..Object::default()
    };
    let distinct: HashSet<u64> = events.iter().map(|file| file.object).collect();
    let children = css::children(reader, css, MAX_CHILDREN)?.len();
    let serial_nr = reader.word(css, Field::CssSerialNr)?;
    if let Some(refs) = css::refs(reader, css, serial_nr)? {
        let refs = u64::try_from(refs).unwrap_or(0);
        let found = (distinct.len() + children) as u64;
        let not_checked = format!("who has references to a css of {}", name.display());
        object.held = Some(Held {
            refs,
            found,
            not_checked: (refs > found).then_some(not_checked).into_iter().collect(),
        });
    }
    object.fs = Some(Text::from(name.as_bytes()));
    set_users(&mut object, descriptor_users(reader, events));
    Ok(object)
}
