//! Queries to the kernel about pointers: a program that is run on demand, with question and answer
//! in a map of one value.

use anyhow::{Context as _, anyhow};
use aya::Ebpf;
use aya::programs::{RawTracePoint, RawTracePointRunOptions, TestRun as _};
use zerocopy::{FromBytes, IntoBytes};

use crate::kernel::hooks::programs::load_walk;
use crate::kernel::maps::take_map;
use crate::kernel::maps::value::{MapValue, SingleValueMap};

/// A program that answers questions of type `T`.
pub(crate) struct Resolver<T: FromBytes + IntoBytes + Copy + 'static> {
    program: &'static str,
    map: SingleValueMap<T>,
}

impl<T: FromBytes + IntoBytes + Copy + 'static> Resolver<T> {
    /// Loads the program.
    pub(crate) fn open(
        ebpf: &mut Ebpf,
        program: &'static str,
        map: &'static str,
    ) -> anyhow::Result<Self> {
        load_walk(ebpf, program)?;
        Ok(Self {
            program,
            map: take_map(ebpf, map)?,
        })
    }

    /// Asks about all of `keys`, as many at a time as fit.
    pub(crate) fn ask<K>(
        &mut self,
        ebpf: &Ebpf,
        keys: &[K],
        at_once: usize,
        question: impl Fn(&mut T, &[K]),
        mut answer: impl FnMut(&T, &[K]),
    ) -> anyhow::Result<()> {
        let mut value = Box::new(MapValue(T::new_zeroed()));
        for some in keys.chunks(at_once) {
            question(&mut value.0, some);
            self.map
                .set(0, *value, 0)
                .with_context(|| format!("ask {}", self.program))?;
            run(ebpf, self.program)?;
            *value = self
                .map
                .get(&0, 0)
                .with_context(|| format!("read what {} says", self.program))?;
            answer(&value.0, some);
        }
        Ok(())
    }
}

/// Runs a program that is loaded already.
pub(crate) fn run(ebpf: &Ebpf, name: &str) -> anyhow::Result<()> {
    let program = ebpf
        .program(name)
        .ok_or_else(|| anyhow!("no program {name} in the eBPF object: built from other sources"))?;
    let program: &RawTracePoint = program
        .try_into()
        .with_context(|| format!("program {name} is no raw tracepoint"))?;
    program
        .test_run(RawTracePointRunOptions::new())
        .with_context(|| format!("run {name}"))?;
    Ok(())
}
