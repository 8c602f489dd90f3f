//! The kernel's symbols: the wanted ones by name, and all by address.
//!
//! The kernel has 150,000 symbols and more, and formats each of them for every reader of
//! `/proc/kallsyms`. If it has an iterator for programs (`symbol_iterator`) and answers queries by
//! address (`address_names`), that file is not read at all.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::sync::OnceLock;

use crate::kernel::host::address_names::{Asked, Table};
use crate::kernel::host::btf::Btf;
use crate::kernel::host::kallsyms;
use crate::kernel::host::privilege::Refusal;
use crate::kernel::host::symbol_filter::Wanted;
use crate::kernel::host::symbol_iterator;
pub use crate::kernel::host::symbol_table::Symbol;

/// Symbols: the wanted ones by name, all by address.
#[derive(Debug, Default)]
pub struct Symbols {
    by_name: HashMap<String, u64>,
    by_address: ByAddress,
    /// The range of the code of the scheduler and of sleeping locks.
    sched: Option<(u64, u64)>,
    /// The number of symbols.
    pub lines: usize,
    /// Whether any address was not zero: the kernel hides them from users who may not see them.
    pub visible: bool,
    /// The reason why all were zero.
    pub(crate) hidden_by: Option<Refusal>,
    /// The number of re-readings: names of an earlier reading may have changed.
    pub(crate) reading: u32,
}

/// The source of symbols by address.
#[derive(Debug)]
enum ByAddress {
    /// The kernel's list, read on first use.
    Listed(OnceLock<Table>),
    /// A query to the kernel for each address.
    Asked(Asked),
}

impl Default for ByAddress {
    fn default() -> Self {
        Self::Listed(OnceLock::new())
    }
}

impl ByAddress {
    fn nearest(&self, address: u64) -> Option<(&str, u64)> {
        match self {
            Self::Listed(table) => {
                let read = || {
                    kallsyms::all().unwrap_or_else(|error| {
                        log::info!("read {}: {error}", kallsyms::PATH);
                        Table::default()
                    })
                };
                table.get_or_init(read).nearest(address)
            }
            Self::Asked(asked) => asked.nearest(address),
        }
    }

    /// The same source, read again.
    fn again(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Listed(_) => Self::default(),
            Self::Asked(asked) => Self::Asked(asked.again()?),
        })
    }
}

impl Symbols {
    /// Reads the symbols of the running kernel. By name, those are found that are in `wanted`;
    /// suffixes of the compiler (`.isra.0`, `.constprop.0`) are ignored. `names_addresses` says
    /// that addresses will be named.
    ///
    /// # Errors
    /// If the kernel has no list of them.
    pub fn of_running_kernel(
        wanted: &HashSet<&str>,
        btf: Option<&Btf>,
        names_addresses: bool,
    ) -> io::Result<Self> {
        let wanted = Wanted::new(wanted.iter().copied());
        let list = kallsyms::open()?;
        // A user who mounts something over the list means to hide symbols, and that is respected.
        let btf = btf.filter(|_| kallsyms::is_the_kernels(&list));
        let iterated = btf.and_then(|btf| symbol_iterator::read(btf, &wanted));
        let mut found = match iterated {
            Some(Ok(found)) => Self::iterated(&found, &wanted),
            failed => {
                if let Some(Err(error)) = failed {
                    log::info!("iterate over symbols: {error}");
                }
                Self::default().read(list, &wanted, names_addresses)?
            }
        };
        let probe = found.sched.filter(|_| found.visible);
        if let (Some(btf), Some((probe, _)), ByAddress::Listed(table)) =
            (btf, probe, &found.by_address)
            && table.get().is_none()
            && let Some(asked) = Asked::open(btf, probe)
        {
            found.by_address = ByAddress::Asked(asked);
        }
        Ok(found)
    }

    /// Reads symbols from text in the form of `/proc/kallsyms`.
    ///
    /// # Errors
    /// If reading fails.
    pub fn parse(input: impl Read, wanted: &HashSet<&str>) -> io::Result<Self> {
        let wanted = Wanted::new(wanted.iter().copied());
        Self::default().read(input, &wanted, true)
    }

    /// Takes the symbols that `each` hands over, and names them by address as well.
    pub(crate) fn of_list(
        each: impl FnOnce(&mut dyn FnMut(u64, &[u8])),
        wanted: &HashSet<&str>,
    ) -> Self {
        let wanted = Wanted::new(wanted.iter().copied());
        let mut table = Table::default();
        let mut symbols = Self::default();
        each(&mut |address, name| {
            symbols.lines += 1;
            symbols.visible |= address != 0;
            table.add(address, name);
            symbols.add(address, name, &wanted);
        });
        table.finish();
        symbols.by_address = ByAddress::Listed(OnceLock::from(table));
        symbols.with_sched()
    }

    fn read(
        mut self,
        input: impl Read,
        wanted: &Wanted<'_>,
        names_addresses: bool,
    ) -> io::Result<Self> {
        let mut table = names_addresses.then(Table::default);
        kallsyms::for_each(input, |line| {
            self.lines += 1;
            self.visible |= line.is_visible();
            if let Some(table) = &mut table
                && let Some(address) = line.address()
            {
                table.add(address, line.name());
            }
            if wanted.may_have(line.name())
                && let Some(address) = line.address()
            {
                self.add(address, line.name(), wanted);
            }
        })?;
        if let Some(mut table) = table {
            table.finish();
            self.by_address = ByAddress::Listed(OnceLock::from(table));
        }
        Ok(self.with_sched())
    }

    fn iterated(found: &symbol_iterator::Found, wanted: &Wanted<'_>) -> Self {
        let mut symbols = Self {
            lines: found.symbols,
            ..Self::default()
        };
        for (address, name) in found.each() {
            symbols.visible |= address != 0;
            symbols.add(address, name, wanted);
        }
        symbols.with_sched()
    }

