//! One transaction as a program sees it: updates, and how it ended.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::background::Background;
use crate::cancel::{CancelHandle, Canceller};
use crate::progress::Progress;
use crate::with_updates::WithUpdates;
use fido_hybrid_proto::authenticator::AuthenticatorUpdate;
use fido_hybrid_proto::error::{ApiMisuse, Error, ErrorKind, Stage};
use fido_hybrid_proto::ports::BoxFuture;

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
    progress: Progress<AuthenticatorUpdate, ()>,
    cancel: CancelHandle,
    task: Background,
}

impl Session {
    pub(super) const fn new(
        progress: Progress<AuthenticatorUpdate, ()>,
        cancel: CancelHandle,
        task: Background,
    ) -> Self {
        Self { progress, cancel, task }
    }

    /// The next step that was taken; `None` once there is an
    /// [outcome](Self::outcome).
    ///
    /// A session is a [`Stream`] of the same updates.
    ///
    /// # Cancel safety
    /// No update is lost.
    pub async fn next(&mut self) -> Option<AuthenticatorUpdate> {
        self.progress.next().await
    }

    /// The next step, if it was taken already. It never waits: for programs with a
    /// loop of their own, such as a user interface's.
    ///
    /// `None` also once there is an outcome: [`try_outcome`](Self::try_outcome) gives
    /// that.
    pub fn try_next(&mut self) -> Option<AuthenticatorUpdate> {
        self.progress.try_next()
    }

    /// The outcome, if there is one already. It never waits, and gives the outcome once.
    /// Updates that were not taken before it are dropped.
    pub fn try_outcome(&mut self) -> Option<Result<(), Error>> {
        self.progress.try_outcome()
    }

    /// Calls `update` with each step while the session is awaited:
    /// `phone.answer(code)?.on_update(|update| …).await?`.
    pub fn on_update<F>(self, update: F) -> WithUpdates<Self, F>
    where
        F: FnMut(AuthenticatorUpdate) + Send + 'static,
    {
        WithUpdates::new(self, update)
    }

    /// A handle that cancels the session, also from another thread.
    #[must_use]
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
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
        self.progress.outcome().await
    }

    /// Ends the session and waits until that is done: advertising has stopped, a
    /// client that waited for an answer was refused, and the tunnel is closed.
    /// Whether the client received that is not waited for.
    ///
    /// Takes at most [`CLOSE_DEADLINE`](crate::CLOSE_DEADLINE), whatever radio,
    /// store and network do; what is not closed by then is dropped. The runtime
    /// in which the session was begun must run meanwhile. If it was shut down,
    /// this returns at once.
    ///
    /// # Cancel safety
    /// Dropping the future is dropping the session: it ends in the background.
    pub async fn close(self) {
        let Self { progress, task, .. } = self;
        drop(progress);
        task.end().await;
    }

    /// Ends the session as [`close`](Self::close) does, and gives its outcome.
    ///
    /// # Errors
    /// As for [`outcome`](Self::outcome); [`ErrorKind::Cancelled`] if this call ended the
    /// transaction.
    ///
    /// # Cancel safety
    /// As for [`close`](Self::close).
    pub async fn cancel(self, by: Canceller) -> Result<(), Error> {
        let Self { mut progress, cancel, task } = self;
        cancel.cancel(by);
        let panicked = task.end().await;
        match progress.outcome().await {
            // The task had not ended by the deadline, or its runtime was shut down.
            Err(Error { kind: ErrorKind::ApiMisuse(ApiMisuse::TaskEnded), .. }) if !panicked => {
                Err(Error::new(Stage::Closed, ErrorKind::Cancelled(by.into())))
            }
            outcome => outcome,
        }
    }
}

impl Stream for Session {
    type Item = AuthenticatorUpdate;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<AuthenticatorUpdate>> {
        self.progress.poll_update(context)
    }
}

/// Waits for the outcome, then closes the session.
///
/// For a program that shows no updates. One that shows them awaits
/// [`Session::on_update`].
///
/// # Errors
/// As for [`Session::outcome`].
///
/// # Cancel safety
/// Dropping the future is dropping the session.
impl IntoFuture for Session {
    type Output = Result<(), Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            let outcome = self.outcome().await;
            self.close().await;
            outcome
        })
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("cancel", &self.cancel).finish_non_exhaustive()
    }
}
