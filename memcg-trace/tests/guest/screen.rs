//! The dashboard, live, on a terminal.

use rustix::process::{Pid, Signal, kill_process};

use crate::host::{Cgroup, memcgs, root_stat, use_every_cpu};
use crate::terminal::Terminal;
use crate::traces::leaves_nothing;

/// Starts the dashboard and waits until it has the kernel's figures.
fn drawn(args: &[&str], columns: u16, rows: u16) -> Terminal {
    let live = Cgroup::new("on-screen");
    let socket = live.child("gone").into_zombie();
    let mut terminal = Terminal::start(args, columns, rows);
    terminal.go("memcgs");
    let lines = terminal.until("the dashboard", |lines| {
        // Zombies are memcgs too, so the list has them.
        let zombies = root_stat("nr_dying_descendants").unwrap();
        let count = memcgs().len() as u64 + zombies;
        let head = format!("{count} memcgs, {zombies} zombie");
        lines[0].starts_with("memcg-trace") && lines[1].starts_with(&head)
    });
    println!("{columns}x{rows}:\n{}", lines[..6].join("\n"));
    assert_eq!(lines.len(), usize::from(rows));
    assert!(
        lines
            .iter()
            .any(|line| line.trim_start().starts_with("on-screen "))
    );
    assert!(
        lines
            .iter()
            .any(|line| line.trim_start().starts_with("Z gone "))
    );
    assert!(lines.last().unwrap().contains("q quit"));
    drop((socket, live));
    terminal
}

#[test]
fn q_leaves_a_small_one() {
    leaves_nothing(|| {
        let mut terminal = drawn(&["live", "-i", "500ms"], 80, 24);
        terminal.press("?");
        terminal.until("the help", |lines| {
            lines.iter().any(|line| line.starts_with("KEYS"))
        });
        terminal.press("?");
        terminal.until("no help", |lines| lines[4].starts_with("MEMCG"));
        terminal.press("\t");
        terminal.until("the next tab", |lines| {
            lines.iter().any(|line| line.contains("[zombies]"))
        });
        terminal.until("a second sample", |lines| {
            let (_, reach) = lines[1].split_once("live, back to ").unwrap_or_default();
            !reach.is_empty() && reach != "0 s ago"
        });
        terminal.press("[");
        terminal.until("the past", |lines| lines[1].ends_with(" BACK"));
        terminal.press(" ");
        terminal.until("now", |lines| lines[1].contains("live, back to "));
        terminal.press("q");
        assert_eq!(terminal.end(), Some(0));
    });
}

#[test]
fn enter_asks_who_pins_a_zombie_and_sigterm_leaves() {
    leaves_nothing(|| {
        let parent = Cgroup::new("asked");
        let holder = parent.child("gone").into_zombie();
        let mut terminal = Terminal::start(&["live", "-i", "500ms"], 200, 50);
        terminal.go("zombies");
        let has = |lines: &[String], text: &str| lines.iter().any(|line| line.contains(text));
        terminal.until("the zombie", |lines| {
            let row = lines.iter().find(|line| line.contains("/asked/gone"));
            row.is_some_and(|row| row.contains(" pinned "))
        });
        terminal.press("/asked/gone\r\r");
        let fd = format!("[{}] fd ", holder.0.id());
        let lines = terminal.until("the answer", |lines| has(lines, &fd));
        println!("{}", lines.join("\n"));
        assert!(has(&lines, "/asked/gone: pinned by"), "{lines:#?}");
        assert!(has(&lines, "unexplained               0"), "{lines:#?}");
        drop(holder);
        let other = Cgroup::new("other");
        terminal.until("its end", |lines| {
            use_every_cpu(&other);
            has(lines, "gone: it was released")
        });
        let pid = Pid::from_raw(i32::try_from(terminal.pid()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        assert_eq!(terminal.end(), Some(0));
    });
}

#[test]
fn ctrl_c_leaves_a_large_one() {
    leaves_nothing(|| {
        // The program without a verb does the same on a terminal.
        let mut terminal = drawn(&["-i", "500ms"], 200, 50);
        terminal.press("\x03");
        assert_eq!(terminal.end(), Some(0));
    });
}

fn signal(terminal: &Terminal, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(terminal.pid()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

#[test]
fn signals_leave_the_terminal_as_it_was() {
    leaves_nothing(|| {
        for number in [Signal::TERM, Signal::HUP, Signal::QUIT] {
            let terminal = drawn(&["live", "-i", "500ms"], 80, 24);
            signal(&terminal, number);
            assert_eq!(terminal.end(), Some(0));
        }
    });
}

/// Half a screen is written, and the thread that draws the rest sleeps in a write.
#[test]
fn a_terminal_that_takes_nothing_is_left_as_it_was() {
    leaves_nothing(|| {
        let mut terminal = Terminal::start_unread(&["live", "-i", "500ms"], 200, 50);
        terminal.until_stuck();
        signal(&terminal, Signal::TERM);
        assert_eq!(terminal.end(), Some(0));
    });
}

/// The kernel is slow on a busy host. The terminal is restored before that.
#[test]
fn the_terminal_is_back_before_all_is_detached() {
    leaves_nothing(|| {
        let mut terminal = drawn(&["live", "-i", "500ms"], 80, 24);
        terminal.press("q");
        terminal.until_given_back();
        assert_eq!(terminal.end(), Some(0));
    });
}
