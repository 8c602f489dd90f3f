//! Guests with a real userland.

use anyhow::Result;

use super::build::Binaries;
use super::spec::{Disk, Spec};
use crate::kernel;
use crate::setup::timings::Timings;
use crate::setup::tools::{OF_GUESTS, OF_USERLAND};
use crate::setup::{self, Needs};
use crate::userland;

impl Spec {
    /// The same guest with Debian's userland.
    pub fn on_debian(mut self, with: &[String], binaries: &Binaries) -> Result<Self> {
        // The disk is made in a guest with the default kernel.
        let needs = Needs {
            tools: OF_GUESTS.iter().chain(OF_USERLAND).collect(),
            ..Needs::guest(Some(kernel::DEFAULT.parse()?))
        };
        setup::ensure(&needs, &mut Timings::default())?;
        let path = userland::disk(with, binaries)?;
        self.modules
            .extend(userland::MODULES.iter().map(|name| (*name).to_owned()));
        self.disk = Some(Disk { path, keep: false });
        self.boots_disk = true;
        Ok(self)
    }
}
