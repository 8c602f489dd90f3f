//! Untrusted bytes: names of cgroups, tasks and files, which strangers choose.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Bytes that are usually text, but need not be.
///
/// They are kept raw. All output goes through [`Text::display`], which passes neither control
/// characters nor invalid UTF-8. They serialise as a string where that is lossless, else as
/// `{"hex": "…"}`.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(Box<[u8]>);

impl Text {
    /// Takes the bytes up to the first NUL, or all of them.
    #[must_use]
    pub fn from_c(bytes: &[u8]) -> Self {
        Self(
            bytes
                .split(|byte| *byte == 0)
                .next()
                .unwrap_or_default()
                .into(),
        )
    }

    /// Returns the raw bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns text that is fit for a terminal and for JSON: invalid UTF-8 becomes U+FFFD, and so
    /// does each control or formatting character (line and paragraph separators, direction marks)
    /// that could change what a reader sees.
    #[must_use]
    pub fn display(&self) -> Cow<'_, str> {
        match str::from_utf8(&self.0) {
            Ok(text) => sanitized(text),
            Err(_) => Cow::Owned(sanitized(&String::from_utf8_lossy(&self.0)).into_owned()),
        }
    }

    /// Returns the bytes in hexadecimal, if [`Text::display`] changes them.
    #[must_use]
    pub fn hex(&self) -> Option<String> {
        (self.display().as_bytes() != &*self.0).then(|| to_hex(&self.0))
    }
}

/// Sanitises untrusted text that is valid UTF-8, as [`Text::display`] does.
#[must_use]
pub fn sanitized(text: &str) -> Cow<'_, str> {
    if text.contains(is_unsafe) {
        Cow::Owned(text.replace(is_unsafe, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Returns whether an untrusted character must not reach a terminal or a log.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

fn to_hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
            // Writing to a String does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return None;
    }
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok())
        .collect()
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

#[derive(Serialize, Deserialize)]
struct Hex {
    hex: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Plain(String),
    Hex(Hex),
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Hex {
                hex: to_hex(&self.0),
            }
            .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Form::deserialize(deserializer)? {
            Form::Plain(text) => Ok(text.into_bytes().into()),
            Form::Hex(Hex { hex }) => from_hex(&hex)
                .map(Self::from)
                .ok_or_else(|| de::Error::custom("not hexadecimal")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_bytes_come_out_sanitized_and_whole() {
        let evil = Text::from(&b"a\x1b[2J\n\xff\xe2\x80\xae"[..]);
        let shown = evil.display();
        assert!(
            !shown.contains(|c: char| c.is_control() || c == '\u{202e}'),
            "{shown:?}"
        );
        assert_eq!(evil.hex().as_deref(), Some("611b5b324a0affe280ae"));
        assert_eq!(Text::from("caché").hex(), None);
    }

    #[test]
    fn serialised_bytes_come_back() {
        for bytes in [
            &b"plain"[..],
            b"",
            b"\xff\x00\x80",
            "caché\u{1b}".as_bytes(),
        ] {
            let text = Text::from(bytes);
            let json = serde_json::to_string(&text).unwrap();
            assert_eq!(serde_json::from_str::<Text>(&json).unwrap(), text, "{json}");
        }
        assert!(serde_json::from_str::<Text>(r#"{"hex":"0g"}"#).is_err());
        assert!(serde_json::from_str::<Text>(r#"{"hex":"é1"}"#).is_err());
    }

    #[test]
    fn a_c_string_ends_at_its_nul() {
        assert_eq!(Text::from_c(b"kworker\0residue"), Text::from("kworker"));
    }
}
