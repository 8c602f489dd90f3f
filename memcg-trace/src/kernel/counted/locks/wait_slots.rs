//! Slots of waits in progress, as programs note them (memcg-trace-ebpf/src/counted/locks/wait_slots.rs), and
//! their tasks.

use anyhow::Context as _;
use aya::Ebpf;
use aya::maps::{Array, MapData};
use memcg_trace_common::lock::{
    ASK_CLOSE, RESOLVE_ROWS, WAIT_GROUPS, WAIT_SLOTS, WAITER_ENDED, Wait, WaitGroup, WaiterAsk,
    WaiterRow,
};
use zerocopy::FromZeros as _;

use crate::kernel::debugger::resolver::Resolver;
use crate::kernel::maps::take_map;
use crate::kernel::maps::value::MapValue;

/// The reader of wait slots.
pub(crate) struct WaitSlots {
    groups: Array<MapData, MapValue<WaitGroup>>,
    resolver: Resolver<WaiterAsk>,
}

impl WaitSlots {
    pub(crate) fn open(ebpf: &mut Ebpf) -> anyhow::Result<Self> {
        Ok(Self {
            groups: take_map(ebpf, "WAITS")?,
            resolver: Resolver::open(ebpf, "resolve_waiters", "WAITER_ASK")?,
        })
    }

    /// Waits that are in progress, or were a moment ago, and their slots. A slot that is being
    /// written may be half of one wait and half of another: `ask` leaves it out.
    pub(crate) fn all(&self) -> anyhow::Result<Vec<(u32, Wait)>> {
        let mut all = Vec::new();
        for group in 0..WAIT_GROUPS {
            let MapValue(found) = self.groups.get(&group, 0).context("read the waits")?;
            let first = group * WAIT_SLOTS as u32;
            let slots = (first..).zip(found.slots);
            all.extend(slots.filter(|(_, wait)| wait.lock != 0));
        }
        Ok(all)
    }

    /// The tasks of those waits that are still in progress. `what` is [`ASK_WHO`] and so on.
    ///
    /// [`ASK_WHO`]: memcg_trace_common::lock::ASK_WHO
    pub(crate) fn ask(
        &mut self,
        ebpf: &Ebpf,
        waits: &[(u32, Wait)],
        what: u64,
    ) -> anyhow::Result<Vec<WaiterRow>> {
        let mut rows: Vec<WaiterRow> = Vec::with_capacity(waits.len());
        let question = |ask: &mut WaiterAsk, some: &[(u32, Wait)]| {
            (ask.what, ask.rows) = (what, some.len() as u64);
            for (row, (slot, wait)) in ask.row.iter_mut().zip(some) {
                *row = WaiterRow::new_zeroed();
                (row.slot, row.wait) = (*slot, *wait);
            }
        };
        self.resolver
            .ask(ebpf, waits, RESOLVE_ROWS, question, |answer, some| {
                let answered = answer.row.iter().take(some.len());
                rows.extend(answered.filter(|row| row.state != WAITER_ENDED));
            })?;
        // After the waiter has exited, another task may live at its address: that one did not begin
        // the wait.
        for row in &mut rows {
            if row.start_ns > row.wait.begin_ns {
                (row.start_ns, row.memcg_serial_nr) = (0, 0);
                (row.pid, row.comm) = (0, [0; _]);
            }
        }
        Ok(rows)
    }

    /// Clears the slots of waits that are over, and returns those that were still there.
    pub(crate) fn close(
        &mut self,
        ebpf: &Ebpf,
        waits: &[(u32, Wait)],
    ) -> anyhow::Result<Vec<WaiterRow>> {
        self.ask(ebpf, waits, ASK_CLOSE)
    }
}
