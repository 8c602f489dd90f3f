//! Durations as users write them: `500ms`, `1s`, `1.5s`, `2m`, `1h`.

use std::time::Duration;

/// Units and their seconds. A unit comes before any shorter one that it ends in.
const UNITS: [(&str, f64); 5] = [
    ("ms", 1e-3),
    ("us", 1e-6),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
];
/// Maximum duration: longer than any run, and short enough to add to a clock.
const LONGEST_SECS: f64 = 1e9;

/// Parses a duration that is not 0. A number without a unit is in seconds.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let (number, unit_secs) = UNITS
        .iter()
        .find_map(|(unit, secs)| Some((text.strip_suffix(unit)?, *secs)))
        .unwrap_or((text, 1.0));
    let is_number = number.starts_with(|c: char| c.is_ascii_digit());
    let secs = number.trim_end().parse::<f64>().ok().filter(|_| is_number);
    match secs.map(|secs| secs * unit_secs) {
        Some(secs) if secs > LONGEST_SECS => Err("that is too long".to_owned()),
        Some(secs) if secs > 0.0 => Ok(Duration::from_secs_f64(secs)),
        Some(_) => Err("must be more than 0".to_owned()),
        None => Err("write it like 500ms, 1s, 2m or 1h".to_owned()),
    }
}

/// Parses the time between two samples, which has a minimum so that sampling leaves time for other
/// work.
pub(super) fn parse_interval(text: &str) -> Result<Duration, String> {
    const SHORTEST: Duration = Duration::from_millis(10);
    match parse(text)? {
        interval if interval < SHORTEST => Err("must be 10ms or more".to_owned()),
        interval => Ok(interval),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_users_write_is_understood() {
        for (text, ms) in [
            ("1s", 1000),
            ("500ms", 500),
            ("2m", 120_000),
            ("1.5", 1500),
            ("1h", 3_600_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in [
            "",
            "s",
            "-1s",
            "1d",
            "nan",
            "inf",
            "0s",
            "1e300",
            "1 fortnight",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse_interval("1ms").is_err());
    }
}
