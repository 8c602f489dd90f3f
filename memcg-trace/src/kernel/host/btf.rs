//! A reader of BTF, the kernel's description of its own types
//! (Documentation/bpf/btf.rst; include/uapi/linux/btf.h).
//!
//! The reader keeps the bytes as they are, the place of each type, and an index by name of structs,
//! functions and tracepoints. So 130,000 types cost one pass and little memory, however many names
//! are looked up. Input is not trusted: malformed input is an error or is not found, and all
//! recursion is bounded.

mod look_up;

use std::hash::BuildHasher as _;
use std::path::Path;

use foldhash::{HashMap, HashMapExt as _};
use memchr::memchr;
use thiserror::Error;

/// The BTF of the running kernel.
pub const SYS_BTF: &str = "/sys/kernel/btf/vmlinux";

const MAGIC: u16 = 0xeb9f;
/// The prefix of the type of a tracepoint's programs, before its name.
const TRACEPOINT: &str = "btf_trace_";
/// Levels of typedefs, qualifiers and anonymous members that are followed.
const DEPTH: u32 = 32;

/// The reason why BTF cannot be read.
#[derive(Debug, Error)]
pub enum BtfError {
    /// The file could not be read.
    #[error("read {0}: {1}")]
    Io(String, std::io::Error),
    /// The header is not that of BTF in this machine's byte order.
    #[error("not BTF of this machine's byte order")]
    Magic,
    /// An offset is outside of the file.
    #[error("BTF type {0} reaches past the end")]
    Cut(usize),
    /// The length of this kind of type is not known.
    #[error("BTF type {0} is of the unknown kind {1}")]
    Kind(usize, u32),
}

/// Kinds of types (`BTF_KIND_*`).
mod kind {
    pub(crate) const INT: u32 = 1;
    pub(crate) const PTR: u32 = 2;
    pub(crate) const ARRAY: u32 = 3;
    pub(crate) const STRUCT: u32 = 4;
    pub(crate) const UNION: u32 = 5;
    pub(crate) const ENUM: u32 = 6;
    pub(crate) const FWD: u32 = 7;
    pub(crate) const TYPEDEF: u32 = 8;
    pub(crate) const VOLATILE: u32 = 9;
    pub(crate) const CONST: u32 = 10;
    pub(crate) const RESTRICT: u32 = 11;
    pub(crate) const FUNC: u32 = 12;
    pub(crate) const FUNC_PROTO: u32 = 13;
    pub(crate) const VAR: u32 = 14;
    pub(crate) const DATASEC: u32 = 15;
    pub(crate) const FLOAT: u32 = 16;
    pub(crate) const DECL_TAG: u32 = 17;
    pub(crate) const TYPE_TAG: u32 = 18;
    pub(crate) const ENUM64: u32 = 19;
}

/// Bytes that follow the first twelve of a type of this kind.
fn trailing_bytes(of: u32, vlen: usize) -> Option<usize> {
    Some(match of {
        kind::INT | kind::VAR | kind::DECL_TAG => 4,
        kind::ARRAY => 12,
        kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => 12 * vlen,
        kind::ENUM | kind::FUNC_PROTO => 8 * vlen,
        kind::PTR
        | kind::FWD
        | kind::TYPEDEF
        | kind::VOLATILE
        | kind::CONST
        | kind::RESTRICT
        | kind::FUNC
        | kind::FLOAT
        | kind::TYPE_TAG => 0,
        _ => return None,
    })
}

/// A member of a struct, at any depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Offset in bits in the outermost struct.
    pub bit_offset: u32,
    /// Size in bits; 0 if its type has no size.
    pub bits: u32,
}

/// A parameter of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name; empty in the prototypes of tracepoints.
    pub name: String,
    /// The struct that it points to, if any.
    pub points_to: Option<String>,
}

/// The types of a kernel.
pub struct Btf {
    data: Vec<u8>,
    /// The offset of the strings in `data`.
    strings: usize,
    /// The offset of each type in `data`, by id minus one.
    types: Vec<u32>,
    /// The offset of each enum.
    enums: Vec<u32>,
    /// Structs and unions, functions, and types of tracepoints, by the hash of kind and name.
    by_name: HashMap<u64, u32>,
    hasher: foldhash::fast::RandomState,
}

/// The fixed part of a type.
#[derive(Clone, Copy)]
struct Type {
    name: u32,
    kind: u32,
    /// Bit 31 of `info`: members carry their bit size, enumerators a sign.
    flag: bool,
    vlen: usize,
    /// Size in bytes, or the id of another type.
    size_or_type: u32,
    /// The offset of the trailing part.
    at: usize,
}

impl Btf {
    /// Reads the BTF of the running kernel.
    ///
    /// # Errors
    /// If there is none, or it is malformed.
    pub fn of_running_kernel() -> Result<Self, BtfError> {
        Self::from_file(Path::new(SYS_BTF))
    }

