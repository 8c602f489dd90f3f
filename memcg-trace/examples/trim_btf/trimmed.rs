//! The types that are kept of a kernel's BTF.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use memcg_trace::kernel::hooks;

use crate::names::{ENUMERATORS, FUNCTIONS, TRACEPOINTS};
use crate::whole::{Type, Whole, kind};

/// A trimmed BTF.
pub struct Trimmed<'a> {
    whole: &'a Whole,
    /// Structs that are looked up by name, and members that lead to other structs.
    roots: BTreeSet<&'a str>,
    members: BTreeSet<&'a str>,
    strings: Vec<u8>,
    known: BTreeMap<String, u32>,
    types: Vec<Vec<u32>>,
    /// New ids by original ids.
    ids: HashMap<u32, u32>,
}

impl<'a> Trimmed<'a> {
    pub fn new(whole: &'a Whole, roots: BTreeSet<&'a str>, members: BTreeSet<&'a str>) -> Self {
        Self {
            whole,
            roots,
            members,
            strings: vec![0],
            known: BTreeMap::from([(String::new(), 0)]),
            types: Vec::new(),
            ids: HashMap::new(),
        }
    }

    fn name(&mut self, name: &str) -> u32 {
        if let Some(at) = self.known.get(name) {
            return *at;
        }
        let at = u32::try_from(self.strings.len()).unwrap_or(0);
        self.strings.extend_from_slice(name.as_bytes());
        self.strings.push(0);
        self.known.insert(name.to_owned(), at);
        at
    }

    /// Adds a type, and returns its id.
    fn add(&mut self, name: &str, info: u32, size_or_type: u32, rest: &[u32]) -> u32 {
        let mut words = vec![self.name(name), info, size_or_type];
        words.extend_from_slice(rest);
        if let Some(at) = self.types.iter().position(|one| *one == words) {
            return u32::try_from(at + 1).unwrap_or(0);
        }
        self.types.push(words);
        u32::try_from(self.types.len()).unwrap_or(0)
    }

    /// Keeps a type for its size, and returns its id.
    fn keep(&mut self, id: u32) -> u32 {
        let Some((id, found)) = self.whole.plain(id) else {
            return 0;
        };
        if let Some(known) = self.ids.get(&id) {
            return *known;
        }
        let kept = match found.kind() {
            kind::PTR => self.add("", kind::PTR << 24, 0, &[]),
            kind::INT | kind::ENUM | kind::ENUM64 | kind::FLOAT => {
                let bits = found.size_or_type * 8;
                self.add("", kind::INT << 24, found.size_or_type, &[bits])
            }
            kind::ARRAY => {
                let of = self.keep(found.rest[0]);
                self.add("", found.info, 0, &[of, of, found.rest[2]])
            }
            _ if found.is_struct() => self.keep_struct(found),
            _ => 0,
        };
        self.ids.insert(id, kept);
        kept
    }

    fn keep_struct(&mut self, found: &Type) -> u32 {
        let mut rest = Vec::new();
        for member in found.rest.chunks_exact(3) {
            let name = self.whole.string(member[0]);
            let inner = || self.whole.plain(member[1]).filter(|(_, of)| of.is_struct());
            let is_kept = match name.is_empty() {
                true => inner().is_some_and(|(_, of)| self.leads_on(of)),
                false => self.members.contains(&*name),
            };
            if is_kept {
                let of = self.keep(member[1]);
                rest.extend([self.name(&name), of, member[2]]);
            }
        }
        let vlen = u32::try_from(rest.len() / 3).unwrap_or(0);
        self.add(
            &found.name,
            found.info & !0xffff | vlen,
            found.size_or_type,
            &rest,
        )
    }

    /// Returns whether a struct without a name has a member that is kept.
    fn leads_on(&self, of: &Type) -> bool {
        of.rest.chunks_exact(3).any(|member| {
            let name = self.whole.string(member[0]);
            let inner = self.whole.plain(member[1]).filter(|(_, of)| of.is_struct());
            self.members.contains(&*name)
                || name.is_empty() && inner.is_some_and(|(_, of)| self.leads_on(of))
        })
    }

    fn keep_prototype(&mut self, prototype: &Type) -> u32 {
        let mut rest = Vec::new();
        for parameter in prototype.rest.chunks_exact(2) {
            let pointer = self
                .whole
                .plain(parameter[1])
                .filter(|(_, of)| of.kind() == kind::PTR);
            let to = pointer.and_then(|(_, pointer)| self.whole.plain(pointer.size_or_type));
            let to = to.filter(|(_, to)| to.is_struct() && self.roots.contains(&*to.name));
            let of = to.map_or(0, |(id, _)| self.keep(id));
            let of = self.add("", kind::PTR << 24, of, &[]);
            let name = self.whole.string(parameter[0]);
            rest.extend([self.name(&name), of]);
        }
        self.add("", prototype.info, 0, &rest)
    }

    pub fn keep_all(&mut self) {
        let whole = self.whole;
        let functions: BTreeSet<&str> = hooks::functions()
            .chain(FUNCTIONS.iter().copied())
            .collect();
        let tracepoints = hooks::tracepoints().chain(TRACEPOINTS.iter().copied());
        let tracepoints: BTreeSet<_> = tracepoints
            .map(|name| format!("btf_trace_{name}"))
            .collect();
        for (found, id) in whole.types.iter().zip(1..) {
            let target = || whole.plain(found.size_or_type).map(|(_, of)| of);
            match found.kind() {
                _ if found.is_struct() && self.roots.contains(&*found.name) => {
                    self.keep(id);
                }
                kind::ENUM | kind::ENUM64 => self.keep_enumerators(found),
                kind::FUNC if functions.contains(&*found.name) => {
                    let of = target().map_or(0, |prototype| self.keep_prototype(prototype));
                    self.add(&found.name, found.info, of, &[]);
                }
                kind::TYPEDEF if tracepoints.contains(&found.name) => {
                    let prototype = target().and_then(|to| whole.plain(to.size_or_type));
                    let of = prototype.map_or(0, |(_, prototype)| self.keep_prototype(prototype));
                    let pointer = self.add("", kind::PTR << 24, of, &[]);
                    self.add(&found.name, found.info, pointer, &[]);
                }
                _ => {}
            }
        }
    }

    fn keep_enumerators(&mut self, found: &Type) {
        let words = if found.kind() == kind::ENUM { 2 } else { 3 };
        let mut rest = Vec::new();
        for one in found.rest.chunks_exact(words) {
            let name = self.whole.string(one[0]);
            if ENUMERATORS.contains(&&*name) {
                rest.push(self.name(&name));
                rest.extend_from_slice(&one[1..]);
            }
        }
        if !rest.is_empty() {
            let vlen = u32::try_from(rest.len() / words).unwrap_or(0);
            self.add("", found.info & !0xffff | vlen, found.size_or_type, &rest);
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let types: Vec<u8> = self
            .types
            .concat()
            .into_iter()
            .flat_map(u32::to_ne_bytes)
            .collect();
        let [type_bytes, string_bytes] =
            [types.len(), self.strings.len()].map(|bytes| u32::try_from(bytes).unwrap_or(0));
        let header = [0x0001_eb9f, 24, 0, type_bytes, type_bytes, string_bytes];
        let mut bytes: Vec<u8> = header.into_iter().flat_map(u32::to_ne_bytes).collect();
        bytes.extend(types);
        bytes.extend(&self.strings);
        bytes
    }
}
