//! A way to hosts that the program brings.

use std::io;

use super::stream::BoxedStream;
use fido_hybrid_proto::ports::BoxFuture;

/// Makes the connections of a dialer in place of DNS and TCP, for
/// [`WebSocketDialerBuilder::connector`](super::WebSocketDialerBuilder::connector): through
/// a VPN, a proxy of another kind, or a network stack of the program's own. The dialer
/// secures the stream and upgrades it.
///
/// ```
/// use std::io;
///
/// use fido_hybrid::BoxFuture;
/// use fido_hybrid::tunnel::{BoxedStream, StreamConnector};
///
/// struct Vpn;
///
/// impl StreamConnector for Vpn {
///     fn connect<'a>(
///         &'a self,
///         host: &'a str,
///         port: u16,
///     ) -> BoxFuture<'a, io::Result<BoxedStream>> {
///         Box::pin(async move {
///             let stream = tokio::net::TcpStream::connect((host, port)).await?;
///             Ok(Box::new(stream) as BoxedStream)
///         })
///     }
/// }
/// ```
pub trait StreamConnector: Send + Sync {
    /// Connects to a host: a tunnel service, or the proxy of the dialer if it has one.
    /// `host` is a name in lower case, or an IP address without brackets if
    /// [`resolve`](super::WebSocketDialerBuilder::resolve) gave one.
    ///
    /// # Errors
    /// Any; the dial ends with [`TunnelError::Tcp`](crate::error::TunnelError::Tcp), or with
    /// that of the proxy. The dialer's deadline is that of both.
    ///
    /// # Cancel safety
    /// The future is dropped when the dial is cancelled or times out.
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<BoxedStream>>;
}
