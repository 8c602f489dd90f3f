//! Making sure that the needs of a verb are there.

use std::fs::{self, File, TryLockError};

use anyhow::{Context, Result, anyhow};

use super::missing::Missing;
use super::needs::{Needs, NoHeaders};
use super::progress::say;
use super::timings::Timings;
use super::{compiler, linker};
use crate::places;

/// Makes sure that all needs are there. Prints nothing if they are.
pub fn ensure(needs: &Needs, timings: &mut Timings) -> Result<Vec<NoHeaders>> {
    if Missing::look(needs)?.is_nothing() {
        write_toolchain()?;
        return Ok(Vec::new());
    }
    let cache = places::cache()?;
    fs::create_dir_all(&cache).with_context(|| format!("create {}", cache.display()))?;
    let _lock = lock()?;
    // Another process may have fetched it while we waited.
    let missing = Missing::look(needs)?;
    let without_headers = missing.fetch(timings)?;
    write_toolchain()?;
    Ok(without_headers)
}

/// Prevents two set-ups from writing the same files, as long as the returned file is open.
pub fn lock() -> Result<File> {
    let path = places::cache()?.join("lock");
    let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            say("another set-up is at work: waiting for it");
            file.lock().context("wait for the other set-up")?;
        }
        Err(TryLockError::Error(error)) => return Err(error).context("lock the cache"),
    }
    Ok(file)
}

/// Writes the compiler of the eBPF side for the build script of memcg-trace.
fn write_toolchain() -> Result<()> {
    let compiler = compiler::find().map_err(|why| anyhow!("no compiler for eBPF: {why}"))?;
    let linker = linker::find().map_err(|why| anyhow!("no bpf-linker: {why}"))?;
    let bin = compiler.bin.display();
    let text = format!(
        "cargo={bin}/cargo\npath={}:{bin}:/usr/bin:/bin\nbuild_std={}\ntoolchain={}\n",
        linker.display(),
        if compiler.build_std { "yes" } else { "no" },
        compiler.toolchain.unwrap_or_default(),
    );
    let path = places::cache()?.join("ebpf-toolchain");
    // An unchanged file must keep its time stamp: it is an input of a build.
    if fs::read_to_string(&path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::create_dir_all(places::cache()?).context("create the cache folder")?;
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))
}
