//! Programs that cargo builds of crates: packagers, in the user's cache.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result};

use super::progress::say;
use crate::{child, places};

/// A program of a crate of the same name.
pub struct CargoTool {
    name: &'static str,
    version: &'static str,
}

pub const CARGO_DEB: CargoTool = CargoTool {
    name: "cargo-deb",
    version: "3.8.0",
};
pub const CARGO_GENERATE_RPM: CargoTool = CargoTool {
    name: "cargo-generate-rpm",
    version: "0.21.1",
};

impl CargoTool {
    /// A command that starts the program, which is built at the first use.
    pub fn command(&self) -> Result<Command> {
        let folder = places::cache()?.join(format!("{}-{}", self.name, self.version));
        let program = folder.join("bin").join(self.name);
        if !program.exists() {
            let _lock = super::lock()?;
            // Another process may have built it while we waited.
            if !program.exists() {
                self.install(folder)?;
            }
        }
        let mut command = Command::new(program);
        child::without_our_crate(&mut command);
        Ok(command)
    }

    fn install(&self, root: PathBuf) -> Result<()> {
        say(&format!("building {} {}", self.name, self.version));
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        child::without_our_crate(&mut command);
        command.env_remove("CARGO_TARGET_DIR");
        // Building them takes longer than running them ever will.
        command
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "false");
        command.args(["install", "--locked", "--quiet", self.name]);
        command
            .args(["--version", self.version, "--root"])
            .arg(root);
        // Beside the final folder, so that an interrupted build resumes there.
        let target = places::cache()?.join(format!("{}-build", self.name));
        command.arg("--target-dir").arg(&target);
        command.current_dir(places::cache()?);
        child::run(&mut command).with_context(|| format!("build {}", self.name))?;
        fs::remove_dir_all(&target).with_context(|| format!("remove {}", target.display()))
    }
}
