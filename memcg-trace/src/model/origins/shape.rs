//! The shapes of names, learned from the names: what they have in common, and what varies.

use std::collections::{HashMap, HashSet};

use super::tokens::{Part, Token, hex_begin, parts, tokens};
use crate::sample::Text;

/// Names of a kind that show by their number what is random in them: hexadecimal, and in a larger
/// alphabet, in which words are more likely.
const LEAST_HEX_NAMES: usize = 3;
const LEAST_ID_NAMES: usize = 5;
/// The least length of a random part.
const LEAST_RANDOM: usize = 4;
/// Hexadecimal digits that are an id, even in one name alone.
const SURE_HEX: usize = 16;
/// Most names of one parent that are listed though they have nothing in common.
const MOST_SINGLE: usize = 32;

/// A piece of a shape.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Piece {
    /// The same bytes in all names.
    Text(Vec<u8>),
    /// A decimal number.
    Number,
    /// Hexadecimal digits, this many.
    Hex(usize),
    /// A UUID.
    Uuid,
    /// A date.
    Date,
    /// Letters and digits, this many.
    Id(usize),
    /// Any name.
    Any,
}

/// The shape of a name.
pub(super) type Shape = Vec<Piece>;

/// A piece with its bytes in one name.
type Filled<'a> = (Piece, &'a [u8]);

/// Returns a shape as people read it: `session-<n>.scope`.
pub(super) fn text(shape: &[Piece]) -> Text {
    let pieces = shape.iter().map(|piece| match piece {
        Piece::Text(bytes) => bytes.clone(),
        Piece::Number => b"<n>".to_vec(),
        Piece::Hex(digits) => format!("<hex{digits}>").into_bytes(),
        Piece::Uuid => b"<uuid>".to_vec(),
        Piece::Date => b"<date>".to_vec(),
        Piece::Id(bytes) => format!("<id{bytes}>").into_bytes(),
        Piece::Any => b"<name>".to_vec(),
    });
    Text::from(pieces.collect::<Vec<_>>().concat())
}

/// Returns the shape of a name alone: only what is an id beyond doubt varies.
pub(super) fn alone(name: &[u8]) -> Shape {
    let pieces = plain(name);
    settled(&pieces, &vec![false; pieces.len()])
}

/// Returns the shape of each name among its siblings. Of names that have nothing in common with
/// others, those that `may_merge` are one shape if they are many.
pub(super) fn learn(names: &[&[u8]], may_merge: impl Fn(usize) -> bool) -> Vec<Shape> {
    let filled = fill(names);
    let mut kinds: HashMap<Vec<&Piece>, Vec<usize>> = HashMap::new();
    for (name, pieces) in filled.iter().enumerate() {
        let kind = pieces.iter().map(|(piece, _)| piece).collect();
        kinds.entry(kind).or_default().push(name);
    }
    let mut shapes = vec![Shape::new(); names.len()];
    let mut singles = Vec::new();
    for members in kinds.into_values() {
        let first = &filled[members[0]];
        let varies: Vec<bool> = (0..first.len())
            .map(|at| {
                let mut values = members.iter().map(|name| filled[*name][at].1);
                values.any(|value| value != first[at].1)
            })
            .collect();
        let shape = settled(first, &varies);
        let is_plain = shape.iter().all(|piece| matches!(piece, Piece::Text(_)));
        if is_plain && members.len() == 1 && may_merge(members[0]) {
            singles.push(members[0]);
        }
        for name in members {
            shapes[name].clone_from(&shape);
        }
    }
    if singles.len() > MOST_SINGLE {
        for name in singles {
            shapes[name] = vec![Piece::Any];
        }
    }
    shapes
}

/// Returns the pieces of each name: what is random by comparison with names of the same build,
/// the rest by itself.
fn fill<'a>(names: &[&'a [u8]]) -> Vec<Vec<Filled<'a>>> {
    let cut: Vec<Vec<Token<'a>>> = names.iter().map(|name| tokens(name)).collect();
    let mut builds: HashMap<Vec<Build<'a>>, Vec<usize>> = HashMap::new();
    for (name, tokens) in cut.iter().enumerate() {
        let build = tokens.iter().map(|token| Build::of(*token)).collect();
        builds.entry(build).or_default().push(name);
    }
    let mut filled = vec![Vec::new(); names.len()];
    for (build, members) in builds {
        let random: Vec<Option<Random>> = (0..build.len())
            .map(|at| match build[at] {
                Build::Run(_) => Random::find(members.iter().map(|name| cut[*name][at].bytes())),
                Build::Uuid | Build::Date | Build::Between(_) => None,
            })
            .collect();
        for name in members {
            let tokens = cut[name].iter().zip(&random);
            filled[name] = merged(tokens.flat_map(|(token, random)| match random {
                Some(random) => random.split(token.bytes()),
                None => pieces(*token),
            }));
        }
    }
    filled
}

