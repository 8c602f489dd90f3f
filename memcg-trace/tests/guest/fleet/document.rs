//! The commands of `docs/fleet/README.md`, run as a newcomer copies them.

use std::process::{Command, Stdio};

const TEXT: &str = include_str!("../../../../docs/fleet/README.md");

/// The document; each block that is run stands after a comment `<!-- run: NAME -->`.
pub struct Document(&'static str);

impl Document {
    pub fn read() -> Self {
        Self(TEXT)
    }

    fn block(&self, name: &str) -> &str {
        let (_, rest) = self
            .0
            .split_once(&format!("<!-- run: {name} -->\n```sh\n"))
            .unwrap();
        rest.split_once("```\n").unwrap().0
    }

    /// Runs a block in the folder with the package, line by line as a shell does; returns what it
    /// prints.
    pub fn run(&self, name: &str) -> String {
        let block = self.block(name);
        let mut shell = Command::new("/bin/bash");
        shell.args(["-euo", "pipefail", "-c", block]);
        let output = shell
            .current_dir("/bin")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let [said, why] = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(
            output.status.success(),
            "{block}: {}\n{said}{why}",
            output.status
        );
        said + &why
    }
}
