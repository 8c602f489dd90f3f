//! Advice to reclaim at the nearest memcg with a directory, which reaches dead ones below it as
//! well.

use super::backing;
use super::case::Case;
use super::objects::is_in_memory;
use super::plan::{Plan, Step};
use crate::model::pins::words::{grouped, not_found};
use crate::model::snapshot::{Action, MemcgId, Pins};
use crate::sample::Text;
use crate::sample::pins::{Backing, Object, ObjectKind, Pin, PinKind, UserKind};
use crate::units::PAGE_BYTES;

/// References and pages that reclaim would take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Taken {
    refs: u64,
    pages: u64,
}

impl Taken {
    fn add(&mut self, other: Self) {
        self.refs = self.refs.saturating_add(other.refs);
        self.pages = self.pages.saturating_add(other.pages);
    }
}

/// Returns a plan for what reclaim frees, if anything.
pub(super) fn plan(pins: &Pins) -> Option<Plan> {
    let ancestor = pins.live_ancestor.as_deref()?;
    if pins.look.can_reclaim != Some(true) {
        return None;
    }
    let (mut to_disk, mut to_swap) = (Taken::default(), Taken::default());
    let mut most: Option<(u64, PinKind)> = None;
    for pin in &pins.found.pins {
        let taken = of_row(pins, pin);
        if taken.refs == 0 {
            continue;
        }
        let sum = if needs_swap(pin.kind) {
            &mut to_swap
        } else {
            &mut to_disk
        };
        sum.add(taken);
        most = most.max(Some((taken.refs, pin.kind)));
    }
    limit_by_swap(pins, &mut to_swap);
    let refs = to_disk.refs.saturating_add(to_swap.refs);
    let pages = to_disk.pages.saturating_add(to_swap.pages);
    if refs == 0 {
        return None;
    }
    let mut why = format!(
        "{} of its pages can be reclaimed; others below that memcg give pages as well, so that it \
         may have to be repeated",
        grouped(pages)
    );
    if to_swap.refs > 0 {
        why += if has_swap(pins) {
            "; what goes to swap shares the reference of what is there"
        } else {
            "; what goes to swap is charged to the nearest live memcg"
        };
    }
    let mut step = Step::unsure(Action::Reclaim, file(ancestor), why);
    step.amount_bytes = Some(pages.saturating_mul(PAGE_BYTES));
    Some(Plan {
        steps: vec![step],
        kind: most.map_or(PinKind::Other, |(_, kind)| kind),
        object: None,
        others: 0,
        refs,
        pages: Some(pages),
        at_most: true,
    })
}

/// Returns whether reclaim takes all that an object holds.
pub(super) fn takes_all(case: &Case<'_>) -> bool {
    of_object(case).refs == case.object.refs
}

/// Returns whether reclaim takes all of a row.
pub(super) fn takes_row(pins: &Pins, pin: &Pin) -> bool {
    of_row(pins, pin).refs == pin.refs
}

/// Limits reclaim to the free swap. A dead memcg that has nothing in swap has given its id back,
/// and gets no new reference (mm/memcontrol.c: mem_cgroup_id_get_online()).
fn limit_by_swap(pins: &Pins, taken: &mut Taken) {
    let room = pins.look.free_swap_bytes.unwrap_or(0) / PAGE_BYTES;
    if taken.pages > room {
        taken.refs = scaled(taken.refs, room, taken.pages);
        taken.pages = room;
    }
    if taken.refs == 0 {
        taken.pages = 0;
    }
}

fn has_swap(pins: &Pins) -> bool {
    pins.found.pins.iter().any(|pin| pin.kind == PinKind::Swap)
}

fn needs_swap(kind: PinKind) -> bool {
    matches!(
        kind,
        PinKind::PageAnon | PinKind::PageAnonShared | PinKind::PageShmem
    )
}

/// Returns what reclaim takes of a row; of references without a listed object, all.
fn of_row(pins: &Pins, pin: &Pin) -> Taken {
    if !matches!(pin.kind, PinKind::PageFile) && !needs_swap(pin.kind) {
        return Taken::default();
    }
    if needs_swap(pin.kind) && pins.look.free_swap_bytes.is_none_or(|bytes| bytes == 0) {
        return Taken::default();
    }
    let mut taken = Taken::default();
    let mut listed = Taken::default();
    for object in &pin.objects {
        listed.add(all_of(object));
        taken.add(of_object(&Case { pins, pin, object }));
    }
    taken.add(Taken {
        refs: pin.refs.saturating_sub(listed.refs),
        pages: pin.pages.unwrap_or(pin.refs).saturating_sub(listed.pages),
    });
    taken
}

fn all_of(object: &Object) -> Taken {
    Taken {
        refs: object.refs,
        pages: object.pages.unwrap_or(object.refs),
    }
}

/// Returns what reclaim takes of an object. Pages that cannot be moved stay, and those of mapped
/// files are in use.
fn of_object(case: &Case<'_>) -> Taken {
    let Case { pins, pin, object } = *case;
    let has_swap = pins.look.free_swap_bytes.is_some_and(|bytes| bytes > 0);
    let is_mapped = { object.users.iter() }.any(|user| user.kind == UserKind::Mapped);
    // A holder that was not found may map it, too, or have its pages elsewhere.
    let is_pinned = not_found(object).is_some() || { object.users.iter() }
        .any(|user| matches!(user.kind, UserKind::InPipe | UserKind::Ring));
    let is_private = object.kind == ObjectKind::PrivateAnon;
    let stays = matches!(backing::of(object), Backing::Memory | Backing::HugePages)
        || is_pinned
        || (is_mapped && !is_private)
        || (needs_swap(pin.kind) && !has_swap)
        || (pin.kind == PinKind::PageFile && is_in_memory(case))
        || !(needs_swap(pin.kind) || pin.kind == PinKind::PageFile);
    if stays {
        return Taken::default();
    }
    let all = all_of(object);
    let refs = all
        .refs
        .saturating_sub(object.unevictable_refs.unwrap_or(0));
    Taken {
        refs,
        pages: scaled(all.pages, refs, all.refs),
    }
}

/// Returns the part of a figure in proportion.
fn scaled(figure: u64, part: u64, of: u64) -> u64 {
    let scaled = u128::from(figure) * u128::from(part) / u128::from(of.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

fn file(memcg: &MemcgId) -> Text {
    let path = match memcg.path.as_bytes() {
        b"/" => b"",
        path => path,
    };
    Text::from([b"/sys/fs/cgroup", path, b"/memory.reclaim"].concat())
}
