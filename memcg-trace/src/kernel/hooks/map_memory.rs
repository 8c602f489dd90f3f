//! Memory of the maps, for the message to a user who cannot have them.

use std::collections::HashMap;
use std::io;

use anyhow::anyhow;
use aya::EbpfError;
use aya::maps::MapError;
use aya_obj::generated::bpf_map_type;
use aya_obj::{Map, Object};

use crate::kernel::host::cpus::possible_cpus;
use crate::units;

/// Bytes that the kernel adds to each entry of a hash map, and to each of its buckets
/// (kernel/bpf/hashtab.c: struct htab_elem, struct bucket).
const ENTRY_BYTES: u64 = 48;
const BUCKET_BYTES: u64 = 16;

/// The reason why the maps of an object cannot be made. `entries` has the number of entries of each
/// map that differs from the object's own number.
pub(crate) fn explain(
    object: &[u8],
    entries: &HashMap<&str, u32>,
    error: EbpfError,
) -> anyhow::Error {
    const WHAT: &str = "create the maps of the tracing programs";
    let EbpfError::MapError(MapError::CreateError { name, io_error }) = &error else {
        return anyhow::Error::new(error).context(WHAT);
    };
    let Ok(object) = Object::parse(object) else {
        return anyhow::Error::new(error).context(WHAT);
    };
    let bytes_of = |(name, map): (&String, &Map)| {
        let entries = entries.get(name.as_str()).copied();
        bytes(map, entries.unwrap_or_else(|| map.max_entries()))
    };
    let all: u64 = object.maps.iter().map(bytes_of).sum();
    let one = object.maps.get_key_value(name.as_str()).map(bytes_of);
    anyhow!(
        "create the map {name}, which takes {} of the some {} for all maps: {io_error}{}",
        units::bytes(one),
        units::bytes(Some(all)),
        remedy(io_error)
    )
}

/// The limit that was hit, and how to raise it.
fn remedy(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::ENOMEM) => {
            "; the host has not that much left, or the limit of this process's cgroup is lower \
             (memory.max)"
        }
        Some(libc::EPERM) => {
            "; kernels before 5.11 bound it by RLIMIT_MEMLOCK (fix: ulimit -l unlimited, or grant \
             CAP_SYS_RESOURCE), others need CAP_BPF"
        }
        Some(libc::E2BIG | libc::EINVAL) => "; this kernel has no map of that kind or size",
        _ => "",
    }
}

/// About the bytes of a map with so many entries: the kernel allocates them all beforehand.
fn bytes(map: &Map, entries: u32) -> u64 {
    const PER_CPU: [bpf_map_type; 3] = [
        bpf_map_type::BPF_MAP_TYPE_PERCPU_HASH,
        bpf_map_type::BPF_MAP_TYPE_PERCPU_ARRAY,
        bpf_map_type::BPF_MAP_TYPE_LRU_PERCPU_HASH,
    ];
    const HASHES: [bpf_map_type; 4] = [
        bpf_map_type::BPF_MAP_TYPE_HASH,
        bpf_map_type::BPF_MAP_TYPE_PERCPU_HASH,
        bpf_map_type::BPF_MAP_TYPE_LRU_HASH,
        bpf_map_type::BPF_MAP_TYPE_LRU_PERCPU_HASH,
    ];
    let is_any = |kinds: &[bpf_map_type]| kinds.iter().any(|kind| *kind as u32 == map.map_type());
    let words = |bytes: u32| u64::from(bytes).next_multiple_of(8);
    let cpus = match is_any(&PER_CPU) {
        true => u64::from(possible_cpus()),
        false => 1,
    };
    let value = words(map.value_size()) * cpus;
    let entries = u64::from(entries);
    if map.map_type() == bpf_map_type::BPF_MAP_TYPE_RINGBUF as u32 {
        return entries;
    }
    match is_any(&HASHES) {
        true => {
            let entry = ENTRY_BYTES + words(map.key_size()) + value;
            entries * entry + entries.next_power_of_two() * BUCKET_BYTES
        }
        false => entries * value,
    }
}
