//! Names cut into tokens: runs of letters and digits, and what stands between them.

/// Lengths in hexadecimal digits that ids usually have: a letter before such an id is no part of
/// it, even if it could be a digit.
const USUAL: [usize; 10] = [8, 12, 16, 20, 24, 32, 40, 64, 96, 128];
/// The least digits of a hexadecimal number without a neighbour that shows that it varies.
const LEAST_HEX: usize = 8;
/// The least length and changes between letters and digits of an id in a larger alphabet.
const LEAST_ID: (usize, usize) = (10, 4);
/// Digits of the groups of a UUID.
const UUID: [usize; 5] = [8, 4, 4, 4, 12];

/// A part of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Letters and digits.
    Run(&'a [u8]),
    /// A UUID, with `-` or `_` between its groups.
    Uuid(&'a [u8]),
    /// `2026-11-30`.
    Date(&'a [u8]),
    /// Anything else; escaped bytes (`\x2d`) too.
    Between(&'a [u8]),
}

impl<'a> Token<'a> {
    /// Returns the bytes.
    pub(super) fn bytes(self) -> &'a [u8] {
        match self {
            Self::Run(bytes) | Self::Uuid(bytes) | Self::Date(bytes) | Self::Between(bytes) => {
                bytes
            }
        }
    }
}

/// A part of a run: what varies, or a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Letters.
    Text(&'a [u8]),
    /// Decimal digits.
    Number(&'a [u8]),
    /// Hexadecimal digits.
    Hex(&'a [u8]),
    /// Letters and digits of a larger alphabet.
    Id(&'a [u8]),
}

/// Cuts a name into tokens.
pub(super) fn tokens(name: &[u8]) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while from < name.len() {
        let token = next(name, from);
        from += token.bytes().len();
        found.push(token);
    }
    found
}

/// Returns the token that begins at `from`. A run ends where a UUID begins in it.
fn next(name: &[u8], from: usize) -> Token<'_> {
    let rest = &name[from..];
    if let Some(bytes) = uuid(name, from) {
        return Token::Uuid(&rest[..bytes]);
    }
    if let Some(bytes) = date(name, from) {
        return Token::Date(&rest[..bytes]);
    }
    let escaped = escape(rest);
    if escaped == 0 && rest[0].is_ascii_alphanumeric() {
        let ends = |at: &usize| !name[*at].is_ascii_alphanumeric() || uuid(name, *at).is_some();
        let end = (from + 1..name.len()).find(ends).unwrap_or(name.len());
        return Token::Run(&name[from..end]);
    }
    let mut end = from + escaped.max(1);
    while end < name.len() {
        match escape(&name[end..]) {
            0 if name[end].is_ascii_alphanumeric() => break,
            escaped => end += escaped.max(1),
        }
    }
    Token::Between(&name[from..end])
}

/// Returns the length of an escaped byte at the beginning: 4 or 0.
fn escape(text: &[u8]) -> usize {
    match text {
        [b'\\', b'x', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => 4,
        _ => 0,
    }
}

/// Returns the length of the UUID at `from`.
fn uuid(name: &[u8], from: usize) -> Option<usize> {
    if from > 0 && name[from - 1].is_ascii_digit() {
        return None;
    }
    let between = *name.get(from + UUID[0])?;
    if between != b'-' && between != b'_' {
        return None;
    }
    let mut at = from;
    for (number, digits) in UUID.into_iter().enumerate() {
        let group = name.get(at..at + digits)?;
        if !group.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        at += digits;
        if number + 1 < UUID.len() {
            if *name.get(at)? != between {
                return None;
            }
            at += 1;
        }
    }
    let is_longer = name.get(at).is_some_and(u8::is_ascii_alphanumeric);
    let has_digit = name[from..at].iter().any(u8::is_ascii_digit);
    (!is_longer && has_digit).then_some(at - from)
}

/// Returns the length of the date at `from`.
fn date(name: &[u8], from: usize) -> Option<usize> {
    let text = str::from_utf8(name.get(from..from + 10)?).ok()?;
    let is_digit_at = |at: usize| name.get(at).is_some_and(u8::is_ascii_digit);
    if (from > 0 && is_digit_at(from - 1)) || is_digit_at(from + 10) {
        return None;
    }
    let mut parts = text.split('-');
    let mut number = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse::<u32>().ok()).flatten()
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let is_date = year >= 1970 && (1..=12).contains(&month) && (1..=31).contains(&day);
    is_date.then_some(10)
}

/// Cuts a run into parts, by what it is made of alone.
pub(super) fn parts(run: &[u8]) -> Vec<Part<'_>> {
    let has_digit = run.iter().any(u8::is_ascii_digit);
    if !has_digit {
        return vec![Part::Text(run)];
    }
    if run.iter().all(u8::is_ascii_digit) {
        return vec![Part::Number(run)];
    }
    let first_digit = run.iter().position(u8::is_ascii_digit).unwrap_or(0);
    let is_hex = run[first_digit..].iter().all(u8::is_ascii_hexdigit);
    let is_number = run[first_digit..].iter().all(u8::is_ascii_digit);
    if is_hex && !is_number {
        let begin = hex_begin(run, first_digit);
        if run.len() - begin >= LEAST_HEX {
            let (text, hex) = run.split_at(begin);
            let text = (!text.is_empty()).then_some(Part::Text(text));
            return text.into_iter().chain([Part::Hex(hex)]).collect();
        }
    }
    if !is_hex && run.len() >= LEAST_ID.0 && changes(run) >= LEAST_ID.1 {
        return vec![Part::Id(run)];
    }
    let pieces = run.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit());
    let piece = |piece| match <[u8]>::first(piece).is_some_and(u8::is_ascii_digit) {
        true => Part::Number(piece),
        false => Part::Text(piece),
    };
    pieces.map(piece).collect()
}

/// Returns where the hexadecimal number at the end of a run begins, at `latest` or before: so that
/// it has a usual length, if it can, else with all digits.
pub(super) fn hex_begin(run: &[u8], latest: usize) -> usize {
    let before = run[..latest].iter().rev();
    let more = before.take_while(|byte| byte.is_ascii_hexdigit()).count();
    let least = run.len() - latest;
    let usual = (0..=more).find(|more| USUAL.contains(&(least + more)));
    latest - usual.unwrap_or(if more == latest { more } else { 0 })
}

/// Returns how often letters and digits take turns.
fn changes(run: &[u8]) -> usize {
    let pairs = run.windows(2);
    pairs
        .filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit())
        .count()
}
