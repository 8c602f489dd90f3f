//! Travels in time: the user's wish to see another moment than the newest.

use std::str::FromStr as _;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::keys::Action;

const SECOND_NS: i64 = 1_000_000_000;
const DAY_NS: i64 = 86_400 * SECOND_NS;
const MINUTE_NS: u64 = 60 * 1_000_000_000;

/// A wish to see another moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Travel {
    /// The moment that is shown now, CLOCK_MONOTONIC.
    pub from_ns: u64,
    /// The moment that is wanted.
    pub to: Destination,
}

/// Another moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// So many samples later; earlier, if negative.
    Samples(i64),
    /// The last sample that is not after this time, CLOCK_MONOTONIC.
    Moment(u64),
}

impl Destination {
    /// The destination of a key, as seen from a moment.
    pub(super) fn of(action: Action, from_ns: u64) -> Option<Self> {
        Some(match action {
            Action::SampleBack => Self::Samples(-1),
            Action::SampleForward => Self::Samples(1),
            Action::MinuteBack => Self::Moment(from_ns.saturating_sub(MINUTE_NS)),
            Action::MinuteForward => Self::Moment(from_ns.saturating_add(MINUTE_NS)),
            _ => return None,
        })
    }
}

/// The time that the user types after `:`.
#[derive(Clone, Debug, Default)]
pub(super) struct TimePrompt {
    pub(super) text: String,
    pub(super) is_edited: bool,
}

impl TimePrompt {
    /// Takes a key. Returns the text once it is complete.
    pub(super) fn edit(&mut self, event: KeyEvent) -> Option<String> {
        let is_plain = event.modifiers.difference(KeyModifiers::SHIFT).is_empty();
        match event.code {
            KeyCode::Enter => return Some(std::mem::take(self).text),
            KeyCode::Esc => *self = Self::default(),
            KeyCode::Backspace => {
                self.text.pop();
            }
            KeyCode::Char(c) if is_plain && !c.is_control() => self.text.push(c),
            _ => {}
        }
        None
    }
}

/// The moment that a text means, CLOCK_MONOTONIC: `12:34`, `12:34:56` or with a day before it, in
/// UTC; `-5m` or `+90s` from the moment of both clocks that is shown.
///
/// # Errors
/// If the text is no time.
pub fn parse(text: &str, mono_ns: u64, unix_ns: i64) -> Result<u64, String> {
    let wrong = || format!("{text}: write it like 12:34, 12:34:56 or -5m");
    let text = text.trim().trim_end_matches('Z');
    let away_ns = match text.strip_prefix(['-', '+']) {
        Some(span) => {
            let span = span_ns(span).ok_or_else(wrong)?;
            if text.starts_with('-') { -span } else { span }
        }
        None => time_of_day(text, unix_ns)
            .or_else(|| date_and_time(text))
            .and_then(|there_ns| there_ns.checked_sub(unix_ns))
            .ok_or_else(wrong)?,
    };
    Ok(mono_ns.saturating_add_signed(away_ns))
}

/// `90`, `90s`, `5m` or `2h`.
fn span_ns(text: &str) -> Option<i64> {
    let units = [("s", 1), ("m", 60), ("h", 3_600)];
    let found = units
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)));
    let (number, seconds) = found.unwrap_or((text, 1));
    let number: u32 = number.trim().parse().ok()?;
    i64::from(number).checked_mul(seconds * SECOND_NS)
}

/// A time of day: of the day at which it is nearest to the moment that is shown.
fn time_of_day(text: &str, shown_unix_ns: i64) -> Option<i64> {
    let time = jiff::civil::Time::from_str(text).ok()?;
    let seconds = (i64::from(time.hour()) * 60 + i64::from(time.minute())) * 60;
    let of_day_ns = (seconds + i64::from(time.second())) * SECOND_NS;
    let midnight = shown_unix_ns.checked_sub(shown_unix_ns.rem_euclid(DAY_NS))?;
    let days = [-DAY_NS, 0, DAY_NS].into_iter();
    let all = days.filter_map(|day| midnight.checked_add(day)?.checked_add(of_day_ns));
    all.min_by_key(|unix_ns| unix_ns.abs_diff(shown_unix_ns))
}

fn date_and_time(text: &str) -> Option<i64> {
    let time = jiff::civil::DateTime::from_str(&text.replacen(' ', "T", 1)).ok()?;
    let time = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    i64::try_from(time.timestamp().as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_users_write_them() {
        // 2026-11-30 00:10:00Z, and as many seconds after the boot.
        let shown_s = 1_795_997_400;
        let mono_s = 1_000_000;
        let parse = |text: &str| parse(text, mono_s * 1_000_000_000, shown_s * SECOND_NS);
        for (text, away_s) in [
            ("-5m", -300),
            ("+90s", 90),
            ("-7", -7),
            ("-1h", -3_600),
            ("00:09", -60),
            ("00:10:30", 30),
            ("23:50", -1_200),
            ("23:50:01Z", -1_199),
            ("2026-11-29 23:50", -1_200),
        ] {
            let there = parse(text).unwrap();
            let wanted = mono_s.saturating_add_signed(away_s) * 1_000_000_000;
            assert_eq!(there, wanted, "{text}");
        }
        for text in ["", "x", "-", "-5x", "25:00", "12:34:56:78", "--5"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
