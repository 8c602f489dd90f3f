//! A reader of complete BTF, type by type.

use anyhow::Result;

/// Kinds of types (include/uapi/linux/btf.h).
pub mod kind {
    pub const INT: u32 = 1;
    pub const PTR: u32 = 2;
    pub const ARRAY: u32 = 3;
    pub const STRUCT: u32 = 4;
    pub const UNION: u32 = 5;
    pub const ENUM: u32 = 6;
    pub const TYPEDEF: u32 = 8;
    pub const VOLATILE: u32 = 9;
    pub const CONST: u32 = 10;
    pub const RESTRICT: u32 = 11;
    pub const FUNC: u32 = 12;
    pub const FUNC_PROTO: u32 = 13;
    pub const FLOAT: u32 = 16;
    pub const TYPE_TAG: u32 = 18;
    pub const ENUM64: u32 = 19;
}

/// A type, with the words after its first three.
#[derive(Clone)]
pub struct Type {
    pub name: String,
    pub info: u32,
    pub size_or_type: u32,
    pub rest: Vec<u32>,
}

impl Type {
    pub fn kind(&self) -> u32 {
        self.info >> 24 & 0x1f
    }

    pub fn is_struct(&self) -> bool {
        matches!(self.kind(), kind::STRUCT | kind::UNION)
    }
}

/// All types of a kernel.
pub struct Whole {
    strings: Vec<u8>,
    pub types: Vec<Type>,
}

impl Whole {
    pub fn parse(data: &[u8]) -> Result<Self> {
        let words: Vec<u32> = data
            .chunks_exact(4)
            .map(|word| word.try_into().map(u32::from_ne_bytes))
            .collect::<Result<_, _>>()?;
        let [header, from, bytes, strings] = [1, 2, 3, 4].map(|at| words[at] as usize);
        let mut whole = Self {
            strings: data[header + strings..].to_vec(),
            types: Vec::new(),
        };
        let mut at = (header + from) / 4;
        while at < (header + from + bytes) / 4 {
            let (info, vlen) = (words[at + 1], (words[at + 1] & 0xffff) as usize);
            let rest = match info >> 24 & 0x1f {
                kind::INT | 14 | 17 => 1,
                kind::ARRAY => 3,
                kind::STRUCT | kind::UNION | 15 | kind::ENUM64 => 3 * vlen,
                kind::ENUM | kind::FUNC_PROTO => 2 * vlen,
                _ => 0,
            };
            whole.types.push(Type {
                name: whole.string(words[at]),
                info,
                size_or_type: words[at + 2],
                rest: words[at + 3..at + 3 + rest].to_vec(),
            });
            at += 3 + rest;
        }
        Ok(whole)
    }

    pub fn string(&self, at: u32) -> String {
        let tail = &self.strings[at as usize..];
        let end = tail.iter().position(|byte| *byte == 0);
        String::from_utf8_lossy(&tail[..end.unwrap_or(0)]).into_owned()
    }

    /// A type without its names and qualifiers; `None` for `void`.
    pub fn plain(&self, mut id: u32) -> Option<(u32, &Type)> {
        loop {
            let found = self.types.get(id.checked_sub(1)? as usize)?;
            match found.kind() {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    id = found.size_or_type;
                }
                _ => return Some((id, found)),
            }
        }
    }
}
