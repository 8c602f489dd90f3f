//! Verdict on a guest. Only [`Ending::Exited`] says anything about the command; every other ending
//! is a failure of its own, and never a pass.

use std::time::Duration;

use memcg_trace_guest::Report;

use super::console::{self, Fault};

/// Exit statuses of `cargo xtask guest` that are not the command's; the message distinguishes them
/// from the same statuses of the command. `124` is the status that timeout(1) uses.
pub const PANICKED: u8 = 121;
pub const EMULATOR_FAULT: u8 = 122;
pub const LOST: u8 = 123;
pub const TIMED_OUT: u8 = 124;
pub const NOT_STARTED: u8 = 125;

/// The end of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The command ended with this status.
    Exited(u8),
    /// Init could not set up the guest or start the command.
    NotStarted(String),
    /// The kernel died.
    Died(Fault),
    /// The time was over; `sign` is the kernel's report of a stall, if any.
    TimedOut {
        after: Duration,
        sign: Option<String>,
    },
    /// QEMU ended without a report of how the command ended.
    Lost { how: String, started: bool },
    /// A signal told us to stop.
    Interrupted(u8),
}

/// The facts at the end of QEMU.
pub struct Evidence<'a> {
    pub console: &'a str,
    /// The last report of init.
    pub report: Option<Report>,
    /// Why QEMU was stopped, if it was.
    pub cut: Option<Cut>,
    /// QEMU's status, with its last messages.
    pub qemu: String,
}

/// Reasons to stop a guest before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    Timeout(Duration),
    Signal(u8),
}

/// The verdict. A dead kernel outweighs a status: a result on it proves nothing.
pub fn judge(evidence: Evidence) -> Ending {
    if let Some(Cut::Signal(signal)) = evidence.cut {
        return Ending::Interrupted(signal);
    }
    if let Some(fault) = console::fault(evidence.console) {
        return Ending::Died(fault);
    }
    match (evidence.report, evidence.cut) {
        (Some(Report::Ended(status)), _) => Ending::Exited(status),
        (Some(Report::Failed(why)), _) => Ending::NotStarted(why),
        (_, Some(Cut::Timeout(after))) => {
            let sign = console::stall(evidence.console).map(str::to_owned);
            Ending::TimedOut { after, sign }
        }
        (report, _) => Ending::Lost {
            how: evidence.qemu,
            started: report.is_some(),
        },
    }
}

impl Ending {
    /// One line for people, unless the ending is just the command's status.
    pub fn message(&self) -> Option<String> {
        match self {
            Self::Exited(_) => None,
            Self::NotStarted(why) => Some(format!("the guest could not start the command: {why}")),
            Self::Died(Fault::Panic(line)) => Some(format!("the guest's kernel died: {line}")),
            Self::Died(Fault::Emulator(line)) => Some(format!(
                "an emulator fault, not a bug of the kernel or ours: {line}"
            )),
            Self::TimedOut { after, sign } => {
                let sign = sign
                    .as_ref()
                    .map(|sign| format!("; its kernel said: {sign}"));
                let seconds = after.as_secs();
                Some(format!(
                    "no end after {seconds} s{} (--timeout)",
                    sign.unwrap_or_default()
                ))
            }
            Self::Lost { how, started: true } => {
                Some(format!("the guest was lost while the command ran: {how}"))
            }
            Self::Lost {
                how,
                started: false,
            } => Some(format!("the guest was lost before the command ran: {how}")),
            Self::Interrupted(signal) => Some(format!("stopped by signal {signal}")),
        }
    }

    /// The exit status of `cargo xtask guest`.
    pub fn status(&self) -> u8 {
        match self {
            Self::Exited(status) => *status,
            Self::NotStarted(_) => NOT_STARTED,
            Self::Died(Fault::Panic(_)) => PANICKED,
            Self::Died(Fault::Emulator(_)) => EMULATOR_FAULT,
            Self::TimedOut { .. } => TIMED_OUT,
            Self::Lost { .. } => LOST,
            Self::Interrupted(signal) => 128 + signal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(console: &str, report: Option<Report>, cut: Option<Cut>) -> Ending {
        judge(Evidence {
            console,
            report,
            cut,
            qemu: "exit status: 0".into(),
        })
    }

    #[test]
    fn only_a_report_on_a_living_kernel_is_a_status() {
        const PANIC: &str = "[ 1.0] Kernel panic - not syncing: test";
        let ended = Some(Report::Ended(0));
        assert_eq!(ending("", ended.clone(), None), Ending::Exited(0));
        assert!(matches!(
            ending(PANIC, ended.clone(), None),
            Ending::Died(_)
        ));
        assert!(matches!(
            ending("", None, None),
            Ending::Lost { started: false, .. }
        ));
        let started = Some(Report::Started);
        assert!(matches!(
            ending("", started.clone(), None),
            Ending::Lost { started: true, .. }
        ));
        let cut = Some(Cut::Timeout(Duration::from_secs(1)));
        assert!(matches!(
            ending("", started.clone(), cut),
            Ending::TimedOut { .. }
        ));
        // The panic is why no more output came.
        assert!(matches!(ending(PANIC, started, cut), Ending::Died(_)));
        // The command's end was reported, but the guest did not power off.
        assert_eq!(ending("", ended, cut), Ending::Exited(0));
        assert_eq!(
            ending("", None, Some(Cut::Signal(15))),
            Ending::Interrupted(15)
        );
    }

    #[test]
    fn no_failure_is_status_zero_or_silent() {
        let failures = [
            Ending::NotStarted("x".into()),
            Ending::Died(Fault::Panic("x".into())),
            Ending::Died(Fault::Emulator("x".into())),
            Ending::TimedOut {
                after: Duration::ZERO,
                sign: None,
            },
            Ending::Lost {
                how: "x".into(),
                started: true,
            },
            Ending::Interrupted(2),
        ];
        for failure in failures {
            assert_ne!(failure.status(), 0, "{failure:?}");
            assert!(failure.message().is_some(), "{failure:?}");
        }
    }
}
