//! Kernel pages that pin (they are charged to memory cgroups until 5.11): stacks, page tables and
//! pipe buffers, with their owners.

use crate::kernel::host::symbols::Symbol;
use std::collections::{HashMap, HashSet};

use super::ledger::Ledger;
use super::users::set_users;
use super::ways::pages::{carried, ends_of_pipes};
use crate::kernel::debugger::folio::DESCRIPTOR_BYTES;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::open_files::Open;
use crate::kernel::debugger::page_tables::PageTables;
use crate::kernel::debugger::reader::{Reader, is_kernel_address, words};
use crate::kernel::debugger::tasks::{self, Thread};
use crate::kernel::layout::fields::Field;
use crate::sample::pins::{Held, Object, ObjectKind, PinKind, User, UserKind};

/// Pages of one stack (arch/x86/include/asm/page_64_types.h: THREAD_SIZE_ORDER; more with KASAN).
const STACK_PAGES: u64 = 32;
/// Other possible owners of such a page.
const OTHERS: &str = "stacks and page tables of tasks that were released, vmalloc, and what \
                      drivers allocate";

/// Pages that are charged to zombies, by the address of their first descriptor: the zombie, and the
/// number of 4 KiB pages.
#[derive(Debug, Default)]
pub(super) struct KernelPages {
    by_page: HashMap<u64, (usize, u64)>,
}

/// References and pages by zombie, kind and task.
type Sums = HashMap<(usize, ObjectKind, u64), (u64, u64)>;

impl KernelPages {
    pub(super) fn add(&mut self, page: u64, zombie: usize, pages: u64) {
        self.by_page.insert(page, (zombie, pages));
    }

    /// Adds all pages to the ledger, with their owners.
    pub(super) fn describe(
        mut self,
        reader: &Reader<'_>,
        threads: &[Thread],
        open: &Open,
        ledger: &mut Ledger,
    ) -> Result<(), Unreadable> {
        if self.by_page.is_empty() {
            return Ok(());
        }
        let mut sums = Sums::new();
        let outcome = self
            .stacks(reader, threads, &mut sums)
            .and_then(|()| self.tables(reader, threads, &mut sums))
            .and_then(|()| self.pipes(reader, open, ledger));
        for ((zombie, kind, task), (refs, pages)) in sums {
            let mut object = Object {
                kind,
                refs,
                pages: Some(pages),
                ..Object::default()
            };
            let user = tasks::user(reader, task, UserKind::Other);
            set_users(&mut object, user.into_iter().collect());
            ledger.zombies[zombie].add(PinKind::PageKmem, object);
        }
        let mut rest: HashMap<usize, (u64, u64)> = HashMap::new();
        for (zombie, pages) in self.by_page.values() {
            let sum = rest.entry(*zombie).or_default();
            *sum = (sum.0 + 1, sum.1 + pages);
        }
        for (zombie, (refs, pages)) in rest {
            let object = Object {
                refs,
                pages: Some(pages),
                held: Some(Held {
                    refs,
                    found: 0,
                    not_checked: vec![OTHERS.to_owned()],
                }),
                ..Object::default()
            };
            ledger.zombies[zombie].add(PinKind::PageKmem, object);
        }
        outcome
    }

    /// Removes a page whose owner was found, and adds it to `sums`.
    fn take(&mut self, page: u64, kind: ObjectKind, task: u64, sums: &mut Sums) {
        if let Some((zombie, pages)) = self.by_page.remove(&page) {
            let sum = sums.entry((zombie, kind, task)).or_default();
            *sum = (sum.0 + 1, sum.1 + pages);
        }
    }

    /// Finds stacks that are mapped page by page (kernel/fork.c: memcg_charge_kernel_stack()).
    fn stacks(
        &mut self,
        reader: &Reader<'_>,
        threads: &[Thread],
        sums: &mut Sums,
    ) -> Result<(), Unreadable> {
        let tasks: Vec<_> = threads.iter().map(|thread| thread.task).collect();
        let areas = reader.column(&tasks, Field::TaskStackVmArea)?;
        let areas: Vec<_> = areas.into_iter().map(Option::unwrap_or_default).collect();
        let arrays = reader.column(&areas, Field::VmStructPages)?;
        let counts = reader.column(&areas, Field::VmStructNrPages)?;
        for (task, (array, count)) in tasks.into_iter().zip(arrays.into_iter().zip(counts)) {
            let (Some(array), Some(count)) = (array, count) else {
                continue;
            };
            let mut pages = vec![0; usize::try_from(count.min(STACK_PAGES)).unwrap_or(0) * 8];
            if reader.memory.read(array, &mut pages).is_ok() {
                for page in words(&pages) {
                    self.take(page, ObjectKind::KernelStack, task, sums);
                }
            }
        }
        Ok(())
    }

    /// Finds the page tables of all address spaces.
    fn tables(
        &mut self,
        reader: &Reader<'_>,
        threads: &[Thread],
        sums: &mut Sums,
    ) -> Result<(), Unreadable> {
        let vmemmap = reader.word_at(reader.symbol(Symbol::VmemmapBase)?)?;
        let mut seen = HashSet::new();
        for thread in threads {
            if !is_kernel_address(thread.mm) || !seen.insert(thread.mm) {
                continue;
            }
            let tables = PageTables::of(reader, thread.mm)?;
            let outcome = tables.each_table(|pfn| {
                let page = vmemmap + pfn * DESCRIPTOR_BYTES as u64;
                self.take(page, ObjectKind::PageTables, thread.task, sums);
            });
            match outcome {
                // The process exits meanwhile.
                Ok(()) | Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => {}
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }

    /// Finds the pages in pipes.
    fn pipes(
        &mut self,
        reader: &Reader<'_>,
        open: &Open,
        ledger: &mut Ledger,
    ) -> Result<(), Unreadable> {
        for (pipe, ends) in ends_of_pipes(reader, open)? {
            let Ok(pages) = carried(reader, pipe) else {
                // The pipe was closed meanwhile.
                continue;
            };
            let mut sums: HashMap<usize, (u64, u64)> = HashMap::new();
            for page in pages {
                if let Some((zombie, pages)) = self.by_page.remove(&page) {
                    let sum = sums.entry(zombie).or_default();
                    *sum = (sum.0 + 1, sum.1 + pages);
                }
            }
            for (zombie, (refs, pages)) in sums {
                let mut object = Object {
                    kind: ObjectKind::Pipe,
                    refs,
                    pages: Some(pages),
                    ..Object::default()
                };
                let users = ends.iter().filter_map(|end| {
                    let user = tasks::user(reader, end.task, UserKind::InPipe)?;
                    Some(User {
                        fd: Some(end.fd),
                        ..user
                    })
                });
                set_users(&mut object, users.collect());
                ledger.zombies[zombie].add(PinKind::PageKmem, object);
            }
        }
        Ok(())
    }
}
