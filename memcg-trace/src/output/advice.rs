//! What would free a zombie, as a person would type or do it.

use std::borrow::Cow;

use crate::model::snapshot::{Action, Advice};

/// One line. Where it is a command, it can be pasted into a shell: a path that somebody chose
/// is quoted, and one whose bytes cannot be shown makes no command.
pub(super) fn line(advice: &Advice) -> String {
    let target = advice.target.as_ref();
    let shown = target.map_or_else(|| Cow::Borrowed("?"), |target| target.display());
    let is_exact = target.is_some_and(|target| target.hex().is_none());
    let is_path = is_exact && shown.starts_with('/');
    let quoted = quoted(&shown);
    match advice.action {
        Action::Reclaim if is_path => format!("write to {quoted}"),
        Action::Reclaim => format!("write to the file {shown}"),
        Action::RemoveFile if is_path => format!("rm {quoted}"),
        Action::RemoveFile => format!("remove the file {shown}"),
        Action::DropFilePages if is_path => format!("dd if={quoted} iflag=nocache count=0"),
        Action::DropFilePages => format!("drop the pages of the file {shown}"),
        Action::RemoveSegment => format!("ipcrm -m {quoted}"),
        Action::CloseFd => format!("have {shown} closed"),
        Action::RestartProcess => format!("restart {shown}"),
        Action::EndProcess => format!("end {shown}"),
        Action::Reap if target.is_some() => {
            format!("have {shown} wait for its child, or restart it")
        }
        Action::Reap => "have the parent wait for its child, or restart it".to_owned(),
        Action::Unmount if is_path => format!("umount {quoted}"),
        Action::Unmount => format!("unmount {shown}"),
        Action::Swapoff => "swapoff -a && swapon -a".to_owned(),
        Action::Sync if target.is_some() => format!("sync (device {shown})"),
        Action::Sync => "sync".to_owned(),
        Action::LookAtChild if target.is_some() => format!("memcg-trace pins {quoted}"),
        Action::LookAtChild => "look at its children".to_owned(),
        Action::Wait if target.is_some() => format!("wait for {shown}"),
        Action::Wait => "wait".to_owned(),
    }
}

/// As one word of a shell.
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
    use crate::sample::Text;

    fn advice(action: Action, target: impl Into<Text>) -> String {
        line(&Advice {
            action,
            target: Some(target.into()),
            why: String::new(),
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
            "dd if='/a b' iflag=nocache count=0"
        );
        assert_eq!(advice(Action::RemoveSegment, "5"), "ipcrm -m 5");
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
