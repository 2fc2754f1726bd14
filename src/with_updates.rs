//! Waiting for an outcome while a function gets the updates.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;

use futures_core::Stream;

use fido_hybrid_proto::ports::BoxFuture;

/// A ceremony or a session whose updates go to a function: of
/// [`Ceremony::on_update`](crate::client::Ceremony::on_update) and
/// [`Session::on_update`](crate::authenticator::Session::on_update). It does its work
/// when it is awaited, gives the outcome, and closes what it waited for.
///
/// Dropping it, as `select!` and `timeout` do, is dropping the ceremony or the session: that
/// ends in the background, as long as the runtime runs. A program with a time limit or a
/// button cancels with a [`CancelHandle`](crate::CancelHandle) instead, and goes on awaiting.
#[must_use = "it does its work when it is awaited"]
pub struct WithUpdates<S, F> {
    steps: S,
    update: F,
}

impl<S, F> WithUpdates<S, F> {
    pub(crate) fn new(steps: S, update: F) -> Self {
        Self { steps, update }
    }
}

impl<S, F> IntoFuture for WithUpdates<S, F>
where
    S: Stream + IntoFuture + Send + Unpin + 'static,
    S::IntoFuture: Send,
    F: FnMut(S::Item) + Send + 'static,
{
    type Output = S::Output;
    type IntoFuture = BoxFuture<'static, S::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { mut steps, mut update } = self;
        Box::pin(async move {
            while let Some(step) = poll_fn(|context| Pin::new(&mut steps).poll_next(context)).await
            {
                update(step);
            }
            steps.await
        })
    }
}

impl<S, F> fmt::Debug for WithUpdates<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithUpdates").finish_non_exhaustive()
    }
}
