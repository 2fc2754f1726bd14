//! Reaching a tunnel service: the [`TunnelDialer`] trait, and (feature `tunnel`) the
//! WebSocket that implements it.
//!
//! The dialer does DNS, TCP (both address families, no Nagle delay), TLS with
//! the system's trust and the upgrade [CTAP 2.2 §11.5.1], and names the
//! step that failed, or timed out, in its [`TunnelError`]. It goes through the
//! `Proxy` that it is given, and through no proxy by default. `open_over` runs over a
//! connection made elsewhere, and its documentation shows a dialer of the program's own.
//!
//! This crate logs stages and lengths. The WebSocket crate below it writes
//! whole frames, which are encrypted, to the `log` crate at level trace: leave
//! its target `tungstenite` off wherever logs are kept.

#[cfg(feature = "tunnel")]
mod answer;
#[cfg(feature = "tunnel")]
mod connect;
#[cfg(feature = "tunnel")]
mod device_clock;
#[cfg(feature = "tunnel")]
mod dial;
#[cfg(feature = "tunnel")]
mod early;
#[cfg(all(feature = "tunnel", feature = "webauthn"))]
mod fetch;
#[cfg(feature = "tunnel")]
mod http;
#[cfg(feature = "tunnel")]
mod keep_alive;
#[cfg(feature = "tunnel")]
mod opener;
#[cfg(feature = "tunnel")]
mod options;
#[cfg(feature = "tunnel")]
mod own_stream;
#[cfg(feature = "tunnel")]
mod party;
#[cfg(feature = "tunnel")]
mod proxy;
#[cfg(feature = "tunnel")]
mod stream;
#[cfg(feature = "tunnel")]
mod tcp;
#[cfg(feature = "tunnel")]
mod tls;
#[cfg(feature = "tunnel")]
mod upgrade;
#[cfg(feature = "tunnel")]
mod websocket;

#[cfg(feature = "tunnel")]
pub use dial::{DEFAULT_DIAL_TIMEOUT, WebSocketDialer, WebSocketDialerBuilder};
#[cfg(all(feature = "tunnel", feature = "webauthn"))]
pub use fetch::{HttpsFetcher, MAX_LIST_REDIRECTS};
pub use fido_hybrid_proto::ports::data_channel::DataChannel;
pub use fido_hybrid_proto::ports::tunnel::{EarlyConnections, OpenedTunnel, TunnelDialer};
#[cfg(feature = "tunnel")]
pub use keep_alive::{DEFAULT_KEEP_ALIVE, MIN_KEEP_ALIVE};
#[cfg(feature = "tunnel")]
pub use opener::MAX_REDIRECTS;
#[cfg(feature = "tunnel")]
pub use options::{DEFAULT_MAX_MESSAGE_SIZE, TunnelOptions};
#[cfg(feature = "tunnel")]
pub use own_stream::StreamConnector;
#[cfg(feature = "tunnel")]
pub use proxy::{
    MAX_PROXY_ROUNDS, Proxy, ProxyAuthenticator, ProxyChallenges, ProxyCredentials, ProxyDialogue,
    ProxyScheme,
};
#[cfg(feature = "tunnel")]
pub use rustls;
#[cfg(feature = "tunnel")]
pub use stream::{BoxedStream, ByteStream};
#[cfg(feature = "tunnel")]
pub use upgrade::open_over;

use std::sync::Arc;

use fido_hybrid_proto::error::TunnelError;
use fido_hybrid_proto::transport::TunnelRequest;
use tracing::debug;

/// Dials for the task of a session, or of a ceremony without early connections.
pub(crate) async fn dial(
    dialer: Arc<dyn TunnelDialer>,
    request: TunnelRequest,
) -> Result<OpenedTunnel, TunnelError> {
    debug!(host = request.url.host(), "dialling the tunnel service");
    dialer.dial(request).await
}
