//! A picture of the dashboard for the README: a recording, drawn as on a terminal, as SVG.
//!
//! `cargo xtask picture` runs it.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use memcg_trace::model::Model;
use memcg_trace::sample::recording::Reader;
use memcg_trace::tui::{App, Setup, draw};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

const COLUMNS: u16 = 100;
const ROWS: u16 = 24;
/// Size of a cell in the picture.
const WIDTH: u16 = 8;
const HEIGHT: u16 = 17;
const MARGIN: u16 = 12;
const PAPER: &str = "#1b1d23";
const INK: &str = "#d5d8de";

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = || arguments.next().context("picture RECORDING TABS OUTPUT");
    let (recording, tabs, to) = (argument()?, argument()?, argument()?);
    let mut app = shown(Path::new(&recording))?;
    let tabs: u8 = tabs.parse().context("how often Tab is pressed")?;
    for _ in 0..tabs {
        app.press(KeyEvent::new(KeyCode::Tab, KeyModifiers::NONE));
    }
    let mut terminal = Terminal::new(TestBackend::new(COLUMNS, ROWS))?;
    app.resize(COLUMNS, ROWS);
    terminal.draw(|frame| draw(frame, &app))?;
    let picture = svg(terminal.backend().buffer());
    std::fs::write(&to, picture).with_context(|| format!("write {to}"))
}

/// The dashboard after the last sample of a recording.
fn shown(recording: &Path) -> Result<App> {
    let file = std::fs::File::open(recording);
    let file = file.with_context(|| format!("open {}", recording.display()))?;
    let mut reader = Reader::open(std::io::BufReader::new(file))?;
    let mut app = App::new(Setup {
        host: reader.header().host.clone(),
        is_replay: false,
        colour: true,
    });
    let mut model = Model::new();
    while let Some(sample) = reader.read_sample()? {
        app.take(model.step(&sample));
    }
    Ok(app)
}

fn svg(buffer: &Buffer) -> String {
    let (width, height) = (COLUMNS * WIDTH + 2 * MARGIN, ROWS * HEIGHT + 2 * MARGIN);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-monospace, Menlo, Consolas, monospace\" font-size=\"13\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{PAPER}\"/>\n"
    );
    for y in 0..ROWS {
        let mut x = 0;
        while x < COLUMNS {
            let first = &buffer[(x, y)];
            let alike = (x..COLUMNS).take_while(|at| is_alike(&buffer[(*at, y)], first));
            let run: String = alike.map(|at| buffer[(at, y)].symbol()).collect();
            let count = u16::try_from(run.chars().count()).unwrap_or(u16::MAX);
            add_run(&mut text, x, y, first, &run);
            x = x.saturating_add(count.max(1));
        }
    }
    text + "</svg>\n"
}

fn is_alike(one: &Cell, other: &Cell) -> bool {
    (one.fg, one.bg, one.modifier) == (other.fg, other.bg, other.modifier)
}

/// Adds cells of one style.
fn add_run(text: &mut String, x: u16, y: u16, style: &Cell, run: &str) {
    let is_reversed = style.modifier.contains(Modifier::REVERSED);
    let (mut ink, mut paper) = (colour(style.fg, INK), colour(style.bg, PAPER));
    if is_reversed {
        (ink, paper) = (paper, ink);
    }
    let (left, top) = (MARGIN + x * WIDTH, MARGIN + y * HEIGHT);
    let width = WIDTH * u16::try_from(run.chars().count()).unwrap_or(u16::MAX);
    // Writing to a string cannot fail.
    if paper != PAPER {
        let _ = writeln!(
            text,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{HEIGHT}\" fill=\"{paper}\"/>"
        );
    }
    if run.trim().is_empty() {
        return;
    }
    let weight = match style.modifier.contains(Modifier::BOLD) {
        true => " font-weight=\"bold\"",
        false => "",
    };
    let dim = match style.modifier.contains(Modifier::DIM) {
        true => " opacity=\"0.6\"",
        false => "",
    };
    let run = run.replace('&', "&amp;").replace('<', "&lt;");
    let base = top + HEIGHT - 4;
    let _ = writeln!(
        text,
        "<text x=\"{left}\" y=\"{base}\" textLength=\"{width}\" fill=\"{ink}\"{weight}{dim} \
         xml:space=\"preserve\">{run}</text>"
    );
}

fn colour(colour: Color, otherwise: &'static str) -> &'static str {
    match colour {
        Color::Red | Color::LightRed => "#e86671",
        Color::Green | Color::LightGreen => "#98c379",
        Color::Yellow | Color::LightYellow => "#e5c07b",
        Color::Blue | Color::LightBlue => "#61afef",
        Color::Magenta | Color::LightMagenta => "#c678dd",
        Color::Cyan | Color::LightCyan => "#56b6c2",
        Color::Gray => "#abb2bf",
        Color::DarkGray => "#7f848e",
        Color::Black => "#282c34",
        Color::White => "#ffffff",
        _ => otherwise,
    }
}
