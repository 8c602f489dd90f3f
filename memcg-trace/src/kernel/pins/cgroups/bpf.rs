//! References to a dead cgroup from BPF: maps whose values are cgroups, and programs that were
//! attached to the cgroup.

use crate::kernel::host::symbols::Symbol;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use crate::kernel::debugger::bpf_maps;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::open_file::OpenFile;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::host::Host;
use crate::kernel::pins::ledger::{Ledger, Zombie};
use crate::kernel::pins::users::{descriptor_users, set_users};
use crate::sample::pins::{Held, Object, ObjectKind, PinKind};

/// Other possible holders of a map.
const MAP_HOLDERS: &str = "BPF programs that use the map, and its names in bpffs";
const LINK_HOLDERS: &str = "names of the link in bpffs";
/// Programs of one kind that are attached to one cgroup (include/linux/bpf-cgroup-defs.h:
/// BPF_CGROUP_MAX_PROGS is 64).
const MAX_PROGRAMS: usize = 1024;

/// Each entry of a map of cgroups holds one reference.
pub(super) fn maps(host: &Host<'_, '_>, ledger: &mut Ledger) -> Result<(), Unreadable> {
    let reader = host.reader;
    let own = reader.offset(Field::CgroupSelf)?;
    let open = (host.open).of_kind_and_sent(reader, &[Symbol::BpfMapFops], Field::FilePrivate)?;
    for array in bpf_maps::cgroup_arrays(reader)? {
        ledger.visited.objects += 1;
        let mut entries: HashMap<usize, u64> = HashMap::new();
        for cgroup in &array.cgroups {
            if let Some(at) = ledger.position(cgroup.wrapping_add(own)) {
                *entries.entry(at).or_default() += 1;
            }
        }
        let files = open.iter().filter(|file| file.object == array.map);
        let files: Vec<_> = files.copied().collect();
        for (at, refs) in entries {
            let mut object = Object {
                kind: ObjectKind::BpfMap,
                refs,
                ino: Some(array.id),
                path: Some(array.name.clone()),
                held: Some(held(array.refs, &files, MAP_HOLDERS)),
                ..Object::default()
            };
            set_users(&mut object, descriptor_users(reader, &files));
            ledger.zombies[at].add(PinKind::BpfMap, object);
        }
    }
    Ok(())
}

/// Holders of a map or a link. A file that several processes have open counts once.
fn held(refs: u64, files: &[OpenFile], others: &str) -> Held {
    let distinct: HashSet<u64> = files.iter().map(|file| file.file).collect();
    let found = distinct.len() as u64;
    let not_checked = (refs > found).then(|| others.to_owned());
    Held {
        refs,
        found,
        not_checked: not_checked.into_iter().collect(),
    }
}

/// Counts the reference that a cgroup's BPF state holds until all programs are detached and nothing
/// that they may run for is left (kernel/bpf/cgroup.c: cgroup_bpf_offline(), cgroup_bpf_release()).
pub(super) fn programs(
    reader: &Reader<'_>,
    zombie: &mut Zombie,
    cgroup: u64,
) -> Result<(), Unreadable> {
    if !has_programs(reader) {
        return Ok(());
    }
    let data = reader.word(cgroup, Field::CgroupBpfRefcntData)?;
    if data == 0 {
        return Ok(());
    }
    let refs = reader.word(data, Field::RefCount)?;
    let object = Object {
        kind: ObjectKind::CgroupBpf,
        refs: 1,
        held: Some(Held {
            refs,
            found: 0,
            not_checked: vec!["sockets and cgroups below that BPF programs run for".to_owned()],
        }),
        ..Object::default()
    };
    zombie.add(PinKind::CgroupBpf, object);
    Ok(())
}

/// Counts one reference for each link by which a program is attached, until the program is detached
/// (kernel/bpf/cgroup.c: bpf_cgroup_link_auto_detach()) or the link is closed.
pub(super) fn links(
    host: &Host<'_, '_>,
    zombie: &mut Zombie,
    cgroup: u64,
) -> Result<(), Unreadable> {
    let reader = host.reader;
    if !has_programs(reader) {
        return Ok(());
    }
    let operations = [Symbol::BpfLinkFops, Symbol::BpfLinkFopsPoll];
    let mut open = None;
    for link in links_of(reader, cgroup)? {
        let of_cgroup = reader.word(link, Field::BpfCgroupLinkCgroup)?;
        if of_cgroup != cgroup {
            continue;
        }
        if open.is_none() {
            let of_kind = host
                .open
                .of_kind_and_sent(reader, &operations, Field::FilePrivate);
            open = Some(of_kind?);
        }
        // The link is the first member of a cgroup's link.
        let files = open.iter().flatten().filter(|file| file.object == link);
        let files: Vec<_> = files.copied().collect();
        let refs = reader.word(link, Field::BpfLinkRefcnt)?;
        let mut object = Object {
            kind: ObjectKind::BpfLink,
            refs: 1,
            ino: Some(reader.word(link, Field::BpfLinkId)?),
            held: Some(held(refs, &files, LINK_HOLDERS)),
            ..Object::default()
        };
        set_users(&mut object, descriptor_users(reader, &files));
        zombie.add(PinKind::BpfLink, object);
    }
    Ok(())
}

/// Returns whether programs can be attached to cgroups: a kernel without the option has none of these
/// fields.
fn has_programs(reader: &Reader<'_>) -> bool {
    let fields = [
        Field::CgroupBpfProgs,
        Field::CgroupBpfEffective,
        Field::CgroupBpfRefcntData,
    ];
    fields.iter().any(|field| reader.has(*field))
}

/// All links of programs that are attached to a cgroup: one list for each kind of program, whose
/// head has two words, or since 6.0 one.
fn links_of(reader: &Reader<'_>, cgroup: u64) -> Result<Vec<u64>, Unreadable> {
    const WORD: u64 = 8;
    let lists = reader.place(Field::CgroupBpfProgs)?;
    let kinds = reader.place(Field::CgroupBpfEffective)?.bytes / WORD;
    let head_bytes = lists.bytes.checked_div(kinds).unwrap_or(0);
    let node = reader.offset(Field::BpfProgNode)?;
    let mut programs = Vec::new();
    for kind in 0..kinds {
        let head = cgroup + lists.offset + kind * head_bytes;
        if head_bytes == WORD {
            let of_kind = |nodes: &[u64]| {
                programs.extend(nodes.iter().map(|at| at.wrapping_sub(node)));
                match programs.len() < MAX_PROGRAMS {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                }
            };
            reader.memory.chain(reader.word_at(head)?, 0, 0, of_kind)?;
        } else if head_bytes == 2 * WORD {
            programs.extend(reader.list(head, Field::BpfProgNode, MAX_PROGRAMS)?.0);
        } else {
            let what = format!("{head_bytes} bytes for a list of programs: unsupported layout");
            return Err(Unreadable::Absent(what));
        }
    }
    let links = reader.column(&programs, Field::BpfProgLink)?;
    Ok(links
        .into_iter()
        .flatten()
        .filter(|link| *link != 0)
        .collect())
}
