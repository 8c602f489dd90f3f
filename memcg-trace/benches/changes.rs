//! This bench measures the size of an hour of records, a snapshot a second, of a host with a
//! thousand memory cgroups: whole, and with `--changes`, each plain and compressed as by
//! `-o FILE.zst`.
//!
//! The host is made up.

#[path = "made/host.rs"]
mod made_host;

use std::io::Write as _;
use std::time::{Duration, Instant};

use made_host::MadeHost;
use memcg_trace::model::Model;
use memcg_trace::output::changes::{Changes, Frames, Rebuilt};
use memcg_trace::output::ndjson::Ndjson;
use memcg_trace::sample::recording::Host;
use zstd::stream::write::Encoder;

const PODS: u64 = 200;
const SECONDS: u64 = 180;

/// The size of a stream, plain and compressed.
struct Written {
    name: &'static str,
    bytes: u64,
    compressed: Encoder<'static, Vec<u8>>,
    took: Duration,
}

impl Written {
    fn new(name: &'static str) -> std::io::Result<Self> {
        let mut compressed = Encoder::new(Vec::new(), 3)?;
        compressed.long_distance_matching(true)?;
        compressed.window_log(25)?;
        Ok(Self {
            name,
            bytes: 0,
            compressed,
            took: Duration::ZERO,
        })
    }

    fn add(&mut self, frame: &[u8]) -> std::io::Result<()> {
        self.bytes += frame.len() as u64;
        self.compressed.write_all(frame)?;
        self.compressed.flush()
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark reports")]
#[expect(
    clippy::cast_precision_loss,
    reason = "sizes are shown with one decimal"
)]
fn main() -> std::io::Result<()> {
    let host = Host {
        host: "node-17".into(),
        boot_id: "0b54a3c2-7d5e-4d3e-9a54-3b7d2f1c9e10".into(),
        ..Host::default()
    };
    let mut made = MadeHost::of(PODS);
    let mut model = Model::new();
    let mut plain = Ndjson::new(Vec::new(), host.clone());
    let mut changes = Ndjson::new(Changes::new(Vec::new(), 60), host);
    let mut all = [Written::new("export")?, Written::new("export --changes")?];
    let (mut stream, mut first) = (Vec::new(), Vec::new());
    for second in 0..SECONDS {
        let snapshot = model.step(&made.sample(second));
        let start = Instant::now();
        plain.write(&snapshot)?;
        let half = Instant::now();
        changes.write(&snapshot)?;
        all[0].took += half - start;
        all[1].took += half.elapsed();
        let whole = std::mem::take(plain.output_mut());
        all[0].add(&whole)?;
        if second == 0 {
            first = whole;
        }
        let changed = std::mem::take(changes.output_mut().output_mut());
        all[1].add(&changed)?;
        stream.extend_from_slice(&changed);
    }
    let records = first.iter().filter(|byte| **byte == b'\n').count();
    println!(
        "{} memory cgroups, {records} records a snapshot",
        made.memcgs.len()
    );
    for written in all {
        let hours = SECONDS as f64 / 3600.0;
        let per_hour = |bytes: u64| bytes as f64 / hours / 1e6;
        let compressed = written.compressed.finish()?.len() as u64;
        println!(
            "{:18} {:9.1} MB/h, zstd {:7.1} MB/h, {:.1} ms a snapshot",
            written.name,
            per_hour(written.bytes),
            per_hour(compressed),
            written.took.as_secs_f64() * 1e3 / SECONDS as f64
        );
    }
    let frames = Frames::of(&*stream);
    let whole = frames.filter(|frame| matches!(frame, Rebuilt::Whole(_)));
    println!("{} of {SECONDS} snapshots rebuilt", whole.count());
    Ok(())
}
