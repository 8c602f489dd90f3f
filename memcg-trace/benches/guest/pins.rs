//! Cost of finding what pins a zombie, and of reading all pages, compared with a program that does
//! without memcg-trace.

use std::fs::{self, File};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::{UnixDatagram, UnixStream};

use anyhow::{Context as _, Result};
use memcg_trace::kernel::Subject;
use memcg_trace::kernel::hooks::facts::Facts;
use memcg_trace::kernel::session::Session;
use memcg_trace::sample::pins::Pins;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use crate::guest::{Cgroup, leave, now_ns, settle};
use crate::table::{Table, median, ms, per};

/// Repetitions of each query.
const TIMES: usize = 5;
/// Pages of the file that a zombie leaves.
const PAGES: usize = 1000;
/// Bytes of a page, and of its entry in each of the kernel's page files.
const PAGE_BYTES: u64 = 4096;
const WORD_BYTES: u64 = 8;

pub fn report(facts: &Facts) -> Result<()> {
    let columns = ["zombie of", "refs", "pages seen", "objects seen", "ms"];
    let mut table = Table::new("Who pins a zombie, medians", &columns);
    let mut session = Session::open(facts, &[Subject::Memcg], None, false)?;

    let file = "/tmp/left-behind";
    let cgroup = Cgroup::new("file")?;
    cgroup.join()?;
    fs::write(file, vec![1; PAGES * 4096])?;
    leave()?;
    drop(cgroup);
    // Kernels that reparent pages have no zombie here.
    ask(&mut session, &format!("{PAGES} tmpfs pages"), &mut table)?;
    fs::remove_file(file)?;

    let cgroup = Cgroup::new("socket")?;
    cgroup.join()?;
    let socket = UnixDatagram::unbound()?;
    leave()?;
    drop(cgroup);
    let (_, open_ns) = ask(&mut session, "a socket that is open", &mut table)?;

    // Only a scan of all pages finds a socket that no process has open.
    let (from, to) = UnixStream::pair()?;
    let mut space = [MaybeUninit::uninit(); 64];
    let mut buffer = SendAncillaryBuffer::new(&mut space);
    let in_flight = [socket.as_fd()];
    buffer.push(SendAncillaryMessage::ScmRights(&in_flight));
    sendmsg(
        &from,
        &[IoSlice::new(b"x")],
        &mut buffer,
        SendFlags::empty(),
    )?;
    drop(socket);
    let (pins, took_ns) = ask(&mut session, "a socket in flight", &mut table)?;
    drop((from, to));
    table.print();
    // Open sockets are looked up in either case, before all pages are read.
    compare(&pins, took_ns - open_ns)
}

fn ask(session: &mut Session, what: &str, table: &mut Table) -> Result<(Pins, f64)> {
    settle();
    let (mut times, mut last) = (Vec::new(), Pins::default());
    for _ in 0..TIMES {
        last = session.pins(&[])?;
        times.push(last.took_ns as f64);
    }
    let refs = last.zombies.iter().filter_map(|zombie| zombie.refs);
    table.row([
        what.to_owned(),
        refs.sum::<i64>().to_string(),
        last.visited_pages.to_string(),
        last.visited_objects.to_string(),
        ms(median(&times)),
    ]);
    Ok((last, median(&times)))
}

/// The kernel's own files have the owner and the flags of each page, and nothing about sockets.
fn compare(pins: &Pins, ours: f64) -> Result<()> {
    let ranges = ram()?;
    let pages: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let begin = now_ns();
        for name in ["/proc/kpagecgroup", "/proc/kpageflags"] {
            let file = File::open(name).with_context(|| format!("open {name}"))?;
            let mut words = vec![0; 64 << 10];
            for range in &ranges {
                let (mut at, end) = (range.start * WORD_BYTES, range.end * WORD_BYTES);
                while at < end {
                    let bytes = (words.len() as u64).min(end - at) as usize;
                    let read = file.read_at(&mut words[..bytes], at)?;
                    if read == 0 {
                        break;
                    }
                    at += read as u64;
                }
            }
        }
        times.push((now_ns() - begin) as f64);
    }
    let files = median(&times);
    let mut table = Table::new("All pages of the host", &["what", "pages", "ms", "ns/page"]);
    for (what, pages, ns) in [
        (
            "additional cost in a query, slabs included",
            pins.visited_pages,
            ours,
        ),
        ("read kpagecgroup and kpageflags", pages, files),
    ] {
        table.row([
            what.to_owned(),
            pages.to_string(),
            ms(ns),
            per(ns, pages as f64),
        ]);
    }
    table.print();
    println!("ratio: {:.1}", files / ours);
    Ok(())
}

fn ram() -> Result<Vec<Range<u64>>> {
    let text = fs::read_to_string("/proc/iomem")?;
    let range = |line: &str| {
        let (first, last) = line.strip_suffix(" : System RAM")?.split_once('-')?;
        let first = u64::from_str_radix(first, 16).ok()?;
        let last = u64::from_str_radix(last, 16).ok()?;
        Some(first.div_ceil(PAGE_BYTES)..(last + 1) / PAGE_BYTES)
    };
    Ok(text.lines().filter_map(range).collect())
}
