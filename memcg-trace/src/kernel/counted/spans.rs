//! Checks of open spans. An open span claims that its task is in it now: the end may have been
//! missed, and a task that has exited or sleeps elsewhere is in no span.

use std::collections::HashMap;

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::layout::fields::Field;

/// Mask of the sleeping states of `task.__state` (include/linux/sched.h).
const SLEEPS: u64 = 3;

/// The verdict on a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The span is in progress.
    Holds,
    /// The task runs, so the span may be in progress.
    Unconfirmed,
    /// The span seems to be over, but one scan may have fallen in between.
    Doubted,
    /// The span is over, and ended without an event.
    Ended,
}

/// The place where a task was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The place that the span names.
    There,
    /// Asleep, at another place.
    Elsewhere,
    /// Not known: the task runs, or this kernel does not tell.
    Unknown,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TaskNow {
    pub(crate) start_ns: u64,
    pub(crate) tid: u32,
    pub(crate) state: u64,
    pub(crate) exit_state: u64,
    pub(crate) on_cpu: bool,
    pub(crate) switches: u64,
    /// The switches at which it went to sleep.
    pub(crate) sleeps: u64,
    pub(crate) flags: u64,
    /// CPU time outside the kernel, of which a span has none.
    pub(crate) user_ns: u64,
    /// The lock with priority inheritance that it waits for, if any.
    pub(crate) pi_blocked_on: u64,
}

impl TaskNow {
    pub(crate) fn sleeps(&self) -> bool {
        self.state & SLEEPS != 0 && !self.on_cpu
    }

    /// Reads the tasks at these addresses; `None` for a task that cannot be read.
    pub(crate) fn of(reader: &Reader<'_>, tasks: &[u64]) -> Result<Vec<Option<Self>>, Unreadable> {
        let state = match reader.has(Field::TaskState) {
            true => Field::TaskState,
            false => Field::TaskStateLong,
        };
        let fields = [
            // If the task has not run since, the fields that are read later belong to the same
            // sleep.
            Field::TaskNvcsw,
            Field::TaskNivcsw,
            state,
            Field::TaskExitState,
            Field::TaskPid,
            Field::TaskStartTime,
            Field::TaskFlags,
        ];
        let mut columns = Vec::with_capacity(fields.len());
        for field in fields {
            columns.push(reader.column(tasks, field)?);
        }
        // Fields that not every kernel has.
        let optional = |field| match reader.has(field) {
            true => reader.column(tasks, field),
            false => Ok(vec![None; tasks.len()]),
        };
        let user = optional(Field::TaskUtime)?;
        let on_cpu = optional(Field::TaskOnCpu)?;
        let blocked = optional(Field::TaskPiBlockedOn)?;
        let one = |at: usize| {
            let number = |field: usize| columns[field][at];
            Some(Self {
                switches: number(0)?.wrapping_add(number(1)?),
                sleeps: number(0)?,
                state: number(2)?,
                exit_state: number(3)?,
                tid: u32::try_from(number(4)?).ok()?,
                start_ns: number(5)?,
                flags: number(6)?,
                user_ns: user[at].unwrap_or(0),
                on_cpu: on_cpu[at].is_some_and(|on_cpu| on_cpu != 0),
                pi_blocked_on: blocked[at].unwrap_or(0),
            })
        };
        Ok((0..tasks.len()).map(one).collect())
    }
}

/// The address of a task, and the time when its span began, which tells one span from the next.
pub(crate) type SpanId = (u64, u64);

/// The state of a span so far.
#[derive(Clone, Copy, Debug)]
enum State {
    /// In progress, as far as is known.
    Open {
        /// User time at the first scan.
        user_ns: u64,
        /// Whether the last scan found its task elsewhere.
        elsewhere: bool,
    },
    /// The span was over, and its row was still there at the last scan.
    Over {
        /// Whether it is in the count of ends without an event.
        counted: bool,
    },
}

/// Spans of one kind, from scan to scan.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    seen: HashMap<SpanId, State>,
    /// Spans of the current scan.
    kept: HashMap<SpanId, State>,
    unseen_ends: u64,
}

impl Spans {
    /// The verdict on the span of a task. A span that began before `trusted_ns`, when some hooks
    /// were not attached yet, must be confirmed at its place.
    pub(crate) fn judge(
        &mut self,
        id: SpanId,
        tid: u32,
        now: Option<&TaskNow>,
        place: Place,
        trusted_ns: u64,
    ) -> Claim {
        let before = self.seen.get(&id).copied();
        let (claim, state) = judged(id, tid, now, place, trusted_ns, before);
        if let (Some(State::Over { counted: false }), State::Over { counted: true }) =
            (before, state)
        {
            self.unseen_ends += 1;
        }
        self.kept.insert(id, state);
        claim
    }

    /// Whether a span was there at the scan before this one.
    pub(crate) fn is_known(&self, id: SpanId) -> bool {
        self.seen.contains_key(&id)
    }

