//! Taking maps out of the object.

use anyhow::{Context as _, anyhow};
use aya::Ebpf;

/// Takes a map out of the object.
///
/// # Errors
/// If there is no map of that name and kind.
pub fn take_map<M>(ebpf: &mut Ebpf, name: &str) -> anyhow::Result<M>
where
    M: TryFrom<aya::maps::Map, Error = aya::maps::MapError>,
{
    let map = ebpf
        .take_map(name)
        .ok_or_else(|| anyhow!("no map {name} in the eBPF object: built from other sources"))?;
    M::try_from(map).with_context(|| format!("open the map {name}"))
}
