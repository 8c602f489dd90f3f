//! Advice for writeback on behalf of a dead memcg, which goes with its last inode.

use super::case::Case;
use super::plan::{Step, Way};
use crate::model::pins::words::{self, grouped, user};
use crate::model::snapshot::Action;
use crate::sample::Text;
use crate::sample::pins::{Inodes, Object};

pub(super) fn ways(case: &Case<'_>) -> Vec<Way> {
    let object = case.object;
    let device = object.dev_name.clone().or_else(|| object.dev.clone());
    let Some(inodes) = object.inodes else {
        // Older recordings do not have its inodes, and its lists may have changed.
        let why = "what inodes it has was not seen";
        return vec![Err(why.to_owned())];
    };
    vec![match inodes.are_given_away {
        true => given_away(inodes, device),
        false => evicted(case, inodes),
    }]
}

/// Returns the way on kernels that give clean inodes to the nearest live memcg, when another memcg
/// is removed (mm/backing-dev.c: cleanup_offline_cgwbs_workfn(), wb_memcg_offline()).
fn given_away(inodes: Inodes, device: Option<Text>) -> Way {
    let next = "when another memcg is removed, the kernel gives its clean inodes away";
    if inodes.dirty == 0 {
        return Ok(vec![Step::unsure(Action::Wait, None, next)]);
    }
    let count = grouped(inodes.dirty);
    let on = device
        .as_ref()
        .map(|device| format!(" on {}", device.display()));
    let on = on.unwrap_or_default();
    let why = format!("writes {count} of its inodes{on} that are dirty; {next}");
    Ok(vec![Step::unsure(Action::Sync, device, why)])
}

/// Returns the way on older kernels, where inodes stay with it until they leave memory. No
/// interface evicts only some inodes.
fn evicted(case: &Case<'_>, inodes: Inodes) -> Way {
    let parts = case.pin.objects.iter().filter(|object| object.refs == 0);
    let in_use = { parts }.find(|object| {
        let is_held = !object.users.is_empty() || words::not_found(object).is_some();
        is_held && object.dev_name == case.object.dev_name
    });
    if let Some(file) = in_use {
        return Err(stays(case, file));
    }
    let all = grouped(inodes.dirty.saturating_add(inodes.clean));
    Err(format!(
        "this kernel leaves it until its {all} inodes leave memory, as they do when the file system \
         is unmounted"
    ))
}

fn stays(case: &Case<'_>, file: &Object) -> String {
    let who = match file.users.first() {
        Some(one) => format!("{} has it", user(one)),
        None => words::not_found_text(file).unwrap_or_default(),
    };
    format!(
        "it goes when its inodes leave memory, and {} does not: {who}",
        words::object(case.pins, file)
    )
}
