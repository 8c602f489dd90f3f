//! Sources of samples: the kernel of this host, or a recording.

pub mod core;
pub mod index;
pub mod lead;
#[cfg(feature = "live")]
pub mod live;
pub mod replay;
#[cfg(feature = "live")]
pub mod state_files;

use std::path::Path;
#[cfg(feature = "live")]
use std::time::Duration;

use crate::sample::Sample;
use crate::sample::ask::Ask;
use crate::sample::recording::Host;
use replay::{Pace, Replay};

/// This host cannot be traced by this program; the text says why, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CannotTrace(pub String);

/// A stream of samples at its own pace.
pub enum Source {
    /// This kernel, read once an interval.
    #[cfg(feature = "live")]
    Live {
        live: Box<live::Live>,
        /// Time between two samples.
        interval: Duration,
        host: Host,
    },
    /// A recording.
    Replay(Box<Replay>),
}

impl Source {
    /// Attaches to this kernel.
    ///
    /// # Errors
    /// [`CannotTrace`] if nothing can be traced here.
    #[cfg(feature = "live")]
    pub fn live(options: &live::Options, interval: Duration) -> anyhow::Result<Self> {
        let live = live::Live::open(options).map_err(|error| match error {
            live::OpenError::CannotTrace(why) => CannotTrace(why).into(),
            live::OpenError::Other(error) => error,
        })?;
        Ok(Self::Live {
            live: Box::new(live),
            interval,
            host: live::host(),
        })
    }

    /// Opens a recording.
    ///
    /// # Errors
    /// If the file is not a recording.
    pub fn replay(path: &Path, pace: Pace) -> anyhow::Result<Self> {
        Ok(Self::Replay(Box::new(Replay::open(path, pace)?)))
    }

    /// The host of the samples.
    #[must_use]
    pub fn host(&self) -> &Host {
        match self {
            #[cfg(feature = "live")]
            Self::Live { host, .. } => host,
            Self::Replay(replay) => replay.host(),
        }
    }

    /// Whether the source has an end, and can be paused without losing anything.
    #[must_use]
    pub fn is_replay(&self) -> bool {
        matches!(self, Self::Replay(_))
    }

    /// Waits for the next sample; `None` at the end of a recording.
    ///
    /// # Errors
    /// If the kernel or the file cannot be read.
    pub async fn next(&mut self) -> anyhow::Result<Option<Sample>> {
        match self {
            #[cfg(feature = "live")]
            Self::Live { live, interval, .. } => live.next(*interval).await.map(Some),
            Self::Replay(replay) => replay.next().await,
        }
    }

    /// A sample of this moment, before its interval is over; `None` for a recording.
    ///
    /// # Errors
    /// If the kernel cannot be read.
    pub async fn at_once(&mut self) -> anyhow::Result<Option<Sample>> {
        match self {
            #[cfg(feature = "live")]
            Self::Live { live, .. } => live.next(Duration::ZERO).await.map(Some),
            Self::Replay(_) => Ok(None),
        }
    }

    /// Asks a question, whose answer is a sample of its own; `None` for a recording, which cannot
    /// be asked.
    ///
    /// # Errors
    /// If the kernel does not answer.
    #[cfg_attr(
        not(feature = "live"),
        expect(unused_variables, reason = "a recording is not asked")
    )]
    pub fn ask(&mut self, ask: &Ask) -> anyhow::Result<Option<Sample>> {
        match self {
            #[cfg(feature = "live")]
            Self::Live { live, .. } => match live.ask(ask) {
                Ok(answer) => Ok(Some(answer)),
                Err(error) => Err(CannotTrace(format!("{error:#}")).into()),
            },
            Self::Replay(_) => Ok(None),
        }
    }

    /// The recording, if the samples are of one.
    pub fn recording(&mut self) -> Option<&mut Replay> {
        match self {
            #[cfg(feature = "live")]
            Self::Live { .. } => None,
            Self::Replay(replay) => Some(replay),
        }
    }

    /// Releases the source. Returns messages for the user.
    #[must_use]
    pub fn close(self) -> Vec<String> {
        match self {
            #[cfg(feature = "live")]
            Self::Live { live, .. } => live.close(),
            Self::Replay(replay) => replay.close(),
        }
    }
}
