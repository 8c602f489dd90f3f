//! Protocol between `cargo xtask` and the guest's init.
//!
//! Before the boot xtask puts [`Settings`] into the initramfs: a kernel command line is too short
//! for a command and cannot contain newlines. During the run init sends [`Report`]s over a serial
//! port of their own, so that no output of the command can be mistaken for its exit status.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use anyhow::{Context, Result, anyhow, bail};

/// Path of the settings in the initramfs.
pub const SETTINGS: &str = "/guest.settings";

/// The serial ports of a guest, in the order of QEMU's `-serial` options: `ttyS0`, `ttyS1`, ….
pub const PORTS: [Port; 4] = [Port::Console, Port::Output, Port::Errors, Port::Control];

/// The content of a serial port of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// The kernel's console, and messages of init.
    Console,
    /// The command's standard output; with a [`Terminal`] its standard input and errors too.
    Output,
    /// The command's standard error.
    Errors,
    /// [`Report`]s from init, and changes of the window's size to it.
    Control,
}

impl Port {
    /// The device of the port in the guest.
    pub fn device(self) -> &'static str {
        match self {
            Self::Console => "/dev/ttyS0",
            Self::Output => "/dev/ttyS1",
            Self::Errors => "/dev/ttyS2",
            Self::Control => "/dev/ttyS3",
        }
    }

    /// A name for messages and for QEMU's identifiers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Output => "output",
            Self::Errors => "errors",
            Self::Control => "control",
        }
    }
}

/// The cgroup hierarchy that the guest mounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cgroup {
    /// The unified hierarchy at `/sys/fs/cgroup`, every controller on for the root's children.
    #[default]
    V2,
    /// The v1 memory controller at `/sys/fs/cgroup/memory`.
    V1,
}

/// The size of a terminal window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Lines.
    pub rows: u16,
    /// Characters in each line.
    pub columns: u16,
}

/// The terminal that the command gets instead of pipes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// The window of the user.
    pub size: Size,
    /// `TERM` of the user's terminal.
    pub term: String,
}

/// The task of init.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The command and its arguments.
    pub command: Vec<OsString>,
    /// Paths of kernel modules in the initramfs, each after its dependencies.
    pub modules: Vec<String>,
    /// The hierarchy to mount.
    pub cgroup: Cgroup,
    /// Boot the system on the disk; the command is then a service of that system.
    pub boots_disk: bool,
    /// Leave the other processes of the command running, and do not power off: the memory of the
    /// guest is wanted.
    pub stays: bool,
    /// Set if the command is to run on a terminal.
    pub terminal: Option<Terminal>,
}

impl Settings {
    /// The settings as `key=value` records, each ended by a NUL byte, which no argument can
    /// contain.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut put = |key: &str, value: &OsStr| {
            bytes.extend_from_slice(key.as_bytes());
            bytes.push(b'=');
            bytes.extend_from_slice(value.as_bytes());
            bytes.push(0);
        };
        if self.cgroup == Cgroup::V1 {
            put("cgroup", OsStr::new("v1"));
        }
        if self.boots_disk {
            put("boots_disk", OsStr::new("yes"));
        }
        if self.stays {
            put("stays", OsStr::new("yes"));
        }
        if let Some(Terminal { size, term }) = &self.terminal {
            put(
                "size",
                OsStr::new(&format!("{} {}", size.rows, size.columns)),
            );
            put("term", OsStr::new(term));
        }
        for module in &self.modules {
            put("module", OsStr::new(module));
        }
        for argument in &self.command {
            put("argument", argument);
        }
        bytes
    }

    /// The inverse of [`encode`](Self::encode).
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut settings = Self::default();
        let (mut size, mut term) = (None, None);
        for record in bytes
            .split(|byte| *byte == 0)
            .filter(|record| !record.is_empty())
        {
            let equals = record.iter().position(|byte| *byte == b'=');
            let (key, value) = record.split_at(equals.context("a setting without '='")?);
            let value = value.get(1..).unwrap_or_default();
            let text = || String::from_utf8_lossy(value).into_owned();
            match key {
                b"cgroup" => settings.cgroup = Cgroup::V1,
                b"boots_disk" => settings.boots_disk = true,
                b"stays" => settings.stays = true,
                b"size" => size = Some(Size::decode(&text())?),
                b"term" => term = Some(text()),
                b"module" => settings.modules.push(text()),
                b"argument" => settings.command.push(OsString::from_vec(value.to_vec())),
                _ => bail!("unknown setting {:?}", String::from_utf8_lossy(key)),
            }
        }
        settings.terminal = size.zip(term).map(|(size, term)| Terminal { size, term });
        Ok(settings)
    }
}

impl Size {
    /// The size as a line of the control port.
    pub fn encode(self) -> String {
        format!("{} {}", self.rows, self.columns)
    }

    /// The inverse of [`encode`](Self::encode).
    pub fn decode(text: &str) -> Result<Self> {
        let (rows, columns) = text
            .trim()
            .split_once(' ')
            .with_context(|| format!("window size {text:?}"))?;
        Ok(Self {
            rows: rows.parse()?,
            columns: columns.parse()?,
        })
    }
}

/// A report of init on the control port, one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The guest is set up and the command is about to start.
    Started,
    /// The command ended with this status (128 and more: by a signal), and all its output has been
    /// sent.
    Ended(u8),
    /// The guest could not be set up, or the command could not be started.
    Failed(String),
}

impl Report {
    /// The line, without its end.
    pub fn encode(&self) -> String {
        match self {
            Self::Started => "started".into(),
            Self::Ended(status) => format!("ended {status}"),
            Self::Failed(why) => format!("failed {}", why.replace('\n', " ")),
        }
    }

    /// The inverse of [`encode`](Self::encode).
    pub fn decode(line: &str) -> Result<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "started" => Ok(Self::Started),
            "ended" => Ok(Self::Ended(rest.parse().context("exit status")?)),
            "failed" => Ok(Self::Failed(rest.into())),
            _ => Err(anyhow!("unknown report {line:?} on the control port")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_any_argument() {
        let settings = Settings {
            command: vec![
                "a=b".into(),
                "two\nlines".into(),
                OsString::from_vec(vec![0xff]),
            ],
            modules: vec!["/lib/modules/loop.ko".into()],
            cgroup: Cgroup::V1,
            boots_disk: true,
            stays: true,
            terminal: Some(Terminal {
                size: Size {
                    rows: 24,
                    columns: 80,
                },
                term: "xterm".into(),
            }),
        };
        assert_eq!(Settings::decode(&settings.encode()).unwrap(), settings);
        assert_eq!(Settings::decode(b"").unwrap(), Settings::default());
        assert!(Settings::decode(b"nonsense=1\0").is_err());
    }

    #[test]
    fn reports_are_one_line() {
        for report in [
            Report::Started,
            Report::Ended(137),
            Report::Failed("no such".into()),
        ] {
            assert_eq!(Report::decode(&report.encode()).unwrap(), report);
        }
        assert!(!Report::Failed("a\nb".into()).encode().contains('\n'));
        assert!(Report::decode("ended 256").is_err());
        assert!(Report::decode("[    0.1] printk").is_err());
    }
}
