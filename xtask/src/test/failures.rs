//! Failed tests of guests with their messages, and their second try.

use super::row::{Failure, Row};

/// Bounds of a message: the rest is in the output above.
const MAX_LINES: usize = 12;
const MAX_LINE_BYTES: usize = 400;
/// The most failed tests of a run that are tried again. More of them are no accident.
const MAX_AGAIN: usize = 3;

impl Failure {
    /// The failures of a program, by the names of the tests, with messages from its standard error.
    pub fn all(names: Vec<String>, errors: &str) -> Vec<Self> {
        let of = |name: String| Self {
            message: message(&name, errors),
            name,
            passed_again: false,
        };
        names.into_iter().map(of).collect()
    }
}

/// The message of the panic of a test's thread.
fn message(name: &str, errors: &str) -> Option<String> {
    let begin = format!("thread '{name}' ");
    let mut lines = errors.lines().skip_while(|line| !line.starts_with(&begin));
    let place = lines.next()?.rsplit_once("panicked at ")?.1;
    let is_of_message =
        |line: &&str| !line.starts_with("note: run with") && !line.starts_with("thread '");
    let message = lines.take_while(is_of_message).take(MAX_LINES);
    let cut = |line: &str| line[..line.floor_char_boundary(MAX_LINE_BYTES)].to_owned();
    Some(
        std::iter::once(place)
            .chain(message)
            .map(cut)
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

/// Runs tests that failed once more, each row's in a guest of their own. A test that passes then
/// does not fail the run, and the end of the run names it.
pub fn again(rows: &mut [Row], mut run: impl FnMut(usize, Vec<String>) -> Row) {
    let failed: usize = rows.iter().map(|row| row.failures.len()).sum();
    if failed > MAX_AGAIN {
        return;
    }
    for (at, row) in rows.iter_mut().enumerate() {
        // A guest that died, or did not run all tests, has failed as a whole.
        if row.failures.is_empty() || row.failed != row.failures.len() as u64 || row.note.is_some()
        {
            continue;
        }
        let names: Vec<_> = row.failures.iter().map(|one| one.name.clone()).collect();
        let second = run(at, names);
        if second.passed == 0 || second.note.is_some() {
            continue;
        }
        for failure in &mut row.failures {
            failure.passed_again = !second.failures.iter().any(|one| one.name == failure.name);
            row.failed -= u64::from(failure.passed_again);
            row.passed += u64::from(failure.passed_again);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERRORS: &str = "a warning\n\nthread 'a::b' (71) panicked at tests/a.rs:3:5:\nassertion failed\n  \
        left: 1\n right: 2\nnote: run with `RUST_BACKTRACE=1`\nthread 'c' panicked at tests/c.rs:1:1:\nno\n";

    fn row(names: &[&str]) -> Row {
        Row {
            passed: 5,
            failed: names.len() as u64,
            failures: Failure::all(names.iter().map(|&name| name.to_owned()).collect(), ERRORS),
            ..Row::default()
        }
    }

    #[test]
    fn a_failure_has_the_message_of_its_own_panic() {
        let all = row(&["a::b", "c", "d"]).failures;
        let messages: Vec<_> = all.iter().map(|one| one.message.as_deref()).collect();
        let first = "tests/a.rs:3:5:\nassertion failed\n  left: 1\n right: 2";
        assert_eq!(messages, [Some(first), Some("tests/c.rs:1:1:\nno"), None]);
    }

    #[test]
    fn a_long_message_is_cut() {
        let errors = format!(
            "thread 'a' panicked at x:\n{}",
            format!("{}\n", "ä".repeat(999)).repeat(99)
        );
        let message = message("a", &errors).unwrap();
        assert!(message.len() < (MAX_LINES + 1) * (MAX_LINE_BYTES + 1));
    }

    #[test]
    fn what_passes_again_is_no_failure_and_what_fails_again_is() {
        let mut rows = [row(&["a::b", "c"]), row(&[])];
        again(&mut rows, |at, names| {
            assert_eq!((at, names.len()), (0, 2));
            Row {
                passed: 1,
                ..row(&["c"])
            }
        });
        assert_eq!((rows[0].passed, rows[0].failed), (6, 1));
        assert!(rows[0].failures[0].passed_again && !rows[0].failures[1].passed_again);
    }

    #[test]
    fn many_failures_or_a_guest_that_died_are_no_accident() {
        let mut rows = [row(&["a", "b"]), row(&["c", "d"])];
        again(&mut rows, |_, _| unreachable!("nothing is tried again"));
        let mut died = [Row {
            note: Some("the guest died".into()),
            ..row(&["a"])
        }];
        again(&mut died, |_, _| unreachable!("nothing is tried again"));
        let mut dies_again = [row(&["a"])];
        again(&mut dies_again, |_, _| Row {
            failed: 1,
            note: Some("no boot".into()),
            ..Row::default()
        });
        assert_eq!(dies_again[0].failed, 1);
    }
}
