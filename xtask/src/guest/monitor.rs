//! QEMU's monitor (QMP): a guest's memory, written to a file.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// A file for the memory of a guest, after its command has ended.
#[derive(Clone, Debug)]
pub struct Dump {
    pub path: PathBuf,
    pub format: Format,
}

/// The format of a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Every page as it is.
    Elf,
    /// kdump-compressed by zlib, which QEMU always writes flattened.
    Kdump,
}

/// The arguments of QEMU that a dump needs: its monitor, and the device by which the kernel says
/// where its VMCOREINFO is, if its module `qemu_fw_cfg` is loaded.
pub fn arguments(socket: &Path) -> [String; 4] {
    [
        "-device".into(),
        "vmcoreinfo".into(),
        "-qmp".into(),
        format!("unix:{},server=on,wait=off", socket.display()),
    ]
}

/// Stops the guest, and writes its memory.
pub fn dump(socket: &Path, dump: &Dump) -> Result<()> {
    let path = std::path::absolute(&dump.path)?;
    let file = format!("file:{}", path.display());
    let format = match dump.format {
        Format::Elf => "elf",
        Format::Kdump => "kdump-zlib",
    };
    let arguments = json!({"paging": false, "protocol": file, "format": format});
    let mut monitor = Monitor::connect(socket)?;
    monitor.run("qmp_capabilities", &json!({}))?;
    monitor.run("stop", &json!({}))?;
    monitor.run("dump-guest-memory", &arguments)
}

struct Monitor {
    lines: BufReader<UnixStream>,
}

impl Monitor {
    fn connect(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket).context("connect to QEMU's monitor")?;
        Ok(Self {
            lines: BufReader::new(stream),
        })
    }

    /// Runs a command to its end.
    fn run(&mut self, command: &str, arguments: &Value) -> Result<()> {
        let asked = json!({"execute": command, "arguments": arguments});
        let answer = writeln!(self.lines.get_mut(), "{asked}")
            .map_err(anyhow::Error::from)
            .and_then(|()| self.answer());
        let answer = answer.with_context(|| format!("QEMU's monitor: {command}"))?;
        if let Some(error) = answer.get("error") {
            bail!("QEMU's monitor: {command}: {}", error["desc"]);
        }
        Ok(())
    }

    /// The next answer; the greeting and events are none.
    fn answer(&mut self) -> Result<Value> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line)? == 0 {
                bail!("it is closed");
            }
            let value: Value = serde_json::from_str(&line)?;
            if value.get("return").is_some() || value.get("error").is_some() {
                return Ok(value);
            }
        }
    }
}
