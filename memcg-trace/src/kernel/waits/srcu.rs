//! SRCU: which domain a task waits for, and how many readers are in it. Who they are, nothing
//! records: a reader only counts up on one CPU, and down on any (kernel/rcu/srcutree.c).

use super::finding::Finding;
use super::stacks::Stack;
use super::view::View;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::{Reader, is_kernel_address, words};
use crate::kernel::layout::fields::Field;
use crate::sample::waits::{Evidence, Resource};
use crate::sample::{Mode, ResourceKind};
use crate::units;

/// A wait for the readers of a domain.
pub(super) fn wait(view: &View<'_>, at: usize, stack: &Stack<'_>) -> Result<Finding, Unreadable> {
    let mut resource = Resource {
        kind: ResourceKind::Rcu,
        name: Some("SRCU".to_owned()),
        ..Resource::default()
    };
    let unknown = match domain(view.reader, stack)? {
        Some(domain) => {
            resource.addr = domain;
            if let Some(name) = view.name_of(domain) {
                resource.name = Some(format!("SRCU {name}"));
            }
            match readers(view.reader, domain)? {
                0 => {
                    "no task reads it, and what ends its grace period was not looked for".to_owned()
                }
                count => format!(
                    "{} {} in it, and SRCU does not record which",
                    units::things(count, "task"),
                    units::is(count)
                ),
            }
        }
        None => "who reads it is not recorded".to_owned(),
    };
    resource.incomplete = Some(unknown);
    Ok(Finding::new(at, resource, Mode::Write, Evidence::Inferred))
}

/// The domain whose address is on a stack: the data that it has for each CPU points back to it.
fn domain(reader: &Reader<'_>, stack: &Stack<'_>) -> Result<Option<u64>, Unreadable> {
    let per_cpu = reader.offset(Field::SrcuPerCpu)?;
    let owner = reader.offset(Field::SrcuOwner)?;
    let Some(first) = reader.cpu_offsets()?.first().copied() else {
        return Ok(None);
    };
    let is_domain = |word: &u64| {
        is_kernel_address(*word)
            && reader
                .word_at(word.wrapping_add(per_cpu))
                .is_ok_and(|data| {
                    data != 0
                        && reader.word_at(data.wrapping_add(first).wrapping_add(owner)) == Ok(*word)
                })
    };
    Ok(stack.words.iter().copied().find(is_domain))
}

/// The number of readers of a domain, in both of its halves.
fn readers(reader: &Reader<'_>, domain: u64) -> Result<u64, Unreadable> {
    let data = reader.word(domain, Field::SrcuPerCpu)?;
    let mut count: u64 = 0;
    for offset in reader.cpu_offsets()? {
        let (came, left) = counts(reader, data.wrapping_add(offset))?;
        count = count.wrapping_add(came).wrapping_sub(left);
    }
    // A reader that left while the CPUs were read may count twice.
    Ok(u64::try_from(count.cast_signed()).unwrap_or(0))
}

/// The numbers of readers that came and left on one CPU.
fn counts(reader: &Reader<'_>, data: u64) -> Result<(u64, u64), Unreadable> {
    let sum = |counts: Vec<u64>| counts.into_iter().fold(0, u64::wrapping_add);
    if reader.has(Field::SrcuLockCounts) {
        let came = sum(reader.words(data, Field::SrcuLockCounts)?);
        let left = sum(reader.words(data, Field::SrcuUnlockCounts)?);
        return Ok((came, left));
    }
    // Since 6.15 the halves are structs of two counts.
    let all = reader.bytes(data, Field::SrcuCounts)?;
    let of_half = |field| {
        let place = reader.place(field)?;
        let at = usize::try_from(place.offset).unwrap_or(usize::MAX);
        Ok(all
            .chunks_exact(all.len() / 2)
            .filter_map(|half| words(half.get(at..)?).first().copied())
            .fold(0, u64::wrapping_add))
    };
    Ok((
        of_half(Field::SrcuCountLocks)?,
        of_half(Field::SrcuCountUnlocks)?,
    ))
}
