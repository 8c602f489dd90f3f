//! The summary line of a libtest program, and its verdict.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::child;
use crate::guest::ending::Ending;

/// The counts of `test result: …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    pub passed: u64,
    pub failed: u64,
    pub ignored: u64,
}

/// The summary in a program's output, if the program got that far.
pub fn summary(output: &str) -> Option<Summary> {
    let line = output
        .lines()
        .rev()
        .find(|line| line.starts_with("test result: "))?;
    let count = |what: &str| {
        let (before, _) = line.split_once(what)?;
        before.trim_end().rsplit(' ').next()?.parse().ok()
    };
    Some(Summary {
        passed: count(" passed;")?,
        failed: count(" failed;")?,
        ignored: count(" ignored;")?,
    })
}

/// Names of the failed tests, from the list before the summary.
pub fn failures(output: &str) -> Vec<String> {
    let list = output.rsplit_once("\nfailures:\n").map(|(_, list)| list);
    let lines = list.into_iter().flat_map(str::lines);
    let names = lines.map_while(|line| line.strip_prefix("    "));
    names.map(str::to_owned).collect()
}

/// The tests that a program would run with these arguments; the program can list them on any host.
pub fn names(program: &Path, arguments: &[OsString]) -> Result<Vec<String>> {
    let mut list = Command::new(program);
    list.args(arguments).args(["--list", "--format", "terse"]);
    let names = child::read(&mut list)?;
    let names = names.lines().filter_map(|line| line.strip_suffix(": test"));
    Ok(names.map(str::to_owned).collect())
}

/// The names of all tests that have one of these parts in their names; each part must be in one.
pub fn whole_names(program: &Path, parts: &[String]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for part in parts {
        let names = names(program, &[part.into()])?;
        ensure!(
            !names.is_empty(),
            "no guest test has {part} in its name: memcg-trace/tests/guest has them"
        );
        found.extend(names);
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Passed, failed, and the error. A run that did not run all expected tests has failed, even if no
/// test has.
pub fn judge(ending: &Ending, output: &str, expected: u64) -> (u64, u64, Option<String>) {
    let Some(Summary {
        passed,
        failed,
        ignored,
    }) = summary(output)
    else {
        let why = ending.message();
        return (
            0,
            1,
            Some(why.unwrap_or_else(|| "the tests ended without a result".into())),
        );
    };
    let wrong = if let Some(message) = ending.message() {
        Some(message)
    } else if passed + failed == 0 {
        Some("not one test ran".into())
    } else if ignored > 0 || passed + failed != expected {
        let ran = passed + failed;
        Some(format!(
            "{ran} of {expected} tests ran, {ignored} were ignored"
        ))
    } else if failed == 0 && *ending != Ending::Exited(0) {
        Some(format!(
            "all passed, but the program's status is {}",
            ending.status()
        ))
    } else {
        None
    };
    (passed, failed.max(u64::from(wrong.is_some())), wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "running 2 tests\ntest a ... ok\n\ntest result: ok. 2 passed; 0 failed; \
        0 ignored; 0 measured; 0 filtered out; finished in 1.00s\n";

    #[test]
    fn a_pass() {
        assert_eq!(judge(&Ending::Exited(0), GOOD, 2), (2, 0, None));
    }

    #[test]
    fn everything_else_is_a_failure() {
        let replace = |from: &str, to: &str| GOOD.replace(from, to);
        let timeout = Ending::Lost {
            how: "x".into(),
            started: true,
        };
        for (ending, output) in [
            (Ending::Exited(0), String::new()),
            (Ending::Exited(0), replace("2 passed", "0 passed")),
            (Ending::Exited(0), replace("0 ignored", "1 ignored")),
            (Ending::Exited(0), replace("0 failed", "1 failed")),
            (Ending::Exited(1), GOOD.into()),
            (timeout, GOOD.into()),
        ] {
            let (_, failed, _) = judge(&ending, &output, 2);
            assert_eq!(failed, 1, "{ending:?} {output}");
        }
        // One expected test was left out.
        assert_eq!(judge(&Ending::Exited(0), GOOD, 3).1, 1);
    }

    #[test]
    fn what_failed_is_listed() {
        let output = "test a ... FAILED\n\nfailures:\n\nfailures:\n    a\n    b::c\n\ntest result: \
            FAILED. 0 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(failures(output), ["a", "b::c"]);
        assert!(failures(GOOD).is_empty());
    }

    #[test]
    fn the_last_result_counts() {
        let output = GOOD.replace("0 failed", "7 failed") + GOOD;
        assert_eq!(summary(&output).unwrap().failed, 0);
        assert_eq!(summary(&output).unwrap().passed, 2);
    }
}