/// What names that are compared must have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Build<'a> {
    Run(usize),
    Uuid,
    Date,
    Between(&'a [u8]),
}

impl<'a> Build<'a> {
    fn of(token: Token<'a>) -> Self {
        match token {
            Token::Run(bytes) => Self::Run(bytes.len()),
            Token::Uuid(_) => Self::Uuid,
            Token::Date(_) => Self::Date,
            Token::Between(bytes) => Self::Between(bytes),
        }
    }
}

/// A run that is random after some letters.
struct Random {
    prefix: usize,
    piece: Piece,
}

impl Random {
    /// Compares runs of the same length.
    fn find<'a>(runs: impl Iterator<Item = &'a [u8]> + Clone) -> Option<Self> {
        let first = runs.clone().next()?;
        let mut prefix = first
            .iter()
            .take_while(|byte| !byte.is_ascii_digit())
            .count();
        let mut distinct = HashSet::new();
        for run in runs.clone() {
            let same = first.iter().zip(run).take_while(|(a, b)| a == b).count();
            prefix = if same == first.len() {
                prefix
            } else {
                prefix.min(same)
            };
            if distinct.len() < LEAST_ID_NAMES {
                distinct.insert(run);
            }
        }
        let is_hex = |run: &[u8]| run[prefix..].iter().all(u8::is_ascii_hexdigit);
        let is_mixed = |run: &[u8]| {
            let rest = &run[prefix..];
            rest.iter().any(u8::is_ascii_digit) && !rest.iter().all(u8::is_ascii_digit)
        };
        let (all, mixed, hex) = runs.fold((0, 0, 0), |(all, mixed, hex): (u64, u64, u64), run| {
            let counted = |is: bool| u64::from(is);
            (
                all + 1,
                mixed + counted(is_mixed(run)),
                hex + counted(is_hex(run)),
            )
        });
        let least = if hex == all {
            LEAST_HEX_NAMES
        } else {
            LEAST_ID_NAMES
        };
        let is_random = distinct.len() >= least && mixed > all / 2;
        let prefix = if hex == all {
            hex_begin(first, prefix)
        } else {
            prefix
        };
        let length = first.len() - prefix;
        let piece = if hex == all {
            Piece::Hex(length)
        } else {
            Piece::Id(length)
        };
        (is_random && length >= LEAST_RANDOM).then_some(Self { prefix, piece })
    }

    fn split<'a>(&self, run: &'a [u8]) -> Vec<Filled<'a>> {
        let (prefix, rest) = run.split_at(self.prefix);
        vec![
            (Piece::Text(prefix.to_vec()), prefix),
            (self.piece.clone(), rest),
        ]
    }
}

/// Returns the pieces of one name by itself.
fn plain(name: &[u8]) -> Vec<Filled<'_>> {
    merged(tokens(name).into_iter().flat_map(pieces))
}

fn pieces(token: Token<'_>) -> Vec<Filled<'_>> {
    match token {
        Token::Between(bytes) => vec![(Piece::Text(bytes.to_vec()), bytes)],
        Token::Uuid(bytes) => vec![(Piece::Uuid, bytes)],
        Token::Date(bytes) => vec![(Piece::Date, bytes)],
        Token::Run(run) => {
            let piece = |part| match part {
                Part::Text(bytes) => (Piece::Text(bytes.to_vec()), bytes),
                Part::Number(bytes) => (Piece::Number, bytes),
                Part::Hex(bytes) => (Piece::Hex(bytes.len()), bytes),
                Part::Id(bytes) => (Piece::Id(bytes.len()), bytes),
            };
            parts(run).into_iter().map(piece).collect()
        }
    }
}

/// Leaves out empty texts.
fn merged<'a>(pieces: impl Iterator<Item = Filled<'a>>) -> Vec<Filled<'a>> {
    pieces.filter(|(_, bytes)| !bytes.is_empty()).collect()
}

/// Returns the shape of names with these pieces, of which some vary: the others are a text, unless
/// they are ids beyond doubt.
fn settled(pieces: &[Filled<'_>], varies: &[bool]) -> Shape {
    let mut shape = Shape::new();
    for ((piece, bytes), varies) in pieces.iter().zip(varies) {
        let is_id = match piece {
            Piece::Uuid => true,
            Piece::Hex(digits) => *digits >= SURE_HEX,
            _ => false,
        };
        match (piece, shape.last_mut()) {
            (Piece::Text(_), Some(Piece::Text(text))) => text.extend_from_slice(bytes),
            (Piece::Text(_), _) => shape.push(piece.clone()),
            _ if *varies || is_id => shape.push(piece.clone()),
            (_, Some(Piece::Text(text))) => text.extend_from_slice(bytes),
            _ => shape.push(Piece::Text(bytes.to_vec())),
        }
    }
    shape
}
