//! One transaction as a program sees it: updates, and how it ended.

use tokio::sync::{mpsc, oneshot};

use super::update::Update;
use crate::error::{ApiMisuse, Error, Stage};

type Ended = oneshot::Receiver<Result<(), Error>>;

/// A transaction under way, begun by [`Authenticator`](super::Authenticator).
///
/// Dropping it stops everything: the advert goes off the air, the prompt off
/// the screen, a client that waits is told no, and the tunnel is closed. After
/// an answer that is a normal end, before it a cancellation.
#[derive(Debug)]
pub struct Session {
    updates: mpsc::Receiver<Update>,
    ended: Option<Ended>,
    outcome: Option<Result<(), Error>>,
}

impl Session {
    pub(super) const fn new(updates: mpsc::Receiver<Update>, ended: Ended) -> Self {
        Self { updates, ended: Some(ended), outcome: None }
    }

    /// The next step that was taken; `None` once there is an
    /// [outcome](Self::outcome).
    ///
    /// # Cancel safety
    /// No update is lost.
    pub async fn next(&mut self) -> Option<Update> {
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

    /// How the transaction ended: well if the client left after its request
    /// was answered, be it with a no. Waits for it if it is still under way;
    /// can be taken once.
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
}

/// The task ended without a word.
fn driver_gone() -> Error {
    Error::new(Stage::Closed, ApiMisuse::TaskEnded)
}
