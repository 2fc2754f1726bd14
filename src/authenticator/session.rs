//! One transaction as a program sees it: updates, and how it ended.

use std::fmt;

use tokio::sync::{mpsc, oneshot};

use crate::background::Background;
use fido_hybrid_proto::authenticator::AuthenticatorUpdate;
use fido_hybrid_proto::error::{ApiMisuse, Error, Stage};

type Ended = oneshot::Receiver<Result<(), Error>>;

/// A transaction under way, begun by [`Authenticator`](super::Authenticator).
///
/// [`close`](Self::close) ends it: advertising stops, the prompt is dismissed, a
/// client that waits is refused, and the tunnel is closed. After an answer that
/// is a normal end, before it a cancellation.
///
/// Dropping a session starts the same and does not wait for it. The rest happens
/// in the background, in the runtime in which the session was begun. If that
/// runtime or the program ends first, the client is not told: it waits until it
/// notices that the connection was lost. So a program that is about to end calls
/// [`close`](Self::close).
pub struct Session {
    updates: mpsc::Receiver<AuthenticatorUpdate>,
    ended: Option<Ended>,
    outcome: Option<Result<(), Error>>,
    task: Background,
}

impl Session {
    pub(super) const fn new(
        updates: mpsc::Receiver<AuthenticatorUpdate>,
        ended: Ended,
        task: Background,
    ) -> Self {
        Self { updates, ended: Some(ended), outcome: None, task }
    }

    /// The next step that was taken; `None` once there is an
    /// [outcome](Self::outcome).
    ///
    /// # Cancel safety
    /// No update is lost.
    pub async fn next(&mut self) -> Option<AuthenticatorUpdate> {
        let ended = self.ended.as_mut()?;
        let outcome = tokio::select! {
            biased;
            Some(update) = self.updates.recv() => return Some(update),
            outcome = ended => outcome,
        };
        self.ended = None;
        self.outcome = Some(outcome.unwrap_or_else(|_| Err(driver_gone())));
        None
    }

    /// How the transaction ended: `Ok` if the client disconnected after its request
    /// was answered, even if the answer was a refusal. Waits for the end; can be
    /// taken once.
    ///
    /// # Errors
    /// Whatever ended the transaction; [`ApiMisuse::Closed`] when the outcome
    /// was taken before.
    ///
    /// # Cancel safety
    /// The outcome is not lost.
    pub async fn outcome(&mut self) -> Result<(), Error> {
        while self.next().await.is_some() {}
        self.outcome.take().unwrap_or_else(|| Err(Error::new(Stage::Closed, ApiMisuse::Closed)))
    }

    /// Ends the session and waits until that is done: advertising has stopped, a
    /// client that waited for an answer was refused, and the tunnel is closed.
    /// Whether the client received that is not waited for.
    ///
    /// Takes at most [`CLOSE_DEADLINE`](super::CLOSE_DEADLINE), whatever radio,
    /// store and network do; what is not closed by then is dropped. The runtime
    /// in which the session was begun must run meanwhile. If it was shut down,
    /// this returns at once.
    ///
    /// # Cancel safety
    /// Dropping the future is dropping the session: it ends in the background.
    pub async fn close(self) {
        let Self { updates, task, .. } = self;
        drop(updates);
        task.end().await;
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}

/// The task ended without an outcome.
fn driver_gone() -> Error {
    Error::new(Stage::Closed, ApiMisuse::TaskEnded)
}
