//! Why a tunnel failed.

use std::fmt;

use super::source::Source;

/// Why a tunnel could not be opened or did not last, by step.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TunnelError {
    /// The service's name has no address.
    #[error("the tunnel service's name did not resolve")]
    Dns(#[source] Source),
    /// No connection to any of its addresses.
    #[error("the tunnel service could not be reached")]
    Tcp(#[source] Source),
    /// No secure connection: certificate, protocol version, interception.
    #[error("no secure connection to the tunnel service")]
    Tls(#[source] Source),
    /// The service's certificate has expired or is not valid yet, by this
    /// device's clock.
    #[error("the tunnel service's certificate is not valid at this device's date and time")]
    CertificateDate(#[source] Source),
    /// Opening the tunnel timed out in this step.
    #[error("{0} within the time allowed")]
    TimedOut(TunnelStep),
    /// The service answered with an HTTP status other than 101. 410 on
    /// `/cable/contact` means that the linked phone no longer exists.
    #[error("the tunnel service answered with HTTP status {0}")]
    Status(u16),
    /// More redirects than allowed, or to something that is not `wss`.
    #[error("the tunnel service redirected to where this client does not go")]
    Redirect,
    /// The answer breaks the WebSocket or tunnel rules: no subprotocol, a
    /// malformed or repeated routing id.
    #[error("the tunnel service's answer is invalid: {0}")]
    Upgrade(&'static str),
    /// The tunnel was closed by the service, with its closing code if it gave
    /// one.
    #[error("the tunnel was closed{}", closing_code(*.0))]
    Closed(Option<u16>),
    /// A message over the limit in bytes.
    #[error("a message on the tunnel is longer than {0} bytes")]
    TooLong(usize),
    /// More control frames, or fragments of one message, than allowed.
    #[error("too many frames came through the tunnel that are not messages")]
    Flooded,
    /// A text message, where only binary ones are allowed.
    #[error("a text message came through the tunnel")]
    NotBinary,
    /// The service answered pings and then answered no more.
    #[error("the tunnel service stopped answering")]
    Unresponsive,
    /// The service does not take what is sent.
    #[error("the tunnel service takes no message")]
    Stalled,
    /// The system has no trusted certificates, or one that the program gave is
    /// malformed. Containers without `ca-certificates` end up here.
    #[error("no trusted certificates could be loaded")]
    Roots(#[source] Source),
    /// The WebSocket or the connection below it broke.
    #[error("the connection to the tunnel service broke")]
    Broken(#[source] Source),
}

fn closing_code(code: Option<u16>) -> String {
    code.map(|code| format!(" (code {code})")).unwrap_or_default()
}

/// A step on the way to a tunnel. `Display` says that it did not finish.
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
            Self::Dns => "the tunnel service's name did not resolve",
            Self::Tcp => "the tunnel service could not be reached",
            Self::Tls => "no secure connection to the tunnel service",
            Self::Upgrade => "the tunnel service did not answer",
        })
    }
}
