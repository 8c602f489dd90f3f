//! Cost of the walk of all slabs, against reading as many pages from user space.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use anyhow::{Context as _, Result};
use memcg_trace::kernel::Subject;
use memcg_trace::kernel::hooks::facts::Facts;
use memcg_trace::kernel::session::Session;

use crate::guest::{Cgroup, leave, now_ns, settle};
use crate::table::{Table, median, ms, per};

const WALKS: usize = 5;
/// Files that are made between two measurements, to have more slabs on as many pages.
const FILES: u32 = 20_000;
/// Words in one read.
const WORDS: usize = 8192;
/// `KPF_SLAB` (include/uapi/linux/kernel-page-flags.h).
const SLAB: u64 = 1 << 7;

/// One way to read all pages.
#[derive(Clone, Copy, Default)]
struct Look {
    ns: f64,
    pages: f64,
    slabs: f64,
}

pub fn report(facts: &Facts) -> Result<()> {
    let columns = ["what", "pages", "slabs", "ms", "pages/s", "slabs/s"];
    let mut table = Table::new("The walk of all slabs, medians", &columns);
    let mut row = |what: &str, look: Look| {
        table.row([
            what.to_owned(),
            format!("{:.0}", look.pages),
            format!("{:.0}", look.slabs),
            ms(look.ns),
            format!("{:.0}", look.pages * 1e9 / look.ns),
            format!("{:.0}", look.slabs * 1e9 / look.ns),
        ]);
    };
    let mut session = Session::open(facts, &[Subject::Memcg], None, false)?;
    session.walk_slabs(1.0);
    let few = walks(&mut session)?;
    row("few slabs", few);
    let folder = "/tmp/slabs";
    fs::create_dir(folder)?;
    let cgroup = Cgroup::new("slabs")?;
    cgroup.join()?;
    for file in 0..FILES {
        File::create(format!("{folder}/{file}"))?;
    }
    leave()?;
    settle();
    let many = walks(&mut session)?;
    row(&format!("with {FILES} files more"), many);
    let (inside, _) = session.slab_walk(None)?;
    let inside = Look {
        ns: inside.took_ns as f64,
        pages: inside.visited_pages as f64,
        slabs: inside.visited_slabs as f64,
    };
    row("  with the content of dentries and inodes", inside);
    let flags = kpageflags()?;
    row("/proc/kpageflags, alone", flags);
    fs::remove_dir_all(folder)?;
    table.print();

    // The increase is due to slabs, and the rest to pages.
    let per_slab = (many.ns - few.ns) / (many.slabs - few.slabs);
    let per_page = (many.ns - many.slabs * per_slab) / many.pages;
    let on_pages = per_page * many.pages / many.ns * 100.0;
    println!("  a slab takes {per_slab:.0} ns, a page {per_page:.1}: {on_pages:.0} % of the walk");
    println!(
        "  of the time of reading /proc/kpageflags: {}",
        per(many.ns, flags.ns)
    );
    println!("  drgn needs Python and a kernel's debuginfo: not in this guest");
    Ok(())
}

fn walks(session: &mut Session) -> Result<Look> {
    let (mut times, mut look) = (Vec::new(), Look::default());
    for _ in 0..WALKS {
        // As in the background, but with the whole CPU, and without the contents of objects.
        let walk = loop {
            session.keep_up();
            if let Some(walk) = session.sample()?.slab_walk {
                break walk;
            }
        };
        times.push(walk.took_ns as f64);
        look.pages = walk.visited_pages as f64;
        look.slabs = walk.visited_slabs as f64;
    }
    look.ns = median(&times);
    Ok(look)
}

/// The pages that are slabs, by the kernel's own table: no cache, no object, no memcg.
fn kpageflags() -> Result<Look> {
    let path = "/proc/kpageflags";
    let file = File::open(path).context(path)?;
    let begin = now_ns();
    let (mut at, mut slabs) = (0_u64, 0_u64);
    let mut bytes = vec![0; WORDS * 8];
    loop {
        let read = file.read_at(&mut bytes, at).context(path)?;
        if read == 0 {
            break;
        }
        let words = bytes[..read].chunks_exact(8);
        let words = words.map(|word| u64::from_ne_bytes(word.try_into().unwrap_or_default()));
        slabs += words.filter(|word| word & SLAB != 0).count() as u64;
        at += read as u64;
    }
    Ok(Look {
        ns: (now_ns() - begin) as f64,
        pages: (at / 8) as f64,
        slabs: slabs as f64,
    })
}
