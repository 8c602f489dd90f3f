//! Records of two runs side by side.

use crate::model::compare::{Change, Compared};
use crate::output::figures::{Name, Order, Shown, Unit, record};

record! {
    /// A figure in two runs.
    pub struct Peaks {
        /// In the first.
        a: Option<u64>,
        /// In the second.
        b: Option<u64>,
        /// Reduction in the second, in per cent; negative if it is more there.
        reduction_percent: Option<f64>,
    }
}

impl From<&Change> for Peaks {
    fn from(change: &Change) -> Self {
        let percent = change.reduction_percent();
        Self {
            a: change.a,
            b: change.b,
            reduction_percent: percent.map(|percent| (percent * 10.0).round() / 10.0),
        }
    }
}

/// The reduction of a figure in the second run, in tables.
#[derive(Clone, Copy, Debug)]
pub(in crate::output) struct Reduction(Option<f64>);

impl Reduction {
    pub(in crate::output) fn of(change: &Change) -> Self {
        Self(change.reduction_percent())
    }
}

impl Shown for Reduction {
    const IS_NUMBER: bool = true;

    fn show(&self, unit: Unit) -> String {
        let percent = self.0.map(|percent| format!("{percent:.1} %"));
        percent.show(unit)
    }

    fn order(&self) -> Order {
        self.0.map_or(Order::Unknown, Order::Rate)
    }
}

record! {
    /// A memory cgroup in two runs.
    pub struct ComparedMemcg<'a> {
        /// Its path.
        path: Name<'a> => "MEMCG",
        /// The most that it used.
        memory_peak_bytes: Peaks,
        /// The most that it used in the first run.
        @column memory_a_bytes: Option<u64> => "MEMORY A",
        /// The same in the second.
        @column memory_b_bytes: Option<u64> => "MEMORY B",
        /// Reduction of the most memory in the second run, in per cent.
        @column memory_reduction: Reduction => "REDUCED",
        /// The most memory of the kernel.
        kmem_peak_bytes: Peaks,
        /// The most memory of the kernel in the first run.
        @column kmem_a_bytes: Option<u64> => "KMEM A",
        /// The same in the second.
        @column kmem_b_bytes: Option<u64> => "KMEM B",
        /// Reduction of the most memory of the kernel in the second run, in per cent.
        @column kmem_reduction: Reduction => "REDUCED",
        /// The most slab.
        slab_peak_bytes: Peaks,
        /// The most slab in the first run.
        @column slab_a_bytes: Option<u64> => "SLAB A",
        /// The same in the second.
        @column slab_b_bytes: Option<u64> => "SLAB B",
        /// Reduction of the most slab in the second run, in per cent.
        @column slab_reduction: Reduction => "REDUCED",
    }
}

impl<'a> From<&'a Compared> for ComparedMemcg<'a> {
    fn from(row: &'a Compared) -> Self {
        let (memory, kmem, slab) = (&row.memory, &row.kmem, &row.slab);
        Self {
            path: Name::of(Some(&row.path)),
            memory_peak_bytes: memory.into(),
            memory_a_bytes: memory.a,
            memory_b_bytes: memory.b,
            memory_reduction: Reduction::of(memory),
            kmem_peak_bytes: kmem.into(),
            kmem_a_bytes: kmem.a,
            kmem_b_bytes: kmem.b,
            kmem_reduction: Reduction::of(kmem),
            slab_peak_bytes: slab.into(),
            slab_a_bytes: slab.a,
            slab_b_bytes: slab.b,
            slab_reduction: Reduction::of(slab),
        }
    }
}
