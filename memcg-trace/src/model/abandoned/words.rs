//! The sentence of a group of empty cgroups, and commands that free an abandoned one.

use std::fmt::Write as _;

use super::empty::{Class, Empty};
use crate::model::pins::words::grouped;
use crate::sample::uses::CgroupUses;
use crate::units;

/// The usual mount of cgroups.
const MOUNT: &str = "/sys/fs/cgroup";

/// Returns the line, without figures that have a unit.
pub(super) fn sentence(group: &Empty) -> String {
    let path = match group.parent.as_bytes() {
        b"/" => format!("/{}", group.name.display()),
        _ => format!("{}/{}", group.parent.display(), group.name.display()),
    };
    let is_one = group.cgroups == 1;
    let verb = if is_one { "is" } else { "are" };
    let [count, all] = [group.cgroups, group.of_cgroups].map(grouped);
    let mut text = format!("{count} of {all} {verb} {path}: ");
    text += match group.class {
        Class::Abandoned => {
            "no task in or below, no watch on cgroup.events, not open, and still charged"
        }
        Class::Uncharged => {
            "no task in or below, no watch on cgroup.events, not open, and no memory is charged"
        }
        Class::Young => "nobody was found that uses it, but it may be new",
        Class::Parent => "no task, but live cgroups below",
        Class::InUse => "no task, but somebody watches it or has it open",
        Class::ByDesign => "a unit that has no task by design",
        Class::NotChecked => "no task; who uses it could not be looked at",
    };
    // Those of the other classes may have live memory cgroups below.
    if matches!(
        group.class,
        Class::Abandoned | Class::Uncharged | Class::Young
    ) && let Some(below @ 1..) = group.live_below
    {
        let (verb, them) = if below == 1 {
            ("is", "it is")
        } else {
            ("are", "they are")
        };
        let below = units::things(below, "live cgroup");
        let _ = write!(
            text,
            "; {below} without the memory controller {verb} below, and rmdir fails until {them} \
             removed"
        );
    }
    if group.with_tasks > 0 {
        let others = grouped(group.with_tasks);
        let verb = if group.with_tasks == 1 { "has" } else { "have" };
        let _ = write!(text, "; {others} of the same shape {verb} tasks");
    }
    text
}

/// Returns the commands that would free the largest of them.
pub(super) fn commands(group: &Empty, uses: Option<&CgroupUses>) -> Vec<String> {
    let largest = &group.largest;
    // A path that cannot be shown as it is makes no command.
    let path = largest.id.path.display();
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':' | '@' | '+');
    if group.class != Class::Abandoned || !path.chars().all(is_plain) {
        return Vec::new();
    }
    let reclaim = match uses.and_then(|uses| uses.can_reclaim) {
        Some(true) => {
            let mib = largest.usage_bytes.unwrap_or(0).div_ceil(1 << 20).max(1);
            format!("echo {mib}M > {MOUNT}{path}/memory.reclaim")
        }
        // Lowering the limit reclaims what is above it, at once.
        Some(false) | None => format!("echo 0 > {MOUNT}{path}/memory.high"),
    };
    let remove = match largest.live_below {
        // The lowest first: a cgroup with a live one in it is refused, too.
        Some(1..) => format!("find {MOUNT}{path} -depth -type d -exec rmdir {{}} +"),
        Some(0) | None => format!("rmdir {MOUNT}{path}"),
    };
    vec![reclaim, remove]
}
