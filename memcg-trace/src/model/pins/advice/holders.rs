//! Steps that make the holders of an object release it.

use super::case::Case;
use super::plan::{Step, Way};
use super::{never, rows};
use crate::model::pins::verdict::is_unreaped;
use crate::model::pins::words::{self, object as name, process, unit, user_text};
use crate::model::snapshot::Action;
use crate::sample::Text;
use crate::sample::pins::{ObjectKind, User, UserKind};

/// The number of holders of one object that one can deal with one by one.
const MAX_HOLDERS: usize = 4;

/// Returns a step for each holder; none without holders.
///
/// # Errors
/// If a holder cannot be made to release it.
pub(super) fn release(case: &Case<'_>) -> Way {
    all_are_known(case)?;
    let mut steps: Vec<Step> = Vec::new();
    steps.extend(unmount(case));
    let (own, others): (Vec<_>, Vec<_>) =
        (case.object.users.iter()).partition(|user| is_own(case, user));
    for user in &others {
        for step in of_user(case, user)? {
            let is_said = |one: &Step| (one.action, &one.target) == (step.action, &step.target);
            if !steps.iter().any(is_said) {
                steps.push(step);
            }
        }
    }
    if let (Some(one), true) = (own.first(), others.is_empty()) {
        let why = "this program has it itself, from who started it, and lets go when it ends";
        steps.push(Step::unsure(Action::Wait, user_text(one), why));
    }
    let omitted = case.object.users_omitted;
    let holders = (steps.len() as u64).saturating_add(omitted);
    if omitted > 0 || steps.len() > MAX_HOLDERS {
        return Err(format!("it goes when all {holders} who hold it let go"));
    }
    Ok(steps)
}

/// Returns whether the user is this program, which keeps inherited descriptors until it ends.
fn is_own(case: &Case<'_>, user: &User) -> bool {
    let is_descriptor = user.kind == UserKind::Open && user.pid != 0;
    is_descriptor && case.pins.look.by_pid == Some(user.pid)
}

/// Fails if some holders were not found: then steps for the others may free nothing. The tasks of a
/// css_set have to leave in any case.
fn all_are_known(case: &Case<'_>) -> Result<(), String> {
    match words::not_found_text(case.object) {
        Some(text) if case.object.kind != ObjectKind::CssSet => Err(format!(
            "{} stays as long as whoever holds it: {text}",
            name(case.pins, case.object)
        )),
        _ => Ok(()),
    }
}

/// Returns the steps for one holder.
fn of_user(case: &Case<'_>, user: &User) -> Way {
    match user.kind {
        UserKind::Member => Ok(vec![member(case, user)?]),
        _ if user.pid == 0 => kernel(case, user),
        _ => Ok(vec![keeper(case, user)?]),
    }
}

/// Returns the steps for a holder in the kernel itself. The users of that holder must release it
/// first.
fn kernel(case: &Case<'_>, user: &User) -> Way {
    let what = name(case.pins, case.object);
    let Some(called) = user.name.clone().filter(|name| !name.is_empty()) else {
        return Err(format!(
            "{what} is held by the kernel, and by what of it is not known"
        ));
    };
    let is_path = called.as_bytes().starts_with(b"/");
    match user.kind {
        UserKind::Loop if is_path => {
            let mut steps = of_device(case, user, &called)?;
            let why = format!("it is backed by {what}");
            steps.push(Step::sure(Action::DetachLoop, called, why));
            Ok(steps)
        }
        UserKind::Device if is_removable(&called) => {
            let mut steps = of_device(case, user, &called)?;
            let why = format!("it is made of {what}");
            steps.push(Step::sure(Action::RemoveDevice, called, why));
            Ok(steps)
        }
        UserKind::Mount if is_path => {
            never::keeps_mount(user, &called)?;
            Ok(vec![Step::sure(
                Action::Unmount,
                called,
                format!("this mount keeps {what}"),
            )])
        }
        UserKind::FileSystem if is_path => {
            never::keeps_mount(user, &called)?;
            let why = format!(
                "this mount keeps a mount namespace without a process, which has the file system of \
                 {what}"
            );
            Ok(vec![Step::unsure(Action::Unmount, called, why)])
        }
        UserKind::Swap if is_path => {
            let swapoff = rows::swapoff_of(case.pins, Some(called));
            swapoff.map_err(|why| format!("{what} is in use as swap, and {why}"))
        }
        _ => Err(format!(
            "{what} is held by {}, and no way is known to end that",
            called.display()
        )),
    }
}

/// Returns the steps for the users of a device.
fn of_device(case: &Case<'_>, device: &User, called: &Text) -> Way {
    let mut steps = Vec::new();
    for holder in &device.held_by {
        let mut of_holder = of_user(case, holder)?;
        // The steps before are for users of this holder.
        if let Some(own) = of_holder.last_mut() {
            own.why = format!("it uses {}", called.display());
        }
        steps.extend(of_holder);
    }
    Ok(steps)
}

/// Returns whether a command is known that removes a device: those of device-mapper and md.
fn is_removable(device: &Text) -> bool {
    let path = device.as_bytes();
    path.starts_with(b"/dev/mapper/") || path.starts_with(b"/dev/md")
}

