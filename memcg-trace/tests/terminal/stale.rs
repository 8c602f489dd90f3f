//! Compares the terminal with what the dashboard drew, cell by cell: while the window changes its
//! size, and after half an hour in some seconds.

use memcg_trace::sample::{Memcg, Sample};
use memcg_trace::tui::draw;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use unicode_width::UnicodeWidthStr as _;

use super::fixture::{ROOT, demo, host, memcg, root, walked, zombie};
use super::pty::Pty;
use super::replayed::replayed;
use super::tool::recording;

/// The screen at the end of a recording, drawn at once.
fn drawn(path: &str, tabs: usize, columns: u16, rows: u16) -> Vec<String> {
    let mut app = replayed(path.as_ref());
    for _ in 0..tabs {
        app.press(crossterm::event::KeyCode::Tab.into());
    }
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    app.resize(columns, rows);
    terminal.draw(|frame| draw(frame, &app)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y: u16| {
        let mut line = String::new();
        let mut x = 0;
        while x < columns {
            let symbol = buffer[(x, y)].symbol();
            line += symbol;
            x += u16::try_from(symbol.width()).unwrap().max(1);
        }
        line.trim_end().to_owned()
    };
    (0..rows).map(line).collect()
}

/// The memcgs of a second: their number, names and figures change all the time.
fn busy(second: u64) -> Sample {
    let jobs = (0..second % 40).map(|job| Memcg {
        usage_bytes: Some((second * 7_919 + job * 104_729) % (1 << 34)),
        ..memcg(
            100 + second * 40 + job,
            2,
            &*format!("job-{}", "x".repeat((second + job) as usize % 60)),
        )
    });
    let dead = (0..second % 17).map(|dead| Memcg {
        lru_pages: Some(second * 31 % 5_000),
        ..zombie(
            1_000_000 + second / 17 * 17 + dead,
            2,
            &*format!("コンテナ-{dead}.scope"),
            3,
        )
    });
    let rows = [root(), memcg(2, ROOT, "batch.slice")];
    walked(second, rows.into_iter().chain(jobs).chain(dead).collect())
}

#[test]
fn half_an_hour_leaves_no_stale_cell() {
    let samples: Vec<Sample> = (0..1_800).map(busy).collect();
    let path = recording("terminal-half-an-hour", host(), &samples);
    for (tabs, columns, rows) in [(0, 80, 24), (1, 100, 40), (2, 60, 15)] {
        let mut pty = Pty::start(&["replay", &path, "--speed", "1000000000"], columns, rows);
        for _ in 0..tabs {
            pty.press("\t");
        }
        let wanted = drawn(&path, tabs, columns, rows);
        pty.until(&format!("the screen at the end, {wanted:#?}"), |lines| {
            lines == wanted
        });
        pty.press("q");
        assert_eq!(pty.until_ended().0.code(), Some(0));
    }
}

/// The window changes its size while each sample is drawn, and all keys wait in between.
#[test]
fn a_window_that_changes_its_size() {
    let samples: Vec<Sample> = (0..300).map(busy).chain(demo()).collect();
    let path = recording("terminal-resized", host(), &samples);
    let mut pty = Pty::start(&["replay", &path, "--speed", "50"], 80, 24);
    pty.until_shown("memcgs");
    for turn in 0..60_u16 {
        pty.resize(20 + turn * 37 % 180, 5 + turn * 13 % 50);
        pty.press(["\t", "j", "G", "g", "s"][usize::from(turn) % 5]);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    pty.resize(90, 30);
    pty.press("\x1b");
    let path = path.as_str();
    // Whatever tab it is, at the end it is as if it had been drawn once.
    let all: Vec<Vec<String>> = (0..12).map(|tabs| drawn(path, tabs, 90, 30)).collect();
    let header = all[0][1].clone();
    let lines = pty.until("the end", |lines| lines.get(1) == Some(&header));
    assert!(lines.iter().any(|line| line.contains(" END")), "{lines:#?}");
    pty.press("q");
    assert_eq!(pty.until_ended().0.code(), Some(0));
}
