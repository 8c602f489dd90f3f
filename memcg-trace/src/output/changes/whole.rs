//! Reads changes, and gives whole frames.

use std::io::{BufRead, ErrorKind, Read as _};

use super::frame::{END, Frame};
use super::line::{Head, Line};
use super::rebuild::Open;

/// The most bytes of a record.
const MAX_LINE_BYTES: u64 = 64 << 20;

/// Whole frames of a stream that `export --changes` wrote.
pub struct Frames<R> {
    input: R,
    /// The last whole frame.
    base: Option<Frame>,
    open: Option<Open>,
    /// Whether it was said that the frame of the last record is lost.
    is_lost: bool,
    /// Number of the line that was read last.
    line: u64,
    is_over: bool,
}

/// What a stream has of a frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Rebuilt {
    /// The records as `export` writes them without `--changes`.
    Whole(Vec<u8>),
    /// A frame that cannot be rebuilt.
    Lost(Lost),
}

/// A frame that cannot be rebuilt, or what cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub struct Lost {
    /// Number of the frame, where that is known.
    pub frame: Option<u64>,
    /// The reason, in one sentence.
    pub why: String,
}

impl<R: BufRead> Frames<R> {
    pub fn of(input: R) -> Self {
        Self {
            input,
            base: None,
            open: None,
            is_lost: false,
            line: 0,
            is_over: false,
        }
    }

    /// The next record; `None` at the end.
    fn line(&mut self, bytes: &mut Vec<u8>) -> Result<bool, String> {
        bytes.clear();
        self.line += 1;
        let mut limited = (&mut self.input).take(MAX_LINE_BYTES);
        let read = limited.read_until(b'\n', bytes);
        match read {
            Ok(0) => Ok(false),
            Ok(_) if bytes.ends_with(b"\n") => Ok(true),
            Ok(read) if read as u64 == MAX_LINE_BYTES => Err(format!(
                "line {} has more than {MAX_LINE_BYTES} bytes",
                self.line
            )),
            Ok(_) => Err(format!("line {} is cut off", self.line)),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Err("the file has no end: it is cut off, or still being written".to_owned())
            }
            Err(error) => Err(format!(
                "it cannot be read after line {}: {error}",
                self.line - 1
            )),
        }
    }

    fn lost(&mut self, why: String) -> Option<Rebuilt> {
        self.base = None;
        self.is_lost = true;
        let frame = self.open.take().map(|open| open.frame());
        Some(Rebuilt::Lost(Lost { frame, why }))
    }

    fn ends(&mut self, why: Option<String>) -> Option<Rebuilt> {
        self.is_over = true;
        match (why, self.open.is_some()) {
            (Some(why), _) => self.lost(why),
            (None, true) => self.lost("its last record is missing".to_owned()),
            (None, false) => None,
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Option<Rebuilt> {
        let line: Line<'_> = match serde_json::from_slice(bytes) {
            Ok(line) => line,
            Err(error) => {
                let why = format!("line {} is no record: {error}", self.line);
                return self.lost(why);
            }
        };
        if line.kind == "base" {
            return self.start(&line);
        }
        let is_last = line.kind == END;
        let Some(open) = &mut self.open else {
            let was_told = self.is_lost;
            // What comes next has its own frame to answer for.
            self.is_lost = !is_last;
            return match was_told {
                true => None,
                false => Some(Rebuilt::Lost(Lost {
                    frame: Some(Head::of(&line).frame),
                    why: "its first record is missing".to_owned(),
                })),
            };
        };
        match open.take(&line, self.base.as_ref()) {
            Ok(None) => None,
            Ok(Some((bytes, frame))) => {
                self.open = None;
                self.base = Some(frame);
                Some(Rebuilt::Whole(bytes))
            }
            Err(why) => {
                let lost = self.lost(why);
                self.is_lost = !is_last;
                lost
            }
        }
    }

    /// The first record of a frame.
    fn start(&mut self, line: &Line<'_>) -> Option<Rebuilt> {
        let before = match self.open {
            // The end of that frame is missing, and so this one may not build on it.
            Some(_) => self.lost("its last record is missing".to_owned()),
            None => None,
        };
        match Open::start(line, self.base.as_ref()) {
            Ok(open) => {
                self.open = Some(open);
                self.is_lost = false;
                before
            }
            Err(why) => {
                self.base = None;
                self.is_lost = true;
                let frame = Some(Head::of(line).frame);
                Some(before.unwrap_or(Rebuilt::Lost(Lost { frame, why })))
            }
        }
    }
}

impl<R: BufRead> Iterator for Frames<R> {
    type Item = Rebuilt;

    fn next(&mut self) -> Option<Rebuilt> {
        let mut bytes = Vec::new();
        while !self.is_over {
            let rebuilt = match self.line(&mut bytes) {
                Ok(true) => self.take(&bytes),
                Ok(false) => return self.ends(None),
                Err(why) => return self.ends(Some(why)),
            };
            if rebuilt.is_some() {
                return rebuilt;
            }
        }
        None
    }
}
