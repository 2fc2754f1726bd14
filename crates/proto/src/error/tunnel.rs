//! Why a tunnel failed.

use std::fmt;

use super::source::Source;

/// Why a tunnel could not be opened or did not last, by step.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TunnelError {
    /// The service's name has no address.
    #[error("the DNS lookup of the tunnel service failed")]
    Dns(#[source] Source),
    /// No connection to any of its addresses.
    #[error("the TCP connection to the tunnel service failed")]
    Tcp(#[source] Source),
    /// No secure connection: certificate, protocol version, interception.
    #[error("the TLS handshake with the tunnel service failed")]
    Tls(#[source] Source),
    /// The service's certificate has expired or is not valid yet, by this
    /// device's clock.
    #[error("the tunnel service's certificate is not valid at this device's date and time")]
    CertificateDate(#[source] Source),
    /// Opening the tunnel timed out in this step.
    #[error("the {0} timed out")]
    TimedOut(TunnelStep),
    /// The service answered with an HTTP status other than 101. 410 on
    /// `/cable/contact` means that the linked phone no longer exists.
    #[error("the tunnel service answered with HTTP status {0}")]
    Status(u16),
    /// More redirects than allowed, or to something that is not `wss`.
    #[error("the tunnel service redirected too often, or not to a wss address")]
    Redirect,
    /// The answer breaks the WebSocket or tunnel rules: no subprotocol, a
    /// malformed or repeated routing id.
    #[error("the tunnel service's answer is invalid: {0}")]
    Upgrade(&'static str),
    /// The tunnel was closed by the service, with its closing code if it gave
    /// one.
    #[error("the tunnel service closed the tunnel{}", closing_code(*.0))]
    Closed(Option<u16>),
    /// A message over the limit in bytes.
    #[error("the tunnel service sent a message longer than {0} bytes")]
    TooLong(usize),
    /// More control frames, or fragments of one message, than allowed.
    #[error("the tunnel service sent too many control frames or fragments")]
    Flooded,
    /// A text message, where only binary ones are allowed.
    #[error("the tunnel service sent a text message instead of a binary one")]
    NotBinary,
    /// The service answered pings and then answered no more.
    #[error("the tunnel service stopped answering pings and timed out")]
    Unresponsive,
    /// The service does not take what is sent.
    #[error("sending to the tunnel service timed out")]
    Stalled,
    /// The system has no trusted certificates, or one that the program gave is
    /// malformed. Containers without `ca-certificates` end up here.
    #[error("no trusted certificates could be loaded")]
    Roots(#[source] Source),
    /// The WebSocket or the connection below it broke.
    #[error("the connection to the tunnel service was lost")]
    Broken(#[source] Source),
}

fn closing_code(code: Option<u16>) -> String {
    code.map(|code| format!(" (code {code})")).unwrap_or_default()
}

/// A step on the way to a tunnel. `Display` is its name, as in "the DNS lookup of the
/// tunnel service timed out".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TunnelStep {
    /// Looking up the service's name.
    Dns,
    /// Connecting to one of its addresses.
    Tcp,
    /// Securing the connection.
    Tls,
    /// The HTTP request that opens the WebSocket.
    Upgrade,
}

impl fmt::Display for TunnelStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "DNS lookup of the tunnel service",
            Self::Tcp => "TCP connection to the tunnel service",
            Self::Tls => "TLS handshake with the tunnel service",
            Self::Upgrade => "WebSocket upgrade by the tunnel service",
        })
    }
}
