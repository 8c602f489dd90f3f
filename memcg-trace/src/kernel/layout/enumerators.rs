//! Enumerators of the kernel that are an index or the number of a bit.

use crate::kernel::host::btf::Btf;

pub(super) fn index_of(btf: &Btf, enumerator: &str) -> Option<u32> {
    btf.enum_value(enumerator)
        .and_then(|value| u32::try_from(value).ok())
}
