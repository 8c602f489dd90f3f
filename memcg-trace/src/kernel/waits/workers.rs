//! Workers of the kernel: the one that runs a work item, or that has to act before the item can be
//! run (kernel/workqueue.c).

use std::collections::{BTreeSet, HashMap};

use super::finding::holder;
use super::view::View;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::is_kernel_address;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::sample::Mode;
use crate::sample::waits::{Evidence, Holder};

/// `PF_WQ_WORKER` (include/linux/sched.h).
const PF_WQ_WORKER: u64 = 0x20;
/// `WORK_STRUCT_PWQ` (include/linux/workqueue.h): the rest of `work.data` is a pool_workqueue.
const HAS_PWQ: u64 = 4;
/// Flags and colour in `work.data`; with debugging of objects they have one bit more.
const FLAGS: [u64; 2] = [0xff, 0x1ff];
/// Bound on the items of one list.
const MAX_ITEMS: usize = 1 << 14;

/// A worker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worker {
    /// Index of its thread.
    pub(super) at: usize,
    worker: u64,
    /// The item that it works on, and the `pool_workqueue` of that item.
    pub(super) work: u64,
    pwq: u64,
    /// The workqueue of that item.
    pub(super) wq: u64,
    pool: u64,
    rescues: u64,
}

/// All workers.
#[derive(Debug, Default)]
pub(super) struct Workers {
    pub(super) all: Vec<Worker>,
}

/// Holders of a work item: any of these may act.
#[derive(Debug, Default)]
pub(super) struct Runners {
    pub(super) holders: Vec<Holder>,
    pub(super) incomplete: Option<String>,
}

impl Workers {
    pub(super) fn read(view: &View<'_>) -> Result<Self, Unreadable> {
        let reader = view.reader;
        let threads = view.threads.all.iter().enumerate();
        let threads =
            threads.filter(|(_, one)| one.is_kernel_thread() && one.flags & PF_WQ_WORKER != 0);
        let (places, tasks): (Vec<usize>, Vec<u64>) =
            threads.map(|(at, one)| (at, one.addr)).unzip();
        let column = |bases: &[u64], field| -> Result<Vec<u64>, Unreadable> {
            let column = reader.column(bases, field)?;
            Ok(column.into_iter().map(Option::unwrap_or_default).collect())
        };
        let kthreads = column(&tasks, Field::TaskKthread)?;
        let workers = column(&kthreads, Field::KthreadData)?;
        let owners = column(&workers, Field::WorkerTask)?;
        let works = column(&workers, Field::WorkerCurrentWork)?;
        let pwqs = column(&workers, Field::WorkerCurrentPwq)?;
        let pools = column(&workers, Field::WorkerPool)?;
        let rescues = column(&workers, Field::WorkerRescueWq)?;
        let wqs = column(&pwqs, Field::PwqWq)?;
        let mut all = Vec::new();
        for (row, at) in places.into_iter().enumerate() {
            if owners[row] == tasks[row] {
                all.push(Worker {
                    at,
                    worker: workers[row],
                    work: works[row],
                    pwq: pwqs[row],
                    wq: wqs[row],
                    pool: pools[row],
                    rescues: rescues[row],
                });
            }
        }
        Ok(Self { all })
    }

    fn holders(&self, is_one: impl Fn(&&Worker) -> bool) -> Vec<Holder> {
        let those = self.all.iter().filter(is_one);
        those
            .map(|one| holder(one.at, Mode::Write, Evidence::OwnerWord))
            .collect()
    }

