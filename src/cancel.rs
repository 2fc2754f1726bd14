//! Cancelling a ceremony or a session from this side, also from another thread or a
//! callback.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;

use fido_hybrid_proto::error::{CancelledBy, Error, ErrorKind};

/// The side of the program that cancels a [`Ceremony`](crate::client::Ceremony) or a
/// [`Session`](crate::authenticator::Session).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Canceller {
    /// The program, such as by a page's `AbortSignal`: an `AbortError`.
    Caller,
    /// A person, in the program's own window: a `NotAllowedError`, as in
    /// browsers.
    User,
}

impl From<Canceller> for CancelledBy {
    fn from(canceller: Canceller) -> Self {
        match canceller {
            Canceller::Caller => Self::Caller,
            Canceller::User => Self::User,
        }
    }
}

/// Cancels a ceremony or a session, from any thread and in any callback:
/// [`Ceremony::cancel_handle`](crate::client::Ceremony::cancel_handle),
/// [`Session::cancel_handle`](crate::authenticator::Session::cancel_handle).
///
/// It does not keep the ceremony or the session alive, and does nothing once that is
/// over.
#[derive(Clone, Default)]
pub struct CancelHandle(Arc<Shared>);

#[derive(Default)]
struct Shared {
    by: OnceLock<Canceller>,
    changed: Notify,
}

impl CancelHandle {
    /// Ends the ceremony or the session, in the background.
    ///
    /// * A ceremony stops its scan, tells the phone and closes the tunnel.
    /// * A session stops advertising, dismisses the prompt, refuses a client that waits,
    ///   and closes the tunnel.
    ///
    /// The outcome is then an error of kind [`ErrorKind::Cancelled`], unless there was one
    /// already, or the client of the session has its answer: that is a good end. Only the
    /// first call has an effect.
    pub fn cancel(&self, by: Canceller) {
        // A second call changes nothing.
        let _first = self.0.by.set(by);
        self.0.changed.notify_one();
    }

    /// The side that cancelled, if one did.
    pub(crate) fn cancelled(&self) -> Option<Canceller> {
        self.0.by.get().copied()
    }

    /// Waits for [`cancel`](Self::cancel).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub(crate) async fn wait(&self) {
        while self.cancelled().is_none() {
            self.0.changed.notified().await;
        }
    }

    /// The error for the program, of a transaction that only knows that it was
    /// cancelled on this side.
    pub(crate) fn attribute(&self, error: Error) -> Error {
        match (&error.kind, self.cancelled()) {
            (ErrorKind::Cancelled(CancelledBy::Caller), Some(by)) => {
                Error::new(error.stage, ErrorKind::Cancelled(by.into()))
            }
            _ => error,
        }
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle").field("cancelled", &self.cancelled()).finish()
    }
}
