//! The mouse: the wheel moves the selection, a click selects a row or a tab.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::app::App;
use super::keys::Action;
use super::tab_bar;

impl App {
    /// Acts on the mouse.
    pub fn point(&mut self, event: MouseEvent) {
        let regions = self.regions(self.size);
        let at = Position::new(event.column, event.row);
        match event.kind {
            MouseEventKind::ScrollUp => self.roll(Action::Up),
            MouseEventKind::ScrollDown => self.roll(Action::Down),
            MouseEventKind::Down(MouseButton::Left) if regions.tabs.contains(at) => {
                if let Some(tab) = tab_bar::tab_at(self, regions.tabs, event.column) {
                    (self.help, self.detail) = (None, None);
                    self.show(tab);
                }
            }
            MouseEventKind::Down(MouseButton::Left)
                if regions.body.contains(at) && self.help.is_none() && self.detail.is_none() =>
            {
                let line = usize::from(event.row - regions.body.y);
                self.views[self.shown].click(line, regions.body.height.into());
            }
            _ => {}
        }
    }

    fn roll(&mut self, action: Action) {
        match (self.help.is_some(), self.detail.is_some()) {
            (true, _) => self.act_on_help(action),
            (false, true) => self.act_on_detail(action),
            (false, false) => self.act(action),
        }
    }
}
