//! Notes of a dump: what the kernel and the hypervisor wrote beside its memory.

use super::input::u32_at;

/// Bytes of the header of a note.
const HEADER: usize = 12;

/// Contents of the notes that are used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Notes {
    /// The text of VMCOREINFO.
    pub(super) vmcoreinfo: Option<Vec<u8>>,
}

impl Notes {
    /// Reads notes; behind a malformed one nothing is read.
    pub(super) fn parse(mut notes: &[u8]) -> Self {
        let mut found = Self::default();
        while let Some(header) = notes.get(..HEADER) {
            let name_bytes = u32_at(header, 0) as usize;
            let bytes = u32_at(header, 4) as usize;
            let body = &notes[HEADER..];
            let padded = |bytes: usize| bytes.checked_next_multiple_of(4);
            let Some(name) = body.get(..name_bytes) else {
                break;
            };
            let begin = padded(name_bytes).filter(|begin| *begin <= body.len());
            let Some(content) = begin.and_then(|begin| body[begin..].get(..bytes)) else {
                break;
            };
            if name.strip_suffix(b"\0").unwrap_or(name) == b"VMCOREINFO" {
                found.vmcoreinfo = Some(content.to_vec());
            }
            let end = begin.zip(padded(bytes)).map(|(begin, bytes)| begin + bytes);
            notes = end.and_then(|end| body.get(end..)).unwrap_or_default();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(name: &[u8], content: &[u8]) -> Vec<u8> {
        let mut note = Vec::new();
        for word in [name.len(), content.len(), 0] {
            note.extend_from_slice(&u32::try_from(word).unwrap().to_le_bytes());
        }
        for part in [name, content] {
            note.extend_from_slice(part);
            note.resize(note.len().next_multiple_of(4), 0);
        }
        note
    }

    #[test]
    fn notes_are_found_behind_others() {
        let notes = [
            note(b"CORE\0", &[1; 336]),
            note(b"QEMU\0", &[1; 440]),
            note(b"VMCOREINFO\0", b"OSRELEASE=6.12\n"),
        ]
        .concat();
        let found = Notes::parse(&notes);
        assert_eq!(found.vmcoreinfo.as_deref(), Some(&b"OSRELEASE=6.12\n"[..]));
        for cut in 0..notes.len() - 15 {
            assert_eq!(Notes::parse(&notes[..cut]).vmcoreinfo, None, "{cut} bytes");
        }
    }
}
