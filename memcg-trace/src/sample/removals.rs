//! Removals of memory cgroups that are not over: the step that each is at, and who has to act.
//!
//! Part of the answer about waits: tasks and resources are indices into the lists of its
//! [`TaskScan`](super::waits::TaskScan).

use serde::{Deserialize, Serialize};

use super::Text;

/// The removals that one scan found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Removals {
    /// The removals that are in progress: the one that was asked for, with the children that it
    /// waits for, and a bounded number of others. A memory cgroup that is offline is not in it: only
    /// its references keep it.
    pub list: Vec<Removal>,
    /// Dead memory cgroups on their way that are not in the list.
    pub omitted: u64,
    /// Tasks in `rmdir(2)` of a cgroup of which it was not found which one it is.
    pub strangers: Vec<u32>,
    /// The reason why they could not be looked at, in one line.
    pub not_checked: Option<String>,
}

/// A removal in progress.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Removal {
    /// `css.serial_nr` of the memory cgroup.
    pub serial_nr: u64,
    /// The step that it is at.
    pub step: RemovalStep,
    /// For [`RemovalStep::Rmdir`], the task that removes it.
    pub task: Option<u32>,
    /// The resource that the step waits for: tasks that must die, a grace period, a work item.
    pub resource: Option<u32>,
    /// The work item of the step, where it has one.
    pub work: Option<WorkItem>,
    /// For [`RemovalStep::Children`], `css.serial_nr` of a child that has to go offline first.
    pub child_serial_nr: Option<u64>,
    /// The reason why the step or its cause was not found, in one line.
    pub not_known: Option<String>,
}

/// The steps of a removal, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovalStep {
    /// A task is in `rmdir(2)`, and the memory cgroup is still alive.
    Rmdir,
    /// Tasks that exited have still to leave it (7.x).
    Drain,
    /// An RCU grace period has to confirm the kill of its reference count, or comes before the next
    /// work item.
    Grace,
    /// A dead child has to go offline first.
    Children,
    /// A work item takes it offline.
    Offline,
    /// Nothing refers to it any more, and a work item releases it.
    Release,
    /// Not known.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A work item of a removal, and what comes before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkItem {
    /// Its function.
    pub function: Option<String>,
    /// The workqueue that it is in.
    pub workqueue: Option<Text>,
    /// Its place there.
    pub place: WorkPlace,
    /// Items before it in the same list, which may be of other workqueues; `None` if they were not
    /// counted.
    pub before: Option<u64>,
    /// The workers of its workqueue or pool that have an item now.
    pub workers: Vec<Working>,
    /// Such workers that are not in the list.
    pub workers_omitted: u64,
}

/// The place of a work item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkPlace {
    /// A worker is at it.
    Running,
    /// It was given to a worker that is at another item.
    Behind,
    /// In the list of a pool, for the next free worker.
    Pending,
    /// In the list of those that wait until fewer items of the workqueue are in progress
    /// (`max_active`).
    Inactive,
    /// Not known.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A worker and the function of the item that it is at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Working {
    /// The worker.
    pub task: u32,
    /// The function; `None` where the item is gone or has no known one.
    pub function: Option<String>,
}
