//! Layout of the screen.

use ratatui::layout::Rect;

/// Rows of the header without news.
pub(super) const HEADER_ROWS: u16 = 3;
/// Minimum height of a screen with a footer of more than one line.
const TALL: u16 = 16;

/// The strips of the screen, from the top.
#[derive(Clone, Copy, Debug)]
pub struct Regions {
    /// The host and alarms.
    pub header: Rect,
    /// The tab bar.
    pub tabs: Rect,
    /// The contents of the tab.
    pub body: Rect,
    /// Absent sections, and hints for keys.
    pub footer: Rect,
}

impl Regions {
    /// The regions of an area, with so many rows of alarms and of absent sections. The body gets
    /// the rows that the others leave.
    pub(super) fn of(area: Rect, news: usize, absences: usize) -> Self {
        let header_rows = HEADER_ROWS.saturating_add(rows_u16(news));
        let footer_rows = match area.height >= TALL {
            true => rows_u16(absences).saturating_add(1),
            false => 1,
        };
        let fixed = header_rows.saturating_add(1).saturating_add(footer_rows);
        let body_rows = area.height.saturating_sub(fixed);
        let mut y = area.y;
        let [header, tabs, body, footer] =
            [header_rows, 1, body_rows, footer_rows].map(|wanted: u16| {
                let height = wanted.min(area.bottom().saturating_sub(y));
                let strip = Rect { y, height, ..area };
                y += height;
                strip
            });
        Self {
            header,
            tabs,
            body,
            footer,
        }
    }
}

pub(super) fn rows_u16(rows: usize) -> u16 {
    u16::try_from(rows).unwrap_or(u16::MAX)
}
