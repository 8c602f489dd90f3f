//! Every key of the help, each with what it does.

use std::collections::BTreeSet;

use super::fixture::pins::demo_with_pins;
use super::fixture::{demo, host};
use super::pty::Pty;
use super::tool::recording;

const SIZE: (u16, u16) = (100, 60);

/// The bytes that a terminal sends for a key, by its name in the help.
fn bytes(key: &str) -> &str {
    match key {
        "Ctrl-c" => "\x03",
        "Ctrl-b" => "\x02",
        "Ctrl-f" => "\x06",
        "Tab" => "\t",
        "Shift-Tab" => "\x1b[Z",
        "Right" => "\x1b[C",
        "Left" => "\x1b[D",
        "Up" => "\x1b[A",
        "Down" => "\x1b[B",
        "PgUp" => "\x1b[5~",
        "PgDn" => "\x1b[6~",
        "Home" => "\x1b[H",
        "End" => "\x1b[F",
        "Enter" => "\r",
        "Esc" => "\x1b",
        "Space" => " ",
        one => one,
    }
}

/// A replay that has come to its end.
fn ended(test: &str, args: &[&str]) -> Pty {
    let path = recording(&format!("terminal-{test}"), host(), &demo_with_pins());
    let args = [&["replay", &path, "--speed", "1000000"], args].concat();
    let mut pty = Pty::start(&args, SIZE.0, SIZE.1);
    pty.until_shown(" END");
    pty
}

/// The tab whose name is in brackets.
fn tab(lines: &[String]) -> Option<String> {
    let bar = lines
        .iter()
        .find(|line| line.contains("memcgs") && line.contains("origins"))?;
    let (_, rest) = bar.split_once('[')?;
    let (name, _) = rest.split_once(']')?;
    Some(name.to_owned())
}

fn go(pty: &mut Pty, name: &str) {
    for _ in 0..20 {
        let before = tab(&pty.lines());
        if before.as_deref() == Some(name) {
            return;
        }
        pty.press("\t");
        pty.until("another tab", |lines| {
            tab(lines).is_some() && tab(lines) != before
        });
    }
    unreachable!("no tab {name}: {:#?}", pty.lines());
}

/// The names of the keys of a tab's help.
fn keys_of_help(pty: &mut Pty) -> Vec<String> {
    pty.press("?");
    // The last lines come after those of the keys.
    let lines = pty.until_shown("- is not known;");
    let at = lines.iter().position(|line| line == "KEYS").unwrap();
    let keys = lines[at + 1..].iter().take_while(|line| !line.is_empty());
    let labels = keys.filter_map(|line| line.split_once("  "));
    let names = labels.flat_map(|(label, _)| label.split(' ').map(str::to_owned));
    let names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
    pty.press("\x1b");
    pty.until("the help is left", |lines| {
        !lines.iter().any(|line| line == "KEYS")
    });
    names
}

/// The keys that the tests below press.
const TRIED: &[&str] = &[
    "q",
    "Ctrl-c",
    "?",
    "h",
    "Tab",
    "Right",
    "Shift-Tab",
    "Left",
    "Up",
    "k",
    "Down",
    "j",
    "PgUp",
    "Ctrl-b",
    "PgDn",
    "Ctrl-f",
    "g",
    "Home",
    "G",
    "End",
    "Enter",
    "r",
    "/",
    "Esc",
    "s",
    "S",
    "c",
    "Space",
    "[",
    "]",
    "{",
    "}",
    ":",
    "w",
    "y",
    "!",
];

#[test]
fn the_help_has_no_key_that_is_not_tried() {
    let mut pty = ended("help", &[]);
    let mut all = BTreeSet::new();
    for name in ["overview", "memcgs", "slab"] {
        go(&mut pty, name);
        all.extend(keys_of_help(&mut pty));
    }
    let tried: BTreeSet<String> = TRIED.iter().map(|key| (*key).to_owned()).collect();
    assert_eq!(all, tried);
}

#[test]
fn keys_that_leave() {
    for key in ["q", "Ctrl-c"] {
        let mut pty = ended("leave", &[]);
        pty.press(bytes(key));
        let (status, _) = pty.until_ended();
        assert_eq!(status.code(), Some(0), "{key}");
    }
}

