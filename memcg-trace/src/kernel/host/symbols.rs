//! The kernel's symbols: by name those that are wanted, by address what is asked for.
//!
//! There are 150,000 and more, and the kernel makes each of them anew for who reads
//! `/proc/kallsyms`: where it has programs see them (`symbol_iterator`), and says what is at an
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

/// Symbols, by name those that were asked for.
#[derive(Debug, Default)]
pub struct Symbols {
    by_name: HashMap<String, u64>,
    by_address: ByAddress,
    /// Where the code of the scheduler and of sleeping locks begins and ends.
    sched: Option<(u64, u64)>,
    /// How many there are.
    pub lines: usize,
    /// Whether any address was other than zero: the kernel hides them from who may not see them.
    pub visible: bool,
    /// Why none was.
    pub(crate) hidden_by: Option<Refusal>,
    /// How often they were read anew: names of an earlier reading may be others now.
    pub(crate) reading: u32,
}

/// Who knows what is at an address.
#[derive(Debug)]
enum ByAddress {
    /// The kernel's list, read when it is first needed.
    Listed(OnceLock<Table>),
    /// The kernel, asked for each.
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

    /// The same, as of now.
    fn again(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Listed(_) => Self::default(),
            Self::Asked(asked) => Self::Asked(asked.again()?),
        })
    }
}

impl Symbols {
    /// Those of the running kernel. By name are found those that, without what the compiler
    /// appended to it (`.isra.0`, `.constprop.0`), are in `wanted`. With `names_addresses`, it is
    /// known that addresses will be named.
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
        // Who covers the list means to hide something, and is not got round.
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

    /// Reads them from text in the form of `/proc/kallsyms`.
    ///
    /// # Errors
    /// If reading fails.
    pub fn parse(input: impl Read, wanted: &HashSet<&str>) -> io::Result<Self> {
        let wanted = Wanted::new(wanted.iter().copied());
        Self::default().read(input, &wanted, true)
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

    /// Keeps a symbol if it is wanted. The kernel comes before its modules, and counts first.
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

    /// The same, as of now: modules may have come. What was wanted by name is the kernel's own,
    /// and stays.
    ///
    /// # Errors
    /// If the kernel cannot be asked.
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

    /// Why there is no address of something.
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

    /// Whether the kernel has a symbol, its address seen or not.
    #[must_use]
    pub fn has(&self, symbol: Symbol) -> bool {
        let mut names = symbol.names().iter();
        names.any(|name| self.by_name.contains_key(*name))
    }

    /// The symbol of a function under the name that the compiler gave it in the end.
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

    /// The function that goes on at an address: the call before it is the function's own, and may
    /// be its last instruction. Without what the compiler appended to its name.
    pub(crate) fn function_at(&self, goes_on: u64) -> Option<&str> {
        let name = self.nearest(goes_on.checked_sub(1)?)?.0;
        Some(base_name(name))
    }

    /// A variable: `name`, or `name+0x10`.
    pub(crate) fn variable_at(&self, address: u64) -> Option<String> {
        let (name, offset) = self.nearest(address)?;
        Some(match offset {
            0 => name.to_owned(),
            _ => format!("{name}+{offset:#x}"),
        })
    }

    /// Whether the symbols are those of a time when a module was there, by an address near the
    /// begin of its `struct module`, which has a symbol of its own (scripts/mod/modpost.c).
    pub(crate) fn has_module(&self, near: u64) -> bool {
        /// Its first members are its state and its link.
        const NEAR_BYTES: u64 = 64;
        // What the kernel said of an address may be of a module that was there before.
        let ByAddress::Listed(table) = &self.by_address else {
            return false;
        };
        // Nothing was read, so nothing is too old.
        let Some(table) = table.get() else {
            return true;
        };
        let nearest = table.nearest(near);
        nearest.is_some_and(|(name, offset)| name == "__this_module" && offset < NEAR_BYTES)
    }

    /// Whether an address is in the code of the scheduler and of sleeping locks, which stacks of
    /// the kernel leave out (`__sched`, include/linux/sched/debug.h).
    pub(crate) fn is_sched(&self, address: u64) -> bool {
        self.sched
            .is_some_and(|(begin, end)| (begin..end).contains(&address))
    }

    /// The symbol at or before an address, and how far before it.
    fn nearest(&self, address: u64) -> Option<(&str, u64)> {
        let by_address = self.visible.then_some(&self.by_address)?;
        by_address.nearest(address)
    }
}

/// Names for addresses, looked up once each.
#[derive(Debug, Default)]
pub struct Names {
    known: HashMap<u64, Option<String>>,
    /// Of the symbols that they are from.
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

