//! Figures for people. An unknown figure is [`UNKNOWN`], never 0.

/// Bytes of a page.
pub const PAGE_BYTES: u64 = 4096;

/// Shown for an unknown figure.
pub const UNKNOWN: &str = "-";

/// `0 B`, `17.3 KiB`, `2.0 GiB`: three digits are enough to see what is large.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn bytes(bytes: Option<u64>) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let Some(bytes) = bytes else {
        return UNKNOWN.to_owned();
    };
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut scaled = bytes as f64 / 1024.0;
    let mut unit = 0;
    while scaled >= 999.95 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{scaled:.1} {}", UNITS[unit])
}

/// A limit: as [`bytes`], and `max` where there is none.
#[must_use]
pub fn limit(bytes_or_max: Option<u64>, unlimited: u64) -> String {
    match bytes_or_max {
        Some(limit) if limit >= unlimited => "max".to_owned(),
        other => bytes(other),
    }
}

/// A rate a second: `0`, `0.4`, `730`, `12.5k`, `3.1M`.
#[must_use]
pub fn rate(per_sec: Option<f64>) -> String {
    match per_sec {
        None => UNKNOWN.to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(rate) if rate < 9.95 => format!("{rate:.1}"),
        Some(rate) => scaled(rate),
    }
}

/// A number of things: `0`, `730`, `12.5k`, `3.1M`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn count(count: Option<u64>) -> String {
    count.map_or_else(|| UNKNOWN.to_owned(), |count| scaled(count as f64))
}

/// A number of things: `0 pages`, `1 page`, `730 pages`, `12.5k pages`.
#[must_use]
pub fn things(number: u64, one: &str) -> String {
    format!("{} {}", count(Some(number)), noun(number, one))
}

/// A number of things that may be unknown: `- pages`.
#[must_use]
pub fn things_known(number: Option<u64>, one: &str) -> String {
    number.map_or_else(
        || format!("{UNKNOWN} {}", noun(0, one)),
        |number| things(number, one),
    )
}

/// The verb for a number of things: `is` or `are`.
#[must_use]
pub fn is(number: u64) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

/// The plural of a noun: `page`, `pages`; of several words the last changes.
#[must_use]
pub fn noun(number: u64, one: &str) -> String {
    const HISSES: [&str; 4] = ["s", "x", "ch", "sh"];
    let is_vowel = |c: char| "aeiou".contains(c);
    match one.strip_suffix('y') {
        _ if number == 1 => one.to_owned(),
        Some(stem) if !stem.ends_with(is_vowel) => format!("{stem}ies"),
        _ if HISSES.iter().any(|hiss| one.ends_with(hiss)) => format!("{one}es"),
        _ => format!("{one}s"),
    }
}

fn scaled(number: f64) -> String {
    for (limit, divisor, unit) in [
        (9_999.5, 1.0, ""),
        (999_950.0, 1e3, "k"),
        (999_950_000.0, 1e6, "M"),
    ] {
        if number < limit {
            let digits = usize::from(!unit.is_empty());
            return format!("{:.digits$}{unit}", number / divisor);
        }
    }
    format!("{:.1}G", number / 1e9)
}

/// A duration: `0 s`, `20 ns`, `1.5 us`, `12.3 ms`, `4.0 s`, `12m05s`, `3h04m`, `12d03h`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn duration(ns: Option<u64>) -> String {
    let Some(ns) = ns else {
        return UNKNOWN.to_owned();
    };
    let secs = ns / 1_000_000_000;
    match ns {
        0 => "0 s".to_owned(),
        1..=999 => format!("{ns} ns"),
        1_000..=999_949 => format!("{:.1} us", ns as f64 / 1e3),
        999_950..=999_949_999 => format!("{:.1} ms", ns as f64 / 1e6),
        _ if secs < 120 => format!("{:.1} s", ns as f64 / 1e9),
        _ if secs < 7_200 => format!("{}m{:02}s", secs / 60, secs % 60),
        _ if secs < 172_800 => format!("{}h{:02}m", secs / 3_600, secs / 60 % 60),
        _ => format!("{}d{:02}h", secs / 86_400, secs / 3_600 % 24),
    }
}

/// Time spent per second, by several tasks at once if need be: `0`, `12.0 ms`, `2.5 s`.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate of nanoseconds is never negative, and shown with three digits"
)]
pub fn time_share(ns_per_sec: Option<f64>) -> String {
    match ns_per_sec {
        Some(rate) if rate < 0.5 => "0".to_owned(),
        rate => duration(rate.map(|rate| rate as u64)),
    }
}

/// A point in time, in RFC 3339 with nanoseconds.
#[must_use]
pub fn time(unix_ns: i64) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(unix_ns))
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{time:.9}")
}

/// A point in time to the second, with the day: `2026-11-30 12:34:56Z`.
#[must_use]
pub fn clock(unix_ns: i64) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(unix_ns))
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let whole = format!("{time:.0}");
    whole.replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_say_their_unit() {
        let shown = [0, 1023, 1024, 1 << 20, 1_047_527_424, u64::MAX].map(|n| bytes(Some(n)));
        assert_eq!(
            shown,
            [
                "0 B",
                "1023 B",
                "1.0 KiB",
                "1.0 MiB",
                "999.0 MiB",
                "16.0 EiB"
            ]
        );
        let shown = [0, 9_999, 10_000, 999_999, 1_000_000_000].map(|n| count(Some(n)));
        assert_eq!(shown, ["0", "9999", "10.0k", "1.0M", "1.0G"]);
        let shown = [0.0, 0.04, 9.96, 1234.0, 12_345.0].map(|n| rate(Some(n)));
        assert_eq!(shown, ["0", "0.0", "10", "1234", "12.3k"]);
        let shown = [
            0,
            1_500,
            12_300_000,
            4_000_000_000,
            725_000_000_000,
            300_000_000_000_000,
        ]
        .map(|n| duration(Some(n)));
        assert_eq!(
            shown,
            ["0 s", "1.5 us", "12.3 ms", "4.0 s", "12m05s", "3d11h"]
        );
    }

    #[test]
    fn one_thing_is_not_several() {
        let shown = [0, 1, 2, 12_500].map(|number| things(number, "page"));
        assert_eq!(shown, ["0 pages", "1 page", "2 pages", "12.5k pages"]);
        let many = ["dentry", "memcg", "box", "long wait", "key"].map(|one| noun(2, one));
        assert_eq!(many, ["dentries", "memcgs", "boxes", "long waits", "keys"]);
        assert_eq!(noun(1, "dentry"), "dentry");
    }

    #[test]
    fn unknown_is_not_zero() {
        assert_eq!(
            [bytes(None), rate(None), count(None), duration(None)],
            [UNKNOWN; 4]
        );
        assert_eq!(limit(Some(u64::MAX), 1 << 62), "max");
        assert_eq!(limit(None, 1 << 62), UNKNOWN);
    }

    #[test]
    fn moments_have_nine_digits() {
        assert_eq!(
            time(1_700_000_000_000_000_001),
            "2023-11-14T22:13:20.000000001Z"
        );
        assert_eq!(time(0), "1970-01-01T00:00:00.000000000Z");
    }
}
