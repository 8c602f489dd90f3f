//! Ways to free an object, by its kind.

use super::case::Case;
use super::holders::release;
use super::plan::{Step, Way};
use super::{backing, never, rows, writeback};
use crate::model::pins::words::{self, grouped, object as name};
use crate::model::snapshot::Action;
use crate::sample::Text;
use crate::sample::pins::{Backing, Object, ObjectKind, PinKind, UserKind};

/// Returns the ways to free an object, the best first.
pub(super) fn ways(case: &Case<'_>) -> Vec<Way> {
    let object = case.object;
    match object.kind {
        ObjectKind::File if backing::is_nameless(object) || is_unmounted(object) => {
            vec![by_holders(case)]
        }
        ObjectKind::File if is_in_memory(case) => vec![removal(case)],
        ObjectKind::File | ObjectKind::BlockDevice => vec![drop_pages(case)],
        ObjectKind::SysvShm => vec![segment(case)],
        ObjectKind::CssSet | ObjectKind::KernelSocket => vec![by_holders(case)],
        ObjectKind::Writeback => writeback::ways(case),
        ObjectKind::Cpu => rows::stock(),
        ObjectKind::SwapId => {
            let mut ways = vec![rows::swapoff(case.pins)];
            if !object.users.is_empty() {
                ways.push(by_holders(case));
            }
            ways
        }
        ObjectKind::SwapSlots => vec![Err(
            "a CPU gives them back when it has enough of them".into()
        )],
        ObjectKind::Memcg => vec![Ok(vec![child(case)])],
        ObjectKind::Css if !parts(case).is_empty() => vec![by_parts(case)],
        ObjectKind::Cgroup => vec![Err(format!(
            "{} keeps it: free that one",
            name(case.pins, object)
        ))],
        ObjectKind::Css
        | ObjectKind::BpfMap
        | ObjectKind::CgroupBpf
        | ObjectKind::BpfLink
        | ObjectKind::KernelStack
        | ObjectKind::PageTables
        | ObjectKind::Pipe
        | ObjectKind::DeletedFile
        | ObjectKind::Memfd
        | ObjectKind::SharedAnon
        | ObjectKind::PrivateAnon
        | ObjectKind::Socket
        | ObjectKind::Inotify
        | ObjectKind::Fanotify
        | ObjectKind::Mm
        | ObjectKind::Unknown => vec![by_holders(case)],
    }
}

/// Returns whether a file goes with its file system, which no process sees mounted.
fn is_unmounted(object: &Object) -> bool {
    let mut users = object.users.iter();
    users.any(|user| user.kind == UserKind::FileSystem)
}

/// Returns whether its pages go only with the file.
pub(super) fn is_in_memory(case: &Case<'_>) -> bool {
    let is_kind = matches!(case.pin.kind, PinKind::PageShmem | PinKind::PageHugetlb);
    is_kind || backing::of(case.object) != Backing::Storage
}

/// Returns the way for an object that goes with its last holder.
pub(super) fn by_holders(case: &Case<'_>) -> Way {
    let steps = release(case)?;
    if steps.is_empty() {
        return Err(format!(
            "who holds {} was not found",
            name(case.pins, case.object)
        ));
    }
    Ok(steps)
}

/// Returns the files of a row that are parts of its object, and have no reference of their own.
fn parts<'a>(case: &Case<'a>) -> Vec<&'a Object> {
    let is_huge = is_of_huge_pages(case.object);
    let objects = case.pin.objects.iter();
    let parts = objects.filter(|object| is_huge && object.refs == 0);
    parts.collect()
}

fn is_of_huge_pages(css: &Object) -> bool {
    css.fs
        .as_ref()
        .is_some_and(|name| name.as_bytes() == b"hugetlb")
}