/// Returns the step for a namespace that a mount keeps.
fn unmount(case: &Case<'_>) -> Option<Step> {
    let object = case.object;
    let of = match object.kind {
        ObjectKind::KernelSocket => "network",
        ObjectKind::CssSet => "cgroup",
        _ => return None,
    };
    let mount = object.ns_mount.clone()?;
    let namespace = object.ns_ino.map_or_else(
        || format!("a {of} namespace"),
        |ino| format!("{of} namespace {ino}"),
    );
    let why = format!("this mount keeps {namespace}");
    Some(Step::sure(Action::Unmount, mount, why))
}

/// Returns the step for a task in a css_set. The task has ended, since the cgroup is dead.
fn member(case: &Case<'_>, user: &User) -> Result<Step, String> {
    let task = user_text(user);
    if !is_unreaped(user) {
        return Ok(match user.state {
            Some('D') => Step::unsure(
                Action::Wait,
                task,
                "it is exiting, and sleeps in the kernel: `memcg-trace locks` says for whom it \
                 waits",
            ),
            _ => Step::unsure(Action::Wait, task, "it is exiting"),
        });
    }
    let Some((pid, comm)) = &user.parent else {
        return Err(format!(
            "the parent of {}, which has ended, has to wait for it, and is not known",
            task.display()
        ));
    };
    let parent = process(*pid, comm);
    if never::protected(case.pins, *pid, comm).is_err() {
        return Err(format!(
            "{} has to wait for {}, which has ended, and must keep running",
            parent.display(),
            task.display()
        ));
    }
    let why = format!(
        "it must wait for its child {}, which has ended",
        task.display()
    );
    Ok(Step::sure(Action::Reap, parent, why))
}

/// Returns the step for a process that keeps the object in any other way.
fn keeper(case: &Case<'_>, user: &User) -> Result<Step, String> {
    let what = name(case.pins, case.object);
    let task = user_text(user);
    if let Err(why) = never::keeps_process(case.pins, user) {
        return Err(format!("{} holds it, {why}", task.display()));
    }
    let unit = unit(case.pins, user)
        .map_or_else(String::new, |unit| format!("; it is of {}", unit.display()));
    let namespace = || {
        let ino = case.object.ns_ino;
        ino.map_or_else(
            || "the namespace".to_owned(),
            |ino| format!("namespace {ino}"),
        )
    };
    // A process that maps it, or has it open twice, releases all of it only when it ends.
    let mut same = case.object.users.iter().filter(|one| one.pid == user.pid);
    let is_alone = same.all(|one| one.fd == user.fd);
    let restart =
        |why: String| Step::sure(Action::RestartProcess, process(user.pid, &user.comm), why);
    Ok(match user.kind {
        UserKind::Open if is_alone => {
            Step::sure(Action::CloseFd, task, format!("it has {what} open{unit}"))
        }
        UserKind::NamespaceFd if is_alone => Step::sure(
            Action::CloseFd,
            task,
            format!("it has {} open{unit}", namespace()),
        ),
        UserKind::Receives if is_alone => Step::sure(
            Action::CloseFd,
            task,
            format!("{what} is in a message there that was not received{unit}"),
        ),
        UserKind::Accepts if is_alone => Step::sure(
            Action::CloseFd,
            task,
            format!("{what} waits there to be accepted{unit}"),
        ),
        UserKind::Peer if is_alone => Step::sure(
            Action::CloseFd,
            task,
            format!("the other end of {what} is there{unit}"),
        ),
        UserKind::NamespaceFile if is_alone => Step::sure(
            Action::CloseFd,
            task,
            format!(
                "it has a cgroup file open that was opened in {}{unit}",
                namespace()
            ),
        ),
        UserKind::NamespaceSocket if is_alone => Step::sure(
            Action::CloseFd,
            task,
            format!("it has a socket in {} open{unit}", namespace()),
        ),
        UserKind::FileSystem => {
            let why = format!("it keeps the file system of {what}, which is not mounted{unit}");
            match user.fd {
                Some(_) if is_alone => Step::unsure(Action::CloseFd, task, why),
                _ => restart(why).doubted(),
            }
        }
        UserKind::Namespace => Step::sure(
            Action::EndProcess,
            task,
            format!("it is in {}{unit}", namespace()),
        ),
        UserKind::Mapped => restart(match case.pins.memcg(user.memcg_serial_nr) {
            _ if case.object.kind != ObjectKind::PrivateAnon => format!("it maps {what}{unit}"),
            Some(memcg) if !memcg.path.is_empty() => format!(
                "it is its memory, from before it moved to {}",
                memcg.shown()
            ),
            _ => "it is its memory".to_owned(),
        }),
        UserKind::InPipe => restart(format!("it has them in a pipe{unit}")),
        UserKind::Runs => restart(format!("it runs {what}{unit}")),
        UserKind::WorksIn => restart(format!("it works in {what}{unit}")),
        UserKind::Ring => restart(format!("it has {what} registered with io_uring{unit}")),
        _ => restart(format!("it keeps {what}{unit}")),
    })
}
