//! Figures of what a memory cgroup belongs to.

use std::cell::OnceCell;

use crate::model::snapshot::MemcgId;
use crate::model::workload::Workload;
use crate::output::figures::{Name, Row, Visitor};

/// What a memory cgroup belongs to; all `null` if it is not known.
#[derive(Debug)]
pub(super) struct BelongsTo<'a> {
    contained: ContainedIn<'a>,
}

impl<'a> BelongsTo<'a> {
    pub(super) fn of(id: Option<&'a MemcgId>) -> Self {
        Self {
            contained: ContainedIn::of(id),
        }
    }
}

impl Row for BelongsTo<'_> {
    const MEANING: &'static str = "What a memory cgroup belongs to.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V)
    where
        Self: 'r,
    {
        to.field(
            "unit",
            "The lowest unit of systemd in its path, such as a service, or the scope of a session.",
            |row| Name::of(row.contained.workload().unit.as_ref()),
        );
        to.part(|row| &row.contained);
    }
}

/// The container and the pod that a memory cgroup belongs to; all `null` if it is not known.
#[derive(Debug)]
pub(super) struct ContainedIn<'a> {
    id: Option<&'a MemcgId>,
    /// Made when the first figure is asked for: tables ask for none.
    workload: OnceCell<Workload>,
}

impl<'a> ContainedIn<'a> {
    pub(super) fn of(id: Option<&'a MemcgId>) -> Self {
        Self {
            id,
            workload: OnceCell::new(),
        }
    }

    fn workload(&self) -> &Workload {
        let read = || self.id.map(MemcgId::workload).unwrap_or_default();
        self.workload.get_or_init(read)
    }
}

impl Row for ContainedIn<'_> {
    const MEANING: &'static str = "The container and the pod that a memory cgroup belongs to.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V)
    where
        Self: 'r,
    {
        to.field(
            "container",
            "Its container: the name, where a state file of the runtime told it, else the id.",
            |row| {
                let container = row.workload().container.as_ref();
                Name::of(container.map(|one| one.name.as_ref().unwrap_or(&one.id)))
            },
        );
        to.field(
            "pod",
            "Its pod: the name, where a state file told it, else the uid.",
            |row| {
                let pod = row.workload().pod.as_ref();
                Name::of(pod.map(|one| one.name.as_ref().unwrap_or(&one.id)))
            },
        );
        to.field(
            "namespace",
            "The namespace of the pod in Kubernetes, where a state file told it.",
            |row| {
                Name::of(
                    row.workload()
                        .pod
                        .as_ref()
                        .and_then(|pod| pod.namespace.as_ref()),
                )
            },
        );
    }
}
