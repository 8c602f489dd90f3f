//! The BTF reader on a description made here, and on damaged ones.
#![cfg(feature = "live")]
#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

use memcg_trace::kernel::Subject;
use memcg_trace::kernel::host::btf::{Btf, BtfError, Member};
use memcg_trace::kernel::host::symbols::Symbols;
use memcg_trace::kernel::layout;
use proptest::prelude::*;

/// Writes BTF: types in order, ids from 1.
#[derive(Default)]
struct Writer {
    types: Vec<u8>,
    strings: Vec<u8>,
}

impl Writer {
    fn name(&mut self, name: &str) -> u32 {
        if self.strings.is_empty() {
            self.strings.push(0);
        }
        if name.is_empty() {
            return 0;
        }
        let at = u32::try_from(self.strings.len()).unwrap();
        self.strings.extend(name.as_bytes());
        self.strings.push(0);
        at
    }

    fn add(
        &mut self,
        name: &str,
        kind: u32,
        flag: bool,
        size_or_type: u32,
        tail: &[u32],
        vlen: u32,
    ) {
        let name = self.name(name);
        let info = u32::from(flag) << 31 | kind << 24 | vlen;
        for word in [name, info, size_or_type].iter().chain(tail) {
            self.types.extend(word.to_ne_bytes());
        }
    }

    fn finish(&self) -> Vec<u8> {
        let (types, strings) = (self.types.len() as u32, self.strings.len() as u32);
        let mut data = vec![];
        data.extend(0xeb9f_u16.to_ne_bytes());
        data.extend([1, 0]);
        for word in [24, 0, types, types, strings] {
            data.extend(u32::to_ne_bytes(word));
        }
        data.extend(&self.types);
        data.extend(&self.strings);
        data
    }
}

/// ```c
/// typedef unsigned int u32;                       // 1: INT, 2: TYPEDEF
/// enum zone { ZONE_DMA = 0, ZONE_LOW = -2 };      // 3
/// struct counters { u32 inuse:16, objects:15; };  // 4, with bit fields
/// struct slab {                                   // 5
///     u32 flags;
///     union { u32 plain; struct counters; };      // 6: anonymous, the struct embedded
///     const struct counters *next;                // 7: CONST, 8: PTR
/// };
/// bool hook(struct slab *slab, u32 size);         // 9: PTR, 10: FUNC_PROTO, 11: FUNC
/// enum big { BIG = 1ULL << 40 };                  // 12: ENUM64
/// ```
fn sample() -> Vec<u8> {
    let mut out = Writer::default();
    out.add("unsigned int", 1, false, 4, &[32], 0);
    out.add("u32", 8, false, 1, &[], 0);
    let (dma, low) = (out.name("ZONE_DMA"), out.name("ZONE_LOW"));
    out.add(
        "zone",
        6,
        true,
        4,
        &[dma, 0, low, (-2_i32).cast_unsigned()],
        2,
    );
    let (inuse, objects) = (out.name("inuse"), out.name("objects"));
    out.add(
        "counters",
        4,
        true,
        4,
        &[inuse, 2, 16 << 24, objects, 2, 15 << 24 | 16],
        2,
    );
    let (flags, next) = (out.name("flags"), out.name("next"));
    out.add(
        "slab",
        4,
        false,
        16,
        &[flags, 2, 0, 0, 6, 32, next, 8, 64],
        3,
    );
    let plain = out.name("plain");
    out.add("", 5, false, 4, &[plain, 2, 0, 0, 4, 0], 2);
    out.add("", 10, false, 4, &[], 0);
    out.add("", 2, false, 7, &[], 0);
    out.add("", 2, false, 5, &[], 0);
    let (slab, size) = (out.name("slab"), out.name("size"));
    out.add("", 13, false, 1, &[slab, 9, size, 2], 2);
    out.add("hook", 12, false, 10, &[], 0);
    let big = out.name("BIG");
    out.add("big", 19, false, 8, &[big, 0, 256], 1);
    out.finish()
}

#[test]
fn members_are_found_wherever_they_are_nested() {
    let btf = Btf::parse(sample()).unwrap();
    let at = |path| {
        btf.member(path)
            .map(|Member { bit_offset, bits }| (bit_offset, bits))
    };
    assert_eq!(at("slab.flags"), Some((0, 32)));
    assert_eq!(at("slab.plain"), Some((32, 32)));
    assert_eq!(at("slab.inuse"), Some((32, 16)));
    assert_eq!(at("slab.objects"), Some((48, 15)));
    assert_eq!(at("slab.next"), Some((64, 64)));
    assert_eq!(at("slab.next.inuse"), None, "a pointer is not followed");
    assert_eq!(at("slab.missing"), None);
    assert_eq!(at("missing.flags"), None);
    assert_eq!(btf.struct_bytes("slab"), Some(16));
    assert_eq!(btf.len(), 12);
}

#[test]
fn enumerators_and_prototypes_are_found() {
    let btf = Btf::parse(sample()).unwrap();
    assert_eq!(btf.enum_value("ZONE_DMA"), Some(0));
    assert_eq!(btf.enum_value("ZONE_LOW"), Some(-2));
    assert_eq!(btf.enum_value("BIG"), Some(1 << 40));
    assert_eq!(btf.enum_value("ZONE"), None);
    let parameters = btf.function("hook").unwrap();
    assert_eq!(parameters[0].name, "slab");
    assert_eq!(parameters[0].points_to.as_deref(), Some("slab"));
    assert_eq!(
        (parameters[1].name.as_str(), &parameters[1].points_to),
        ("size", &None)
    );
    assert_eq!(btf.function("slab"), None);
}

