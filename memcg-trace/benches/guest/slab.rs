//! Cost of the slab hooks in a storm of allocations, by family, against empty programs.

use std::collections::BTreeMap;

use anyhow::Result;
use memcg_trace::kernel::hooks::facts::Facts;

use crate::cases::{Case, Slab, empty};
use crate::guest;
use crate::programs::{self, Runs, short};
use crate::storm::{FILES, Storm};
use crate::table::{Table, median, ms, per, ratio};

const ROUNDS: usize = 5;

/// One case, measured several times.
struct Measured {
    case: Case,
    off_ns: Vec<f64>,
    on_ns: Vec<f64>,
    runs: BTreeMap<String, Runs>,
    /// The reason why the case could not be attached.
    refused: Option<String>,
}

impl Measured {
    fn new(case: Case) -> Self {
        Self {
            case,
            off_ns: Vec::new(),
            on_ns: Vec::new(),
            runs: BTreeMap::new(),
            refused: None,
        }
    }

    fn ratios(&self) -> Vec<f64> {
        let pairs = self.on_ns.iter().zip(&self.off_ns);
        pairs.map(|(on, off)| on / off).collect()
    }

    /// The additional time of a storm.
    fn added_ns(&self) -> f64 {
        let pairs = self.on_ns.iter().zip(&self.off_ns);
        median(&pairs.map(|(on, off)| on - off).collect::<Vec<_>>())
    }

    fn events(&self) -> u64 {
        self.runs.values().map(|runs| runs.count).sum()
    }
}

pub fn report(facts: &Facts) -> Result<()> {
    let ways = Slab::ways(facts);
    let cases = ways
        .iter()
        .flat_map(|way| [Case::Empty(way.clone()), Case::Slab(way.clone())])
        .chain([Case::All])
        .chain(Case::callers())
        .chain(Case::rivals());
    let mut all: Vec<Measured> = cases.map(Measured::new).collect();
    let storm = Storm::new()?;
    for round in 0..ROUNDS {
        for one in all.iter_mut().filter(|one| one.refused.is_none()) {
            measure(one, &storm, facts, round == 0)?;
        }
    }
    drop(storm);
    list_ways(&ways, facts);
    let (taken, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.refused.is_none());
    for one in refused {
        println!(
            "  not attached: {}: {}",
            one.case.name(),
            one.refused.unwrap_or_default()
        );
    }
    list_storms(&taken);
    list_programs(&taken, &ways, facts);
    Ok(())
}

fn measure(one: &mut Measured, storm: &Storm, facts: &Facts, is_first: bool) -> Result<()> {
    let off_ns = storm.run()? as f64;
    let before = programs::ids()?;
    let mut attached = match one.case.attach(facts) {
        Ok(attached) => attached,
        Err(error) => {
            one.refused = Some(format!("{error:#}"));
            return Ok(());
        }
    };
    attached.warm_up(|| storm.run().map(drop))?;
    one.off_ns.push(off_ns);
    one.on_ns.push(storm.run()? as f64);
    if is_first {
        // Measured by itself: counting runs costs as much as an empty program does.
        one.runs = programs::during(&before, || storm.run().map(drop))?;
    }
    drop(attached);
    guest::settle();
    Ok(())
}

fn list_ways(ways: &[Slab], facts: &Facts) {
    println!("\nWays to hook up slab here, by what --attach says");
    for way in ways {
        println!("  {}", way.name());
        for (program, at) in way.parts(facts) {
            println!("    {program} at {}", at.name());
        }
    }
}

fn list_storms(all: &[Measured]) {
    let title = format!(
        "A storm of {FILES} files (create, stat, unlink on tmpfs in a cgroup), {ROUNDS} rounds, \
         medians\n  events: runs of programs in a storm; each costs what the storm takes longer, \
         the way to the program included"
    );
    let columns = [
        "attached", "off ms", "on ms", "on/off", "least", "most", "ns/file", "events", "ns/event",
        "of empty",
    ];
    let mut table = Table::new(&title, &columns);
    let mut floor = 0.0;
    for one in all {
        let ratios = one.ratios();
        let events = one.events() as f64;
        let per_event = one.added_ns() / events;
        if matches!(one.case, Case::Empty(_)) {
            floor = per_event;
        }
        let of_empty = match one.case {
            Case::Slab(_) => ratio(per_event, floor),
            Case::Empty(_) | Case::All | Case::Callers(_) | Case::Rival(_) => "-".to_owned(),
        };
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        table.row([
            one.case.name(),
            ms(median(&one.off_ns)),
            ms(median(&one.on_ns)),
            format!("{:.3}", median(&ratios)),
            format!("{least:.3}"),
            format!("{most:.3}"),
            per(one.added_ns(), f64::from(FILES)),
            events.to_string(),
            per(one.added_ns(), events),
            of_empty,
        ]);
    }
    table.print();
}

/// Prints the kernel's own counters, which do not include the way to the program.
fn list_programs(all: &[Measured], ways: &[Slab], facts: &Facts) {
    let columns = [
        "program",
        "attached",
        "runs",
        "per file",
        "ns/run",
        "of empty",
        "less empty",
    ];
    let mut table = Table::new(
        "Programs in such a storm, by the kernel's counters (BPF_ENABLE_STATS)\n  an empty one's \
         time is that of reading the clock; less empty: what the program itself takes",
        &columns,
    );
    let floors = floors(all);
    for one in all {
        let way = match &one.case {
            Case::Empty(_) | Case::Callers(_) | Case::Rival(_) => None,
            Case::Slab(way) => Some(way),
            Case::All => ways.first(),
        };
        for (name, runs) in &one.runs {
            let floor = way.and_then(|way| floor_of(name, way, facts, &floors));
            let cell = |cell: fn(f64, f64) -> String| {
                floor.map_or("-".to_owned(), |floor| cell(runs.per_run(), floor))
            };
            table.row([
                name.clone(),
                one.case.name(),
                runs.count.to_string(),
                per(runs.count as f64, f64::from(FILES)),
                format!("{:.1}", runs.per_run()),
                cell(ratio),
                cell(|run, floor| format!("{:.1}", run - floor)),
            ]);
        }
    }
    table.print();
}

/// Cost of empty programs, by the kind of their hook.
fn floors(all: &[Measured]) -> BTreeMap<&str, f64> {
    let empty = all.iter().filter(|one| matches!(one.case, Case::Empty(_)));
    let runs = empty.flat_map(|one| &one.runs);
    runs.map(|(name, runs)| (name.as_str(), runs.per_run()))
        .collect()
}

/// Cost of an empty program of the same kind.
fn floor_of(name: &str, way: &Slab, facts: &Facts, floors: &BTreeMap<&str, f64>) -> Option<f64> {
    let parts = way.parts(facts);
    let (_, at) = parts.iter().find(|(program, _)| short(program) == name)?;
    floors.get(short(empty(*at))).copied()
}
