//! A part as a bar of text.

use ratatui::symbols::block;

/// A part, from 0 to 1, in so many columns: blocks for it, and dots for the rest.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place on the screen"
)]
pub(super) fn text(part: f64, columns: usize) -> String {
    let part = part.clamp(0.0, 1.0);
    let eighths = (part * (columns * 8) as f64).round() as usize;
    // What is there at all is seen.
    let eighths = eighths.max(usize::from(part > 0.0 && columns > 0));
    let last = match eighths % 8 {
        0 => "",
        1 => block::ONE_EIGHTH,
        2 => block::ONE_QUARTER,
        3 => block::THREE_EIGHTHS,
        4 => block::HALF,
        5 => block::FIVE_EIGHTHS,
        6 => block::THREE_QUARTERS,
        _ => block::SEVEN_EIGHTHS,
    };
    let rest = columns - eighths.div_ceil(8);
    block::FULL.repeat(eighths / 8) + last + &"·".repeat(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_part() {
        for (part, bar) in [
            (0.0, "····"),
            (0.001, "▏···"),
            (0.5, "██··"),
            (0.6, "██▍·"),
            (1.0, "████"),
            (7.0, "████"),
            (f64::NAN, "····"),
        ] {
            assert_eq!(text(part, 4), bar, "{part}");
        }
        assert_eq!(text(0.5, 0), "");
    }
}
