//! The page of the manual says what the table says. If a change is meant, `BLESS=1 cargo test
//! --test known` writes it anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use memcg_trace::model::known::{BUGS, Bug};
use memcg_trace::output::{fit, known};

const PAGE: &str = "../docs/known-bugs.md";
/// The start of the rows; what is before it is written by hand.
const ROWS: &str = "\n## The table\n";
const COLUMNS: usize = 100;

fn row(bug: &Bug) -> String {
    let mut text = format!("\n### `{}`\n\nIt is {}.\n\n", bug.key, bug.title);
    for (name, value) in known::facts(bug) {
        let line = format!("- **{name}**: {}", value.replace('\n', " "));
        for line in fit::wrapped(&line, COLUMNS, 2) {
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    text
}

#[test]
fn the_page_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let kept = fs::read_to_string(&path).unwrap();
    let (by_hand, rows) = kept.split_once(ROWS).unwrap();
    let table: String = BUGS.iter().map(row).collect();
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, format!("{by_hand}{ROWS}{table}")).unwrap();
    } else {
        assert_eq!(rows, table);
    }
}