    /// Keeps a symbol if it is wanted. The kernel comes before its modules, and its symbols win.
    fn add(&mut self, address: u64, name: &[u8], wanted: &Wanted<'_>) {
        if wanted.has(name)
            && let Ok(name) = str::from_utf8(name)
        {
            self.by_name.entry(name.to_owned()).or_insert(address);
        }
    }

    fn with_sched(mut self) -> Self {
        let begin = self.address(Symbol::SchedTextStart);
        self.sched = begin.zip(self.address(Symbol::SchedTextEnd));
        self
    }

    /// Reads the symbols by address again: modules may have been loaded. Those by name are the
    /// kernel's own, and do not change.
    ///
    /// # Errors
    /// If the kernel cannot be queried.
    pub(crate) fn again(&self) -> io::Result<Self> {
        Ok(Self {
            by_name: self.by_name.clone(),
            by_address: self.by_address.again()?,
            reading: self.reading + 1,
            ..*self
        })
    }

    /// Address of a symbol; `None` if there is none or it is hidden.
    #[must_use]
    pub fn address(&self, symbol: Symbol) -> Option<u64> {
        let mut names = symbol.names().iter();
        names.find_map(|name| self.function_address(name))
    }

    /// Address of a function that a hook names; `None` if there is none or it is hidden.
    #[must_use]
    pub fn function_address(&self, name: &str) -> Option<u64> {
        self.by_name
            .get(name)
            .copied()
            .filter(|address| *address != 0)
    }

    /// The reason why a symbol has no address.
    #[must_use]
    pub fn no_address(&self, symbol: Symbol) -> String {
        match &self.hidden_by {
            Some(refusal) => refusal.sentence(),
            None => format!(
                "kallsyms shows no address of {}",
                symbol.names().join(" or ")
            ),
        }
    }

    /// Whether the kernel has a symbol, even if its address is hidden.
    #[must_use]
    pub fn has(&self, symbol: Symbol) -> bool {
        let mut names = symbol.names().iter();
        names.any(|name| self.by_name.contains_key(*name))
    }

    /// The symbol of a function, with the suffix of the compiler, if any.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<&str> {
        if let Some((whole, _)) = self.by_name.get_key_value(name) {
            return Some(whole);
        }
        self.by_name
            .keys()
            .map(String::as_str)
            .filter(|whole| base_name(whole) == name)
            .min()
    }

    /// The function of a return address, without a suffix of the compiler. The call before the
    /// address is the function's own, and may be its last instruction.
    pub(crate) fn function_at(&self, return_address: u64) -> Option<&str> {
        let name = self.nearest(return_address.checked_sub(1)?)?.0;
        Some(base_name(name))
    }

    /// A call by its return address: `name+0x10`. The call is before that address, and may be the
    /// last instruction of its function.
    pub(crate) fn call_site_at(&self, return_address: u64) -> Option<String> {
        let (name, offset) = self.nearest(return_address.checked_sub(1)?)?;
        Some(format!("{}+{:#x}", base_name(name), offset + 1))
    }

    /// A variable: `name`, or `name+0x10`.
    pub(crate) fn variable_at(&self, address: u64) -> Option<String> {
        let (name, offset) = self.nearest(address)?;
        Some(match offset {
            0 => name.to_owned(),
            _ => format!("{name}+{offset:#x}"),
        })
    }

    /// Whether a module was loaded when the symbols were read, by an address near the start of its
    /// `struct module`, which has a symbol of its own (scripts/mod/modpost.c).
    pub(crate) fn has_module(&self, near: u64) -> bool {
        /// The first members of the struct are its state and its link.
        const NEAR_BYTES: u64 = 64;
        // An answer of the kernel may be about an earlier module at the same address.
        let ByAddress::Listed(table) = &self.by_address else {
            return false;
        };
        // Nothing was read yet, so nothing is outdated.
        let Some(table) = table.get() else {
            return true;
        };
        let nearest = table.nearest(near);
        nearest.is_some_and(|(name, offset)| name == "__this_module" && offset < NEAR_BYTES)
    }

    /// Whether an address is in the code of the scheduler and of sleeping locks, which the kernel's
    /// stacks leave out (`__sched`, include/linux/sched/debug.h).
    pub(crate) fn is_sched(&self, address: u64) -> bool {
        self.sched
            .is_some_and(|(begin, end)| (begin..end).contains(&address))
    }

    /// The symbol at or before an address, and the distance from it.
    fn nearest(&self, address: u64) -> Option<(&str, u64)> {
        let by_address = self.visible.then_some(&self.by_address)?;
        by_address.nearest(address)
    }
}

/// Names of addresses; each is looked up once.
#[derive(Debug, Default)]
pub struct Names {
    known: HashMap<u64, Option<String>>,
    /// The reading of the symbols that the names are from.
    reading: u32,
}

impl Names {
    /// Looks up all of `addresses` that are not known yet.
    pub fn learn(&mut self, addresses: impl Iterator<Item = u64>, symbols: &Symbols) {
        if self.reading != symbols.reading {
            self.reading = symbols.reading;
            self.known.clear();
        }
        for address in addresses {
            let known = self.known.entry(address);
            known.or_insert_with(|| symbols.variable_at(address));
        }
    }

    /// `name`, or `name+0x10`; `None` if no symbol is near, or the address was not learnt.
    #[must_use]
    pub fn get(&self, address: u64) -> Option<&str> {
        self.known.get(&address)?.as_deref()
    }
}

fn base_name(name: &str) -> &str {
    name.split_once('.').map_or(name, |(base, _)| base)
}

#[cfg(test)]
mod tests;
