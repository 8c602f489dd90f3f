//! Loop devices, each of which has its backing file open (drivers/block/loop.c: `lo_backing_file`).
//!
//! `struct loop_device` belongs to the module and is not in the kernel's BTF. So all its words are
//! tried as an open file of an inode whose holders are wanted.

use super::devices;
use super::files::files_among;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::words;
use crate::kernel::debugger::xarray;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::pins::holder_search::HolderSearch;
use crate::kernel::pins::holders::Kind;
use crate::sample::Text;
use crate::sample::pins::{User, UserKind};

/// All devices by their number.
const DEVICES: Symbol = Symbol::LoopIndexIdr;
/// A function of the driver, which exists wherever the devices do.
const FUNCTION: Symbol = Symbol::LoIoctl;
/// Nodes of the array of devices: 64 devices each.
const MAX_NODES: usize = 4096;
/// Bytes of a device up to the end of the pointer to its file.
const BYTES: usize = 512;

/// Looks for the files of all loop devices.
pub(super) fn backing_files(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let reader = search.reader;
    let all = match reader.symbol(DEVICES) {
        Ok(all) => all,
        Err(why) if reader.symbol(FUNCTION).is_ok() => return Err(why),
        // Without the module there are no devices.
        Err(_) => return Ok(()),
    };
    let mut found = Vec::new();
    let is_all = xarray::entries(reader, all, MAX_NODES, |entry| {
        found.extend(entry.pointer().map(|device| (entry.index, device)));
    })?;
    for (number, device) in found {
        search.visited += 1;
        let mut bytes = [0; BYTES];
        match reader.memory.read(device, &mut bytes) {
            Ok(()) => {}
            Err(Unreadable::Fault(_)) => continue,
            Err(why) => return Err(why),
        }
        for file in files_among(search, &words(&bytes)) {
            let disk = format!("loop{number}");
            let user = User {
                kind: UserKind::Loop,
                name: Some(Text::from(&*format!("/dev/{disk}"))),
                held_by: devices::users_of_disk(search, &disk)?,
                ..User::default()
            };
            search.hold(Kind::File.at(file), user);
        }
    }
    if is_all {
        Ok(())
    } else {
        Err(Unreadable::Failed("there are too many of them".to_owned()))
    }
}
