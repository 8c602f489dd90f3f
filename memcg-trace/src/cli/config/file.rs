//! The file itself: TOML, whose keys are flags and whose tables are verbs.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where it is if nobody names another one.
pub(super) const USUAL: &str = "/etc/memcg-trace.toml";
/// The most bytes of a file.
const MAX_BYTES: u64 = 1 << 20;

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// Tables, which are verbs, with their lines.
    pub(super) tables: Vec<(String, usize)>,
    pub(super) values: Vec<Setting>,
}

/// One value.
#[derive(Debug)]
pub(super) struct Setting {
    /// The verb that it is for; all if none.
    pub(super) verb: Option<String>,
    /// The flag.
    pub(super) key: String,
    pub(super) value: Value,
    pub(super) line: usize,
}

#[derive(Debug)]
pub(super) enum Value {
    Switch(bool),
    Text(String),
    /// What no flag can have: a list, a table or a date.
    Other(&'static str),
}

/// Reads the named file, or the usual one, which may be missing.
pub(super) fn read(named: Option<&Path>) -> Result<Content, String> {
    let text = match text(named.unwrap_or(Path::new(USUAL))) {
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
            return Ok(Content::default());
        }
        text => text.map_err(|error| error.to_string())?,
    };
    parse(&text)
}

fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("larger than 1 MiB"));
    }
    Ok(text)
}

fn parse(text: &str) -> Result<Content, String> {
    let line = |byte: usize| {
        1 + text
            .bytes()
            .take(byte)
            .filter(|byte| *byte == b'\n')
            .count()
    };
    let document = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line(span.start));
        format!("line {line}: {}", error.message())
    })?;
    let setting = |verb, key: &Spanned<_>, value: &Spanned<DeValue>| Setting {
        verb,
        key: String::clone(key.get_ref()),
        value: Value::of(value.get_ref()),
        line: line(key.span().start),
    };
    let mut content = Content::default();
    for (key, value) in document.get_ref() {
        let key = Spanned::new(key.span(), key.get_ref().to_string());
        let Some(table) = value.get_ref().as_table() else {
            content.values.push(setting(None, &key, value));
            continue;
        };
        let verb = key.get_ref();
        content.tables.push((verb.clone(), line(key.span().start)));
        for (key, value) in table {
            let key = Spanned::new(key.span(), key.get_ref().to_string());
            content
                .values
                .push(setting(Some(verb.clone()), &key, value));
        }
    }
    // The parser sorts by name; what is wrong is told in the order of the file.
    content.tables.sort_by_key(|(_, line)| *line);
    content.values.sort_by_key(|setting| setting.line);
    Ok(content)
}

impl Value {
    fn of(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::Boolean(switch) => Self::Switch(*switch),
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(number) => Self::Text(number.to_string()),
            DeValue::Float(number) => Self::Text(number.to_string()),
            DeValue::Datetime(_) => Self::Other("a date"),
            DeValue::Array(_) => Self::Other("a list"),
            DeValue::Table(_) => Self::Other("a table"),
        }
    }
}