    /// Ends a scan: spans that it did not judge are forgotten.
    pub(crate) fn end_scan(&mut self) {
        self.seen = std::mem::take(&mut self.kept);
    }

    /// The number of spans that ended without an event: they were over, and their row was still
    /// there one scan later.
    pub(crate) fn unseen_ends(&self) -> u64 {
        self.unseen_ends
    }
}

fn judged(
    (_, begin_ns): SpanId,
    tid: u32,
    now: Option<&TaskNow>,
    place: Place,
    trusted_ns: u64,
    before: Option<State>,
) -> (Claim, State) {
    let (user_ns, elsewhere) = match before {
        Some(State::Over { .. }) => return (Claim::Ended, State::Over { counted: true }),
        Some(State::Open { user_ns, elsewhere }) => (Some(user_ns), elsewhere),
        None => (None, false),
    };
    let over = (Claim::Ended, State::Over { counted: false });
    let lives = |now: &&TaskNow| now.start_ns <= begin_ns && now.tid == tid && now.exit_state == 0;
    let Some(now) = now.filter(lives) else {
        return over;
    };
    let claim = match place {
        Place::There => Claim::Holds,
        _ if user_ns.is_some_and(|before_ns| now.user_ns > before_ns) => return over,
        Place::Elsewhere if elsewhere => return over,
        Place::Elsewhere => Claim::Doubted,
        Place::Unknown if begin_ns < trusted_ns => Claim::Doubted,
        Place::Unknown => Claim::Unconfirmed,
    };
    let state = State::Open {
        user_ns: user_ns.unwrap_or(now.user_ns),
        elsewhere: place == Place::Elsewhere,
    };
    (claim, state)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: SpanId = (0xffff_8880_0000_1000, 1_000);
    const TID: u32 = 7;
    const TASK: TaskNow = TaskNow {
        start_ns: 500,
        tid: TID,
        state: 2,
        exit_state: 0,
        on_cpu: false,
        switches: 3,
        sleeps: 2,
        flags: 0,
        user_ns: 40,
        pi_blocked_on: 0,
    };

    fn look(spans: &mut Spans, now: Option<&TaskNow>, place: Place) -> Claim {
        let claim = spans.judge(ID, TID, now, place, 900);
        spans.end_scan();
        claim
    }

    #[test]
    fn a_real_one_stays_whatever_its_task_does() {
        let mut spans = Spans::default();
        for _ in 0..60 {
            let claim = look(&mut spans, Some(&TASK), Place::There);
            assert_eq!(claim, Claim::Holds);
            let claim = look(&mut spans, Some(&TASK), Place::Unknown);
            assert_eq!(claim, Claim::Unconfirmed);
        }
        assert_eq!(spans.unseen_ends(), 0);
    }

    #[test]
    fn one_whose_task_has_gone_is_over_and_counted_once() {
        let later = TaskNow {
            start_ns: 2_000,
            ..TASK
        };
        let zombie = TaskNow {
            exit_state: 0x20,
            ..TASK
        };
        let other = TaskNow { tid: 8, ..TASK };
        for now in [None, Some(&later), Some(&zombie), Some(&other)] {
            let mut spans = Spans::default();
            for _ in 0..3 {
                assert_eq!(look(&mut spans, now, Place::There), Claim::Ended);
            }
            assert_eq!(spans.unseen_ends(), 1);
        }
    }

    #[test]
    fn one_that_ends_between_two_looks_is_not_counted() {
        let mut spans = Spans::default();
        look(&mut spans, None, Place::Unknown);
        spans.end_scan();
        assert_eq!(spans.unseen_ends(), 0);
        assert!(!spans.is_known(ID));
    }

    #[test]
    fn a_task_that_sleeps_elsewhere_twice_is_in_none() {
        let mut spans = Spans::default();
        let elsewhere = |spans: &mut Spans| look(spans, Some(&TASK), Place::Elsewhere);
        assert_eq!(elsewhere(&mut spans), Claim::Doubted);
        assert_eq!(
            look(&mut spans, Some(&TASK), Place::There),
            Claim::Holds,
            "it was woken for it"
        );
        assert_eq!(elsewhere(&mut spans), Claim::Doubted);
        assert_eq!(elsewhere(&mut spans), Claim::Ended);
    }

    #[test]
    fn a_task_that_has_left_the_kernel_is_in_none() {
        let mut spans = Spans::default();
        let claim = look(&mut spans, Some(&TASK), Place::Unknown);
        assert_eq!(claim, Claim::Unconfirmed);
        let ran = TaskNow {
            user_ns: 41,
            ..TASK
        };
        assert_eq!(look(&mut spans, Some(&ran), Place::Unknown), Claim::Ended);
    }

    #[test]
    fn what_began_before_all_hooks_were_on_has_to_be_seen() {
        let mut spans = Spans::default();
        let mut look = |place| spans.judge(ID, TID, Some(&TASK), place, 1_001);
        assert_eq!(look(Place::Unknown), Claim::Doubted);
        assert_eq!(look(Place::There), Claim::Holds);
    }
}
