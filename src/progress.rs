//! What comes from the task behind a ceremony or a session: updates, then an outcome.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot::error::TryRecvError;
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
        self.settle(outcome.ok());
        // The last update may have come between the two polls.
        self.updates.poll_recv(context)
    }

    /// Keeps the outcome. `None`: the task ended without one, because its runtime shut
    /// down, or a part that the program brought panicked.
    fn settle(&mut self, outcome: Option<Result<T, Error>>) {
        let ended = || Err(Error::new(Stage::Closed, ApiMisuse::TaskEnded));
        self.due = None;
        self.outcome = Some(outcome.unwrap_or_else(ended));
        // Later updates have no reader.
        self.updates.close();
    }

    /// Keeps the outcome if it came. It does not poll: a task's polls of channels have a
    /// budget, which is renewed only when the task waits.
    fn try_settle(&mut self) {
        let Some(due) = &mut self.due else { return };
        match due.try_recv() {
            Ok(outcome) => self.settle(Some(outcome)),
            Err(TryRecvError::Closed) => self.settle(None),
            Err(TryRecvError::Empty) => {}
        }
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
        if let Ok(update) = self.updates.try_recv() {
            return Some(update);
        }
        self.try_settle();
        // The last update may have come between the two.
        self.updates.try_recv().ok()
    }

    /// The outcome, if it came and was not taken yet.
    pub(crate) fn try_outcome(&mut self) -> Option<Result<T, Error>> {
        self.try_settle();
        self.outcome.take()
    }

    /// Whether the outcome is there, is no error, and was not taken yet.
    pub(crate) fn has_answer(&mut self) -> bool {
        self.try_settle();
        matches!(self.outcome, Some(Ok(_)))
    }

    /// Whether the outcome came. Updates before it may not have been taken yet.
    pub(crate) const fn is_over(&self) -> bool {
        self.due.is_none()
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
        self.outcome.take().unwrap_or_else(|| Err(Error::new(Stage::Closed, ApiMisuse::Closed)))
    }
}
