//! The kernel's own list of its symbols, in memory (kernel/kallsyms.c, scripts/kallsyms.c).

use anyhow::{Context as _, ensure};

use super::address_space::AddressSpace;
use super::input::{u16_at, u32_at};
use super::kallsyms_search;
use super::symbol_list::{Places, SYMBOLS, TOKENS, packed_name};
use super::vmcoreinfo::Vmcoreinfo;

/// Bytes of the table of tokens, at most: no token is longer than a symbol.
const TOKEN_BYTES: usize = TOKENS * 64;
/// Maximum bytes of all names, which are packed.
const NAME_BYTES: usize = 64 << 20;
const BANNER: &[u8] = b"linux_banner";
const BANNER_TEXT: &[u8; 14] = b"Linux version ";

/// All symbols but those of modules.
pub(super) struct Kallsyms {
    tokens: Vec<Vec<u8>>,
    /// Packed names: a length, and as many numbers of tokens.
    names: Vec<u8>,
    addresses: Vec<u64>,
}

impl Kallsyms {
    /// Reads the list from where VMCOREINFO says that it is, or else from where it looks like one.
    pub(super) fn read(space: &AddressSpace, info: &Vmcoreinfo) -> anyhow::Result<Self> {
        if let Some(places) = of_vmcoreinfo(space, info) {
            return Self::at(space, &places)?.context(
                "read the symbols: no known form of the list has linux_banner where the banner is",
            );
        }
        let text = info.symbol("_stext");
        let text = text.context("read the symbols: VMCOREINFO lacks the kernel's text (_stext)")?;
        for places in kallsyms_search::candidates(space, text) {
            // Of one that is none, parts may be where nothing is.
            if let Ok(Some(found)) = Self::at(space, &places) {
                return Ok(found);
            }
        }
        anyhow::bail!(
            "read the symbols: VMCOREINFO does not say where their list is, and nothing in the \
             kernel's image looks like one"
        )
    }

    /// Reads the list at these places; `None` if there is none.
    fn at(space: &AddressSpace, places: &Places) -> anyhow::Result<Option<Self>> {
        ensure!(
            SYMBOLS.contains(&places.symbols),
            "read the symbols: {} of them",
            places.symbols
        );
        let tokens = tokens(space, places).context("read the tokens of the symbols")?;
        let names = names(space, places).context("read the names of the symbols")?;
        let mut offsets = vec![0; places.symbols as usize * 4];
        space
            .read(places.offsets, &mut offsets)
            .context("read the addresses of the symbols")?;
        let base = places.relative_base.map(|place| space.word(place));
        let base = base.transpose().context("read the base of the symbols")?;
        let mut list = Self {
            tokens,
            names,
            addresses: Vec::new(),
        };
        let banner = list.names().position(BANNER);
        let Some(banner) = banner else {
            return Ok(None);
        };
        for form in Form::ALL {
            let address = |at: usize| form.address(u32_at(&offsets, at * 4), at, places, base);
            let text = address(banner).and_then(|address| {
                let mut text = [0; BANNER_TEXT.len()];
                space.read(address, &mut text).ok().map(|()| text)
            });
            if text.as_ref() == Some(BANNER_TEXT) {
                let all = 0..places.symbols as usize;
                list.addresses = all.map(|at| address(at).unwrap_or(0)).collect();
                return Ok(Some(list));
            }
        }
        Ok(None)
    }

    /// All symbols: address and name.
    pub(super) fn each(&self, mut see: impl FnMut(u64, &[u8])) {
        let mut names = self.names();
        for address in &self.addresses {
            let Some(name) = names.next_name() else {
                return;
            };
            see(*address, name);
        }
    }

    fn names(&self) -> Names<'_> {
        Names {
            tokens: &self.tokens,
            rest: &self.names,
            name: Vec::new(),
        }
    }
}

/// The form of offsets, from which the address of a symbol follows.
#[derive(Clone, Copy)]
enum Form {
    /// Per-CPU symbols are positive, and absolute; others are subtracted from the base (until 6.13).
    PerCpu,
    /// Added to the base.
    Based,
    /// Added to the offset's own place (since 7.0).
    OfPlace,
}

impl Form {
    const ALL: [Self; 3] = [Self::PerCpu, Self::Based, Self::OfPlace];

    fn address(self, offset: u32, at: usize, places: &Places, base: Option<u64>) -> Option<u64> {
        let signed = i64::from(offset.cast_signed());
        match self {
            Self::PerCpu if signed >= 0 => Some(offset.into()),
            Self::PerCpu => Some(base?.wrapping_sub(1).wrapping_add_signed(-signed)),
            Self::Based => Some(base?.wrapping_add(offset.into())),
            Self::OfPlace => {
                let own = places.offsets.wrapping_add(at as u64 * 4);
                Some(own.wrapping_add_signed(signed))
            }
        }
    }
}

/// Names one after another, unpacked.
struct Names<'a> {
    tokens: &'a [Vec<u8>],
    rest: &'a [u8],
    name: Vec<u8>,
}

impl Names<'_> {
    /// The next name, without the letter of its type.
    fn next_name(&mut self) -> Option<&[u8]> {
        let (numbers, rest) = packed_name(self.rest)?;
        self.rest = rest;
        self.name.clear();
        for number in numbers {
            self.name
                .extend_from_slice(&self.tokens[usize::from(*number)]);
        }
        self.name.get(1..)
    }

    fn position(mut self, wanted: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(name) = self.next_name() {
            if name == wanted {
                return Some(at);
            }
            at += 1;
        }
        None
    }
}

fn of_vmcoreinfo(space: &AddressSpace, info: &Vmcoreinfo) -> Option<Places> {
    let mut symbols = [0; 4];
    let place = info.symbol("kallsyms_num_syms")?;
    space.read(place, &mut symbols).ok()?;
    Some(Places {
        symbols: u32::from_le_bytes(symbols),
        names: info.symbol("kallsyms_names")?,
        token_table: info.symbol("kallsyms_token_table")?,
        token_index: info.symbol("kallsyms_token_index")?,
        offsets: info.symbol("kallsyms_offsets")?,
        relative_base: info.symbol("kallsyms_relative_base"),
    })
}

fn tokens(space: &AddressSpace, places: &Places) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut index = [0; TOKENS * 2];
    space.read(places.token_index, &mut index)?;
    let begins = (0..TOKENS).map(|at| u16_at(&index, at * 2));
    let mut table = vec![0; TOKEN_BYTES];
    // Nothing need be behind the table.
    space.read_with_holes(places.token_table, &mut table);
    begins
        .map(|begin| {
            let rest = table.get(usize::from(begin)..).unwrap_or_default();
            let end = memchr::memchr(0, rest).context("a token without an end")?;
            Ok(rest[..end].to_vec())
        })
        .collect()
}

/// The packed names, all of them.
fn names(space: &AddressSpace, places: &Places) -> anyhow::Result<Vec<u8>> {
    /// Read at once.
    const PART: usize = 1 << 16;
    let mut names = Vec::new();
    let (mut known, mut end) = (0, 0);
    while known < places.symbols {
        match packed_name(&names[end..]) {
            Some((_, rest)) => {
                end = names.len() - rest.len();
                known += 1;
            }
            None => {
                ensure!(names.len() < NAME_BYTES, "more than {NAME_BYTES} bytes");
                let begin = names.len();
                names.resize(begin + PART, 0);
                let address = places.names.wrapping_add(begin as u64);
                let is_any = space.read_with_holes(address, &mut names[begin..]);
                ensure!(is_any, "nothing is at {address:#x}");
            }
        }
    }
    names.truncate(end);
    Ok(names)
}
