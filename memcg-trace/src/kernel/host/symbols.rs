//! The kernel's symbols, from `/proc/kallsyms`.
//!
//! The file has 150,000 lines and more, and the kernel makes each of them anew: it is read once,
//! for all that is asked by name and by address, and again only for modules that came since. The
//! type letter of a line is not used: since 6.18 data is marked as text.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader};

use memchr::{memchr, memchr2};

use crate::kernel::host::privilege::Refusal;

const KALLSYMS: &str = "/proc/kallsyms";
/// A symbol stands for addresses up to this far behind it.
const REACH_BYTES: u64 = 1 << 20;

/// Kernel addresses have their upper bits set, seven of them with five levels of page tables
/// (Documentation/arch/x86/x86_64/mm.rst); poison and user addresses do not.
const KERNEL_HALF: u64 = 0xfe00_0000_0000_0000;

/// Whether something can be an address of the kernel.
pub(crate) fn is_kernel_address(address: u64) -> bool {
    address & KERNEL_HALF == KERNEL_HALF
}

/// All symbols by address, and by name those that were asked for.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    by_name: HashMap<String, u64>,
    /// Address, and where in `text` its name begins; by address.
    by_address: Vec<(u64, u32)>,
    /// Names, each with a NUL behind it.
    text: Vec<u8>,
    /// Where the code of the scheduler and of sleeping locks begins and ends.
    sched: Option<(u64, u64)>,
    /// Lines in the file.
    pub lines: usize,
    /// Whether any address was other than zero: the kernel hides them from who may not see them.
    pub visible: bool,
    /// Why none was.
    pub(crate) hidden_by: Option<Refusal>,
    /// How often they were read anew: names of an earlier reading may be others now.
    pub(crate) reading: u32,
}

impl Symbols {
    /// Reads those of the running kernel. By name are found those that, without what the compiler
    /// appended to it (`.isra.0`, `.constprop.0`), are in `wanted`.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn of_running_kernel(wanted: &HashSet<&str>) -> io::Result<Self> {
        Self::parse(BufReader::new(File::open(KALLSYMS)?), wanted)
    }

    /// Reads them from text in the form of that file.
    ///
    /// # Errors
    /// If reading fails.
    pub fn parse(input: impl BufRead, wanted: &HashSet<&str>) -> io::Result<Self> {
        // Each symbol is looked for: a hash that strangers could choose names against is slower.
        let wanted: foldhash::HashSet<&[u8]> = wanted.iter().map(|name| name.as_bytes()).collect();
        let mut found = Self::default();
        for_each_symbol(input, |address, name| {
            found.lines += 1;
            found.visible |= address != 0;
            let text = || str::from_utf8(name).ok();
            if wanted.contains(base(name))
                && let Some(name) = text()
            {
                // The kernel comes before its modules, and counts first.
                found.by_name.entry(name.to_owned()).or_insert(address);
            }
            if is_kernel_address(address)
                && let Ok(at) = u32::try_from(found.text.len())
            {
                found.by_address.push((address, at));
                found.text.extend_from_slice(name);
                found.text.push(0);
            }
        })?;
        // Stable: of several names of one place the kernel's first counts.
        found.by_address.sort_by_key(|(address, _)| *address);
        found.sched = found
            .address("__sched_text_start")
            .zip(found.address("__sched_text_end"));
        Ok(found)
    }

    /// The same, read anew: modules may have come. What was wanted by name is the kernel's own,
    /// and stays.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn again(&self) -> io::Result<Self> {
        let read = Self::of_running_kernel(&HashSet::new())?;
        Ok(Self {
            by_name: self.by_name.clone(),
            sched: self.sched,
            hidden_by: self.hidden_by,
            reading: self.reading + 1,
            ..read
        })
    }

    /// Address of a symbol; `None` if there is none or it is hidden.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<u64> {
        self.by_name
            .get(name)
            .copied()
            .filter(|address| *address != 0)
    }

    /// Why there is no address of something.
    #[must_use]
    pub fn no_address(&self, name: &str) -> String {
        match &self.hidden_by {
            Some(refusal) => refusal.sentence(),
            None => format!("kallsyms shows no address of {name}"),
        }
    }

    /// Whether the kernel has a symbol of that name, its address seen or not.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
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
        let nearest = self.nearest(near);
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
        let after = self.by_address.partition_point(|(one, _)| *one <= address);
        let found = self.by_address.get(after.checked_sub(1)?)?.0;
        // Of several with the same address, the first.
        let first = self.by_address.partition_point(|(one, _)| *one < found);
        let (begin, at) = *self.by_address.get(first)?;
        let name = self.text.get(at as usize..)?.split(|byte| *byte == 0);
        let name = str::from_utf8(name.into_iter().next()?).ok()?;
        (address - begin < REACH_BYTES).then_some((name, address - begin))
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

fn for_each_symbol(mut input: impl BufRead, mut see: impl FnMut(u64, &[u8])) -> io::Result<()> {
    let mut line = Vec::with_capacity(128);
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if let Some((address, name)) = symbol(&line) {
            see(address, name);
        }
    }
}

/// The address and the name in a line: `ffffffff81000000 T name`, and its module behind a tab.
fn symbol(line: &[u8]) -> Option<(u64, &[u8])> {
    let (address, rest) = line.split_at(memchr(b' ', line)?);
    let mut number = 0;
    for digit in address {
        // From `a` on, letters are 9 more than their low four bits say.
        let is_digit = digit.is_ascii_digit();
        if !is_digit && !matches!(digit, b'a'..=b'f') {
            return None;
        }
        let digit = if is_digit {
            digit & 15
        } else {
            (digit & 15) + 9
        };
        number = number << 4 | u64::from(digit);
    }
    let [b' ', _, b' ', rest @ ..] = rest else {
        return None;
    };
    let end = memchr2(b'\t', b'\n', rest).unwrap_or(rest.len());
    Some((number, &rest[..end]))
}

fn base(name: &[u8]) -> &[u8] {
    &name[..memchr(b'.', name).unwrap_or(name.len())]
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
        assert_eq!(symbols.address("cgroup_mutex"), Some(0xffff_ffff_8100_2000));
        assert_eq!(
            symbols.function("do_migrate_range"),
            Some("do_migrate_range.isra.0")
        );
        assert!(!symbols.has("slab_mutex"));
        assert_eq!(symbols.lines, 10);
        assert!(symbols.visible);
    }

    #[test]
    fn hidden_addresses_are_not_addresses() {
        let wanted = HashSet::from(["cgroup_mutex"]);
        let symbols =
            Symbols::parse("0000000000000000 t cgroup_mutex\n".as_bytes(), &wanted).unwrap();
        assert!(!symbols.visible);
        assert!(symbols.has("cgroup_mutex"));
        assert_eq!(symbols.address("cgroup_mutex"), None);
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
