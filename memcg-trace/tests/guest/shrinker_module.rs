//! Shrinkers of a module, sick ones and their twins.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Built by xtask; where it cannot, it says so.
const MODULE: &str = "/bin/shrinkers.ko";
const FILE: &str = "/proc/shrinkers_to_have";

/// The module, until dropped.
pub struct Shrinkers;

impl Shrinkers {
    /// `None` where it is not built.
    pub fn load() -> Option<Self> {
        if !Path::new(MODULE).exists() {
            println!("no shrinkers: {MODULE} is not built");
            return None;
        }
        let loaded = Command::new("insmod").arg(MODULE).status().unwrap();
        assert!(loaded.success(), "{loaded}");
        Some(Self)
    }

    /// Registers one, or fills it up again.
    #[expect(clippy::unused_self, reason = "who has the module loaded may ask it")]
    pub fn have(&self, name: &str) {
        fs::write(FILE, name).unwrap();
    }
}

impl Drop for Shrinkers {
    fn drop(&mut self) {
        let unloaded = Command::new("rmmod").arg("shrinkers").status();
        println!("rmmod: {unloaded:?}");
    }
}
