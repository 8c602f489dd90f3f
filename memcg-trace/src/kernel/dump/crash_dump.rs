//! A dump, opened: the kernel's memory, and where things are in it.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context as _, ensure};

use super::address_space::{AddressSpace, Root};
use super::errors::Unread;
use super::kallsyms::Kallsyms;
use super::notes::Notes;
use super::physical::Physical;
use super::vmcoreinfo::Vmcoreinfo;
use crate::kernel::host::btf::Btf;
use crate::kernel::host::symbols::{Symbol, Symbols};

/// The address of the kernel's image, before it is moved (`__START_KERNEL_map`).
const IMAGE: u64 = 0xffff_ffff_8000_0000;
/// Maximum bytes of BTF: kernels have five million.
const BTF_BYTES: u64 = 256 << 20;
/// Maximum bytes of the kernel's command line (arch/x86/include/asm/setup.h: COMMAND_LINE_SIZE).
const COMMAND_LINE_BYTES: usize = 2048;

/// The kernel's memory in a dump.
pub struct CrashDump {
    space: AddressSpace,
    info: Vmcoreinfo,
}

impl CrashDump {
    /// Opens a dump, and finds the kernel's page tables in it.
    ///
    /// # Errors
    /// One line, if the file is no dump, is damaged, or lacks what leads to the page tables.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        Self::open_file(path).with_context(|| format!("read the dump {}", path.display()))
    }

    fn open_file(path: &Path) -> anyhow::Result<Self> {
        let (memory, notes) = Physical::open(path)?;
        let info = vmcoreinfo(&memory, notes)?;
        let root = root(&info)?;
        let space = AddressSpace::new(memory, root);
        Ok(Self { space, info })
    }

    /// The release of the kernel (`uname -r`).
    #[must_use]
    pub fn release(&self) -> &str {
        self.info.get("OSRELEASE").unwrap_or_default()
    }

    /// The format of the dump, for people.
    #[must_use]
    pub fn format(&self) -> &'static str {
        self.space.memory.kind()
    }

    /// The level of pages that the tool which made the dump left out (makedumpfile(8), `-d`); `None` if
    /// the dump does not say.
    #[must_use]
    pub fn dump_level(&self) -> Option<u32> {
        self.space.memory.dump_level()
    }

    /// Bytes of the host's memory that the dump does not hold.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn left_out_bytes(&self) -> anyhow::Result<u64> {
        Ok(self.space.memory.left_out_bytes()?)
    }

    /// Hands over the address and the name of each symbol of the kernel, but for those of modules,
    /// in the order of `/proc/kallsyms`.
    ///
    /// # Errors
    /// One line, if their list is not in the dump or has a form that is not known.
    pub fn for_each_symbol(&self, see: impl FnMut(u64, &[u8])) -> anyhow::Result<()> {
        Kallsyms::read(&self.space, &self.info)?.each(see);
        Ok(())
    }

    /// The kernel's symbols, but for those of modules.
    ///
    /// # Errors
    /// As [`CrashDump::for_each_symbol`].
    pub fn symbols(&self, wanted: &HashSet<&str>) -> anyhow::Result<Symbols> {
        let list = Kallsyms::read(&self.space, &self.info)?;
        Ok(Symbols::of_list(|see| list.each(see), wanted))
    }

    /// The kernel's types, in the form of BTF.
    ///
    /// # Errors
    /// One line, if the kernel has none, or they are not in the dump.
    pub fn types(&self, symbols: &Symbols) -> anyhow::Result<Vec<u8>> {
        let place = |symbol| symbols.address(symbol);
        let both = place(Symbol::StartBtf).zip(place(Symbol::StopBtf));
        let (begin, end) = both.context("this kernel has none (CONFIG_DEBUG_INFO_BTF)")?;
        let bytes = end.saturating_sub(begin);
        ensure!(bytes <= BTF_BYTES, "{bytes} bytes of them");
        let mut types = vec![0; usize::try_from(bytes)?];
        self.read(begin, &mut types)?;
        Ok(types)
    }

    /// The same, indexed.
    ///
    /// # Errors
    /// As [`CrashDump::types`], or if they are malformed.
    pub fn btf(&self, symbols: &Symbols) -> anyhow::Result<Btf> {
        let types = self.types(symbols).and_then(|types| Ok(Btf::parse(types)?));
        types.context("read the kernel's types")
    }

    /// The kernel's command line; `None` if it is not in the dump.
    #[must_use]
    pub fn command_line(&self, symbols: &Symbols) -> Option<Vec<u8>> {
        let pointer = symbols.address(Symbol::SavedCommandLine)?;
        let begin = self.space.word(pointer).ok()?;
        let mut line = vec![0; COMMAND_LINE_BYTES];
        self.space.read_with_holes(begin, &mut line).then(|| {
            line.truncate(memchr::memchr(0, &line).unwrap_or(line.len()));
            line
        })
    }

    /// The flags that say what tainted the kernel (Documentation/admin-guide/tainted-kernels.rst);
    /// `None` if they are not in the dump.
    #[must_use]
    pub fn taint(&self, symbols: &Symbols) -> Option<u64> {
        let address = symbols.address(Symbol::TaintedMask)?;
        self.space.word(address).ok()
    }

    /// Fills `out` with the bytes at an address of the kernel.
    ///
    /// # Errors
    /// If one of them is not in the dump.
    pub fn read(&self, address: u64, out: &mut [u8]) -> Result<(), Unread> {
        self.space.read(address, out)
    }
}

/// VMCOREINFO of the notes, or else of memory: QEMU has no note unless the guest had a driver
/// loaded for it.
fn vmcoreinfo(memory: &Physical, notes: Notes) -> anyhow::Result<Vmcoreinfo> {
    if let Some(text) = notes.vmcoreinfo {
        return Ok(Vmcoreinfo::parse(&text));
    }
    let found = Vmcoreinfo::search(memory)?;
    found.context(
        "it has no VMCOREINFO, in its notes or in memory: it is of no Linux kernel, or of one \
         without CONFIG_CRASH_DUMP",
    )
}

/// The kernel's own page tables.
fn root(info: &Vmcoreinfo) -> anyhow::Result<Root> {
    if let Some(mask) = info.number("sme_mask").filter(|mask| *mask != 0) {
        anyhow::bail!("its memory is encrypted (sme_mask {mask:#x}), which is not supported");
    }
    let table = info.symbol("swapper_pg_dir");
    let table = table.context("VMCOREINFO lacks SYMBOL(swapper_pg_dir): not of x86-64?")?;
    let moved = info.number("phys_base");
    let moved = moved.context("VMCOREINFO lacks NUMBER(phys_base): not of x86-64?")?;
    let has_five_levels = info
        .number("pgtable_l5_enabled")
        .is_some_and(|one| one != 0);
    Ok(Root {
        table: table.wrapping_sub(IMAGE).wrapping_add(moved),
        levels: if has_five_levels { 5 } else { 4 },
    })
}
