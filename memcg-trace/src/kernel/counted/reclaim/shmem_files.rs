//! The files that the shmem of a memcg belongs to. A file can be of several memcgs: each page is
//! charged on its own.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::page_owner::Owners;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::superblocks;
use crate::kernel::debugger::tasks;
use crate::kernel::debugger::visible_paths::VisiblePaths;
use crate::kernel::debugger::xarray;
use crate::kernel::host::clock::now_ns;
use crate::kernel::layout::fields::Field;
use crate::sample::oom::{ShmemFile, ShmemFiles};
use crate::units::PAGE_BYTES;

/// Most inodes that are looked at.
const INODES: usize = 1 << 16;
/// Most files whose pages are looked at, largest first.
const FILES: usize = 64;
/// Most nodes of a file's tree that are read: each has 64 pages.
const NODES: usize = 128;
/// The number of files that are named.
const NAMED: usize = 5;
/// Most memcgs between a page's and the one whose limit it is.
const DEPTH: usize = 64;

/// Finds the files of shmem with pages of a memcg, whose css is at `limit`, or of those below it.
pub(super) fn find(reader: &Reader<'_>, limit: u64, budget: Duration) -> ShmemFiles {
    let mut search = Search {
        reader,
        limit,
        owners: Owners::default(),
        is_below: HashMap::new(),
        until: Instant::now() + budget,
        found: ShmemFiles::default(),
    };
    if let Err(why) = search.run() {
        search.found.not_checked.push(why.to_string());
    }
    search.found.end_ns = now_ns();
    search.found
}

/// A file that has pages.
struct Candidate {
    superblock: u64,
    inode: u64,
    mapping: u64,
    pages: u64,
}

struct Search<'a> {
    reader: &'a Reader<'a>,
    limit: u64,
    owners: Owners,
    /// Whether a memcg is the one whose limit it is, or below it.
    is_below: HashMap<u64, bool>,
    until: Instant,
    found: ShmemFiles,
}

impl Search<'_> {
    fn run(&mut self) -> Result<(), Unreadable> {
        let mut candidates = self.candidates()?;
        candidates.sort_by_key(|one| (Reverse(one.pages), one.inode));
        let mut found = Vec::new();
        for (at, one) in candidates.iter().enumerate() {
            if at == FILES || Instant::now() > self.until {
                let left = candidates.len() - at;
                self.found.not_checked.push(format!("{left} smaller files"));
                break;
            }
            // Another file may be freed while it is looked at.
            if let Ok((bytes, is_estimate)) = self.charged(one)
                && bytes > 0
            {
                found.push((bytes, is_estimate, one));
            }
        }
        found.sort_by_key(|(bytes, _, one)| (Reverse(*bytes), one.inode));
        found.truncate(NAMED);
        if found.is_empty() {
            return Ok(());
        }
        let tasks = tasks::all(self.reader).unwrap_or_default();
        let tasks = tasks.processes.iter().map(|process| process.task);
        let mut paths = VisiblePaths::read(self.reader, tasks);
        for (bytes, is_estimate, one) in found {
            let seen = paths.of_inode(self.reader, one.inode, one.superblock);
            let (path, path_of_pid) =
                seen.map_or((None, None), |seen| (Some(seen.path), seen.of_pid));
            self.found.files.push(ShmemFile {
                path,
                path_of_pid,
                ino: self.reader.word(one.inode, Field::InodeIno)?,
                links: self.reader.word(one.inode, Field::InodeNlink).ok(),
                bytes,
                is_estimate,
            });
        }
        Ok(())
    }

    /// All files of shmem that have pages: those of tmpfs, and those that only the kernel mounts.
    fn candidates(&mut self) -> Result<Vec<Candidate>, Unreadable> {
        let reader = self.reader;
        let mut candidates = Vec::new();
        let mut room = INODES;
        for superblock in superblocks::all(reader)? {
            let (fs, _) = superblocks::describe(reader, superblock)?;
            if !matches!(fs.as_bytes(), b"tmpfs" | b"devtmpfs") {
                continue;
            }
            let head = superblock + reader.offset(Field::SbInodes)?;
            let (inodes, are_all) = reader.list(head, Field::InodeSbList, room)?;
            room -= inodes.len();
            let mappings = reader.column(&inodes, Field::InodeMapping)?;
            let mappings: Vec<u64> = mappings
                .into_iter()
                .map(Option::unwrap_or_default)
                .collect();
            let pages = reader.column(&mappings, Field::MappingNrPages)?;
            for ((inode, mapping), pages) in inodes.into_iter().zip(mappings).zip(pages) {
                if let Some(pages) = pages.filter(|pages| *pages > 0) {
                    candidates.push(Candidate {
                        superblock,
                        inode,
                        mapping,
                        pages,
                    });
                }
            }
            if !are_all || Instant::now() > self.until {
                let what = "file systems with very many files".to_owned();
                self.found.not_checked.push(what);
                break;
            }
        }
        Ok(candidates)
    }

    /// Bytes of a file that are charged to the memcg or below it, and whether that was concluded
    /// from a part of its pages.
    fn charged(&mut self, one: &Candidate) -> Result<(u64, bool), Unreadable> {
        let reader = self.reader;
        let array = one.mapping + reader.offset(Field::MappingPages)?;
        let mut pages = Vec::new();
        let are_all = xarray::entries(reader, array, NODES, |entry| {
            // The others are in swap.
            pages.extend(entry.pointer().map(|page| (page, entry.indices)));
        })?;
        let addresses: Vec<u64> = pages.iter().map(|(page, _)| *page).collect();
        let owners = reader.column(&addresses, Field::PageMemcgData)?;
        let (mut below, mut seen) = (0_u64, 0_u64);
        for ((_, indices), owner) in pages.into_iter().zip(owners) {
            seen += indices;
            if let Some(owner) = owner.filter(|owner| *owner != 0)
                && self.is_below(owner)?
            {
                below += indices;
            }
        }
        let pages = match are_all {
            true => below,
            false => (one.pages.saturating_mul(below))
                .checked_div(seen)
                .unwrap_or(0),
        };
        Ok((pages.saturating_mul(PAGE_BYTES), !are_all))
    }

    fn is_below(&mut self, owner: u64) -> Result<bool, Unreadable> {
        let memcg = self.owners.memcg(self.reader, owner)?;
        if let Some(known) = self.is_below.get(&memcg) {
            return Ok(*known);
        }
        let mut css = memcg;
        for _ in 0..DEPTH {
            if css == self.limit || css == 0 {
                break;
            }
            css = self.reader.word(css, Field::CssParent)?;
        }
        let is_below = css == self.limit;
        self.is_below.insert(memcg, is_below);
        Ok(is_below)
    }
}
