//! What the figures of a record are if nothing is said of them.
//!
//! These rules are a part of the format: who rebuilds a frame goes by them. A figure that they do
//! not hit is written, so they decide about size alone.

use super::line::Figures;
use crate::model::rate::per_sec;
use crate::output::figures::Rounded;

/// Figures that grow with the time.
const AGES: [&str; 2] = ["age_ns", "waited_ns"];
/// Figures that are multiples of `objects`.
const SIZES: [&str; 2] = ["bytes", "charged_bytes"];

/// The time between two frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Elapsed {
    /// Between their snapshots.
    pub(super) ns: u64,
    /// Between the readings of the figures; 0 if the later frame repeats them, `None` if not known.
    pub(super) reading_ns: Option<u64>,
}

impl Elapsed {
    /// A time that is not 0.
    pub(super) const SOME: Self = Self {
        ns: 1_000_000_000,
        reading_ns: Some(1_000_000_000),
    };
}

/// The figures after some time, of which `said` are known. Figures that follow from others come
/// after them in this order: objects from what was charged, bytes from objects, rates from sums.
pub(super) fn after<'b>(
    base: &Figures<'b>,
    said: &[(&str, String)],
    elapsed: Elapsed,
) -> Figures<'b> {
    let mut now = base.clone();
    for (key, value) in said {
        now.set(key, value.clone());
    }
    let is_said = |key: &str| said.iter().any(|(name, _)| *name == key);
    for (key, rule) in RULES {
        let keys: Vec<String> = match *key {
            PER_SEC => base
                .keys()
                .filter(|key| key.ends_with(PER_SEC))
                .map(str::to_owned)
                .collect(),
            key => vec![key.to_owned()],
        };
        for key in keys.iter().filter(|key| !is_said(key)) {
            if let Some(value) = rule(key, base, &now, elapsed) {
                now.set(key, value);
            }
        }
    }
    now
}

/// Whether the figures stay the same however much time goes by, if nothing is said of them.
pub(super) fn is_steady(figures: &Figures<'_>) -> bool {
    after(figures, &[], Elapsed::SOME) == *figures
}

/// Whether a figure may follow from others.
pub(super) fn place(key: &str) -> usize {
    let is_for = |(of, _): &(&str, Rule)| *of == key || *of == PER_SEC && key.ends_with(PER_SEC);
    RULES.iter().position(is_for).map_or(0, |place| place + 1)
}

type Rule = fn(&str, &Figures<'_>, &Figures<'_>, Elapsed) -> Option<String>;

const PER_SEC: &str = "_per_sec";

const RULES: &[(&str, Rule)] = &[
    ("objects", objects),
    (SIZES[0], size),
    (SIZES[1], size),
    (PER_SEC, rate),
    (AGES[0], age),
    (AGES[1], age),
];

/// Objects are charged and uncharged.
fn objects(key: &str, base: &Figures<'_>, now: &Figures<'_>, _: Elapsed) -> Option<String> {
    let charged = growth("alloc_total", base, now)?;
    let uncharged = growth("free_total", base, now)?;
    let objects = base
        .integer(key)?
        .checked_add(charged)?
        .checked_sub(uncharged)?;
    Some(objects.to_string())
}

/// Each object has the same size.
fn size(key: &str, base: &Figures<'_>, now: &Figures<'_>, _: Elapsed) -> Option<String> {
    let (size, objects) = (base.integer(key)?, base.integer("objects")?);
    let one = size.checked_div(objects)?;
    let is_multiple = one.checked_mul(objects)? == size;
    let size = one.checked_mul(now.integer("objects")?)?;
    is_multiple.then(|| size.to_string())
}

/// A rate is the growth of a sum between two readings.
fn rate(key: &str, base: &Figures<'_>, now: &Figures<'_>, elapsed: Elapsed) -> Option<String> {
    let reading_ns = elapsed.reading_ns.filter(|ns| *ns > 0)?;
    let sum = key.strip_suffix(PER_SEC)?.to_owned() + "_total";
    let growth = u64::try_from(growth(&sum, base, now)?).ok()?;
    serde_json::to_string(&Rounded(per_sec(growth, Some(reading_ns)))).ok()
}

fn age(key: &str, base: &Figures<'_>, _: &Figures<'_>, elapsed: Elapsed) -> Option<String> {
    let age = base.integer(key)?.checked_add(elapsed.ns.into())?;
    Some(age.to_string())
}

fn growth(key: &str, base: &Figures<'_>, now: &Figures<'_>) -> Option<i128> {
    now.integer(key)?.checked_sub(base.integer(key)?)
}
