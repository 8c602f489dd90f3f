//! The glossary's left column, which no source, document or screen may use.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go further says where"
)]

mod tree;

use std::collections::BTreeSet;
use std::fs;

use tree::{files, root};

const GLOSSARY: &str = "docs/glossary.md";
/// Files that people read; recordings and foreign figures have their own words.
const ENDINGS: [&str; 4] = ["rs", "md", "toml", "txt"];
const NOT_OURS: [&str; 4] = ["target", ".git", "recordings", "btf"];

/// Words between backticks.
fn quoted(text: &str) -> Vec<String> {
    let parts = text.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

/// The phrases that are not used, and the keys that may have them.
fn glossary() -> (Vec<String>, BTreeSet<String>) {
    let text = fs::read_to_string(root().join(GLOSSARY)).unwrap();
    let (table, keys) = text.split_once("## Keys").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let phrases = rows.flat_map(|row| quoted(row.split('|').nth(1).unwrap()));
    (phrases.collect(), quoted(keys).into_iter().collect())
}

/// A line as it is searched: lower case, words separated by one space, no keys.
fn plain(line: &str, keys: &BTreeSet<String>) -> String {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '\'';
    let words = line.split(|c| !is_part(c)).filter(|word| !word.is_empty());
    let words = words.filter(|word| !keys.contains(*word));
    let mut plain = String::from(" ");
    for word in words {
        plain.push_str(&word.to_lowercase().replace('_', " "));
        plain.push(' ');
    }
    plain
}

#[test]
fn nothing_says_it_in_words_of_our_own() {
    let (phrases, keys) = glossary();
    assert!(phrases.len() >= 25, "{phrases:?}");
    let all = files(&ENDINGS, &NOT_OURS);
    assert!(all.len() > 400, "{} files", all.len());
    let mut found = Vec::new();
    for path in all {
        let own = ["docs/glossary.md", "tests/words.rs"];
        if own.iter().any(|one| path.ends_with(one)) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for (at, line) in text.lines().enumerate() {
            let line = plain(line, &keys);
            let used = phrases
                .iter()
                .filter(|one| line.contains(&format!(" {one} ")));
            for phrase in used {
                found.push(format!("{}:{}: {phrase}", path.display(), at + 1));
            }
        }
    }
    assert!(
        found.is_empty(),
        "{} places:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn a_phrase_is_found_in_names_and_in_sentences() {
    let keys = BTreeSet::from(["let_go".to_owned()]);
    assert_eq!(
        plain("fn who_goes_on() // Goes  on.", &keys),
        " fn who goes on goes on "
    );
    assert_eq!(plain("\"let_go\": 1", &keys), " 1 ");
}
