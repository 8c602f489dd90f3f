//! Screens of the dashboard, kept as text in `tests/screens/kept`: the body of each tab, and
//! separately the header and footer. After an intended change,
//! `BLESS=1 cargo test -p memcg-trace --test screens` writes the files anew; look at them.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod answers;
mod chrome;
mod colours;
#[path = "../fixture/mod.rs"]
mod fixture;
mod keys;
mod overview;
mod recordings;
#[path = "../replayed/mod.rs"]
mod replayed;
mod tables;
mod tabs;
mod time;
mod waits;

use std::fs;
use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use fixture::snapshots;
use memcg_trace::sample::Sample;
use memcg_trace::sample::recording::Host;
use memcg_trace::tui::{App, Regions, Setup, draw};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Rect;

const SIZES: [(u16, u16); 3] = [(60, 15), (80, 24), (200, 50)];

fn app(host: Host, samples: &[Sample]) -> App {
    let mut app = App::new(Setup {
        host,
        is_replay: false,
        colour: false,
    });
    for snapshot in snapshots(samples) {
        app.take(snapshot);
    }
    app
}

fn press(app: &mut App, keys: &str) {
    for key in keys.chars() {
        let code = match key {
            '\t' => KeyCode::Tab,
            '\n' => KeyCode::Enter,
            '\x1b' => KeyCode::Esc,
            '\x08' => KeyCode::Backspace,
            '↓' => KeyCode::Down,
            '⇟' => KeyCode::PageDown,
            other => KeyCode::Char(other),
        };
        app.press(KeyEvent::new(code, KeyModifiers::NONE));
    }
}

fn drawn(app: &mut App, columns: u16, rows: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    app.resize(columns, rows);
    terminal.draw(|frame| draw(frame, app)).unwrap();
    let buffer = terminal.backend().buffer();
    (0..rows)
        .map(|y| {
            let mut line = String::new();
            let mut x = 0;
            while x < columns {
                let symbol = buffer[(x, y)].symbol();
                line += symbol;
                // A wide character covers the cell after it.
                x += u16::try_from(unicode_width::UnicodeWidthStr::width(symbol))
                    .unwrap()
                    .max(1);
            }
            line.trim_end().to_owned()
        })
        .collect()
}

/// Returns whether a text is on the screen.
fn has(app: &mut App, text: &str) -> bool {
    drawn(app, 160, 30).iter().any(|line| line.contains(text))
}

fn regions(app: &App, columns: u16, rows: u16) -> Regions {
    app.regions(Rect::new(0, 0, columns, rows))
}

/// The name of the current tab, as the tab bar of a large screen has it.
fn shown(app: &mut App) -> String {
    let y = regions(app, 200, 50).tabs.y;
    let bar = drawn(app, 200, 50).swap_remove(y.into());
    let (_, rest) = bar.split_once('[').unwrap();
    rest.split_once(']').unwrap().0.to_owned()
}

/// The names of all tabs, in their order.
fn tabs(app: &mut App) -> Vec<String> {
    let first = shown(app);
    let mut names = vec![first.clone()];
    loop {
        press(app, "\t");
        let name = shown(app);
        if name == first {
            return names;
        }
        names.push(name);
    }
}

/// Goes to a tab.
fn go(app: &mut App, tab: &str) {
    let all = tabs(app);
    assert!(all.iter().any(|name| name == tab), "no {tab} in {all:?}");
    while shown(app) != tab {
        press(app, "\t");
    }
}

/// Compares a text with the kept file, or with `BLESS` writes it.
fn compare(name: &str, text: &str) {
    let file = format!("tests/screens/kept/{name}.txt");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(&file);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "not as in {file}, but\n{text}");
}

/// Compares the lines between the tab bar and the footer with the kept file.
fn check(name: &str, app: &mut App, columns: u16, rows: u16) {
    let body = regions(app, columns, rows).body;
    let screen = drawn(app, columns, rows);
    let lines = &screen[body.top().into()..body.bottom().into()];
    let text = lines.join("\n").trim_end().to_owned() + "\n";
    compare(&format!("{name}-{columns}x{rows}"), &text);
}
