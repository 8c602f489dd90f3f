//! Cost of ten thousand zombies: listing them, and answering a key in the dashboard.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use memcg_trace::kernel::Subject;
use memcg_trace::kernel::hooks::facts::Facts;
use memcg_trace::kernel::session::Session;
use memcg_trace::model::Model;
use memcg_trace::model::zombies;
use memcg_trace::output::{document, ndjson::Ndjson};
use memcg_trace::sample::recording::Host;
use memcg_trace::tui::{App, Setup, draw};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::guest::{Cgroup, now_ns, settle};
use crate::table::{Table, median, ms};
use crate::tool::PROGRAM;

const ZOMBIES: usize = 10_000;
const KEYS: usize = 9;
const SCREEN: (u16, u16) = (200, 50);

pub fn report(facts: &Facts) -> Result<()> {
    let limit = Some(ZOMBIES as u64 + 1000);
    let limit = Rlimit {
        current: limit,
        maximum: limit,
    };
    setrlimit(Resource::Nofile, limit)?;
    let top = Cgroup::new("crowd")?;
    top.divide()?;
    let sockets = make(&top)?;
    settle();

    let mut table = Table::new("10,000 zombies", &["what", "ms"]);
    let begin = now_ns();
    let mut session = Session::open(facts, &[Subject::Memcg], None, false)?;
    let mut row = |what: &str, ns: f64| table.row([what.to_owned(), ms(ns)]);
    let mut last = now_ns();
    row("attach", (last - begin) as f64);
    let mut lap = || {
        let now = now_ns();
        (now - std::mem::replace(&mut last, now)) as f64
    };
    let sample = session.sample()?;
    row("walk", lap());
    let mut model = Model::new();
    let snapshot = model.step(&sample);
    row("first step of the model", lap());
    let again = model.step(&sample);
    row("another", lap());
    let list = zombies::list(&snapshot);
    ensure!(list.len() == ZOMBIES, "{} zombies", list.len());
    let host = Host::default();
    lap();
    let bytes = document::zombies(&snapshot, &list, &host)?.len();
    row(&format!("zombies --json, {} KiB of it", bytes >> 10), lap());
    Ndjson::new(std::io::sink(), host.clone()).write(&snapshot)?;
    row("a frame of export", lap());
    let pins = session.pins(&[])?;
    row("who pins all of them", lap());
    ensure!(pins.zombies.len() == ZOMBIES, "some are missing");

    let mut app = App::new(Setup {
        host,
        is_replay: false,
        colour: false,
    });
    let mut terminal = Terminal::new(TestBackend::new(SCREEN.0, SCREEN.1))?;
    app.resize(SCREEN.0, SCREEN.1);
    app.take(Arc::clone(&snapshot));
    press(&mut app, KeyCode::Tab);
    terminal.draw(|frame| draw(frame, &app))?;
    for (what, code) in [
        ("next row", KeyCode::Down),
        ("next page", KeyCode::PageDown),
        ("the other end", KeyCode::End),
        ("sort by another column", KeyCode::Char('s')),
    ] {
        let mut times = Vec::new();
        for _ in 0..KEYS {
            lap();
            press(&mut app, code);
            terminal.draw(|frame| draw(frame, &app))?;
            times.push(lap());
        }
        row(&format!("a key and its screen: {what}"), median(&times));
    }
    lap();
    app.take(again);
    terminal.draw(|frame| draw(frame, &app))?;
    row("a new snapshot and its screen", lap());
    drop(session);
    lap();
    let status = Command::new(PROGRAM)
        .args(["zombies", "--json"])
        .stdout(Stdio::null())
        .status();
    ensure!(status?.success(), "zombies failed");
    row("memcg-trace zombies --json, start to end", lap());
    table.print();
    drop(sockets);
    settle();
    Ok(())
}

fn press(app: &mut App, code: KeyCode) {
    app.press(KeyEvent::new(code, KeyModifiers::NONE));
}

/// Makes removed cgroups that a socket pins, one each.
fn make(top: &Cgroup) -> Result<Vec<UnixDatagram>> {
    let mut root = File::options()
        .write(true)
        .open("/sys/fs/cgroup/cgroup.procs")?;
    let mut sockets = Vec::with_capacity(ZOMBIES);
    for which in 0..ZOMBIES {
        let dir = top.child(&format!("z-{which}"))?;
        let join = || fs::write(dir.join("cgroup.procs"), "0");
        join().with_context(|| format!("join {}", dir.display()))?;
        sockets.push(UnixDatagram::unbound()?);
        root.write_all(b"0")?;
        fs::remove_dir(&dir).with_context(|| format!("remove {}", dir.display()))?;
    }
    Ok(sockets)
}
