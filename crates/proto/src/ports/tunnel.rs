//! Reaching a tunnel service: the [`TunnelDialer`] trait, which opens a
//! [`DataChannel`] there.

use std::convert::Infallible;
use std::fmt;

use super::BoxFuture;
use super::data_channel::DataChannel;
use crate::error::TunnelError;
use crate::transport::{RoutingId, TunnelDomain, TunnelRequest};

/// Opens tunnels. `WebSocketDialer` is the real one; `sim` has one in memory.
pub trait TunnelDialer: Send + Sync {
    /// Dials the service and waits until the WebSocket is open.
    ///
    /// The caller has a deadline. A dialer with a shorter one can report
    /// which step timed out.
    ///
    /// # Errors
    /// A [`TunnelError`] that names the step that failed.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the attempt.
    fn dial(&self, request: TunnelRequest) -> BoxFuture<'_, Result<OpenedTunnel, TunnelError>>;

    /// Prepares connections to these services, one of which may be dialled soon. `None`,
    /// the default: this dialer prepares nothing.
    ///
    /// Nothing is connected before [`EarlyConnections::keep_open`] is polled.
    fn connect_early(&self, services: &[TunnelDomain]) -> Option<Box<dyn EarlyConnections>> {
        let _ = services;
        None
    }
}

/// Connections to tunnel services on which no tunnel was requested yet. Dropped, they are
/// closed.
pub trait EarlyConnections: Send {
    /// Makes the connections, and makes one again that its service closed. What fails is
    /// tried again later, and never reported; a proxy that refuses to authenticate this
    /// device is not asked again. Never returns.
    ///
    /// # Cancel safety
    /// The connections stay open when the future is dropped; none is made or seen to be
    /// closed until the next call.
    fn keep_open(&mut self) -> BoxFuture<'_, Infallible>;

    /// As [`TunnelDialer::dial`], over a connection that is open if there is one. All
    /// others are closed.
    ///
    /// # Errors
    /// A [`TunnelError`] that names the step that failed: of a new connection, if the one
    /// that was open could not be used.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the attempt.
    fn dial(
        self: Box<Self>,
        request: TunnelRequest,
    ) -> BoxFuture<'static, Result<OpenedTunnel, TunnelError>>;
}

/// A tunnel just opened, and what the service said with it.
pub struct OpenedTunnel {
    /// The way to send and receive.
    pub tunnel: Box<dyn DataChannel>,
    /// To a phone that opened a new tunnel: where the client will connect.
    pub routing_id: Option<RoutingId>,
    /// To a client that calls a linked phone: the service announced that its
    /// first message will be the connect signal.
    pub connect_signal: bool,
}

impl fmt::Debug for OpenedTunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedTunnel")
            .field("routing_id", &self.routing_id)
            .field("connect_signal", &self.connect_signal)
            .finish_non_exhaustive()
    }
}