    /// Reads BTF from a file.
    ///
    /// # Errors
    /// As for [`Btf::parse`], or if the file cannot be read.
    pub fn from_file(path: &Path) -> Result<Self, BtfError> {
        let data =
            std::fs::read(path).map_err(|error| BtfError::Io(path.display().to_string(), error))?;
        Self::parse(data)
    }

    /// Finds all types in `data`.
    ///
    /// # Errors
    /// If it is not BTF, is truncated, or has an unknown kind of type.
    pub fn parse(data: Vec<u8>) -> Result<Self, BtfError> {
        let word = |at: usize| word_at(&data, at).ok_or(BtfError::Magic);
        let magic = data.get(..2).ok_or(BtfError::Magic)?;
        if magic != MAGIC.to_ne_bytes() {
            return Err(BtfError::Magic);
        }
        let header = word(4)? as usize;
        let begin = header.saturating_add(word(8)? as usize);
        let end = begin.saturating_add(word(12)? as usize);
        let strings = header.saturating_add(word(16)? as usize);
        if end > data.len() || strings > data.len() {
            return Err(BtfError::Cut(0));
        }
        let types = (end - begin.min(end)) / 24;
        let mut btf = Self {
            data,
            strings,
            types: Vec::with_capacity(types),
            enums: Vec::new(),
            // Nearly half of the types are structs and functions.
            by_name: HashMap::with_capacity(types / 2),
            hasher: foldhash::fast::RandomState::default(),
        };
        let mut at = begin;
        while at < end {
            let id = btf.types.len() + 1;
            let found = btf.read_type(at).ok_or(BtfError::Cut(id))?;
            let bytes =
                trailing_bytes(found.kind, found.vlen).ok_or(BtfError::Kind(id, found.kind))?;
            at = found.at + bytes;
            if at > end {
                return Err(BtfError::Cut(id));
            }
            let place = u32::try_from(found.at - 12).map_err(|_| BtfError::Cut(id))?;
            btf.types.push(place);
            if matches!(found.kind, kind::ENUM | kind::ENUM64) {
                btf.enums.push(place);
            }
            if let Some(kind) = btf.indexed(&found) {
                let hash = btf.hash(kind, btf.string(found.name));
                btf.by_name
                    .entry(hash)
                    .or_insert(u32::try_from(id).unwrap_or(u32::MAX));
            }
        }
        Ok(btf)
    }

    /// The number of types.
    #[must_use]
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Whether there are no types.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// The kind under which a type is indexed by name; `None` if it is not indexed.
    fn indexed(&self, of: &Type) -> Option<u32> {
        match of.kind {
            _ if of.name == 0 => None,
            kind::STRUCT | kind::UNION => Some(kind::STRUCT),
            kind::TYPEDEF if !self.text_at(of.name).starts_with(TRACEPOINT.as_bytes()) => None,
            kind::FUNC | kind::TYPEDEF => Some(of.kind),
            _ => None,
        }
    }

    fn hash(&self, kind: u32, name: &[u8]) -> u64 {
        self.hasher.hash_one((kind, name))
    }

    fn word(&self, at: usize) -> Option<u32> {
        word_at(&self.data, at)
    }

    fn string(&self, offset: u32) -> &[u8] {
        let tail = self.text_at(offset);
        let end = memchr(0, tail).unwrap_or(tail.len());
        &tail[..end]
    }

    fn is_named(&self, offset: u32, name: &[u8]) -> bool {
        let behind = self.text_at(offset).strip_prefix(name);
        behind.is_some_and(|behind| behind.first().is_none_or(|next| *next == 0))
    }

    /// A string, and all bytes behind it.
    fn text_at(&self, offset: u32) -> &[u8] {
        let from = self.strings.saturating_add(offset as usize);
        self.data.get(from..).unwrap_or_default()
    }

    fn read_type(&self, at: usize) -> Option<Type> {
        let info = self.word(at + 4)?;
        Some(Type {
            name: self.word(at)?,
            kind: info >> 24 & 0x1f,
            flag: info >> 31 != 0,
            vlen: (info & 0xffff) as usize,
            size_or_type: self.word(at + 8)?,
            at: at + 12,
        })
    }

    fn get(&self, id: u32) -> Option<Type> {
        let at = *self.types.get((id as usize).checked_sub(1)?)?;
        self.read_type(at as usize)
    }

    fn struct_id(&self, name: &str) -> Option<u32> {
        self.id_of(kind::STRUCT, name)
    }

    fn id_of(&self, kind: u32, name: &str) -> Option<u32> {
        let id = *self.by_name.get(&self.hash(kind, name.as_bytes()))?;
        let found = self.get(id)?;
        // If two names have the same hash, the second is not indexed, and is then not found.
        (self.string(found.name) == name.as_bytes()).then_some(id)
    }

    /// Follows typedefs and qualifiers.
    fn plain(&self, mut id: u32) -> Option<(u32, Type)> {
        for _ in 0..DEPTH {
            let found = self.get(id)?;
            match found.kind {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    id = found.size_or_type
                }
                _ => return Some((id, found)),
            }
        }
        None
    }
}

fn word_at(data: &[u8], at: usize) -> Option<u32> {
    let bytes = data.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}
