//! The end of a stream: a signal, the end of its span, or of its source.

use std::pin::Pin;
use std::time::Duration;

use super::args::Span;
use super::signals::Stop;

/// The condition that ends a stream.
pub(super) struct Until {
    stop: Stop,
    left: Option<u64>,
    duration: Option<Duration>,
    first_ns: Option<u64>,
    /// The end of a live stream, by the clock.
    clock: Pin<Box<dyn Future<Output = ()>>>,
}

impl Until {
    /// Ends at a signal, and after a span by the time of the samples, so that a span means the same
    /// for a recording.
    pub(super) fn new(span: &Span, stop: &Stop) -> Self {
        Self {
            stop: stop.clone(),
            left: span.count,
            duration: span.duration,
            first_ns: None,
            clock: Box::pin(std::future::pending()),
        }
    }

    /// A live stream also ends by the clock, from now on: there may be no sample.
    pub(super) fn or_by_the_clock(mut self, is_replay: bool) -> Self {
        if let (Some(duration), false) = (self.duration, is_replay) {
            self.clock = Box::pin(tokio::time::sleep(duration));
        }
        self
    }

    /// Waits for the next item; `None` if there is none or the stream ends first.
    pub(super) async fn next<T>(
        &mut self,
        next: impl Future<Output = anyhow::Result<Option<T>>>,
    ) -> anyhow::Result<Option<T>> {
        tokio::select! {
            biased;
            () = self.stop.asked() => Ok(None),
            () = &mut self.clock => Ok(None),
            next = next => next,
        }
    }

    /// Whether the item at `mono_ns` was the last.
    pub(super) fn is_over(&mut self, mono_ns: u64) -> bool {
        let first_ns = *self.first_ns.get_or_insert(mono_ns);
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
        }
        let elapsed = Duration::from_nanos(mono_ns.saturating_sub(first_ns));
        self.left == Some(0) || self.duration.is_some_and(|duration| elapsed >= duration)
    }
}
