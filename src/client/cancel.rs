//! Cancelling a ceremony from this side, also from another thread or a callback.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;

use fido_hybrid_proto::error::CancelledBy;

/// The side of the program that cancels a [`Ceremony`](super::Ceremony).
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

/// Cancels a ceremony, from any thread and in any callback:
/// [`Ceremony::cancel_handle`](super::Ceremony::cancel_handle).
///
/// It does not keep the ceremony alive, and does nothing once that is over.
#[derive(Clone, Default)]
pub struct CancelHandle(Arc<Shared>);

#[derive(Default)]
struct Shared {
    by: OnceLock<Canceller>,
    changed: Notify,
}

impl CancelHandle {
    /// Ends the ceremony: the scan stops, the phone is told and the tunnel is closed,
    /// in the background. The outcome is then an error of kind
    /// [`ErrorKind::Cancelled`](fido_hybrid_proto::error::ErrorKind::Cancelled), unless
    /// there was one already. Only the first call has an effect.
    pub fn cancel(&self, by: Canceller) {
        // A second call changes nothing.
        let _first = self.0.by.set(by);
        self.0.changed.notify_one();
    }

    /// The side that cancelled, if one did.
    pub(super) fn cancelled(&self) -> Option<Canceller> {
        self.0.by.get().copied()
    }

    /// Waits for [`cancel`](Self::cancel).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub(super) async fn wait(&self) {
        while self.cancelled().is_none() {
            self.0.changed.notified().await;
        }
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle").field("cancelled", &self.cancelled()).finish()
    }
}
