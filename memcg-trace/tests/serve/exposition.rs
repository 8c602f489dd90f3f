//! A strict reader of OpenMetrics and of the text format of Prometheus.

use std::collections::{BTreeMap, BTreeSet};

/// Labels of a series.
pub type Labels = BTreeMap<String, String>;

/// What was read.
#[derive(Debug, Default)]
pub struct Metrics {
    /// The types by the names in `# TYPE`.
    types: BTreeMap<String, String>,
    /// All series: name, labels, value.
    pub series: Vec<(String, Labels, f64)>,
}

impl Metrics {
    /// Reads a text of OpenMetrics.
    pub fn open_metrics(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").expect("it ends in # EOF");
        Self::read(body, true)
    }

    /// Reads a text of Prometheus.
    pub fn prometheus(text: &str) -> Self {
        Self::read(text, false)
    }

    fn read(text: &str, is_open: bool) -> Self {
        let mut read = Self::default();
        // The metric whose lines these are; its lines stand together.
        let mut current = String::new();
        let mut done = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for line in text.strip_suffix('\n').unwrap().split('\n') {
            assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
            if let Some(rest) = line.strip_prefix("# ") {
                let (word, rest) = rest.split_once(' ').unwrap();
                let (name, said) = rest.split_once(' ').unwrap();
                assert_name(name);
                if word == "HELP" {
                    assert!(done.insert(name.to_owned()), "{name} twice");
                    name.clone_into(&mut current);
                    assert!(!said.is_empty() && !said.contains('\\'), "{line}");
                    continue;
                }
                assert_eq!(name, current, "{line}");
                match word {
                    "TYPE" => {
                        assert!(["counter", "gauge"].contains(&said), "{line}");
                        read.types.insert(name.to_owned(), said.to_owned());
                    }
                    "UNIT" => assert!(is_open && name.ends_with(&format!("_{said}")), "{line}"),
                    _ => panic!("{line}"),
                }
                continue;
            }
            let (name, labels, value) = series(line);
            let is_counter = read.types[&current] == "counter";
            let expected = match (is_counter, is_open) {
                (true, true) => format!("{current}_total"),
                _ => current.clone(),
            };
            assert_eq!(name, expected, "{line}");
            assert_eq!(is_counter, name.ends_with("_total"), "{line}");
            assert!(!is_counter || value >= 0.0, "{line}");
            assert!(seen.insert((name.clone(), labels.clone())), "twice: {line}");
            read.series.push((name, labels, value));
        }
        read
    }

    /// The value of the series that has these labels among its own.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let has = |own: &Labels| {
            let mut labels = labels.iter();
            labels.all(|(key, value)| own.get(*key).is_some_and(|own| own == value))
        };
        let mut found = self
            .series
            .iter()
            .filter(|(n, own, _)| n == name && has(own));
        let value = found.next().map(|(_, _, value)| *value);
        assert!(
            found.next().is_none(),
            "{name} {labels:?} is not one series"
        );
        value
    }

    /// The sum of all series of a metric.
    pub fn sum(&self, name: &str) -> f64 {
        let of = self.series.iter().filter(|(n, _, _)| n == name);
        of.map(|(_, _, value)| value).sum()
    }
}

fn assert_name(name: &str) {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    assert!(!name.is_empty() && name.chars().all(is_word), "{name:?}");
    assert!(!name.starts_with(|c: char| c.is_ascii_digit()), "{name:?}");
}

fn series(line: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    assert_name(name);
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (key, after) = rest.split_once("=\"").unwrap();
            assert_name(key);
            let (value, after) = text(after);
            assert!(labels.insert(key.to_owned(), value).is_none(), "{line}");
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').unwrap().parse().unwrap();
    (name.to_owned(), labels, value)
}

/// A text up to its closing quote, and what follows.
fn text(from: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = from.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &from[at + 1..]),
            '\\' => match chars.next().unwrap().1 {
                'n' => value.push('\n'),
                c @ ('"' | '\\') => value.push(c),
                c => panic!("\\{c} is no escape"),
            },
            c => value.push(c),
        }
    }
    panic!("no closing quote in {from:?}");
}
