//! Messages of the eBPF side, for `-vv`.

use anyhow::Context as _;
use aya::Ebpf;
use aya_log::EbpfLogger;

/// Passes messages to the log.
pub(crate) struct Logs(EbpfLogger<&'static dyn log::Log>);

impl Logs {
    /// Opens the buffer of messages; [`Logs::drain`] reads it.
    pub(crate) fn open(ebpf: &mut Ebpf) -> anyhow::Result<Self> {
        let logger = EbpfLogger::init(ebpf).context("listen to messages of the eBPF side")?;
        Ok(Self(logger))
    }

    pub(crate) fn drain(&mut self) {
        self.0.flush();
    }
}
