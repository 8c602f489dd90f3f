//! Colour says nothing that the text does not say, and none is written where none is wanted.

use memcg_trace::sample::Sample;
use memcg_trace::tui::{App, Setup, draw};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;

use crate::fixture::pins::demo_with_pins;
use crate::fixture::slab_walk::demo_with_slab;
use crate::fixture::waits::demo_with_deadlock;
use crate::fixture::{host, snapshots};
use crate::{press, tabs};

/// All tabs of a host, and what Enter opens on each.
fn screens(samples: &[Sample], colour: bool) -> Vec<Buffer> {
    let mut app = App::new(Setup {
        host: host(),
        is_replay: false,
        colour,
    });
    for snapshot in snapshots(samples) {
        app.take(snapshot);
    }
    let mut screens = Vec::new();
    for _ in tabs(&mut app) {
        press(&mut app, "\t");
        for keys in ["", "\n"] {
            press(&mut app, keys);
            app.resize(100, 40);
            let mut terminal = Terminal::new(TestBackend::new(100, 40)).unwrap();
            terminal.draw(|frame| draw(frame, &app)).unwrap();
            screens.push(terminal.backend().buffer().clone());
        }
        press(&mut app, "\x1b");
    }
    screens
}

#[test]
fn without_colours_no_cell_has_one_and_the_text_is_the_same() {
    for samples in [demo_with_pins(), demo_with_slab(), demo_with_deadlock()] {
        let (plain, coloured) = (screens(&samples, false), screens(&samples, true));
        let mut colours = 0;
        for (plain, coloured) in plain.iter().zip(&coloured) {
            for (plain, coloured) in plain.content().iter().zip(coloured.content()) {
                assert_eq!((plain.fg, plain.bg), (Color::Reset, Color::Reset));
                assert_eq!(plain.symbol(), coloured.symbol());
                assert_eq!(plain.modifier, coloured.modifier);
                // These are lost on a light or on a dark background.
                let lost = [Color::Yellow, Color::White, Color::Black, Color::Gray];
                assert!(!lost.contains(&coloured.fg), "{coloured:?}");
                colours += usize::from(coloured.fg != Color::Reset);
            }
        }
        assert!(colours > 0);
    }
}
