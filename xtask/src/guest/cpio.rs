//! A writer of `newc` cpio archives, which the kernel unpacks as its first file system.

use std::io::{self, Write};

const DIRECTORY: u32 = 0o040_755;
const EXECUTABLE: u32 = 0o100_755;
const DEVICE: u32 = 0o020_600;

/// An archive being written.
pub struct Archive<W> {
    to: W,
    entries: u32,
}

impl<W: Write> Archive<W> {
    pub fn new(to: W) -> Self {
        Self { to, entries: 0 }
    }

    pub fn directory(&mut self, path: &str) -> io::Result<()> {
        self.entry(path, DIRECTORY, (0, 0), b"")
    }

    /// Adds a file that is executable, which is harmless for other files.
    pub fn file(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        self.entry(path, EXECUTABLE, (0, 0), content)
    }

    /// Adds a character device.
    pub fn device(&mut self, path: &str, major_minor: (u32, u32)) -> io::Result<()> {
        self.entry(path, DEVICE, major_minor, b"")
    }

    /// Ends the archive.
    pub fn finish(mut self) -> io::Result<W> {
        self.entry("TRAILER!!!", 0, (0, 0), b"")?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn entry(
        &mut self,
        path: &str,
        mode: u32,
        device: (u32, u32),
        content: &[u8],
    ) -> io::Result<()> {
        let name = path.trim_start_matches('/');
        let too_large = |_| io::Error::new(io::ErrorKind::FileTooLarge, path.to_owned());
        let size = u32::try_from(content.len()).map_err(too_large)?;
        let name_size = u32::try_from(name.len() + 1).map_err(too_large)?;
        self.entries += 1;
        // Magic, inode, mode, uid, gid, links, mtime, size, the device of the file (2), the device
        // that it is (2), length of the name with its zero, checksum (not used by this format).
        write!(self.to, "070701")?;
        let (major, minor) = device;
        let fields = [
            self.entries,
            mode,
            0,
            0,
            1,
            0,
            size,
            0,
            0,
            major,
            minor,
            name_size,
            0,
        ];
        for field in fields {
            write!(self.to, "{field:08X}")?;
        }
        self.to.write_all(name.as_bytes())?;
        self.to.write_all(b"\0")?;
        pad(&mut self.to, 110 + name.len() + 1)?;
        self.to.write_all(content)?;
        pad(&mut self.to, content.len())
    }
}

/// Pads names and contents to a multiple of four.
fn pad(to: &mut impl Write, written: usize) -> io::Result<()> {
    let missing = written.next_multiple_of(4) - written;
    to.write_all(&[0; 4][..missing])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_an_archive() {
        let mut archive = Archive::new(Vec::new());
        archive.directory("/dev").unwrap();
        archive.device("/dev/console", (5, 1)).unwrap();
        archive.file("/a", b"hello").unwrap();
        let bytes = archive.finish().unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        let headers: Vec<_> = text.match_indices("070701").map(|(at, _)| at).collect();
        assert_eq!(headers.len(), 4);
        assert!(headers.iter().all(|at| at % 4 == 0), "{headers:?}");
        assert_eq!(bytes.len() % 4, 0);
        let file = &text[headers[2]..headers[3]];
        assert_eq!(&file[14..22], "000081ED", "mode");
        assert_eq!(&file[54..62], "00000005", "size");
        assert_eq!(&file[94..102], "00000002", "length of the name");
        assert_eq!(&file[110..], "a\0hello\0\0\0");
        let device = &text[headers[1]..headers[2]];
        assert_eq!(&device[78..94], "0000000500000001", "major and minor");
    }
}
