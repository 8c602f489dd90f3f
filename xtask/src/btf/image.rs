//! The BTF within a kernel's image, which is compressed.

use std::io::{Seek as _, Write as _};
use std::process::Stdio;

use anyhow::{Context as _, Result};

use crate::setup::tools::{LZ4, Tool, XZ, ZSTD};

/// The tools that unpack an image, by the first bytes of what they unpack.
const TOOLS: &[(&Tool, &[u8])] = &[
    (&XZ, b"\xfd7zXZ\0"),
    (&ZSTD, b"\x28\xb5\x2f\xfd"),
    (&LZ4, b"\x02\x21\x4c\x18"),
];

/// Returns the BTF of the kernel whose image this is.
///
/// # Errors
/// If there is none, or if the tool that unpacks it is not here.
pub fn btf_of(image: &[u8]) -> Result<Vec<u8>> {
    let packed = payload(image).context("the image ends within its header")?;
    let tool = TOOLS.iter().find(|(_, magic)| packed.starts_with(magic));
    let unpacked = match tool {
        Some((tool, _)) => &unpack(tool, packed)?,
        None => packed,
    };
    Ok(find(unpacked).context("no BTF is in the image")?.to_vec())
}

/// The kernel in an image, without the code that unpacks it.
fn payload(image: &[u8]) -> Option<&[u8]> {
    if image.get(0x202..0x206) != Some(b"HdrS") {
        // One of arm64 is the kernel itself.
        return Some(image);
    }
    // Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length.
    let sectors = usize::from(*image.get(0x1f1)?);
    let begin = (sectors + 1) * 512 + number(image, 0x248)?;
    image.get(begin..begin.checked_add(number(image, 0x24c)?)?)
}

fn number(data: &[u8], at: usize) -> Option<usize> {
    let bytes = data.get(at..)?.first_chunk()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

fn unpack(tool: &Tool, packed: &[u8]) -> Result<Vec<u8>> {
    let mut file = tempfile::tempfile()?;
    file.write_all(packed)?;
    file.rewind()?;
    let mut command = tool.command()?;
    command.arg("-dc").stdin(file).stderr(Stdio::null());
    let output = command.output();
    // The size of the kernel follows what is packed. Tools complain of that in their exit status,
    // when all is written.
    Ok(output
        .with_context(|| format!("start {}", tool.name))?
        .stdout)
}

/// The largest part that is BTF of a whole kernel (include/uapi/linux/btf.h: struct btf_header).
/// An image of arm64 is no ELF file, so that there is no section to look for.
fn find(kernel: &[u8]) -> Option<&[u8]> {
    const MAGIC: &[u8] = b"\x9f\xeb\x01\0";
    let begins = kernel.windows(MAGIC.len()).enumerate();
    let begins = begins.filter(|(_, word)| *word == MAGIC);
    let found = begins.filter_map(|(begin, _)| {
        let btf = kernel.get(begin..)?;
        let word = |at| number(btf, at);
        let [header, types, type_bytes, strings, string_bytes] =
            [word(4)?, word(8)?, word(12)?, word(16)?, word(20)?];
        let is_sound = (24..=64).contains(&header) && types == 0 && strings >= type_bytes;
        let end = header.checked_add(strings)?.checked_add(string_bytes)?;
        let btf = btf.get(..end)?;
        let names = btf.get(header + strings..)?;
        (is_sound && names.first() == Some(&0) && names.last() == Some(&0)).then_some(btf)
    });
    found.max_by_key(|btf| btf.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BTF of one type, in the middle of other bytes.
    fn kernel() -> (Vec<u8>, Vec<u8>) {
        let mut btf = b"\x9f\xeb\x01\0".to_vec();
        let strings = b"\0int\0";
        for word in [24, 0, 16, 16, strings.len() as u32] {
            btf.extend(word.to_le_bytes());
        }
        btf.extend([1; 16]);
        btf.extend(strings);
        let magic_alone = b"\x9f\xeb\x01\0 and no header ".as_slice();
        ([magic_alone, &btf, magic_alone].concat(), btf)
    }

    #[test]
    fn it_is_found_in_images_of_each_form() {
        let (kernel, btf) = kernel();
        assert_eq!(btf_of(&kernel).unwrap(), btf);

        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&kernel).unwrap();
        file.rewind().unwrap();
        // This machine may have only one of the tools before `cargo xtask setup`.
        let mut xz = XZ.command().unwrap();
        let output = xz.arg("-c").stdin(file).output().unwrap();
        let payload = [&output.stdout[..], b"size"].concat();
        let mut image = vec![0; 0x400];
        image[0x1f1] = 1;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x248..0x24c].copy_from_slice(&5_u32.to_le_bytes());
        let length = u32::try_from(payload.len()).unwrap();
        image[0x24c..0x250].copy_from_slice(&length.to_le_bytes());
        image.extend(b"code ");
        image.extend(&payload);
        image.extend(b"code that unpacks it");
        assert_eq!(btf_of(&image).unwrap(), btf);
    }

    #[test]
    fn an_image_without_it_is_an_error() {
        let (kernel, _) = kernel();
        let error = btf_of(&kernel[..40]).unwrap_err().to_string();
        assert_eq!(error, "no BTF is in the image");
        let mut cut = vec![0; 0x400];
        cut[0x202..0x206].copy_from_slice(b"HdrS");
        cut[0x24d] = 255;
        let error = btf_of(&cut).unwrap_err().to_string();
        assert_eq!(error, "the image ends within its header");
    }
}