/// Returns the way for an object that goes with the last of its files.
fn by_parts(case: &Case<'_>) -> Way {
    let mut steps: Vec<Step> = Vec::new();
    for object in parts(case) {
        let way = ways(&Case { object, ..*case });
        for step in way
            .into_iter()
            .next()
            .unwrap_or_else(|| Err("it has no way".into()))?
        {
            let is_said = |one: &Step| (one.action, &one.target) == (step.action, &step.target);
            if !steps.iter().any(is_said) {
                steps.push(step);
            }
        }
    }
    Ok(steps)
}

/// Returns the way for a file with a name that is only in memory: all holders release it, and it is
/// removed.
fn removal(case: &Case<'_>) -> Way {
    let mut steps = release(case)?;
    let path = words::path(case.object).unwrap_or_default();
    // After an unmount above it, the same path is another file.
    let unmounts_it = |step: &Step| {
        let mount = step
            .target
            .as_ref()
            .filter(|_| step.action == Action::Unmount);
        mount.is_some_and(|mount| never::goes_with_mount(&path, mount))
    };
    if steps.iter().any(unmounts_it) {
        return Ok(steps.into_iter().map(Step::doubted).collect());
    }
    let inner = case.object.path.clone().unwrap_or_default();
    never::keeps_file(case, &inner)?;
    let pages = grouped(case.object.pages.unwrap_or(case.object.refs));
    steps.push(match case.object.path_of_pid {
        None => Step::sure(
            Action::RemoveFile,
            path,
            format!("its {pages} pages go with it"),
        ),
        Some(pid) => Step::unsure(
            Action::AskOwner,
            path,
            format!(
                "its {pages} pages go with it; it is in the mount namespace of process {pid}, not \
                 in this one: who runs that has to remove it"
            ),
        ),
    });
    Ok(steps)
}

/// Returns the way for a file with storage: once it is not mapped, its pages can be dropped, and be
/// read again.
fn drop_pages(case: &Case<'_>) -> Way {
    let object = case.object;
    let mut mapped = object.clone();
    mapped.users.retain(|user| user.kind == UserKind::Mapped);
    // Holders that do not map it do not keep its pages.
    mapped.held = None;
    let mut steps = release(&Case {
        object: &mapped,
        ..*case
    })?;
    let path = words::path(object);
    let Some(path) = path.filter(|path| path.as_bytes().starts_with(b"/")) else {
        return Err(format!(
            "no path to {} was found by which its pages could be dropped",
            name(case.pins, object)
        ));
    };
    let pages = grouped(object.pages.unwrap_or(object.refs));
    steps.push(if object.kind == ObjectKind::BlockDevice {
        let why = format!("drops those of its {pages} pages that no file system uses itself");
        Step::unsure(Action::DropFilePages, path, why)
    } else {
        let why = format!("drops its {pages} pages from memory, the file stays");
        Step::sure(Action::DropFilePages, path, why)
    });
    Ok(steps)
}

fn segment(case: &Case<'_>) -> Way {
    let mut steps = release(case)?;
    never::destroys_too_much(case)?;
    let Some(id) = case.object.ino else {
        return Err("its id was not found".into());
    };
    let id = Text::from(&*id.to_string());
    steps.push(match (case.object.ns_ino, case.object.path_of_pid) {
        (None, _) => return Err("in which IPC namespace it is was not found".into()),
        (Some(_), None) => Step::sure(Action::RemoveSegment, id, "its pages go with it"),
        (Some(ns_ino), Some(pid)) => Step::unsure(
            Action::AskOwner,
            id,
            format!(
                "its pages go with it; it is in IPC namespace {ns_ino} of process {pid}, not in \
                 this one: who runs that has to remove it"
            ),
        ),
    });
    Ok(steps)
}

fn child(case: &Case<'_>) -> Step {
    let id = case.pins.memcg(case.object.memcg_serial_nr);
    let target = id.map(|id| Text::from(&*format!("css:{}", id.css_id)));
    let what = name(case.pins, case.object);
    let why = format!("{what} keeps its parent: free that one");
    Step::unsure(Action::LookAtChild, target, why)
}
