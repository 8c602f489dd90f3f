//! This bench measures the dashboard: a frame and a key of a host with ten thousand memory cgroups,
//! how fast a recording is replayed, how long it takes to go to a moment of a recording of a
//! gigabyte, and how many bytes an hour has in memory.
//!
//! The hosts are made up. The large recording is written into the folder for temporary files, and
//! removed.

#[path = "made/host.rs"]
mod made_host;

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, Write as _};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use made_host::{MadeHost, SECOND};
use memcg_trace::model::Model;
use memcg_trace::sample::host_facts::HostFacts;
use memcg_trace::sample::recording::{Encoded, FORMAT, Header, Host, Reader, Writer};
use memcg_trace::source::index::Index;
use memcg_trace::source::lead;
use memcg_trace::tui::{App, Setup, Trends, draw};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

/// Pods of a host with ten thousand memory cgroups, and of one with a thousand.
const LARGE: u64 = 2_000;
const ORDINARY: u64 = 200;
const TABS: usize = 9;
const RUNS: usize = 9;
const REPLAYED: u64 = 180;
const HOUR: u64 = 3_600;
/// As often as `record` writes a sample that relies on none before it.
const STARTS_EVERY: u64 = 60;
/// As recordings are compressed.
const LEVEL: i32 = 3;
const GIGABYTE: u64 = 1_000_000_000;
const SIZES: [(u16, u16); 2] = [(80, 24), (200, 50)];

#[expect(clippy::print_stdout, reason = "a benchmark reports")]
fn main() -> anyhow::Result<()> {
    for (columns, rows) in SIZES {
        println!("{columns}x{rows}, {}", frames_and_keys(columns, rows)?);
    }
    println!("{}", replay()?);
    println!("{}", an_hour()?);
    println!("{}", seek()?);
    Ok(())
}

fn app() -> App {
    App::new(Setup {
        host: Host::default(),
        is_replay: true,
        colour: true,
    })
}

/// The slowest of some runs is left out by taking the median.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}

fn press(app: &mut App, code: KeyCode) {
    app.press(KeyEvent::new(code, KeyModifiers::NONE));
}

/// The slowest frame of any tab, and the slowest key with the frame after it.
fn frames_and_keys(columns: u16, rows: u16) -> anyhow::Result<String> {
    let mut made = MadeHost::of(LARGE);
    let mut model = Model::new();
    let mut app = app();
    for second in 0..3 {
        app.take(model.step(&made.sample(second)));
    }
    app.resize(columns, rows);
    let mut terminal = Terminal::new(TestBackend::new(columns, rows))?;
    let (mut frame_ms, mut key_ms, mut key) = (0.0_f64, 0.0_f64, KeyCode::Null);
    for _ in 0..TABS {
        let mut times = Vec::new();
        for _ in 0..RUNS {
            let start = Instant::now();
            terminal.draw(|frame| draw(frame, &app))?;
            times.push(start.elapsed());
        }
        frame_ms = frame_ms.max(median(times));
        for code in ['j', 'G', 's', 'S', '/', 'p'].map(KeyCode::Char) {
            let mut times = Vec::new();
            for _ in 0..RUNS {
                let start = Instant::now();
                press(&mut app, code);
                terminal.draw(|frame| draw(frame, &app))?;
                times.push(start.elapsed());
            }
            if median(times.clone()) > key_ms {
                (key_ms, key) = (median(times), code);
            }
        }
        press(&mut app, KeyCode::Esc);
        press(&mut app, KeyCode::Tab);
    }
    let start = Instant::now();
    let snapshot = model.step(&made.sample(3));
    let model_ms = median(vec![start.elapsed()]);
    let start = Instant::now();
    app.take(snapshot);
    let take_ms = median(vec![start.elapsed()]);
    Ok(format!(
        "{} memory cgroups: a frame {frame_ms:.1} ms, a key with its frame {key_ms:.1} ms ({key}), a \
         sample {model_ms:.1} ms in the model and {take_ms:.1} ms in the dashboard",
        made.memcgs.len(),
    ))
}

fn header() -> Header {
    Header {
        format: FORMAT,
        ..Header::default()
    }
}

