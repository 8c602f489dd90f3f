//! The kernel's symbols by address, all of them: a stack is made of addresses.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};

use crate::kernel::reader::is_kernel_address;

const KALLSYMS: &str = "/proc/kallsyms";
/// A symbol stands for addresses up to this far behind it.
const REACH_BYTES: u64 = 1 << 20;

/// Those that are wanted by name, in order.
const WANTED: &[&str] = &[
    "__end_init_stack",
    "__end_init_task",
    "__sched_text_end",
    "__sched_text_start",
    "__start_init_stack",
    "__start_init_task",
    "autoremove_wake_function",
    "cgroup_mutex",
    "cgroup_threadgroup_rwsem",
    "cpu_add_remove_lock",
    "cpu_hotplug_lock",
    "device_hotplug_lock",
    "hrtimer_wakeup",
    "init_stack",
    "max_pfn",
    "mem_hotplug_lock",
    "page_offset_base",
    "percpu_rwsem_wake_function",
    "pipeanon_fops",
    "pipefifo_fops",
    "process_timeout",
    "vmemmap_base",
];

/// Names of functions and variables.
#[derive(Debug, Default)]
pub(in crate::kernel) struct Names {
    /// Address, and where in `text` its name begins; by address.
    symbols: Vec<(u64, u32)>,
    /// Names, each with a NUL behind it.
    text: Vec<u8>,
    wanted: HashMap<&'static str, u64>,
    sched: Option<(u64, u64)>,
}

impl Names {
    /// Reads those of the running kernel.
    pub(in crate::kernel) fn read() -> io::Result<Self> {
        Self::parse(BufReader::with_capacity(1 << 16, File::open(KALLSYMS)?))
    }

    fn parse(mut input: impl BufRead) -> io::Result<Self> {
        let mut names = Self::default();
        let mut line = Vec::with_capacity(128);
        loop {
            line.clear();
            if input.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            let mut words = line.split(u8::is_ascii_whitespace);
            let (Some(address), Some(_), Some(name)) = (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let Some(address) = hexadecimal(address).filter(|one| is_kernel_address(*one)) else {
                continue;
            };
            let Ok(at) = u32::try_from(names.text.len()) else {
                break;
            };
            if let Ok(at) = WANTED.binary_search_by(|one| one.as_bytes().cmp(name)) {
                // The kernel comes before its modules, and counts first.
                names.wanted.entry(WANTED[at]).or_insert(address);
            }
            names.symbols.push((address, at));
            names.text.extend_from_slice(name);
            names.text.push(0);
        }
        // Stable: of several names of one place the kernel's first counts.
        names.symbols.sort_by_key(|(address, _)| *address);
        names.sched = names
            .address("__sched_text_start")
            .zip(names.address("__sched_text_end"));
        Ok(names)
    }

    /// Address of one of those that are wanted.
    pub(super) fn address(&self, name: &str) -> Option<u64> {
        self.wanted.get(name).copied()
    }

    /// The symbol at or before an address, and how far before it.
    fn nearest(&self, address: u64) -> Option<(&str, u64)> {
        let after = self.symbols.partition_point(|(one, _)| *one <= address);
        let found = self.symbols.get(after.checked_sub(1)?)?.0;
        // Of several with the same address, the first.
        let first = self.symbols.partition_point(|(one, _)| *one < found);
        let (begin, at) = *self.symbols.get(first)?;
        let name = self.text.get(at as usize..)?.split(|byte| *byte == 0);
        let name = str::from_utf8(name.into_iter().next()?).ok()?;
        (address - begin < REACH_BYTES).then_some((name, address - begin))
    }

    /// The function that goes on at an address: the call before it is the function's own, and may
    /// be its last instruction. Without what the compiler appended to its name.
    pub(in crate::kernel) fn function(&self, goes_on: u64) -> Option<&str> {
        let name = self.nearest(goes_on.checked_sub(1)?)?.0;
        Some(name.split_once('.').map_or(name, |(base, _)| base))
    }

    /// A variable: `name`, or `name+0x10`.
    pub(super) fn variable(&self, address: u64) -> Option<String> {
        let (name, offset) = self.nearest(address)?;
        Some(match offset {
            0 => name.to_owned(),
            _ => format!("{name}+{offset:#x}"),
        })
    }

    /// Whether an address is in the code of the scheduler and of sleeping locks, which stacks of
    /// the kernel leave out (`__sched`, include/linux/sched/debug.h).
    pub(super) fn is_sched(&self, address: u64) -> bool {
        self.sched
            .is_some_and(|(begin, end)| (begin..end).contains(&address))
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
0000000000000000 A fixed_percpu_data
ffffffff81000000 T _text
ffffffff81001000 t do_migrate_range.isra.0
ffffffff81002000 T __sched_text_start
ffffffff81002000 T schedule
ffffffff81003000 T __sched_text_end
ffffffff82000000 t cgroup_mutex
ffffffffc0001000 t cgroup_mutex\t[evil]
";

    #[test]
    fn wanted_names_are_in_order() {
        assert!(WANTED.is_sorted());
    }

    #[test]
    fn addresses_have_names() {
        let names = Names::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(
            names.function(0xffff_ffff_8100_1010),
            Some("do_migrate_range")
        );
        // It never returns: what comes behind it is another function.
        assert_eq!(names.function(0xffff_ffff_8100_1000), Some("_text"));
        assert_eq!(
            names.variable(0xffff_ffff_8200_0010).as_deref(),
            Some("cgroup_mutex+0x10")
        );
        assert_eq!(names.variable(0xffff_ffff_f000_0000), None);
        assert_eq!(names.address("cgroup_mutex"), Some(0xffff_ffff_8200_0000));
        assert!(names.is_sched(0xffff_ffff_8100_2010));
        assert!(!names.is_sched(0xffff_ffff_8100_3000));
    }
}
