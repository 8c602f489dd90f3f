//! A recording without its samples: only the times of the first and the last one are read.

use std::io::{self, Read, Seek, SeekFrom};

use super::{Error, Header, LENGTH_BYTES, MAX_FRAME_BYTES, Reader};

/// The most frames that are counted.
const MAX_FRAMES: u64 = 1_000_000;
/// Bytes of a frame and of its text in which its time is, since that comes first.
const TIME_BYTES: u64 = 4 << 10;
const TIME: &str = "{\"mono_ns\":";

/// The outline of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Its header.
    pub header: Header,
    /// The number of samples.
    pub samples: u64,
    /// The time of the first one, CLOCK_MONOTONIC; `None` if it does not say.
    pub first_ns: Option<u64>,
    /// The time of the last one.
    pub last_ns: Option<u64>,
    /// It ends within a frame.
    pub is_cut: bool,
    /// The fault of it, in one line; samples before that are counted.
    pub damage: Option<String>,
}

impl Outline {
    /// Reads the outline of a file of so many bytes.
    ///
    /// # Errors
    /// If it is no recording, or cannot be read.
    pub fn read<R: Read + Seek>(input: R, bytes: u64) -> Result<Self, Error> {
        let mut reader = Reader::open(input)?;
        let mut outline = Self {
            header: reader.header().clone(),
            samples: 0,
            first_ns: None,
            last_ns: None,
            is_cut: false,
            damage: None,
        };
        let mut at = reader.offset;
        let (mut first, mut last) = (None, None);
        while let Some(length) = reader.bytes(LENGTH_BYTES)? {
            let length = length.iter().rev();
            let length = length.fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
            let frame = at + LENGTH_BYTES as u64;
            if length > MAX_FRAME_BYTES as u64 || outline.samples >= MAX_FRAMES {
                outline.damage = Some(match length > MAX_FRAME_BYTES as u64 {
                    true => format!("the frame at byte {at} is too long"),
                    false => format!("more than {MAX_FRAMES} frames"),
                });
                break;
            }
            at = frame + length;
            if at > bytes {
                outline.is_cut = true;
                break;
            }
            first.get_or_insert((frame, length));
            last = Some((frame, length));
            outline.samples += 1;
            seek(&mut reader, at)?;
        }
        outline.is_cut |= reader.is_cut;
        let mut time = |of: Option<(u64, u64)>| match of {
            Some((frame, length)) => time_of(&mut reader, frame, length),
            None => Ok(None),
        };
        outline.first_ns = time(first)?;
        outline.last_ns = time(last)?;
        let is_odd = outline.samples > 0 && (outline.first_ns.or(outline.last_ns)).is_none();
        if is_odd && outline.damage.is_none() {
            outline.damage = Some("its frames are no samples".to_owned());
        }
        Ok(outline)
    }
}

fn seek<R: Read + Seek>(reader: &mut Reader<R>, to: u64) -> Result<(), Error> {
    let moved = reader.input.seek(SeekFrom::Start(to));
    moved.map(drop).map_err(reading)
}

fn reading(error: io::Error) -> Error {
    Error::Io {
        operation: "reading",
        frame: 0,
        error,
    }
}

/// The time of a frame; `None` if it does not begin with it.
fn time_of<R: Read + Seek>(
    reader: &mut Reader<R>,
    frame: u64,
    length: u64,
) -> Result<Option<u64>, Error> {
    seek(reader, frame)?;
    let packed = reader.input.by_ref().take(length);
    let mut text = Vec::new();
    let unpacked = zstd::stream::read::Decoder::new(packed)
        .and_then(|decoder| decoder.take(TIME_BYTES).read_to_end(&mut text));
    // What is no sample has no time.
    Ok(unpacked.ok().and_then(|_| time(&text)))
}

fn time(text: &[u8]) -> Option<u64> {
    let rest = text.strip_prefix(TIME.as_bytes())?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
    let digits = rest.get(..digits.count())?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::sample::Sample;
    use crate::sample::recording::Writer;

    fn recorded(times: &[u64]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut writer = Writer::new(&mut file, &Header::default()).unwrap();
        for mono_ns in times {
            let sample = Sample {
                mono_ns: *mono_ns,
                ..Sample::default()
            };
            writer.write_sample(&sample).unwrap();
        }
        file
    }

    fn outline(file: &[u8]) -> Outline {
        Outline::read(Cursor::new(file), file.len() as u64).unwrap()
    }

    #[test]
    fn samples_and_their_times() {
        let whole = outline(&recorded(&[5, 6, 17]));
        assert_eq!((whole.samples, whole.is_cut), (3, false));
        assert_eq!((whole.first_ns, whole.last_ns), (Some(5), Some(17)));
        let none = outline(&recorded(&[]));
        assert_eq!((none.samples, none.first_ns, none.damage), (0, None, None));
    }

    #[test]
    fn a_cut_anywhere_is_seen() {
        let file = recorded(&[5, 6]);
        let first = recorded(&[5]).len();
        for end in first + 1..file.len() {
            let cut = outline(&file[..end]);
            assert_eq!((cut.samples, cut.is_cut), (1, true), "cut at {end}");
            assert_eq!(cut.last_ns, Some(5));
        }
        assert!(!outline(&file[..first]).is_cut);
    }

    #[test]
    fn damage_is_named() {
        let mut file = recorded(&[5]);
        let at = file.len();
        file.extend(u32::MAX.to_le_bytes());
        let damage = outline(&file).damage.unwrap();
        assert_eq!(damage, format!("the frame at byte {at} is too long"));
        let mut file = recorded(&[]);
        file.extend([5, 0, 0, 0, 1, 2, 3, 4, 5]);
        let odd = outline(&file);
        assert_eq!(odd.damage.as_deref(), Some("its frames are no samples"));
    }
}
