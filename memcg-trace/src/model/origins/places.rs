//! Where memcgs come from: the shape of their parent's path and of their own name.

use std::collections::HashMap;

use super::shape::{Piece, Shape, alone, learn, text};
use crate::model::snapshot::Memcg;
use crate::sample::Text;

/// The place of a memcg: a number of [`Places::paths`].
pub(in crate::model) type Place = usize;

/// The places of memcgs.
#[derive(Debug, Default)]
pub(in crate::model) struct Places {
    /// The place of each memcg, in their order; `None` where none of those in question can be.
    pub(in crate::model) of: Vec<Option<Place>>,
    /// The shape of the parent's path, and that of the name, of each place.
    pub(in crate::model) paths: Vec<(Text, Text)>,
}

/// Places by what they are.
#[derive(Default)]
struct Known {
    numbers: HashMap<(Option<Place>, Shape), Place>,
    /// The whole path of each.
    paths: Vec<Text>,
    places: Vec<(Text, Text)>,
}

impl Known {
    /// Returns the place of a name of a shape below `parent`, whose path is `above`.
    fn place(&mut self, parent: Option<Place>, above: &Text, shape: &Shape) -> Place {
        if let Some(place) = self.numbers.get(&(parent, shape.clone())) {
            return *place;
        }
        let name = text(shape);
        let place = self.places.len();
        self.paths.push(below(above, &name));
        self.places.push((above.clone(), name));
        self.numbers.insert((parent, shape.clone()), place);
        place
    }
}

/// Finds the places of memcgs, which come in the order of a tree listing. A parent that is one of
/// those in question varies as they do; another one is itself, but for ids in its name.
pub(in crate::model) fn find(memcgs: &[Memcg], is_asked: impl Fn(&Memcg) -> bool) -> Places {
    let parents = parents(memcgs);
    let mut has_children = vec![false; memcgs.len()];
    for parent in parents.iter().flatten() {
        has_children[*parent] = true;
    }
    let mut of = vec![None; memcgs.len()];
    // The place below which the children of each are.
    let mut as_parent: Vec<Option<Place>> = vec![None; memcgs.len()];
    let mut known = Known::default();
    for level in levels(memcgs) {
        let mut siblings: HashMap<(Option<Place>, Text), Vec<usize>> = HashMap::new();
        for at in level {
            let parent = parents[at].and_then(|parent| as_parent[parent]);
            let above = match parent {
                Some(parent) => known.paths[parent].clone(),
                None => parent_path(&memcgs[at]),
            };
            siblings.entry((parent, above)).or_default().push(at);
        }
        let mut siblings: Vec<_> = siblings.into_iter().collect();
        siblings.sort_unstable_by_key(|(_, members)| members[0]);
        for ((parent, above), mut members) in siblings {
            let has_asked = members.iter().any(|at| is_asked(&memcgs[*at]));
            if !has_asked && parent.is_some() {
                // Names take time: these matter only where others are below.
                members.retain(|at| has_children[*at]);
                for at in members {
                    let itself = alone(memcgs[at].id.name.as_bytes());
                    as_parent[at] = Some(known.place(parent, &above, &itself));
                }
                continue;
            }
            let names: Vec<&[u8]> = members
                .iter()
                .map(|at| memcgs[*at].id.name.as_bytes())
                .collect();
            let shapes = learn(&names, |name| is_asked(&memcgs[members[name]]));
            for ((at, shape), name) in members.iter().zip(&shapes).zip(names) {
                of[*at] = Some(known.place(parent, &above, shape));
                let itself = match (is_asked(&memcgs[*at]), &**shape) {
                    (true, [Piece::Any]) => vec![Piece::Text(name.to_vec())],
                    (true, _) => shape.clone(),
                    (false, _) => alone(name),
                };
                // The root's path is the empty one.
                let is_root = parents[*at].is_none() && memcgs[*at].id.path.as_bytes() == b"/";
                as_parent[*at] = (!is_root).then(|| known.place(parent, &above, &itself));
            }
        }
    }
    Places {
        of,
        paths: known.places,
    }
}

/// Returns the path of a memcg whose parent is not listed or is the root, without its name.
fn parent_path(memcg: &Memcg) -> Text {
    let path = memcg.id.path.as_bytes();
    let cut = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    Text::from(if cut == 0 { &b"/"[..] } else { &path[..cut] })
}

fn below(parent: &Text, name: &Text) -> Text {
    let above: &[u8] = match parent.as_bytes() {
        b"/" => b"",
        path => path,
    };
    Text::from([above, b"/", name.as_bytes()].concat())
}

/// Returns the index of each memcg's parent, if that is listed.
fn parents(memcgs: &[Memcg]) -> Vec<Option<usize>> {
    let mut above: Vec<usize> = Vec::new();
    let mut parents = Vec::with_capacity(memcgs.len());
    for (at, memcg) in memcgs.iter().enumerate() {
        while above
            .last()
            .is_some_and(|last| memcgs[*last].depth >= memcg.depth)
        {
            above.pop();
        }
        let parent = above.last().copied();
        parents.push(parent.filter(|parent| memcgs[*parent].depth + 1 == memcg.depth));
        above.push(at);
    }
    parents
}

/// Returns the memcgs of each depth, the uppermost first.
fn levels(memcgs: &[Memcg]) -> Vec<Vec<usize>> {
    let mut levels: HashMap<u16, Vec<usize>> = HashMap::new();
    for (at, memcg) in memcgs.iter().enumerate() {
        levels.entry(memcg.depth).or_default().push(at);
    }
    let mut levels: Vec<_> = levels.into_iter().collect();
    levels.sort_unstable_by_key(|(depth, _)| *depth);
    levels.into_iter().map(|(_, members)| members).collect()
}
