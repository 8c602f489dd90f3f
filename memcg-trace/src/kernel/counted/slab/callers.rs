//! Call sites that have objects of one cache: the counts of programs, and the names of addresses.

use std::collections::HashMap;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use aya::Ebpf;
use aya::maps::{HashMap as KernelMap, MapData, StackTraceMap};
use memcg_trace_common::callers::{
    CALLER_OBJECTS, CallerCount, CallerObject, CallerStackCount, STACK_EVERY, WatchedCache,
};

use crate::kernel::Subject;
use crate::kernel::counted::subject::{Counted, Opening, Round};
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::resolver::run;
use crate::kernel::hooks::programs::load_walk;
use crate::kernel::host::clock::now_ns;
use crate::kernel::host::symbols::Symbols;
use crate::kernel::layout::fields::Field;
use crate::kernel::maps::value::{MapValue, SingleValueMap};
use crate::kernel::maps::{dump, take_map};
use crate::sample::callers::{self, CallSite, CallerStack};
use crate::sample::slab_walk::WalkedCache;
use crate::sample::{Sample, Text};

/// The program that learns where pages and their descriptors are.
const BASES: &str = "bases";
/// Length of a cache's name.
const NAME_BYTES: usize = 64;

/// The reader of call sites.
pub(crate) struct Callers {
    watched: SingleValueMap<WatchedCache>,
    counts: KernelMap<MapData, u64, MapValue<CallerCount>>,
    objects_by_stack: KernelMap<MapData, MapValue<CallerObject>, MapValue<CallerStackCount>>,
    stacks: StackTraceMap<MapData>,
    watch: Option<Watch>,
}

/// The cache that is watched.
struct Watch {
    cache: WalkedCache,
    since_ns: u64,
}

impl Callers {
    /// Opens the counts if the hooks are attached.
    pub(crate) fn open_if(ebpf: &mut Ebpf, opening: &mut Opening<'_>) -> Option<Self> {
        let is_attached = opening.is_attached("caller_free") && opening.is_attached("caller_alloc");
        opening.open(Subject::Callers, is_attached, || Self::open(ebpf))
    }

    fn open(ebpf: &mut Ebpf) -> anyhow::Result<Self> {
        // The programs turn the address of an object into that of its page.
        load_walk(ebpf, BASES)?;
        run(ebpf, BASES)?;
        Ok(Self {
            watched: take_map(ebpf, "CALLER_CACHE")?,
            counts: take_map(ebpf, "CALLERS")?,
            objects_by_stack: take_map(ebpf, "CALLER_STACKS")?,
            stacks: take_map(ebpf, "CALLER_TRACES")?,
            watch: None,
        })
    }

    /// Starts to count the objects of a cache.
    pub(crate) fn watch(&mut self, cache: &WalkedCache) -> anyhow::Result<()> {
        ensure!(self.watch.is_none(), "the callers of a cache are watched");
        let watched = WatchedCache {
            cache: cache.cache,
            size_bytes: cache.size_bytes.into(),
        };
        let since_ns = now_ns();
        self.watched
            .set(0, MapValue(watched), 0)
            .context("name the cache whose callers to watch")?;
        self.watch = Some(Watch {
            cache: cache.clone(),
            since_ns,
        });
        Ok(())
    }

    fn read(&self, watch: &Watch, symbols: &Symbols) -> anyhow::Result<callers::Callers> {
        let begin = Instant::now();
        let as_of_ns = now_ns();
        let counts = dump::all(&self.counts).context("read the call sites of a cache")?;
        let stacks = dump::all(&self.objects_by_stack).context("read the stacks of call sites")?;
        let mut stacks_of: HashMap<u64, Vec<CallerStack>> = HashMap::new();
        for (MapValue(key), count) in stacks {
            let stack = CallerStack {
                functions: self.stack(&key, symbols),
                alloc_total: count.allocs,
                free_total: count.frees,
            };
            stacks_of.entry(key.site).or_default().push(stack);
        }
        let site = |(site, count): (u64, CallerCount)| CallSite {
            call_site: symbols.call_site_at(site),
            alloc_total: count.allocs,
            free_total: count.frees,
            untracked_total: count.untracked,
            unseen_free_total: count.unseen_frees,
            stacks: stacks_of.remove(&site).unwrap_or_default(),
        };
        Ok(callers::Callers {
            since_ns: watch.since_ns,
            as_of_ns,
            sites: counts.into_iter().map(site).collect(),
            cache: watch.cache.name.clone(),
            aliases: watch.cache.aliases.clone(),
            size_bytes: watch.cache.size_bytes,
            is_gone: false,
            stack_every: STACK_EVERY,
            most_objects: CALLER_OBJECTS.into(),
            took_ns: u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX),
        })
    }

    /// Functions from the call site outwards: those of the allocation itself and of the tracepoint
    /// are left out. Empty if the kernel has no such stack any more.
    fn stack(&self, key: &CallerObject, symbols: &Symbols) -> Vec<String> {
        let id = u32::try_from(key.stack).ok();
        let Some(stack) = id.and_then(|id| self.stacks.get(&id, 0).ok()) else {
            return Vec::new();
        };
        let frames = stack.frames();
        let of_site = frames.iter().position(|frame| frame.ip == key.site);
        let frames = frames.iter().skip(of_site.unwrap_or(0));
        frames
            .map(|frame| symbols.function_at(frame.ip).unwrap_or("?").to_owned())
            .collect()
    }
}

impl Counted for Callers {
    fn sample(&mut self, round: &mut Round<'_>, sample: &mut Sample) -> anyhow::Result<()> {
        if let Some(watch) = &self.watch {
            let symbols = round.kernel.symbols();
            let mut callers = self.read(watch, &symbols)?;
            callers.is_gone = name(&round.kernel.reader()?, watch.cache.cache)
                .is_none_or(|name| name != watch.cache.name);
            sample.callers = Some(callers);
        }
        Ok(())
    }
}

/// The name of the cache at an address; `None` if it cannot be read.
fn name(reader: &Reader<'_>, cache: u64) -> Option<Text> {
    let name = reader.word(cache, Field::CacheName).ok()?;
    reader.string(name, NAME_BYTES).ok()
}