#[test]
fn keys_of_tabs_and_help() {
    let mut pty = ended("tabs", &[]);
    for (key, name) in [
        ("Tab", "memcgs"),
        ("Right", "zombies"),
        ("Left", "memcgs"),
        ("Shift-Tab", "overview"),
    ] {
        pty.press(bytes(key));
        pty.until(name, |lines| tab(lines).as_deref() == Some(name));
    }
    for key in ["?", "h"] {
        pty.press(key);
        pty.until_shown("KEYS");
        pty.press("\x1b");
        pty.until("no help", |lines| !lines.iter().any(|line| line == "KEYS"));
    }
}

/// The row that Enter would open, by folding it: the tree shows `+` where it is folded.
#[test]
fn keys_that_move() {
    let mut pty = ended("move", &[]);
    go(&mut pty, "memcgs");
    let shown = |lines: &[String], text: &str| lines.iter().any(|line| line.contains(text));
    for (keys, folded) in [
        (&["g", "Down", "Down"][..], "+ system.slice"),
        (&["Home", "j", "j"], "+ system.slice"),
        (&["g", "j", "j", "j", "Up"], "+ system.slice"),
        (&["g", "j", "j", "j", "k"], "+ system.slice"),
        (&["G", "PgUp", "j", "j"], "+ system.slice"),
        (&["End", "Ctrl-b", "j", "j"], "+ system.slice"),
        (&["g", "PgDn", "k", "k"], "+ user-1000.slice"),
        (&["g", "Ctrl-f", "k", "k"], "+ user-1000.slice"),
    ] {
        let open = pty.until("all is unfolded", |lines| !shown(lines, "+ "));
        assert!(shown(&open, "nginx.service"));
        for key in keys {
            pty.press(bytes(key));
        }
        pty.press(bytes("Enter"));
        pty.until(folded, |lines| shown(lines, folded));
        pty.press(bytes("Enter"));
    }
}

#[test]
fn keys_of_tables() {
    let mut pty = ended("tables", &[]);
    go(&mut pty, "slab");
    pty.press("s");
    let is_sorted =
        |mark: char| move |lines: &[String]| lines.iter().any(|line| line.contains(mark));
    pty.until("a column that is sorted by", is_sorted('↓'));
    pty.press("S");
    pty.until("the other way round", is_sorted('↑'));
    let before = pty.lines();
    pty.press("c");
    pty.until("the table of caches", |lines| lines != before);
    pty.press("c");
    pty.until("the table before", |lines| lines == before);
    pty.press("/nothing-has-this\r");
    pty.until_shown("no row matches");
    pty.press("\x1b");
    pty.until("all rows", |lines| {
        !lines.iter().any(|line| line.contains("no row matches"))
    });
}

#[test]
fn keys_of_answers() {
    let mut pty = ended("answers", &[]);
    go(&mut pty, "zombies");
    pty.press("g\r");
    pty.until_shown("what would free it");
    pty.press("r");
    // The older answer stays, since a recording is not asked.
    pty.until_shown("what would free it");
    // Esc and a key at once would be the key with Alt.
    let is_gone =
        |text: &'static str| move |lines: &[String]| !lines.iter().any(|line| line.contains(text));
    pty.press("\x1b");
    pty.until("the list", is_gone("what would free it"));
    pty.press("!");
    pty.until_shown("memory.reclaim");
    pty.press("\x1b");
    pty.until("the list", is_gone("memory.reclaim"));
    pty.press("w");
    pty.until_shown("this is a recording already");
    pty.press("y");
    pty.until_shown("on exit");
    pty.press("q");
    let (status, left) = pty.until_ended();
    assert_eq!(status.code(), Some(0));
    assert!(left.contains("\"cgroup_id\":"), "{left}");
}

/// The demo has a sample a second, from 14:13:20 on.
#[test]
fn keys_of_time() {
    let path = recording("terminal-time", host(), &demo());
    let mut pty = Pty::start(&["replay", &path, "--speed", "1000000"], SIZE.0, SIZE.1);
    pty.until_shown(" END");
    for (keys, time) in [
        ("[", "14:13:23Z"),
        ("[", "14:13:22Z"),
        ("]", "14:13:23Z"),
        ("{", "14:13:20Z"),
        ("}", "14:13:24Z"),
        (":-2s\r", "14:13:22Z"),
        (":14:13:21\r", "14:13:21Z"),
    ] {
        pty.press(keys);
        pty.until_shown(time);
    }
    pty.press(" ");
    pty.until_shown("14:13:24Z");
}
