//! Types of the kernel boundary in the form that aya needs.

use aya::maps::{Array, MapData};
use zerocopy::{FromBytes, IntoBytes};

/// A value of a map, as both sides of the boundary declare it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct MapValue<T>(pub T);

// SAFETY: FromBytes promises that any bit pattern is a T, IntoBytes that each T is all bytes, and
// Copy that it owns nothing.
unsafe impl<T: FromBytes + IntoBytes + Copy + 'static> aya::Pod for MapValue<T> {}

/// A map of one value.
pub(crate) type SingleValueMap<T> = Array<MapData, MapValue<T>>;
