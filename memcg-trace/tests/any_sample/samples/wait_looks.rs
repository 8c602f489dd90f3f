//! Arbitrary looks at waits.

use super::*;

prop_compose! {
    fn all_removals()(
        list in vec(
            (serial_nr(), 0_usize..7, of(0_u32..6), of(0_u32..6), of(serial_nr()), of("\\PC{0,4}"),
             of((of("\\PC{0,4}"), 0_usize..5, of(figure()), vec((0_u32..6, of("\\PC{0,4}")), 0..6)))),
            0..4,
        ),
        omitted in figure(),
        strangers in vec(0_u32..6, 0..3),
        not_checked in of("\\PC{0,4}"),
    ) -> Removals {
        let steps = [
            RemovalStep::Rmdir, RemovalStep::Drain, RemovalStep::Grace, RemovalStep::Children,
            RemovalStep::Offline, RemovalStep::Release, RemovalStep::Unknown,
        ];
        let places = [
            WorkPlace::Running, WorkPlace::Behind, WorkPlace::Pending, WorkPlace::Inactive,
            WorkPlace::Unknown,
        ];
        let list = list.into_iter().map(
            |(serial_nr, step, task, resource, child_serial_nr, not_known, work)| Removal {
                serial_nr, step: steps[step], task, resource, child_serial_nr, not_known,
                work: work.map(|(name, place, before, workers)| WorkItem {
                    workqueue: name.clone().map(|name| Text::from(&*name)), function: name,
                    place: places[place], before, workers_omitted: omitted,
                    workers: workers.into_iter().map(|(task, function)| Working { task, function })
                        .collect(),
                }),
            },
        );
        Removals { list: list.collect(), omitted, strangers, not_checked }
    }
}

prop_compose! {
    fn look()(
        end_ns in figure(),
        truncated_at in of(figure()),
        tasks in vec(
            (0_u64..3, 0_u32..4, name(), of(any::<char>()), of(0_u64..3), of(figure()), of(0_u32..3),
             of(serial_nr())),
            0..5,
        ),
        resources in vec(
            (0_usize..12, of("\\PC{0,4}"), 0_u64..3, of(0_u64..2), vec((0_u32..6, 0_u32..4), 0..4),
             of("\\PC{0,4}")),
            0..5,
        ),
        waits in vec(
            (0_u32..6, 0_u32..6, of(figure()), 0_u32..4, 0_u32..8, of(0_u64..2)),
            0..8,
        ),
        removals in of(all_removals()),
    ) -> TaskScan {
        let kinds = [
            ResourceKind::Mutex, ResourceKind::Rwsem, ResourceKind::Pipe, ResourceKind::PageRef,
            ResourceKind::Reap, ResourceKind::Io, ResourceKind::Freezer, ResourceKind::Unknown,
            ResourceKind::Fanotify, ResourceKind::Threads, ResourceKind::CoreDump,
            ResourceKind::Workqueue,
        ];
        let grades =
            [Evidence::Traced, Evidence::OwnerWord, Evidence::Inferred, Evidence::Hint];
        let tasks = tasks.into_iter().map(
            |(addr, tid, comm, state, switches, ran_ns, stack, memcg_serial_nr)| waits::Task {
                addr, pid: tid, tid, state, switches, ran_ns, stack, memcg_serial_nr,
                real_time: stack,
                run: stack.map(|cpu| waits::Run {
                    cpu, on_cpu: cpu == 0, behind: Some(tid),
                    throttled_by: (cpu == 2).then(|| comm.clone()),
                }),
                comm,
                ..waits::Task::default()
            },
        );
        let resources = resources.into_iter().map(
            |(kind, name, addr, owner_word, holders, incomplete)| waits::Resource {
                kind: kinds[kind], of: name.clone().map(|name| Text::from(&*name)), name, addr,
                pfn: owner_word, ino: owner_word, owner_word, kept_by: incomplete.clone(), incomplete,
                holders: holders.into_iter().map(|(task, grade)| Holder {
                    task, evidence: grades[grade as usize], ..Holder::default()
                }).collect(),
            },
        );
        let waits = waits.into_iter().map(
            |(task, resource, since_ns, grade, bits, span)| Wait {
                task, resource, since_ns, evidence: grades[grade as usize],
                times_out: bits == 7,
                ends_on: if bits & 1 == 0 { EndsOn::Kill } else { EndsOn::AnySignal },
                retry: span.filter(|_| bits & 6 == 6).map(|span| Retry { span, tries_total: None }),
                ..Wait::default()
            },
        );
        TaskScan {
            begin_ns: end_ns, end_ns, truncated_at, took_ns: end_ns, visited_tasks: end_ns,
            tasks: tasks.collect(), resources: resources.collect(), waits: waits.collect(),
            removals,
        }
    }
}

prop_compose! {
    pub fn all_waits()(
        first in look().boxed(),
        other in of(look().boxed()),
        is_seen_twice: bool,
        stacks in vec(vec("\\PC{0,4}", 0..3), 0..3),
        lost_total in of(figure()),
        reason in "\\PC{0,4}",
    ) -> Waits {
        let mut looks = vec![first.clone()];
        looks.extend(if is_seen_twice { Some(first) } else { other });
        Waits {
            looks, stacks, lost_total, traced_since_ns: lost_total,
            not_checked: vec![waits::NotChecked { what: reason.clone(), reason }],
        }
    }
}
