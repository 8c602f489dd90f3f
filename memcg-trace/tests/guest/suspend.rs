//! A device-mapper device over a RAM disk, which can suspend all requests for a while.
#![expect(
    unsafe_code,
    reason = "ioctl(2) has no safe face; what is unsafe of it is here"
)]

use std::fs::{self, File};
use std::path::PathBuf;

use rustix::ioctl::{Updater, ioctl, opcode};

use crate::host::eventually;

/// include/uapi/linux/dm-ioctl.h.
const GROUP: u8 = 0xfd;
const CREATE: u32 = opcode::read_write::<Header>(GROUP, 3);
const REMOVE: u32 = opcode::read_write::<Header>(GROUP, 4);
const SUSPEND: u32 = opcode::read_write::<Header>(GROUP, 6);
const LOAD: u32 = opcode::read_write::<Header>(GROUP, 9);
/// `DM_SUSPEND_FLAG`, `DM_SKIP_LOCKFS_FLAG` and `DM_NOFLUSH_FLAG`: suspend now, also while in use.
const AT_ONCE: u32 = 1 << 1 | 1 << 10 | 1 << 11;

/// `struct dm_ioctl`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Header {
    version: [u32; 3],
    data_size: u32,
    data_start: u32,
    target_count: u32,
    open_count: i32,
    flags: u32,
    event_nr: u32,
    padding: u32,
    dev: u64,
    name: [u8; 128],
    uuid: [u8; 129],
    data: [u8; 7],
}

/// The struct with one `struct dm_target_spec` and its parameters.
#[repr(C)]
struct Question {
    header: Header,
    sector_start: u64,
    length: u64,
    status: i32,
    next: u32,
    target_type: [u8; 16],
    parameters: [u8; 64],
}

fn padded<const BYTES: usize>(text: &str) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    bytes
}

/// The device, removed when dropped unless it is in use.
pub struct Device {
    control: File,
    name: &'static str,
    pub path: PathBuf,
}

impl Device {
    /// Makes a device whose blocks are those of a disk.
    pub fn over(disk: &str, name: &'static str) -> Self {
        let mut options = File::options();
        let control = options.read(true).write(true).open("/dev/mapper/control");
        let disk_name = disk.strip_prefix("/dev/").unwrap();
        let sectors = fs::read_to_string(format!("/sys/block/{disk_name}/size")).unwrap();
        let mut device = Self {
            control: control.unwrap(),
            name,
            path: PathBuf::new(),
        };
        device.ask::<CREATE>(0, None);
        device.ask::<LOAD>(0, Some((sectors.trim().parse().unwrap(), disk)));
        device.resume();
        let is_ours = |path: &PathBuf| {
            let name = fs::read_to_string(path.join("dm/name"));
            name.is_ok_and(|one| one.trim() == device.name)
        };
        let all = fs::read_dir("/sys/block").unwrap().flatten();
        let found = all.map(|entry| entry.path()).find(is_ours).unwrap();
        device.path = PathBuf::from("/dev").join(found.file_name().unwrap());
        eventually("the device", || match device.path.exists() {
            true => Ok(()),
            false => Err(device.path.display().to_string()),
        });
        device
    }

    /// Suspends the device: reads and writes wait.
    pub fn suspend(&self) {
        self.ask::<SUSPEND>(AT_ONCE, None);
    }

    pub fn resume(&self) {
        self.ask::<SUSPEND>(0, None);
    }

    fn ask<const CODE: u32>(&self, flags: u32, table: Option<(u64, &str)>) {
        self.try_ask::<CODE>(flags, table).unwrap();
    }

    fn try_ask<const CODE: u32>(
        &self,
        flags: u32,
        table: Option<(u64, &str)>,
    ) -> rustix::io::Result<()> {
        let mut question = Question {
            header: Header {
                version: [4, 0, 0],
                data_size: u32::try_from(size_of::<Question>()).unwrap(),
                data_start: u32::try_from(size_of::<Header>()).unwrap(),
                target_count: u32::from(table.is_some()),
                open_count: 0,
                flags,
                event_nr: 0,
                padding: 0,
                dev: 0,
                name: padded(self.name),
                uuid: [0; 129],
                data: [0; 7],
            },
            sector_start: 0,
            length: table.map_or(0, |(sectors, _)| sectors),
            status: 0,
            next: 0,
            target_type: padded("linear"),
            parameters: padded(&table.map_or(String::new(), |(_, disk)| format!("{disk} 0"))),
        };
        // SAFETY: the struct is that of the code, and contains its own size; the kernel writes
        // nothing else.
        unsafe { ioctl(&self.control, Updater::<CODE, _>::new(&mut question)) }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // A remaining user may be why the test failed: then nobody checks here that the device
            // goes.
            let _ = self.try_ask::<SUSPEND>(0, None);
            let _ = self.try_ask::<REMOVE>(0, None);
            return;
        }
        // The last user may not have released it yet.
        eventually("the device goes", || {
            self.try_ask::<REMOVE>(0, None)
                .map_err(|error| error.to_string())
        });
    }
}
