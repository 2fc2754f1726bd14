//! What comes from the task behind a ceremony or a session: updates, then an outcome.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::sync::{mpsc, oneshot};

use fido_hybrid_proto::error::{ApiMisuse, Error, Stage};

/// Room for the updates that a program has not taken yet. More are dropped.
const UPDATES: usize = 32;

/// The owner's end.
pub(crate) struct Progress<U, T> {
    updates: mpsc::Receiver<U>,
    /// `None` once it came.
    due: Option<oneshot::Receiver<Result<T, Error>>>,
    /// `None` before it came, and once it was taken.
    outcome: Option<Result<T, Error>>,
}

/// The task's end.
pub(crate) struct Reports<U, T> {
    pub(crate) updates: mpsc::Sender<U>,
    pub(crate) outcome: oneshot::Sender<Result<T, Error>>,
}

impl<U, T> Progress<U, T> {
    /// Both ends.
    pub(crate) fn new() -> (Self, Reports<U, T>) {
        let (to_owner, updates) = mpsc::channel(UPDATES);
        let (outcome, due) = oneshot::channel();
        let reports = Reports { updates: to_owner, outcome };
        (Self { updates, due: Some(due), outcome: None }, reports)
    }

    /// Polls for the next update. `None` once the outcome came.
    pub(crate) fn poll_update(&mut self, context: &mut Context<'_>) -> Poll<Option<U>> {
        let update = self.updates.poll_recv(context);
        if let Poll::Ready(Some(_)) = update {
            return update;
        }
        // A closed channel of updates is not the end: the outcome is.
        let Some(due) = &mut self.due else { return update };
        let outcome = ready!(Pin::new(due).poll(context));
        self.due = None;
        // A task ends without an outcome only when its runtime shuts down, or a part
        // that the program brought panics.
        let ended = |_| Err(Error::new(Stage::Closed, ApiMisuse::TaskEnded));
        self.outcome = Some(outcome.unwrap_or_else(ended));
        // The last update may have come between the two polls. Later ones have no reader.
        self.updates.close();
        self.updates.poll_recv(context)
    }

    /// The next update. `None` once the outcome came.
    ///
    /// # Cancel safety
    /// No update is lost.
    pub(crate) async fn next(&mut self) -> Option<U> {
        poll_fn(|context| self.poll_update(context)).await
    }

    /// The next update, if there is one already.
    pub(crate) fn try_next(&mut self) -> Option<U> {
        match self.poll_update(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(update) => update,
            Poll::Pending => None,
        }
    }

    /// Whether the outcome came, and all updates before it were taken.
    pub(crate) const fn is_over(&self) -> bool {
        self.due.is_none()
    }

    /// The outcome, if it came and was not taken yet.
    pub(crate) const fn take_outcome(&mut self) -> Option<Result<T, Error>> {
        self.outcome.take()
    }

    /// Waits for the outcome, and drops the updates before it.
    ///
    /// # Errors
    /// What ended the task; [`ApiMisuse::Closed`] when the outcome was taken before.
    ///
    /// # Cancel safety
    /// The outcome is not lost.
    pub(crate) async fn outcome(&mut self) -> Result<T, Error> {
        while self.next().await.is_some() {}
        self.take_outcome().unwrap_or_else(|| Err(Error::new(Stage::Closed, ApiMisuse::Closed)))
    }
}
