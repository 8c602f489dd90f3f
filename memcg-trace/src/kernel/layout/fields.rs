//! Fields of the kernel's structs, and their places in the running one. The table is in
//! `memcg-trace-common/src/layout/fields/`, a row each.

use std::mem::offset_of;

use memcg_trace_common::layout::Layout;

use crate::kernel::Subject;
use crate::kernel::host::btf::Btf;

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// The offset in the layout of the programs; `None` if they do not read the field.
    in_layout: Option<usize>,
    /// Whether user space reads the field: [`Field`] has these, in the order of the rows.
    in_user_space: bool,
    /// The size in bytes that the field must have; 0 for any.
    bytes: u32,
    /// Paths of the field, newest first.
    pub paths: &'static [&'static str],
    /// Subjects that need the field.
    pub needed_by: &'static [Subject],
}

macro_rules! table {
    ($(
        $($program:ident)? $(-)?,
        $($user:ident)? $(-)?,
        $bytes:literal,
        $paths:tt
        $(, [$($subject:ident),*])?;
    )*) => {
        /// A field that user space reads, named after the kernel's own path to it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Field {
            $($($user,)?)*
        }

        /// The table.
        pub const ROWS: &[Row] = &[
            $(Row {
                in_layout: <[usize]>::first(&[$(offset_of!(Layout, $program))?]).copied(),
                in_user_space: !<[Field]>::is_empty(&[$(Field::$user)?]),
                bytes: $bytes,
                paths: &$paths,
                needed_by: &[$($(Subject::$subject),*)?],
            },)*
        ];
    };
}

memcg_trace_common::kernel_fields! { table }

impl Row {
    /// The place of the field in this kernel: at the first of its paths that exists, with the size
    /// that it must have.
    ///
    /// # Errors
    /// One line that names what this kernel lacks.
    pub fn find(&self, btf: &Btf) -> Result<Place, String> {
        let mut found = self.paths.iter();
        let found = found.find_map(|path| Some((path, btf.member(path)?)));
        let Some((path, member)) = found else {
            let paths = self.paths.join(" or ");
            return Err(format!("{paths} is not in this kernel's BTF"));
        };
        let unsupported = self.bytes != 0 && member.bits != self.bytes * 8;
        if unsupported || member.bit_offset % 8 != 0 {
            return Err(format!(
                "{path} has {} bits at bit {}, where {} bytes were expected: unsupported layout",
                member.bits, member.bit_offset, self.bytes
            ));
        }
        Ok(Place {
            offset: u64::from(member.bit_offset / 8),
            bytes: u64::from(member.bits / 8),
        })
    }

    /// Writes the place into the layout of the programs.
    pub(super) fn put(&self, layout: &mut [u8], place: Place) {
        if let Some(at) = self.in_layout
            && let Ok(offset) = u32::try_from(place.offset)
        {
            layout[at..at + 4].copy_from_slice(&offset.to_ne_bytes());
        }
    }
}

/// Places of the fields in the running kernel.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    places: Vec<Result<Place, String>>,
}

/// The place of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Byte offset in its struct.
    pub offset: u64,
    /// Size in bytes.
    pub bytes: u64,
}

impl Fields {
    /// Adds the place of the next row.
    pub(super) fn push(&mut self, row: &Row, place: Result<Place, String>) {
        if row.in_user_space {
            self.places.push(place);
        }
    }

    /// The place of a field.
    ///
    /// # Errors
    /// One line that names what this kernel lacks.
    pub fn place(&self, field: Field) -> Result<Place, &str> {
        match self.places.get(field as usize) {
            Some(Ok(place)) => Ok(*place),
            Some(Err(what)) => Err(what),
            None => Err("the layout is not resolved"),
        }
    }

    /// Whether this kernel has a field.
    #[must_use]
    pub fn has(&self, field: Field) -> bool {
        self.place(field).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_path_is_written_once() {
        let mut known = HashSet::new();
        for path in ROWS.iter().flat_map(|row| row.paths) {
            assert!(known.insert(path), "{path}");
        }
    }
}