    /// The worker that runs a work item or is to run it, or the workers that must finish before it
    /// can be run.
    pub(super) fn of(&self, view: &View<'_>, work: u64) -> Result<Runners, Unreadable> {
        let running = self.holders(|one| one.work == work);
        if !running.is_empty() {
            return Ok(known(running));
        }
        let data = view.reader.word(work, Field::WorkData)?;
        let Some((pwq, pool)) = self.queued_at(view, data)? else {
            return Ok(unknown("it is queued nowhere"));
        };
        let heads = self.heads(view, pwq, pool)?;
        match self.place(view, work, &heads)? {
            Some(Place::Behind(at)) => {
                Ok(known(vec![holder(at, Mode::Write, Evidence::OwnerWord)]))
            }
            Some(Place::Pending) => self.pending(view, pool, pwq),
            Some(Place::Inactive) => self.inactive(view, pool, pwq),
            None => Ok(unknown("its place in the queue was not found")),
        }
    }

    /// The heads of the lists that an item of a `pool_workqueue` may be in.
    pub(super) fn heads(
        &self,
        view: &View<'_>,
        pwq: u64,
        pool: u64,
    ) -> Result<HashMap<u64, Place>, Unreadable> {
        let offset = |field| view.reader.offset(field);
        let scheduled = offset(Field::WorkerScheduled)?;
        let given = self.all.iter();
        let mut heads: HashMap<u64, Place> = given
            .map(|one| (one.worker + scheduled, Place::Behind(one.at)))
            .collect();
        heads.insert(pool + offset(Field::PoolWorklist)?, Place::Pending);
        heads.insert(pwq + offset(Field::PwqInactive)?, Place::Inactive);
        Ok(heads)
    }

    /// The function of the item that a barrier was put behind, maybe after other barriers: the item
    /// before them in the list, or the one that its worker works on.
    pub(super) fn before(
        &self,
        view: &View<'_>,
        barrier: u64,
    ) -> Result<Option<String>, Unreadable> {
        let reader = view.reader;
        let entry = reader.offset(Field::WorkEntry)?;
        let scheduled = reader.offset(Field::WorkerScheduled)?;
        let is_barrier = view.symbols.address(Symbol::WqBarrierFunc);
        let mut item = barrier;
        for _ in 0..MAX_ITEMS {
            let before = reader.word_at(item + entry + 8)?;
            let worker = self.all.iter().find(|one| one.worker + scheduled == before);
            item = worker.map_or_else(|| before.wrapping_sub(entry), |one| one.work);
            match reader.word(item, Field::WorkFunc) {
                Ok(function) if Some(function) == is_barrier && worker.is_none() => {}
                Ok(function) => return Ok(view.name_of(function).map(|name| format!("{name}()"))),
                // The item's own function has freed it.
                Err(Unreadable::Fault(_)) => return Ok(None),
                Err(why) => return Err(why),
            }
        }
        Ok(None)
    }

    /// The `pool_workqueue` and the pool of an item's data.
    pub(super) fn queued_at(
        &self,
        view: &View<'_>,
        data: u64,
    ) -> Result<Option<(u64, u64)>, Unreadable> {
        if data & HAS_PWQ == 0 {
            return Ok(None);
        }
        for flags in FLAGS {
            let pwq = data & !flags;
            let pool = match view.reader.word(pwq, Field::PwqPool) {
                Ok(pool) => pool,
                Err(Unreadable::Fault(_)) => continue,
                Err(why) => return Err(why),
            };
            if self.all.iter().any(|one| one.pool == pool) {
                return Ok(Some((pwq, pool)));
            }
        }
        Ok(None)
    }

    /// The list that an item is in.
    fn place(
        &self,
        view: &View<'_>,
        work: u64,
        heads: &HashMap<u64, Place>,
    ) -> Result<Option<Place>, Unreadable> {
        let first = work + view.reader.offset(Field::WorkEntry)?;
        let mut node = first;
        for _ in 0..MAX_ITEMS {
            let next = view.reader.word_at(node)?;
            if let Some(place) = heads.get(&next) {
                return Ok(Some(*place));
            }
            let is_link = is_kernel_address(next) && next != first && next.is_multiple_of(8);
            if !is_link || view.reader.word_at(next.wrapping_add(8))? != node {
                return Ok(None);
            }
            node = next;
        }
        Ok(None)
    }