/// Reads, models and draws a recording, with a frame for each sample: the duration of the recording
/// by the time that this takes.
fn replay() -> anyhow::Result<String> {
    let mut made = MadeHost::of(ORDINARY);
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, &header())?;
    for second in 0..REPLAYED {
        writer.write_sample(&made.sample(second))?;
    }
    let (columns, rows) = SIZES[0];
    let mut terminal = Terminal::new(TestBackend::new(columns, rows))?;
    let start = Instant::now();
    let mut reader = Reader::open(&*bytes)?;
    let (mut model, mut app) = (Model::new(), app());
    while let Some(sample) = reader.read_sample()? {
        app.take(model.step(&sample));
        terminal.draw(|frame| draw(frame, &app))?;
    }
    let took = start.elapsed().as_secs_f64();
    let times = Duration::from_secs(REPLAYED).as_secs_f64() / took;
    Ok(format!(
        "{} memory cgroups, a sample a second: a replay is {times:.0} times as fast as real time",
        made.memcgs.len()
    ))
}

fn an_hour() -> anyhow::Result<String> {
    let mut made = MadeHost::of(ORDINARY);
    let mut bytes = 0;
    for second in 0..HOUR {
        bytes += Encoded::of(&made.sample(second))?.bytes();
    }
    Ok(format!(
        "{} memory cgroups: an hour has {} MiB in memory",
        made.memcgs.len(),
        bytes >> 20
    ))
}

/// A minute of frames without their first fields, which are the times.
fn a_minute(made: &mut MadeHost) -> anyhow::Result<Vec<Vec<u8>>> {
    let frame = |second| -> anyhow::Result<Vec<u8>> {
        let mut sample = made.sample(second);
        if second == 0 {
            // As often does `record` write a sample that relies on none before it.
            sample.host_facts = Some(HostFacts::default());
        }
        let json = serde_json::to_string(&sample)?;
        let at = json.find("\"host_facts\"").context("no facts")?;
        Ok(zstd::encode_all(&json.as_bytes()[at..], LEVEL)?)
    };
    (0..STARTS_EVERY).map(frame).collect()
}

/// The time to go to a moment of a large recording, from the key to its snapshot. The recording has
/// the same minute again and again, with other times of its samples.
fn seek() -> anyhow::Result<String> {
    let path = std::env::temp_dir().join(format!("memcg-trace-bench-{}.rec", std::process::id()));
    let file = File::create_new(&path).context("cannot make a recording")?;
    // The open file stays until the end.
    let mut reading = File::open(&path)?;
    std::fs::remove_file(&path)?;
    let mut made = MadeHost::of(ORDINARY);
    let minute = a_minute(&mut made)?;
    let mut output = BufWriter::new(&file);
    let _ = Writer::new(&mut output, &header())?;
    let (mut seconds, mut bytes) = (0, 0);
    while bytes < GIGABYTE {
        let mono_ns = (1_000 + seconds) * SECOND;
        let times = format!("{{\"mono_ns\":{mono_ns},\"unix_ns\":{mono_ns},");
        // Frames of zstd that follow each other are read as one.
        let times = zstd::encode_all(times.as_bytes(), LEVEL)?;
        let rest = &minute[usize::try_from(seconds % STARTS_EVERY)?];
        let length = u32::try_from(times.len() + rest.len())?;
        output.write_all(&length.to_le_bytes())?;
        output.write_all(&times)?;
        output.write_all(rest)?;
        bytes += u64::from(length) + 4;
        seconds += 1;
    }
    output.flush()?;
    drop(output);
    let offset = Reader::open(&reading)?.offset();
    reading.seek(io::SeekFrom::Start(0))?;
    let start = Instant::now();
    let index = Index::of(reading, offset)?;
    let index_ms = median(vec![start.elapsed()]);
    let mut times = Vec::new();
    for run in 0..RUNS as u64 {
        let moment_ns = (1_000 + seconds * (2 * run + 1) / (2 * RUNS as u64)) * SECOND;
        let start = Instant::now();
        let time = |at| Ok(index.head(at)?.mono_ns);
        let at = lead::last_until(index.len(), time, moment_ns)?;
        let (mut model, mut trends) = (Model::new(), Trends::default());
        for frame in index.lead(at)?..=at {
            trends.push(&model.step(&index.sample(frame)?));
        }
        times.push(start.elapsed());
    }
    Ok(format!(
        "{} memory cgroups, a recording of {} MB and {:.1} h: opened in {index_ms:.1} ms, a moment in \
         {:.0} ms",
        made.memcgs.len(),
        file.metadata()?.len() / 1_000_000,
        Duration::from_secs(seconds).as_secs_f64() / 3_600.0,
        median(times)
    ))
}
