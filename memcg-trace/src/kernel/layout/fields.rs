//! The fields of the kernel, and where the running one has them. The table is in
//! `memcg-trace-common/src/layout/fields/`, a row each.

use std::mem::offset_of;

use memcg_trace_common::layout::Layout;

use crate::kernel::Subject;
use crate::kernel::host::btf::Btf;

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// Where programs have it in their layout; `None` if they do not read it.
    in_layout: Option<usize>,
    /// Whether user space reads it: the fields of [`Field`] are these, in the order of the rows.
    in_user_space: bool,
    /// Bytes that it must have; 0 where they do not matter.
    bytes: u32,
    /// Where it has been, newest first.
    pub paths: &'static [&'static str],
    /// Subjects that cannot do without it.
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
        #[expect(missing_docs, reason = "its row says where it is")]
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
    /// Where this kernel has it: at the first of its paths that there is, with the bytes that it
    /// must have.
    ///
    /// # Errors
    /// One line that says what this kernel lacks.
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

    /// Tells programs.
    pub(super) fn put(&self, layout: &mut [u8], place: Place) {
        if let Some(at) = self.in_layout
            && let Ok(offset) = u32::try_from(place.offset)
        {
            layout[at..at + 4].copy_from_slice(&offset.to_ne_bytes());
        }
    }
}

/// Where the fields are in the running kernel.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    places: Vec<Result<Place, String>>,
}

/// Where a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bytes from the begin of what it is in.
    pub offset: u64,
    /// Bytes that it has.
    pub bytes: u64,
}

impl Fields {
    /// Takes what the next row was resolved to.
    pub(super) fn push(&mut self, row: &Row, place: Result<Place, String>) {
        if row.in_user_space {
            self.places.push(place);
        }
    }

    /// Where a field is.
    ///
    /// # Errors
    /// One line that says what this kernel lacks.
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
