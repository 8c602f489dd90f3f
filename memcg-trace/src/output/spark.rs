//! A few figures as a line of bars.

/// Bars, from the lowest to the highest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One bar for each of the last `columns` figures; the largest figure is a full bar, a missing one
/// a blank.
#[must_use]
pub fn line(figures: &[u64], columns: usize) -> String {
    let figures = &figures[figures.len().saturating_sub(columns)..];
    let most = figures.iter().copied().max().unwrap_or(0);
    let bar = |figure: u64| match figure {
        0 => ' ',
        _ => {
            let steps = u128::from(figure) * BARS.len() as u128;
            let step = steps.div_ceil(u128::from(most.max(1)));
            BARS[usize::try_from(step)
                .unwrap_or(BARS.len())
                .clamp(1, BARS.len())
                - 1]
        }
    };
    figures.iter().copied().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_is_full_and_none_is_blank() {
        assert_eq!(line(&[0, 1, 50, 100], 8), " ▁▄█");
        assert_eq!(line(&[9, 9, 0], 2), "█ ");
        assert_eq!(line(&[u64::MAX], 4), "█");
        assert_eq!(line(&[], 4), "");
    }
}
