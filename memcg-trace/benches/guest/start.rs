//! Time of each verb to start, to answer and to exit, step by step, as `--timings` reports it.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::tool::PROGRAM;

const VERBS: [&[&str]; 7] = [
    &["zombies"],
    &["pins"],
    &["locks"],
    &["slab"],
    &["doctor"],
    &["export", "-n", "1"],
    &["locks", "--watch", "-n", "1"],
];

pub fn report() -> Result<()> {
    for verb in VERBS {
        let output = Command::new(PROGRAM)
            .args(verb)
            .args(["--json", "--timings"])
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("start {PROGRAM}"))?;
        let steps = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{verb:?}: {steps}");
        println!(
            "`memcg-trace {}`, quiet host, one CPU\n{steps}",
            verb.join(" ")
        );
    }
    Ok(())
}
