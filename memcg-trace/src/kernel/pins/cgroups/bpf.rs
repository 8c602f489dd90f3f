//! What BPF keeps of a dead cgroup: maps whose values are cgroups, and the programs that were
//! attached to it.

use std::collections::{HashMap, HashSet};

use super::super::descriptors;
use super::super::ledger::{Ledger, Zombie, set_users};
use super::super::{Found, Host};
use crate::kernel::bpf_maps;
use crate::kernel::layout::fields::Field;
use crate::kernel::open_files::OpenFile;
use crate::kernel::reader::Reader;
use crate::sample::pins::{Held, Object, ObjectKind, PinKind};

/// Who else may have a map.
const MAP_HOLDERS: &str = "BPF programs that use the map, and its names in bpffs";

/// Each entry of a map of cgroups holds one reference.
pub(super) fn maps(host: &Host<'_, '_>, ledger: &mut Ledger) -> Found {
    let reader = host.reader;
    let own = reader.offset(Field::CgroupSelf)?;
    let open = (host.open).of_kind_and_sent(reader, &["bpf_map_fops"], Field::FilePrivate)?;
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
                held: Some(held(array.refs, &files)),
                ..Object::default()
            };
            set_users(&mut object, descriptors::users(reader, &files));
            ledger.zombies[at].add(PinKind::BpfMap, object);
        }
    }
    Ok(())
}

/// The references to a map. A file that several processes have is one.
fn held(refs: u64, files: &[OpenFile]) -> Held {
    let distinct: HashSet<u64> = files.iter().map(|file| file.file).collect();
    let found = distinct.len() as u64;
    let not_checked = (refs > found).then(|| MAP_HOLDERS.to_owned());
    Held {
        refs,
        found,
        not_checked: not_checked.into_iter().collect(),
    }
}

/// The programs' part of a cgroup holds one until all of them are off it, and nothing that they
/// may run for is left (kernel/bpf/cgroup.c: cgroup_bpf_offline(), cgroup_bpf_release()).
pub(super) fn programs(reader: &Reader<'_>, zombie: &mut Zombie, cgroup: u64) -> Found {
    // Kernels without them hold none.
    let Ok(data) = reader.word(cgroup, Field::CgroupBpfRefcntData) else {
        return Ok(());
    };
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
