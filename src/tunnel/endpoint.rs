//! One side's end of a tunnel, from dialling to closing, as the task behind a
//! ceremony or a session holds it.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tracing::{debug, trace};

use super::{Dial, OpenTunnel, Tunnel};
use fido_hybrid_proto::error::TunnelFault;
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_proto::transport::tunnel_url::{RoutingId, TunnelRequest};

/// How long a send may take. A tunnel service that does not take a message for
/// this long is not going to.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// How long saying goodbye may take, once the transaction is over.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What came of the tunnel.
pub(crate) enum Event {
    Opened { routing_id: Option<RoutingId>, connect_signal: bool },
    Message(Vec<u8>),
    Closed,
    Failed(TunnelFault),
}

pub(crate) enum Endpoint {
    Closed,
    Dialling(BoxFuture<'static, Result<OpenTunnel, TunnelFault>>),
    Open(Box<dyn Tunnel>),
    /// Sending failed, which is yet to be told.
    Failed(TunnelFault),
}

impl Endpoint {
    /// Starts to open a tunnel.
    pub(crate) fn dial(dialer: &Arc<dyn Dial>, request: TunnelRequest) -> Self {
        debug!(host = request.url.host(), "dialling the tunnel service");
        let dialer = Arc::clone(dialer);
        Self::Dialling(Box::pin(async move { dialer.dial(request).await }))
    }

    /// Sends messages, all in one write. That it failed is told by
    /// [`next`](Self::next).
    pub(crate) async fn send(&mut self, messages: Vec<Vec<u8>>) {
        if messages.is_empty() {
            return;
        }
        if let Self::Open(tunnel) = self {
            trace!(messages = messages.len(), "sending");
            match timeout(SEND_TIMEOUT, tunnel.send(messages)).await {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => *self = Self::Failed(fault),
                Err(_) => *self = Self::Failed(TunnelFault::Stalled),
            }
        }
    }

    /// Closes the tunnel, or stops opening it.
    pub(crate) async fn close(&mut self) {
        if let Self::Open(mut tunnel) = std::mem::replace(self, Self::Closed) {
            // Dropping it closes it too, only less politely.
            let _closed = timeout(CLOSE_TIMEOUT, tunnel.close()).await;
        }
    }

    /// What comes next; nothing ever once the tunnel is closed.
    ///
    /// # Cancel safety
    /// No message is lost.
    pub(crate) async fn next(&mut self) -> Event {
        let (next, event) = match self {
            Self::Closed => pending().await,
            Self::Failed(fault) => (Self::Closed, Event::Failed(fault.clone())),
            Self::Dialling(dial) => match dial.await {
                Ok(OpenTunnel { tunnel, routing_id, connect_signal }) => {
                    (Self::Open(tunnel), Event::Opened { routing_id, connect_signal })
                }
                Err(fault) => (Self::Closed, Event::Failed(fault)),
            },
            Self::Open(tunnel) => match tunnel.receive().await {
                Ok(Some(message)) => return Event::Message(message),
                Ok(None) => (Self::Closed, Event::Closed),
                Err(fault) => (Self::Closed, Event::Failed(fault)),
            },
        };
        *self = next;
        event
    }
}
