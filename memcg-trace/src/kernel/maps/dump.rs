//! Dumps of a map: all rows at once.

use aya::Pod;
use aya::maps::{HashMap, MapData, MapError, PerCpuHashMap};
use zerocopy::{FromBytes, IntoBytes};

use crate::kernel::maps::value::MapValue;

/// All rows of a map that the CPUs share.
pub(crate) fn all<K, V>(map: &HashMap<MapData, K, MapValue<V>>) -> Result<Vec<(K, V)>, MapError>
where
    K: Pod,
    V: FromBytes + IntoBytes + Copy + 'static,
{
    let rows = map.iter();
    rows.map(|row| row.map(|(key, MapValue(value))| (key, value)))
        .collect()
}

/// All rows of a per-CPU map, added up over the CPUs.
pub(crate) fn sums<K, V>(
    map: &PerCpuHashMap<MapData, MapValue<K>, MapValue<V>>,
    add: fn(V, &MapValue<V>) -> V,
) -> Result<Vec<(K, V)>, MapError>
where
    K: FromBytes + IntoBytes + Copy + 'static,
    V: FromBytes + IntoBytes + Copy + Default + 'static,
{
    let rows = map.iter();
    rows.map(|row| row.map(|(MapValue(key), cpus)| (key, cpus.iter().fold(V::default(), add))))
        .collect()
}
