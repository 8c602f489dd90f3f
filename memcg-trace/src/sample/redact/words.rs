//! The words that stand for names: each name has one.

use std::collections::HashMap;

use super::kernel_names;
use crate::sample::Text;

/// Bits of a word in memory that are flags beside an address: owner words of locks have three.
const FLAGS: u64 = 7;
/// Distance of the numbers that stand for addresses, which leaves the flags free.
const STEP: u64 = 0x10;

/// The kind of a name: a task and a file may have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Comm,
    /// A part of a path: a file, a directory or a cgroup.
    Name,
    Network,
}

/// Replaces names by words, and remembers which.
#[derive(Debug, Default)]
pub struct Redactor {
    words: HashMap<(Kind, Text), String>,
    comms: u64,
    names: u64,
    networks: u64,
    addresses: HashMap<u64, u64>,
}

impl Redactor {
    fn word(&mut self, kind: Kind, name: &Text) -> &str {
        let (prefix, last) = match kind {
            Kind::Comm => ("comm", &mut self.comms),
            Kind::Name => ("name", &mut self.names),
            Kind::Network => ("address", &mut self.networks),
        };
        self.words.entry((kind, name.clone())).or_insert_with(|| {
            *last += 1;
            format!("{prefix}-{last}")
        })
    }

    /// The word for the name of a task.
    pub(super) fn comm(&mut self, comm: &Text) -> Text {
        match comm.is_empty() {
            true => comm.clone(),
            false => Text::from(self.word(Kind::Comm, comm)),
        }
    }

    /// The word for a part of a path; the root has no name.
    pub(super) fn component(&mut self, name: &Text) -> Text {
        match name.as_bytes() {
            b"" | b"/" => name.clone(),
            _ => Text::from(self.word(Kind::Name, name)),
        }
    }

    /// A path, each part of which is replaced.
    pub fn path(&mut self, path: &Text) -> Text {
        let parts = path.as_bytes().split(|byte| *byte == b'/');
        let parts = parts.map(|part| self.component(&Text::from(part)));
        let parts: Vec<Text> = parts.collect();
        let bytes: Vec<&[u8]> = parts.iter().map(Text::as_bytes).collect();
        Text::from(bytes.join(&b'/'))
    }

    /// The name of a thread of the kernel: one that is not the same on all hosts gets a word.
    pub(super) fn thread(&mut self, name: &Text) -> Text {
        self.of_the_kernel(name).unwrap_or_else(|| self.comm(name))
    }

    /// The name of a workqueue, likewise.
    pub(super) fn workqueue(&mut self, name: &Text) -> Text {
        self.of_the_kernel(name)
            .unwrap_or_else(|| self.component(name))
    }

    /// A name that the kernel chose, with a word for the part that it did not choose; `None` if the
    /// name is not known to be the kernel's.
    fn of_the_kernel(&mut self, name: &Text) -> Option<Text> {
        let shown = str::from_utf8(name.as_bytes()).ok()?;
        if kernel_names::is_known(shown) {
            return Some(name.clone());
        }
        if let Some(part) = shown.strip_prefix("kworker/") {
            let (id, workqueue) = kernel_names::worker(part)?;
            let workqueue = workqueue.map(|name| self.workqueue(&Text::from(name)));
            let workqueue = workqueue.as_ref().map(Text::display).unwrap_or_default();
            return Some(Text::from(format!("kworker/{id}{workqueue}").as_str()));
        }
        let (start, part) = kernel_names::with_a_part(shown)?;
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(name.clone());
        }
        let part = self.component(&Text::from(part));
        Some(Text::from(format!("{start}/{}", part.display()).as_str()))
    }

    /// A device: its numbers stay.
    pub(super) fn device(&mut self, device: &Text) -> Text {
        let is_number = |byte: &u8| byte.is_ascii_digit() || *byte == b':';
        match device.as_bytes().iter().all(is_number) {
            true => device.clone(),
            false => self.component(device),
        }
    }

    /// One end of a socket.
    pub(super) fn network(&mut self, end: &Text) -> Text {
        Text::from(self.word(Kind::Network, end))
    }

    /// An address of the kernel, with the flags in its lowest bits. 0 stays: it is none.
    pub(super) fn address(&mut self, word: u64) -> u64 {
        let (address, flags) = (word & !FLAGS, word & FLAGS);
        if address == 0 {
            return word;
        }
        let next = (self.addresses.len() as u64 + 1) * STEP;
        *self.addresses.entry(address).or_insert(next) | flags
    }

    /// The names of tasks that are known so far, the longest first, with their words.
    pub(super) fn known_comms(&self) -> Vec<(String, String)> {
        let comms = self
            .words
            .iter()
            .filter(|((kind, _), _)| *kind == Kind::Comm);
        let comms = comms.map(|((_, name), word)| (name.display().into_owned(), word.clone()));
        let mut comms: Vec<_> = comms.collect();
        comms.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
        comms
    }
}
