//! Which records are of one thing in two frames.

use super::line::Figures;

/// Types of records that a frame has of each thing, and the figures that tell one thing from
/// another. Records of other types are of what happened, such as a finding or a walk: each frame
/// has its own.
const IDENTITIES: &[(&str, &[&str])] = &[
    ("memcg", &["serial_nr"]),
    ("zombie", &["serial_nr"]),
    ("tax", &[]),
    ("slab", &["serial_nr", "cache"]),
    (
        "shrinker",
        &["serial_nr", "shrinker", "fs", "dev", "node", "cause"],
    ),
    ("reclaim", &["serial_nr", "cause", "limited_by_serial_nr"]),
    ("lock_wait", &["tid", "start_ns", "since_ns"]),
    ("lock_stats", &["resource"]),
    ("omitted", &["of"]),
];

/// Whether the next frame may still have a record of that type.
pub(super) fn is_lasting(kind: &str) -> bool {
    figures_of(kind).is_some()
}

/// The figures that tell one thing from another, for a type whose records last.
pub(super) fn figures_of(kind: &str) -> Option<&'static [&'static str]> {
    let (_, figures) = IDENTITIES.iter().find(|(name, _)| *name == kind)?;
    Some(figures)
}

/// The values of those figures. Several records may have the same: then their order decides.
pub(super) fn key<'f>(kind: &str, figures: &'f Figures<'_>) -> Option<Vec<&'f str>> {
    let keys = figures_of(kind)?.iter();
    keys.map(|key| figures.get(key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::schema;

    #[test]
    fn each_figure_is_one_of_its_type() {
        for (kind, figures) in IDENTITIES {
            let schema = schema::strict(kind).unwrap();
            let known = &schema["properties"]["data"]["properties"];
            for figure in *figures {
                assert!(known[figure].is_object(), "{kind}.{figure}");
            }
        }
    }
}
