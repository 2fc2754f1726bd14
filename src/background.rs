//! The tokio task behind a ceremony or a session, as its owner holds it.

use std::convert::Infallible;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::{Instrument as _, debug};

/// How long a ceremony or session may go on after it was closed or dropped: to
/// tell the other device and to close the tunnel. Two seconds are enough for a
/// network that works, and bearable for a person who ends a program.
pub const CLOSE_DEADLINE: Duration = Duration::from_secs(2);

/// The task. Once this is dropped the task has [`CLOSE_DEADLINE`] to end, and is
/// aborted then.
pub(crate) struct Background {
    task: JoinHandle<()>,
    /// Carries nothing: the task waits for its end.
    held: oneshot::Sender<Infallible>,
}

impl Background {
    /// Starts `work`, which must end soon after its owner is dropped, in the caller's span.
    pub(crate) fn spawn(runtime: &Handle, work: impl Future<Output = ()> + Send + 'static) -> Self {
        let (held, released) = oneshot::channel();
        let work = async move {
            let overdue = async {
                let _released = released.await;
                sleep(CLOSE_DEADLINE).await;
            };
            tokio::select! {
                () = work => {}
                () = overdue => debug!("gave up closing: the deadline has passed"),
            }
        };
        let task = runtime.spawn(work.in_current_span());
        Self { task, held }
    }

    /// Waits until the task has ended, at most [`CLOSE_DEADLINE`], and returns whether it
    /// panicked: a part that the program brought does. Needs no runtime around it, only that
    /// the task's own runtime runs or was shut down.
    ///
    /// # Cancel safety
    /// The task ends without being waited for.
    pub(crate) async fn end(self) -> bool {
        drop(self.held);
        // After any other error the runtime was shut down: the task has ended too.
        self.task.await.is_err_and(|error| error.is_panic())
    }
}
