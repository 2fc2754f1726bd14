//! Tokio's clock, as the transactions want it: time since their start.

use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A clock that showed zero when it was started. Tokio's, so that tests can
/// pause it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    pub(crate) fn now(self) -> Duration {
        self.started.elapsed()
    }

    /// Waits for a time; without one, for ever.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub(crate) async fn reach(self, time: Option<Duration>) {
        match time.and_then(|time| self.started.checked_add(time)) {
            Some(instant) => sleep_until(instant).await,
            None => pending().await,
        }
    }
}
