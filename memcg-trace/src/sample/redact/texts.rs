//! Sentences and symbols, which the kernel's side composed: names and addresses in them.

use super::words::Redactor;
use crate::sample::Text;

/// Digits of a hexadecimal number from which on it may be an address of the kernel.
const ADDRESS_DIGITS: usize = 12;

impl Redactor {
    /// A symbol of the kernel, or a lock by its place in an object: addresses in it are replaced.
    pub(super) fn symbol(&mut self, symbol: &str) -> String {
        self.without_addresses(symbol)
    }

    /// A sentence: tasks (`comm[12]`), paths and addresses in it are replaced.
    pub(super) fn sentence(&mut self, sentence: &str) -> String {
        let mut text = sentence.to_owned();
        if text.contains('[') {
            for (comm, word) in self.known_comms() {
                text = text.replace(&format!("{comm}["), &format!("{word}["));
            }
        }
        let words = text.split(' ').map(|word| self.redacted(word));
        words.collect::<Vec<_>>().join(" ")
    }

    /// "`xfs on DEVICE is frozen by COMM[12]`": both may be names with spaces.
    pub(super) fn frozen(&mut self, sentence: &str) -> String {
        let parts = sentence.split_once(" on ").and_then(|(kind, rest)| {
            let (device, by) = rest.rsplit_once(" is frozen by ")?;
            Some((kind, device, by))
        });
        let Some((kind, device, by)) = parts else {
            return self.sentence(sentence);
        };
        let device = self.component(&Text::from(device));
        let by = match by.rsplit_once('[') {
            Some((comm, tid)) => format!("{}[{tid}", self.comm(&Text::from(comm)).display()),
            None => by.to_owned(),
        };
        format!("{kind} on {} is frozen by {by}", device.display())
    }

    fn redacted(&mut self, word: &str) -> String {
        if let Some(at) = word.find('/') {
            let (before, path) = word.split_at(at);
            return before.to_owned() + &self.path(&Text::from(path)).display();
        }
        if let Some((comm, rest)) = word.split_once('[')
            && rest.starts_with(|c: char| c.is_ascii_digit())
            && !comm.starts_with("comm-")
        {
            return format!("{}[{rest}", self.comm(&Text::from(comm)).display());
        }
        self.without_addresses(word)
    }

    fn without_addresses(&mut self, text: &str) -> String {
        let mut shown = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| c.is_ascii_hexdigit()) {
            let (before, from) = rest.split_at(at);
            let end = from.find(|c: char| !c.is_ascii_hexdigit());
            let (digits, after) = from.split_at(end.unwrap_or(from.len()));
            // "0x" starts with a digit.
            shown += before;
            match u64::from_str_radix(digits, 16) {
                Ok(address) if digits.len() >= ADDRESS_DIGITS => {
                    let prefix = if shown.ends_with("0x") { "" } else { "0x" };
                    shown += &format!("{prefix}{:x}", self.address(address));
                }
                _ => shown += digits,
            }
            rest = after;
        }
        shown + rest
    }
}
