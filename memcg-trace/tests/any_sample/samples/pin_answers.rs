//! Arbitrary answers about pins.

use super::*;

fn pin_kind() -> impl Strategy<Value = PinKind> {
    prop_oneof![
        Just(PinKind::PageFile),
        Just(PinKind::PageShmem),
        Just(PinKind::PageAnon),
        Just(PinKind::Swap),
        Just(PinKind::SocketOther),
        Just(PinKind::CgroupNs),
        Just(PinKind::Task),
        Just(PinKind::ChildCss),
        Just(PinKind::Writeback),
        Just(PinKind::ControllerCss),
        Just(PinKind::Other),
    ]
}

prop_compose! {
    fn user()(
        kind in prop_oneof![
            Just(UserKind::Open), Just(UserKind::Mapped), Just(UserKind::Member),
            Just(UserKind::Namespace), Just(UserKind::NamespaceFd), Just(UserKind::Other),
            Just(UserKind::InPipe), Just(UserKind::Watches), Just(UserKind::Runs),
        ],
        pid: u32,
        tid in of(any::<u32>()),
        comm in name(),
        start_ns in of(figure()),
        state in of(any::<char>()),
        memcg_serial_nr in of(serial_nr()),
        parent in of((any::<u32>(), name())),
        refs in of(figure()),
        called in of(name()),
    ) -> User {
        User {
            kind, pid, tid, comm, start_ns, state, fd: tid, memcg_serial_nr, parent, refs,
            name: called, ns_ino: start_ns, held_by: Vec::new(),
        }
    }
}

prop_compose! {
    fn object()(
        kind in prop_oneof![
            Just(ObjectKind::File), Just(ObjectKind::DeletedFile), Just(ObjectKind::Memfd),
            Just(ObjectKind::SysvShm), Just(ObjectKind::Socket), Just(ObjectKind::KernelSocket),
            Just(ObjectKind::CssSet), Just(ObjectKind::Memcg), Just(ObjectKind::SwapId),
            Just(ObjectKind::Cgroup), Just(ObjectKind::Css), Just(ObjectKind::BpfMap),
            Just(ObjectKind::Writeback), Just(ObjectKind::SwapSlots), Just(ObjectKind::Unknown),
        ],
        refs in figure(),
        pages in of(figure()),
        text in of(name()),
        other_text in of(name()),
        number in of(figure()),
        cpu in of(any::<u32>()),
        memcg_serial_nr in of(serial_nr()),
        users in vec(user().boxed(), 0..4),
        users_omitted in figure(),
        held in of((figure(), figure(), vec("\\PC{0,4}", 0..2))),
    ) -> Object {
        Object {
            held: held.map(|(refs, found, not_checked)| Held { refs, found, not_checked }),
            links: number, path_of_pid: cpu, kind, refs, pages, cpu, memcg_serial_nr, users, users_omitted,
            fs: text.clone(), dev: other_text.clone(), path: other_text.clone(),
            local: text.clone(), remote: other_text.clone(), ns_mount: text,
            backing: number.map(|_| Backing::Storage), is_mountable: number.map(|refs| refs > 1),
            ino: number, ns_ino: number, unevictable_refs: number, dev_name: other_text,
            inodes: number.map(|dirty| Inodes { dirty, clean: refs, are_given_away: dirty > refs }),
        }
    }
}

prop_compose! {
    fn pinned()(
        serial_nr in serial_nr(),
        refs in of(any::<i64>()),
        changed: bool,
        pins in vec((pin_kind(), figure(), of(figure()), vec(object().boxed(), 0..3), of(figure())), 0..4),
        omitted in figure(),
        open in vec((pin_kind(), "\\PC{0,4}"), 0..2),
    ) -> Pinned {
        let pins = pins.into_iter().map(|(kind, refs, pages, objects, truncated_at)| Pin {
            kind, refs, pages, objects, objects_omitted: omitted, truncated_at,
        });
        let not_checked = open.into_iter().map(|(kind, reason)| NotChecked { kind, reason });
        Pinned {
            serial_nr, refs, changed, pins: pins.collect(), not_checked: not_checked.collect(),
        }
    }
}

prop_compose! {
    pub fn pins()(
        time_ns in figure(),
        visited in figure(),
        because in of("\\PC{0,4}"),
        can_reclaim in of(any::<bool>()),
        free_swap_bytes in of(figure()),
        zombies in vec(pinned().boxed(), 0..4),
        cgroups in vec(pinned().boxed(), 0..3),
    ) -> Pins {
        Pins {
            begin_ns: time_ns, end_ns: time_ns, took_ns: time_ns, visited_pages: visited,
            visited_objects: visited, all_pages_because: because, can_reclaim, free_swap_bytes,
            used_swap_bytes: free_swap_bytes, available_bytes: free_swap_bytes,
            by_pid: can_reclaim.map(u32::from), zombies, cgroups,
        }
    }
}
