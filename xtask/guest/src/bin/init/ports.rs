//! Serial ports.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context, Result};
use memcg_trace_guest::{Port, Size};
use rustix::fs::OFlags;
use rustix::termios::{self, OptionalActions, Winsize};

/// Opens the port as the kernel sets it up: a terminal that echoes and edits lines.
pub fn open(port: Port) -> Result<File> {
    let flags = i32::try_from(OFlags::NOCTTY.bits()).context("O_NOCTTY")?;
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(flags)
        .open(port.device())
        .with_context(|| format!("open {}", port.device()))
}

/// Opens the port as a line that carries bytes unchanged.
pub fn open_raw(port: Port) -> Result<File> {
    let file = open(port)?;
    let mut attributes = termios::tcgetattr(&file).context("tcgetattr")?;
    attributes.make_raw();
    termios::tcsetattr(&file, OptionalActions::Now, &attributes).context("tcsetattr")?;
    Ok(file)
}

/// Sets the window size for the programs on the terminal.
pub fn resize(port: &File, size: Size) -> Result<()> {
    let Size { rows, columns } = size;
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    termios::tcsetwinsize(port, size).context("set the window's size")
}

/// Waits until the last byte has been sent.
pub fn drain(port: &File) -> Result<()> {
    termios::tcdrain(port).context("drain a serial port")
}