    /// `name`, or `name+0x10`; `None` if nothing is near, or it was not learnt.
    #[must_use]
    pub fn get(&self, address: u64) -> Option<&str> {
        self.known.get(&address)?.as_deref()
    }
}

fn base_name(name: &str) -> &str {
    name.split_once('.').map_or(name, |(base, _)| base)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
0000000000000000 A fixed_percpu_data
ffffffff81000000 T _text
ffffffff81001000 t do_migrate_range.isra.0
ffffffff81001800 T __sched_text_start
ffffffff81001800 T schedule
ffffffff81001c00 T __sched_text_end
ffffffff81002000 t cgroup_mutex
ffffffff81002020 t slab_mutex
ffffffffc0001000 t cgroup_mutex\t[evil]
ffffffffc0002000 d __this_module\t[evil]
";

    #[test]
    fn only_what_is_wanted_is_kept_and_the_kernel_comes_first() {
        let wanted = HashSet::from(["cgroup_mutex", "do_migrate_range"]);
        let symbols = Symbols::parse(TEXT.as_bytes(), &wanted).unwrap();
        assert_eq!(
            symbols.address(Symbol::CgroupMutex),
            Some(0xffff_ffff_8100_2000)
        );
        assert_eq!(
            symbols.function("do_migrate_range"),
            Some("do_migrate_range.isra.0")
        );
        assert_eq!(symbols.function("slab_mutex"), None);
        assert_eq!(symbols.lines, 10);
        assert!(symbols.visible);
    }

    #[test]
    fn hidden_addresses_are_not_addresses() {
        let wanted = HashSet::from(["cgroup_mutex"]);
        let symbols =
            Symbols::parse("0000000000000000 t cgroup_mutex\n".as_bytes(), &wanted).unwrap();
        assert!(!symbols.visible);
        assert!(symbols.has(Symbol::CgroupMutex));
        assert_eq!(symbols.address(Symbol::CgroupMutex), None);
    }

    #[test]
    fn stacks_and_variables_are_named() {
        let wanted = HashSet::from(["__sched_text_start", "__sched_text_end"]);
        let symbols = Symbols::parse(TEXT.as_bytes(), &wanted).unwrap();
        let function = |address| symbols.function_at(address);
        assert_eq!(function(0xffff_ffff_8100_1010), Some("do_migrate_range"));
        // It never returns: what comes behind it is another function.
        assert_eq!(function(0xffff_ffff_8100_1000), Some("_text"));
        let variable = |address| symbols.variable_at(address);
        assert_eq!(
            variable(0xffff_ffff_8100_2010).as_deref(),
            Some("cgroup_mutex+0x10")
        );
        assert_eq!(variable(0xffff_ffff_f000_0000), None);
        assert!(symbols.is_sched(0xffff_ffff_8100_1810));
        assert!(!symbols.is_sched(0xffff_ffff_8100_1c00));
    }

    #[test]
    fn names_are_those_of_the_last_reading() {
        let mut symbols = Symbols::parse(TEXT.as_bytes(), &HashSet::new()).unwrap();
        let mut names = Names::default();
        let ask = [0xffff_ffff_8100_2010, 0xffff_ffff_8100_2020, 0x1000];
        names.learn(ask.into_iter(), &symbols);
        assert_eq!(names.get(ask[0]), Some("cgroup_mutex+0x10"));
        assert_eq!(names.get(ask[1]), Some("slab_mutex"));
        assert_eq!(names.get(ask[2]), None);
        let text = TEXT.replace("slab_mutex", "other_mutex");
        let again = Symbols::parse(text.as_bytes(), &HashSet::new()).unwrap();
        names.learn(ask.into_iter(), &again);
        assert_eq!(names.get(ask[1]), Some("slab_mutex"));
        symbols = Symbols {
            reading: symbols.reading + 1,
            ..again
        };
        names.learn(ask.into_iter(), &symbols);
        assert_eq!(names.get(ask[1]), Some("other_mutex"));
    }

    #[test]
    fn a_module_is_known_by_its_own_symbol() {
        let symbols = Symbols::parse(TEXT.as_bytes(), &HashSet::new()).unwrap();
        assert!(symbols.has_module(0xffff_ffff_c000_2008));
        // What is loaded behind it is none of it.
        assert!(!symbols.has_module(0xffff_ffff_c000_9008));
        assert!(!symbols.has_module(0xffff_ffff_c000_1008));
    }
}
