//! When to ping a peer, and when to give it up: only where the service is told
//! to ping. One client, webauthn-authenticator-rs, ends on a ping.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use fido_hybrid_websocket::{LastRead, MIN_PING_INTERVAL};

/// How long a peer has sent nothing, shared by both halves of its connection.
pub(super) struct Silence {
    interval: Option<Duration>,
    last_read: LastRead,
    state: Mutex<State>,
}

struct State {
    since: Instant,
    is_pinged: bool,
}

/// The peer sent nothing for a whole interval after a ping.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Disconnected;

impl Silence {
    /// Without an interval there are no pings. Bytes break the silence as whole
    /// messages do: a peer can send no pong in the middle of a frame.
    pub(super) fn new(interval: Option<Duration>, last_read: LastRead) -> Self {
        let interval = interval.map(|interval| interval.max(MIN_PING_INTERVAL));
        let state = State { since: Instant::now(), is_pinged: false };
        Self { interval, last_read, state: Mutex::new(state) }
    }

    /// Something came, or could not come because the peer is not read from.
    pub(super) fn broken(&self) {
        *self.lock() = State { since: Instant::now(), is_pinged: false };
    }

    /// Returns when [`Self::ping`] has something to say.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub(super) async fn due(&self) {
        let Some(interval) = self.interval else { return std::future::pending().await };
        loop {
            let since = self.lock().since;
            match since.checked_add(interval) {
                Some(due) if due <= Instant::now() => return,
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        }
    }

    /// The silence has lasted an interval: to ping, or not to wait any longer.
    pub(super) fn ping(&self) -> Result<(), Disconnected> {
        let mut state = self.lock();
        if state.is_pinged {
            return Err(Disconnected);
        }
        *state = State { since: Instant::now(), is_pinged: true };
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let last_read = self.last_read.at();
        if last_read > state.since {
            *state = State { since: last_read, is_pinged: false };
        }
        state
    }
}
