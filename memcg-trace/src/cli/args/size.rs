//! Sizes as users write them.

/// Units of sizes, and their bytes.
const UNITS: [(&str, u64); 4] = [("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30), ("", 1)];

/// Parses a size that is not 0.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim_end_matches('B').trim_end_matches('i');
    let found = UNITS
        .iter()
        .find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)));
    let size = found.and_then(|(number, bytes)| number.parse::<u64>().ok()?.checked_mul(bytes));
    match size {
        Some(0) => Err("must be more than 0".to_owned()),
        Some(size) => Ok(size),
        None => Err("write it like 500K, 64M or 1G".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_users_write_them() {
        for (text, bytes) in [("7", 7), ("2K", 2048), ("64MiB", 64 << 20), ("1G", 1 << 30)] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "0M", "M", "-1", "1.5G", "1T", "99999999999G"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