#[test]
fn what_is_not_btf_says_so() {
    assert!(matches!(Btf::parse(vec![]), Err(BtfError::Magic)));
    assert!(matches!(
        Btf::parse(b"\x7fELF".to_vec()),
        Err(BtfError::Magic)
    ));
    let mut unknown = sample();
    // The kind of the first type.
    unknown[24 + 7] = 0x1f;
    assert!(matches!(Btf::parse(unknown), Err(BtfError::Kind(1, 31))));
    let mut cut = sample();
    cut.truncate(100);
    assert!(matches!(Btf::parse(cut), Err(BtfError::Cut(_))));
}

/// Structs whose members are words, one after the other, and an enum of the remaining names.
fn kernel(structs: &[(&str, &[&str])], enumerators: &[&str]) -> Vec<u8> {
    let mut out = Writer::default();
    out.add("unsigned long", 1, false, 8, &[64], 0);
    for (name, members) in structs {
        let count = u32::try_from(members.len()).unwrap();
        let offsets = (0..).map(|at| at * 64);
        let tail: Vec<u32> = (members.iter().zip(offsets))
            .flat_map(|(member, offset)| [out.name(member), 1, offset])
            .collect();
        out.add(name, 4, false, count * 8, &tail, count);
    }
    let count = u32::try_from(enumerators.len()).unwrap();
    let tail: Vec<u32> = (enumerators.iter().zip(0..))
        .flat_map(|(name, value)| [out.name(name), value])
        .collect();
    out.add("flags", 6, false, 4, &tail, count);
    out.finish()
}

/// What such a kernel lacks for slab figures, the most important first.
fn missing_for_slab(structs: &[(&str, &[&str])], enumerators: &[&str]) -> Vec<String> {
    let btf = Btf::parse(kernel(structs, enumerators)).unwrap();
    let resolved = layout::resolve(&btf, Some(&Symbols::default()));
    let of_slab = resolved
        .missing
        .iter()
        .filter(|missing| missing.subject == Subject::Slab);
    let all: Vec<_> = of_slab.map(|missing| missing.what.clone()).collect();
    assert_eq!(
        resolved.missing_for(Subject::Slab),
        all.first().map(String::as_str)
    );
    all
}

/// Kernels before 5.9 have a cache for each memcg, and others have vectors that cannot be read. On
/// neither are there wrong figures.
#[test]
fn layouts_that_cannot_be_read_are_named() {
    let old = missing_for_slab(&[("kmem_cache", &["flags", "memcg_params"])], &[]);
    assert_eq!(
        old[0],
        "each memcg has slab caches of its own here (until 5.8): unsupported layout"
    );
    let vector = "how far the owners in a slab's vector are apart: unsupported layout";
    let slab: (&str, &[&str]) = ("slab", &["slab_cache", "counters", "obj_exts"]);
    let ext: (&str, &[&str]) = ("slabobj_ext", &["objcg"]);
    // Entries may be within objects, and no field gives the stride.
    let strided = missing_for_slab(&[slab, ext], &["_SLAB_OBJ_EXT_IN_OBJ"]);
    assert!(strided.iter().any(|what| what == vector), "{strided:?}");
    let plain = missing_for_slab(&[slab, ext], &["_SLAB_ACCOUNT"]);
    assert!(plain.iter().all(|what| what != vector), "{plain:?}");
    let tagged: (&str, &[&str]) = (
        "slab",
        &["counters", "obj_exts_in_object", "obj_exts_needs_objcg"],
    );
    let ext: (&str, &[&str]) = ("slabobj_ext", &["_ctref", "objcg"]);
    let tagged = missing_for_slab(&[tagged, ext], &[]);
    assert!(
        tagged
            .iter()
            .any(|what| what.contains("unsupported layout")),
        "{tagged:?}"
    );
}

/// A typedef of itself, and a struct that embeds itself three times without a name.
#[test]
fn circles_end() {
    let mut out = Writer::default();
    out.add("loop", 8, false, 1, &[], 0);
    let (member, eater) = (out.name("member"), out.name("x"));
    out.add(
        "snake",
        4,
        false,
        8,
        &[0, 2, 0, member, 1, 0, eater, 2, 0],
        3,
    );
    let btf = Btf::parse(out.finish()).unwrap();
    assert_eq!(btf.member("snake.tail"), None);
    assert_eq!(
        btf.member("snake.member"),
        Some(Member {
            bit_offset: 0,
            bits: 0
        })
    );
}

proptest! {
    #[test]
    fn damage_is_never_fatal(
        flips in proptest::collection::vec((0_usize..1000, any::<u8>()), 1..40),
        cut in 0_usize..1000,
    ) {
        let mut data = sample();
        for (at, byte) in flips {
            let at = at % data.len();
            data[at] = byte;
        }
        data.truncate(data.len().saturating_sub(cut % 50));
        if let Ok(btf) = Btf::parse(data) {
            for path in ["slab.inuse", "slab.next", "counters.objects", "slab"] {
                let _ = btf.member(path);
            }
            let _ = (btf.enum_value("BIG"), btf.function("hook"), btf.struct_bytes("slab"));
        }
    }
}
