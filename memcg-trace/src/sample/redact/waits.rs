//! Names in who waits for whom. Structures are taken apart whole: a new field does not compile until
//! somebody says here whether it is a name.

use super::words::Redactor;
use crate::sample::removals::{Removal, Removals, WorkItem};
use crate::sample::waits::{NotChecked, Resource, Retry, Run, Task, TaskScan, Wait, Waits};
use crate::sample::{ResourceKind, Text};

impl Redactor {
    pub(super) fn waits(&mut self, waits: &mut Waits) {
        let Waits {
            looks,
            stacks,
            not_checked,
            traced_since_ns: _,
            lost_total: _,
        } = waits;
        // Names that sentences may have come first.
        for task in looks.iter_mut().flat_map(|look| &mut look.tasks) {
            self.task(task);
        }
        for look in looks {
            self.look(look);
        }
        for symbol in stacks.iter_mut().flatten() {
            *symbol = self.symbol(symbol);
        }
        for NotChecked { what: _, reason } in not_checked {
            *reason = self.sentence(reason);
        }
    }

    fn look(&mut self, look: &mut TaskScan) {
        let TaskScan {
            // They were first.
            tasks: _,
            resources,
            waits,
            removals,
            begin_ns: _,
            end_ns: _,
            took_ns: _,
            visited_tasks: _,
            truncated_at: _,
        } = look;
        for resource in resources {
            self.resource(resource);
        }
        for wait in waits {
            self.wait(wait);
        }
        if let Some(removals) = removals {
            self.removals(removals);
        }
    }

    fn task(&mut self, task: &mut Task) {
        let Task {
            addr,
            comm,
            kernel_thread,
            run,
            pid: _,
            tid: _,
            start_ns: _,
            state: _,
            switches: _,
            ran_ns: _,
            slept_ns: _,
            memcg_serial_nr: _,
            stack: _,
            real_time: _,
        } = task;
        *addr = self.address(*addr);
        *comm = match kernel_thread {
            true => self.thread(comm),
            false => self.comm(comm),
        };
        if let Some(run) = run {
            let Run {
                throttled_by,
                cpu: _,
                on_cpu: _,
                behind: _,
            } = run;
            *throttled_by = throttled_by.as_ref().map(|path| self.path(path));
        }
    }

    fn resource(&mut self, resource: &mut Resource) {
        let Resource {
            kind,
            name,
            of,
            addr,
            owner_word,
            kept_by,
            incomplete,
            holders: _,
            pfn: _,
            ino: _,
        } = resource;
        *addr = self.address(*addr);
        *owner_word = owner_word.map(|word| self.address(word));
        *of = of
            .as_ref()
            .map(|of| self.owner_of(name.as_deref().unwrap_or_default(), of));
        *name = name.take().map(|name| match kind {
            ResourceKind::Workqueue => self.workqueue(&Text::from(&*name)).display().into_owned(),
            _ => self.symbol(&name),
        });
        *kept_by = kept_by.take().map(|kept_by| self.frozen(&kept_by));
        *incomplete = incomplete.take().map(|why| self.sentence(&why));
    }

    /// What a lock is a part of: a superblock has the name of a type of file systems, a process that
    /// of a task, and anything else a path.
    fn owner_of(&mut self, lock: &str, of: &Text) -> Text {
        if lock.starts_with("super_block.") {
            return of.clone();
        }
        let is_process = ["mm_struct.", "signal_struct."];
        match is_process.iter().any(|start| lock.starts_with(start)) {
            true => self.comm(of),
            false => self.path(of),
        }
    }

    fn wait(&mut self, wait: &mut Wait) {
        let Wait {
            function,
            retry,
            task: _,
            resource: _,
            mode: _,
            since_ns: _,
            evidence: _,
            ends_on: _,
            times_out: _,
        } = wait;
        *function = function.take().map(|name| self.symbol(&name));
        if let Some(Retry {
            span,
            tries_total: _,
        }) = retry
        {
            // It is made of addresses, and only compared.
            *span = self.address(*span);
        }
    }

    fn removals(&mut self, removals: &mut Removals) {
        let Removals {
            list,
            not_checked,
            omitted: _,
            strangers: _,
        } = removals;
        for removal in list {
            let Removal {
                work,
                not_known,
                serial_nr: _,
                step: _,
                task: _,
                resource: _,
                child_serial_nr: _,
            } = removal;
            *not_known = not_known.take().map(|why| self.sentence(&why));
            if let Some(work) = work {
                self.work(work);
            }
        }
        *not_checked = not_checked.take().map(|why| self.sentence(&why));
    }

    fn work(&mut self, work: &mut WorkItem) {
        let WorkItem {
            function,
            workqueue,
            workers,
            place: _,
            before: _,
            workers_omitted: _,
        } = work;
        *workqueue = workqueue.as_ref().map(|name| self.workqueue(name));
        let functions = workers.iter_mut().map(|one| &mut one.function);
        for function in functions.chain([function]) {
            *function = function.take().map(|name| self.symbol(&name));
        }
    }
}
