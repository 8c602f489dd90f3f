//! Steps that would free a zombie, in words that a person can act on.

use std::borrow::Cow;

use crate::model::pins::words::grouped;
use crate::model::snapshot::{Action, Advice};
use crate::units;

/// One line. A command can be pasted into a shell: a path that somebody else chose is quoted, and a
/// path whose bytes cannot be shown makes no command.
pub(super) fn line(advice: &Advice) -> String {
    let target = advice.target.as_ref();
    let shown = target.map_or_else(|| Cow::Borrowed("?"), |target| target.display());
    let is_exact = target.is_some_and(|target| target.hex().is_none());
    let is_path = is_exact && shown.starts_with('/');
    let quoted = quoted(&shown);
    match advice.action {
        Action::Reclaim if is_path => format!("echo {} > {quoted}", amount(advice)),
        Action::Reclaim => format!("write {} to the file {shown}", amount(advice)),
        Action::RemoveFile if is_path => format!("rm {quoted}"),
        Action::RemoveFile => format!("remove the file {shown}"),
        Action::AskOwner if is_path => format!("have its owner remove {shown}"),
        Action::AskOwner => format!("have its owner remove segment {shown}"),
        Action::DropFilePages if is_path => {
            format!("sync {quoted} && dd if={quoted} iflag=nocache count=0")
        }
        Action::DropFilePages => format!("drop the pages of the file {shown}"),
        Action::RemoveSegment => format!("ipcrm -m {quoted}"),
        Action::CloseFd => format!("have {shown} closed"),
        Action::RestartProcess => format!("restart {shown}"),
        Action::EndProcess => format!("end {shown}"),
        Action::Reap if target.is_some() => {
            format!("have {shown} wait for its child, or restart it")
        }
        Action::Reap => "have the parent wait for its child, or restart it".to_owned(),
        Action::Unmount if is_path => match in_other_namespace(&shown) {
            Some((pid, path)) => format!("nsenter -t {pid} -m umount {}", self::quoted(path)),
            None => format!("umount {quoted}"),
        },
        Action::Unmount => format!("unmount {shown}"),
        Action::DetachLoop => format!("losetup -d {quoted}"),
        Action::RemoveDevice => match shown.strip_prefix("/dev/mapper/") {
            Some(name) if is_exact => format!("dmsetup remove {}", self::quoted(name)),
            _ if is_exact => format!("mdadm --stop {quoted}"),
            _ => format!("remove the device {shown}"),
        },
        Action::Swapoff if is_path => format!("swapoff {quoted}"),
        Action::Swapoff => "swapoff -a && swapon -a".to_owned(),
        Action::Sync => "sync".to_owned(),
        Action::LookAtChild if target.is_some() => format!("memcg-trace pins {quoted}"),
        Action::LookAtChild => "look at its children".to_owned(),
        Action::Wait if target.is_some() => format!("wait for {shown}"),
        Action::Wait => "wait".to_owned(),
        Action::Nothing => match &advice.cause.object {
            Some(object) => format!("nothing sensible can be done about {object}"),
            None => "nothing sensible can be done".to_owned(),
        },
    }
}

/// Returns whether the line can be pasted into a shell.
pub(super) fn is_command(advice: &Advice) -> bool {
    let target = advice.target.as_ref();
    let is_exact = target.is_some_and(|target| target.hex().is_none());
    let is_path = is_exact && target.is_some_and(|target| target.as_bytes().starts_with(b"/"));
    match advice.action {
        Action::Reclaim | Action::RemoveFile | Action::DropFilePages | Action::Unmount => is_path,
        Action::RemoveSegment | Action::DetachLoop | Action::RemoveDevice => is_exact,
        Action::LookAtChild => target.is_some(),
        Action::Swapoff | Action::Sync => true,
        Action::AskOwner
        | Action::CloseFd
        | Action::RestartProcess
        | Action::EndProcess
        | Action::Reap
        | Action::Wait
        | Action::Nothing => false,
    }
}

