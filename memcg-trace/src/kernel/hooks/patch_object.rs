//! Constants of this kernel in the instructions of the eBPF object, put there before it is loaded.
//!
//! Programs that run rarely load constants from a map that is frozen. The hottest have the
//! constants in their instructions, and call `bpf_rdonly_cast()`, which aya cannot resolve. The
//! compiler left distinctive numbers in these places (memcg-trace-ebpf/src/layout/constants.rs).

use memcg_trace_common::layout::{ABSENT, CAST_LOADS, CONSTANT, Layout, RDONLY_CAST};
use zerocopy::IntoBytes as _;

/// Bytes of an instruction: opcode, registers, offset (2), number (4).
const BYTES: usize = 8;
/// `r = number` and `call number` (include/uapi/linux/bpf_common.h, bpf.h).
const MOVE: u8 = 0xb7;
const CALL: u8 = 0x85;
/// `BPF_PSEUDO_KFUNC_CALL`: the callee is a function of the kernel, by its id in BTF.
const KFUNC_CALL: u8 = 2;

/// Patches the object. Without the id of `bpf_rdonly_cast`, its calls stay as they are, in branches
/// that the verifier removes.
pub(crate) fn complete(object: &mut [u8], layout: &Layout, rdonly_cast: Option<u32>) {
    let layout = layout.as_bytes();
    // Offsets for the loads after a call.
    let mut offsets = Vec::new().into_iter();
    for instruction in object.chunks_exact_mut(BYTES) {
        if let Some(offset) = offsets.next() {
            instruction[2..4].copy_from_slice(&i16::to_le_bytes(offset));
            continue;
        }
        let number = i32::from_le_bytes([4, 5, 6, 7].map(|at| instruction[at]));
        if instruction[0] == MOVE && number & !0xffff == CONSTANT {
            let value = field(layout, number & 0xffff);
            instruction[4..].copy_from_slice(&value.to_le_bytes());
        } else if instruction[..4] == [CALL, 0, 0, 0]
            && number & !0xff_ffff == RDONLY_CAST
            && let Some(id) = rdonly_cast
        {
            instruction[1] = KFUNC_CALL << 4;
            instruction[4..].copy_from_slice(&id.to_le_bytes());
            let places = number.to_le_bytes().into_iter().take(CAST_LOADS);
            let offset = |place| i16::try_from(field(layout, i32::from(place) * 4)).unwrap_or(0);
            let places = places.filter(|place| *place != 0);
            offsets = places.map(offset).collect::<Vec<_>>().into_iter();
        }
    }
}

/// The four-byte field at an offset.
fn field(layout: &[u8], at: i32) -> u32 {
    let bytes = usize::try_from(at)
        .ok()
        .and_then(|at| layout.get(at..at + 4));
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(ABSENT, u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    const OTHER: [u8; 8] = [0xbf, 0x16, 0, 0, 0, 0, 0, 0];

    fn instruction(head: [u8; 4], number: i32) -> [u8; 8] {
        let [a, b, c, d] = number.to_le_bytes();
        let [e, f, g, h] = head;
        [e, f, g, h, a, b, c, d]
    }

    #[test]
    fn numbers_and_offsets_come_from_the_layout() {
        let mut layout = Layout::absent();
        (layout.page_head, layout.slab_vector) = (8, 56);
        let head = i32::try_from(offset_of!(Layout, page_head)).unwrap();
        let vector = i32::try_from(offset_of!(Layout, slab_vector)).unwrap();
        let absent = i32::try_from(offset_of!(Layout, slab_stride)).unwrap();
        let load = [0x79, 0x01, 0, 0];
        let call = RDONLY_CAST | (head / 4) | ((vector / 4) << 8);
        let before = [
            instruction([MOVE, 3, 0, 0], CONSTANT | vector),
            instruction([MOVE, 3, 0, 0], CONSTANT | absent),
            OTHER,
            instruction([CALL, 0, 0, 0], call),
            instruction(load, 0),
            instruction(load, 0),
            instruction(load, 0),
            instruction([CALL, 0, 0, 0], 0x71),
        ];
        let completed = |id| {
            let mut object = before.concat();
            complete(&mut object, &layout, id);
            object
        };
        let mut after = before;
        after[0] = instruction([MOVE, 3, 0, 0], 56);
        after[1] = instruction([MOVE, 3, 0, 0], -1);
        assert_eq!(completed(None), after.concat());
        after[3] = instruction([CALL, 0x20, 0, 0], 1234);
        after[4] = instruction([0x79, 0x01, 8, 0], 0);
        after[5] = instruction([0x79, 0x01, 56, 0], 0);
        assert_eq!(completed(Some(1234)), after.concat());
    }
}
