//! One side's end of a data channel, from opening to closing, as the task behind
//! a ceremony or a session holds it. Which kind of channel it is, only its opener
//! knows.

use std::future::pending;
use std::time::Duration;

use tokio::time::timeout;
use tracing::trace;

use fido_hybrid_proto::error::TunnelError;
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_proto::ports::data_channel::DataChannel;

/// How long a send may take. A channel that does not take a message for this long
/// is not going to.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// How long saying goodbye may take, once the transaction is over.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A channel just opened, and what its opener tells with it.
pub(crate) type Opened<T> = (Box<dyn DataChannel>, T);

/// An event of the channel.
pub(crate) enum Event<T> {
    Opened(T),
    Message(Vec<u8>),
    Closed,
    Failed(TunnelError),
}

/// One side's end.
pub(crate) enum Endpoint<T> {
    Closed,
    Opening(BoxFuture<'static, Result<Opened<T>, TunnelError>>),
    Open(Box<dyn DataChannel>),
    /// Sending failed, which is yet to be told.
    Failed(TunnelError),
}

impl<T> Endpoint<T> {
    /// Starts to open a channel.
    pub(crate) fn open(
        opening: impl Future<Output = Result<Opened<T>, TunnelError>> + Send + 'static,
    ) -> Self {
        Self::Opening(Box::pin(opening))
    }

    /// Sends messages, all in one write. That it failed is told by
    /// [`next`](Self::next).
    pub(crate) async fn send(&mut self, messages: Vec<Vec<u8>>) {
        if messages.is_empty() {
            return;
        }
        if let Self::Open(channel) = self {
            trace!(messages = messages.len(), "sending");
            match timeout(SEND_TIMEOUT, channel.send(messages)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => *self = Self::Failed(error),
                Err(_) => *self = Self::Failed(TunnelError::Stalled),
            }
        }
    }

    /// Closes the channel, or stops opening it.
    pub(crate) async fn close(&mut self) {
        if let Self::Open(mut channel) = std::mem::replace(self, Self::Closed) {
            // Dropping it closes it too, only less politely.
            let _closed = timeout(CLOSE_TIMEOUT, channel.close()).await;
        }
    }

    /// Waits for the next event. Never returns once the channel is closed.
    ///
    /// # Cancel safety
    /// No message is lost.
    pub(crate) async fn next(&mut self) -> Event<T> {
        let (next, event) = match self {
            Self::Closed => pending().await,
            Self::Failed(error) => (Self::Closed, Event::Failed(error.clone())),
            Self::Opening(opening) => match opening.await {
                Ok((channel, told)) => (Self::Open(channel), Event::Opened(told)),
                Err(error) => (Self::Closed, Event::Failed(error)),
            },
            Self::Open(channel) => match channel.receive().await {
                Ok(Some(message)) => return Event::Message(message),
                Ok(None) => (Self::Closed, Event::Closed),
                Err(error) => (Self::Closed, Event::Failed(error)),
            },
        };
        *self = next;
        event
    }
}
