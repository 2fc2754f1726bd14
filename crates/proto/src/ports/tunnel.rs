//! Reaching a tunnel service: the [`Dial`] and [`Tunnel`] traits.

use std::fmt;

use super::BoxFuture;
use crate::error::TunnelFault;
use crate::transport::tunnel_url::{RoutingId, TunnelRequest};

/// Opens tunnels. `WebSocketTunnel` is the real one; `sim` has one in memory.
pub trait Dial: Send + Sync {
    /// Dials the service and waits until the WebSocket is open.
    ///
    /// The caller has a deadline. A dialer that has a shorter one can say which
    /// step took too long.
    ///
    /// # Errors
    /// A [`TunnelFault`] that names the step that failed.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the attempt.
    fn dial(&self, request: TunnelRequest) -> BoxFuture<'_, Result<OpenTunnel, TunnelFault>>;
}

/// A tunnel just opened, and what the service said with it.
pub struct OpenTunnel {
    /// The way to send and receive.
    pub tunnel: Box<dyn Tunnel>,
    /// To a phone that opened a new tunnel: where the client will connect.
    pub routing_id: Option<RoutingId>,
    /// To a client that calls a linked phone: the service announced that its
    /// first message will be the connect signal.
    pub connect_signal: bool,
}

impl fmt::Debug for OpenTunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenTunnel")
            .field("routing_id", &self.routing_id)
            .field("connect_signal", &self.connect_signal)
            .finish_non_exhaustive()
    }
}

/// An open tunnel: whole messages in both directions. Dropping it closes it.
pub trait Tunnel: Send {
    /// Sends messages, all in one write where the transport allows it: peers
    /// that wait for one segment to be acknowledged before the next lose 40 ms.
    ///
    /// # Errors
    /// A [`TunnelFault`] if the tunnel is closed or breaks.
    ///
    /// # Cancel safety
    /// A message may be sent in part; the tunnel cannot be used afterwards.
    fn send(&mut self, messages: Vec<Vec<u8>>) -> BoxFuture<'_, Result<(), TunnelFault>>;

    /// The next message; `None` once the other side has closed the tunnel in
    /// good order. Pings are answered and never returned.
    ///
    /// # Errors
    /// A [`TunnelFault`] if the tunnel breaks.
    ///
    /// # Cancel safety
    /// No message is lost.
    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, TunnelFault>>;

    /// Says goodbye and closes, without waiting for the other side's answer.
    ///
    /// # Cancel safety
    /// The goodbye may be lost; dropping the tunnel closes it.
    fn close(&mut self) -> BoxFuture<'_, ()>;
}
