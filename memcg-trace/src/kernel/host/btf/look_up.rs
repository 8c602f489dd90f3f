//! Look-ups in BTF: members of structs, sizes, enumerators, functions and tracepoints.

use super::{Btf, DEPTH, Member, Parameter, TRACEPOINT, kind};

/// Most members that are visited for one name: a struct that embeds itself must not loop for ever.
const MEMBERS: u32 = 1 << 16;

impl Btf {
    /// Finds a member by its path: a struct, then members of embedded structs and unions, where
    /// unnamed ones are transparent: `"slab.counters"`, `"mem_cgroup.memory.usage"`.
    #[must_use]
    pub fn member(&self, path: &str) -> Option<Member> {
        let mut names = path.split('.');
        let mut at = self.struct_id(names.next()?)?;
        let mut found = Member {
            bit_offset: 0,
            bits: 0,
        };
        for name in names {
            let (member, of) = self.member_of(at, name.as_bytes(), DEPTH, &mut { MEMBERS })?;
            found = Member {
                bit_offset: found.bit_offset.checked_add(member.bit_offset)?,
                ..member
            };
            at = of;
        }
        Some(found)
    }

    /// Whether there is such a struct or union.
    #[must_use]
    pub fn has_struct(&self, name: &str) -> bool {
        self.struct_id(name).is_some()
    }

    /// Id of a struct or union.
    #[must_use]
    pub fn struct_type_id(&self, name: &str) -> Option<u32> {
        self.struct_id(name)
    }

    /// Id of a function.
    #[must_use]
    pub fn function_type_id(&self, name: &str) -> Option<u32> {
        self.id_of(kind::FUNC, name)
    }

    /// Size of a struct or union.
    #[must_use]
    pub fn struct_bytes(&self, name: &str) -> Option<u32> {
        Some(self.get(self.struct_id(name)?)?.size_or_type)
    }

    /// Value of an enumerator of any enum.
    #[must_use]
    pub fn enum_value(&self, name: &str) -> Option<i64> {
        let mut enums = self.enums.iter();
        enums.find_map(|at| self.value_in(*at as usize, name))
    }

    /// Value of an enumerator of the enum that has another one, too: one name may be in several
    /// enums of the history of the kernel.
    #[must_use]
    pub fn enum_value_beside(&self, name: &str, other: &str) -> Option<i64> {
        let mut enums = self.enums.iter();
        enums.find_map(|at| {
            self.value_in(*at as usize, other)?;
            self.value_in(*at as usize, name)
        })
    }

    /// Value of an enumerator of the enum at `at`.
    fn value_in(&self, at: usize, name: &str) -> Option<i64> {
        let found = self.read_type(at)?;
        let bytes = match found.kind {
            kind::ENUM => 8,
            kind::ENUM64 => 12,
            _ => return None,
        };
        (0..found.vlen).find_map(|index| {
            let at = found.at + index * bytes;
            if !self.is_named(self.word(at)?, name.as_bytes()) {
                return None;
            }
            let low = self.word(at + 4)?;
            Some(match found.kind {
                kind::ENUM if found.flag => i64::from(low.cast_signed()),
                kind::ENUM => i64::from(low),
                _ => (i64::from(self.word(at + 8)?) << 32) | i64::from(low),
            })
        })
    }

    /// Parameters of a function.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<Vec<Parameter>> {
        let found = self.get(self.id_of(kind::FUNC, name)?)?;
        self.parameters(found.size_or_type)
    }

    /// Parameters of a tracepoint as a raw tracepoint program gets them. `None` if there is no
    /// such tracepoint.
    #[must_use]
    pub fn tracepoint(&self, name: &str) -> Option<Vec<Parameter>> {
        let found = self.get(self.id_of(kind::TYPEDEF, &format!("{TRACEPOINT}{name}"))?)?;
        let pointer = self.get(found.size_or_type)?;
        // The first is the tracepoint's own data, which programs do not get.
        self.parameters(pointer.size_or_type).map(|mut all| {
            if !all.is_empty() {
                all.remove(0);
            }
            all
        })
    }

    fn member_of(&self, id: u32, name: &[u8], depth: u32, left: &mut u32) -> Option<(Member, u32)> {
        let (_, of) = self.plain(id)?;
        if depth == 0 || !matches!(of.kind, kind::STRUCT | kind::UNION) {
            return None;
        }
        for index in 0..of.vlen {
            *left = left.checked_sub(1)?;
            let at = of.at + index * 12;
            let (member_name, member_type) = (self.word(at)?, self.word(at + 4)?);
            let packed = self.word(at + 8)?;
            let (bit_offset, bitfield) = if of.flag {
                (packed & 0xff_ffff, packed >> 24)
            } else {
                (packed, 0)
            };
            if member_name != 0 && self.is_named(member_name, name) {
                let bits = if bitfield == 0 {
                    self.bits(member_type, DEPTH)
                } else {
                    bitfield
                };
                return Some((Member { bit_offset, bits }, member_type));
            }
            // Anonymous structs and unions are transparent, and so are structs embedded without a
            // name of their own (-fms-extensions, used by mm/slab.h since 7.0).
            if member_name == 0
                && let Some((inner, of)) = self.member_of(member_type, name, depth - 1, left)
            {
                let bit_offset = bit_offset.checked_add(inner.bit_offset)?;
                return Some((
                    Member {
                        bit_offset,
                        ..inner
                    },
                    of,
                ));
            }
        }
        None
    }

    fn bits(&self, id: u32, depth: u32) -> u32 {
        let Some((_, found)) = self.plain(id) else {
            return 0;
        };
        match found.kind {
            kind::PTR => 64,
            kind::INT | kind::STRUCT | kind::UNION | kind::ENUM | kind::ENUM64 | kind::FLOAT => {
                found.size_or_type.saturating_mul(8)
            }
            kind::ARRAY if depth > 0 => {
                let (of, n) = (self.word(found.at), self.word(found.at + 8));
                self.bits(of.unwrap_or(0), depth - 1)
                    .saturating_mul(n.unwrap_or(0))
            }
            _ => 0,
        }
    }

    fn parameters(&self, prototype: u32) -> Option<Vec<Parameter>> {
        let found = self.get(prototype)?;
        if found.kind != kind::FUNC_PROTO {
            return None;
        }
        (0..found.vlen)
            .map(|index| {
                let at = found.at + index * 8;
                let points_to = self
                    .plain(self.word(at + 4)?)
                    .filter(|(_, pointer)| pointer.kind == kind::PTR)
                    .and_then(|(_, pointer)| self.plain(pointer.size_or_type))
                    .filter(|(_, to)| matches!(to.kind, kind::STRUCT | kind::UNION))
                    .map(|(_, to)| self.string(to.name));
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                Some(Parameter {
                    name: text(self.string(self.word(at)?)),
                    points_to: points_to.map(text),
                })
            })
            .collect()
    }
}
