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
    /// Pictures of the selected row.
    pub pictures: Rect,
    /// Absent sections, and hints for keys.
    pub footer: Rect,
}

impl Regions {
    /// The regions of an area, with so many rows of alarms, of absent sections and of pictures. The
    /// body gets the rows that the others leave. A small screen has no pictures.
    pub(super) fn of(area: Rect, news: usize, absences: usize, pictures: u16) -> Self {
        let header_rows = HEADER_ROWS.saturating_add(rows_u16(news));
        let footer_rows = match area.height >= TALL {
            true => rows_u16(absences).saturating_add(1),
            false => 1,
        };
        let pictures_rows = match area.height >= TALL {
            true => pictures,
            false => 0,
        };
        let fixed = [1, footer_rows, pictures_rows].into_iter();
        let fixed = fixed.fold(header_rows, |sum, rows| sum.saturating_add(rows));
        let body_rows = area.height.saturating_sub(fixed);
        let mut y = area.y;
        let [header, tabs, body, pictures, footer] =
            [header_rows, 1, body_rows, pictures_rows, footer_rows].map(|wanted: u16| {
                let height = wanted.min(area.bottom().saturating_sub(y));
                let strip = Rect { y, height, ..area };
                y += height;
                strip
            });
        Self {
            header,
            tabs,
            body,
            pictures,
            footer,
        }
    }
}

pub(super) fn rows_u16(rows: usize) -> u16 {
    u16::try_from(rows).unwrap_or(u16::MAX)
}