    /// The workers that have to run the items that wait in a workqueue: the one that an item was
    /// given to, or that was woken for it. Where any of several may run it, each is a guess.
    pub(super) fn queued(&self, view: &View<'_>, wq: u64) -> Result<Vec<Holder>, Unreadable> {
        let scheduled = view.reader.offset(Field::WorkerScheduled)?;
        let worklist = view.reader.offset(Field::PoolWorklist)?;
        let mut holders = Vec::new();
        for one in &self.all {
            if self.first_of(view, one.worker + scheduled, wq)?.is_some() {
                holders.push(holder(one.at, Mode::Write, Evidence::OwnerWord));
            }
        }
        let pools: BTreeSet<u64> = self.all.iter().map(|one| one.pool).collect();
        for pool in pools.into_iter().filter(|pool| *pool != 0) {
            let Some(pwq) = self.first_of(view, pool + worklist, wq)? else {
                continue;
            };
            let mut any = self.pending(view, pool, pwq)?.holders;
            if any.len() > 1 {
                any.iter_mut().for_each(|one| one.evidence = Evidence::Hint);
            }
            holders.append(&mut any);
        }
        Ok(holders)
    }

    /// The `pool_workqueue` of the first item in a list that belongs to a workqueue.
    fn first_of(&self, view: &View<'_>, head: u64, wq: u64) -> Result<Option<u64>, Unreadable> {
        let (items, _) = view.reader.list(head, Field::WorkEntry, MAX_ITEMS)?;
        for data in view.reader.column(&items, Field::WorkData)? {
            let queued = data.map(|data| self.queued_at(view, data)).transpose()?;
            if let Some((pwq, _)) = queued.flatten()
                && view.reader.word(pwq, Field::PwqWq)? == wq
            {
                return Ok(Some(pwq));
            }
        }
        Ok(None)
    }

    /// The holders of an item that the next free worker takes: the worker that was woken for it, or
    /// any.
    fn pending(&self, view: &View<'_>, pool: u64, pwq: u64) -> Result<Runners, Unreadable> {
        let is_woken = |one: &&Worker| {
            one.pool == pool && one.work == 0 && view.threads.all[one.at].is_ready()
        };
        let woken = self.holders(is_woken);
        if !woken.is_empty() {
            return Ok(known(woken));
        }
        let wq = view.reader.word(pwq, Field::PwqWq)?;
        Ok(known(self.holders(|one| {
            one.pool == pool || one.rescues != 0 && one.rescues == wq
        })))
    }

    /// The holders of an item that waits until fewer items of its workqueue are in progress
    /// (`max_active`).
    fn inactive(&self, view: &View<'_>, pool: u64, pwq: u64) -> Result<Runners, Unreadable> {
        let reader = view.reader;
        let wq = reader.word(pwq, Field::PwqWq)?;
        // Items of an unbound pool are counted for all CPUs of a node.
        let is_bound = reader.word(pool, Field::PoolCpu)? < 1 << 31;
        let at_work =
            self.holders(|one| one.work != 0 && (one.pwq == pwq || !is_bound && one.wq == wq));
        let active = reader.word(pwq, Field::PwqActive)?;
        if at_work.is_empty() || is_bound && (at_work.len() as u64) < active {
            // Some of the active items are still to be run, by a worker of the pool.
            return self.pending(view, pool, pwq);
        }
        Ok(known(at_work))
    }
}

/// The place of an item.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// Given to the worker of a thread.
    Behind(usize),
    /// In the list of its pool.
    Pending,
    /// In the list of the items above `max_active`.
    Inactive,
}

fn known(holders: Vec<Holder>) -> Runners {
    let incomplete = holders
        .is_empty()
        .then(|| "no worker for it was found".to_owned());
    Runners {
        holders,
        incomplete,
    }
}

fn unknown(why: &str) -> Runners {
    Runners {
        holders: Vec::new(),
        incomplete: Some(why.to_owned()),
    }
}
