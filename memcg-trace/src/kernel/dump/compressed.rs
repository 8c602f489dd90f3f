//! Pages as they are packed in kdump files.

use super::pages::PAGE_BYTES;

/// Methods, in the flags of a page (makedumpfile: diskdump_mod.h).
const ZLIB: u32 = 0x1;
const LZO: u32 = 0x2;
const SNAPPY: u32 = 0x4;
const ZSTD: u32 = 0x20;
/// Other flags say what a dump left out; they do not change how a page is packed.
const METHODS: u32 = ZLIB | LZO | SNAPPY | ZSTD;

/// Fills `page`, all of it, from a packed one.
pub(super) fn unpack(flags: u32, packed: &[u8], page: &mut [u8]) -> Result<(), String> {
    let unpacked = match flags & METHODS {
        0 => {
            let all = packed.get(..page.len());
            all.inspect(|all| page.copy_from_slice(all))
                .map(<[u8]>::len)
        }
        ZLIB => {
            let parts = std::iter::once(packed);
            miniz_oxide::inflate::decompress_slice_iter_to_slice(page, parts, true, false).ok()
        }
        LZO => lzokay::decompress::decompress(packed, page).ok(),
        SNAPPY => snap::raw::Decoder::new().decompress(packed, page).ok(),
        ZSTD => zstd::bulk::decompress_to_buffer(packed, page).ok(),
        other => return Err(format!("it is packed by the unknown method {other:#x}")),
    };
    match unpacked {
        Some(PAGE_BYTES) => Ok(()),
        Some(bytes) => Err(format!(
            "it has {bytes} bytes, where a page has {PAGE_BYTES}"
        )),
        None => Err(format!("it cannot be unpacked (flags {flags:#x})")),
    }
}