/// The total cost and gain of the steps, after the last of them.
pub(super) fn bound(advice: &Advice) -> Option<String> {
    if advice.action == Action::Nothing || advice.step != advice.steps {
        return None;
    }
    let frees = &advice.frees;
    let mut text = advice.class.words().to_owned();
    if frees.refs > 0 {
        let least = if frees.at_most { "up to " } else { "" };
        text += &format!(", frees {least}{}", grouped(frees.refs));
        text += &match frees.of_refs {
            Some(1) => " of 1 reference".to_owned(),
            Some(refs) => format!(" of {} references", grouped(refs)),
            None if frees.refs == 1 => " reference".to_owned(),
            None => " references".to_owned(),
        };
    }
    if let Some(bytes) = frees.bytes {
        text += &format!(", {}", units::bytes(Some(bytes)));
    }
    Some(text)
}

/// A size in units of `memory.reclaim`.
fn amount(advice: &Advice) -> String {
    let bytes = advice.amount_bytes.unwrap_or(0);
    format!("{}M", bytes.div_ceil(1 << 20).max(1))
}

/// The process and the path of `/proc/PID/root/path`, which is in another mount namespace.
fn in_other_namespace(path: &str) -> Option<(u32, &str)> {
    let (pid, inner) = path.strip_prefix("/proc/")?.split_once("/root")?;
    let is_root = inner.is_empty() || inner.starts_with('/');
    Some((pid.parse().ok().filter(|_| is_root)?, inner))
}

/// Quotes a text as one word of a shell.
fn quoted(text: &str) -> Cow<'_, str> {
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':' | '@' | '+');
    if !text.is_empty() && text.chars().all(is_plain) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::snapshot::advice::{Cause, Frees};
    use crate::sample::Text;
    use crate::sample::pins::PinKind;

    fn advice(action: Action, target: impl Into<Text>) -> String {
        line(&Advice {
            action,
            target: Some(target.into()),
            amount_bytes: Some(5_000_000),
            why: String::new(),
            class: action.class(),
            step: 1,
            steps: 1,
            frees: Frees::default(),
            cause: Cause {
                kind: PinKind::Other,
                object: None,
            },
        })
    }

    #[test]
    fn what_is_pasted_does_what_it_says() {
        assert_eq!(
            advice(Action::RemoveFile, "/dev/shm/cache.bin"),
            "rm /dev/shm/cache.bin"
        );
        assert_eq!(
            advice(Action::RemoveFile, "/dev/shm/a'; reboot #"),
            r"rm '/dev/shm/a'\''; reboot #'"
        );
        assert_eq!(
            advice(Action::Unmount, "/run/$(reboot)"),
            "umount '/run/$(reboot)'"
        );
        assert_eq!(
            advice(Action::DropFilePages, "/a b"),
            "sync '/a b' && dd if='/a b' iflag=nocache count=0"
        );
        assert_eq!(advice(Action::RemoveSegment, "5"), "ipcrm -m 5");
        assert_eq!(
            advice(Action::RemoveDevice, "/dev/mapper/a b"),
            "dmsetup remove 'a b'"
        );
        assert_eq!(
            advice(Action::RemoveDevice, "/dev/md127"),
            "mdadm --stop /dev/md127"
        );
        assert_eq!(
            advice(Action::Reclaim, "/sys/fs/cgroup/a b/memory.reclaim"),
            "echo 5M > '/sys/fs/cgroup/a b/memory.reclaim'"
        );
        assert_eq!(
            advice(Action::Unmount, "/proc/7/root/run/a b"),
            "nsenter -t 7 -m umount '/run/a b'",
            "a mount of another namespace cannot be unmounted from here"
        );
    }

    #[test]
    fn what_cannot_be_shown_is_no_command() {
        let evil = Text::from(&b"/tmp/\xff; reboot"[..]);
        assert_eq!(
            advice(Action::RemoveFile, evil.clone()),
            "remove the file /tmp/\u{fffd}; reboot"
        );
        assert!(!advice(Action::Unmount, evil).starts_with("umount"));
        assert_eq!(
            advice(Action::RemoveFile, "-rf"),
            "remove the file -rf",
            "no path, no command"
        );
    }
}
