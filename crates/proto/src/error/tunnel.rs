//! Why a tunnel failed.

use std::fmt;

use super::proxy::ProxyError;
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
    /// The way through a proxy failed.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// No secure connection, for another reason than those of the next five: protocol
    /// version, a malformed certificate, something on the way that is not TLS.
    #[error("the TLS handshake with the tunnel service failed")]
    Tls(#[source] Source),
    /// The issuer of the service's certificate is not trusted. Where TLS is inspected,
    /// the root certificate of the inspection is missing on this device.
    #[error("the issuer of the tunnel service's certificate is not trusted")]
    UntrustedIssuer(#[source] Source),
    /// The certificate is for another name: another server answered, such as a
    /// network's login page.
    #[error("the tunnel service's certificate is for another name")]
    CertificateName(#[source] Source),
    /// The service's certificate has expired or is not valid yet, by this
    /// device's clock. Whether the clock is right is not known.
    #[error("the tunnel service's certificate is not valid at this device's date and time")]
    CertificateDate(#[source] Source),
    /// The same, and this device's clock is wrong: it differs from the service's `Date`
    /// by more than 5 minutes.
    #[error(
        "the tunnel service's certificate is not valid at this device's date and time, which are \
         {} the service's", clock_difference(*.ahead_by)
    )]
    WrongClock {
        /// How many seconds this device's clock is ahead of the service's. Negative if
        /// it is behind.
        ahead_by: i64,
        /// The TLS error.
        source: Source,
    },
    /// The same, and this device's clock is right: it agrees with the service's `Date`
    /// to 5 minutes. The service, or what inspects TLS, has an outdated certificate.
    #[error("the tunnel service's certificate has expired or is not valid yet")]
    CertificateOutdated(#[source] Source),
    /// The phone uses a tunnel service that this program does not allow.
    #[error("the phone's tunnel service is not among those that are allowed here")]
    DomainNotAllowed,
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

impl TunnelError {
    /// The step at which opening the tunnel failed; `None` for errors of an open
    /// tunnel, and for those that come before the first step.
    #[must_use]
    pub const fn step(&self) -> Option<TunnelStep> {
        Some(match self {
            Self::TimedOut(step) => *step,
            Self::Dns(_) => TunnelStep::Dns,
            Self::Tcp(_) => TunnelStep::Tcp,
            Self::Proxy(error) => match error {
                ProxyError::Address(_) | ProxyError::Environment { .. } => return None,
                ProxyError::Dns(_) => TunnelStep::ProxyDns,
                ProxyError::Tcp(_) => TunnelStep::ProxyTcp,
                ProxyError::Tls(_)
                | ProxyError::UntrustedIssuer(_)
                | ProxyError::CertificateName(_)
                | ProxyError::CertificateDate(_) => TunnelStep::ProxyTls,
                ProxyError::AuthenticationRequired
                | ProxyError::CredentialsRefused
                | ProxyError::Authenticator(_)
                | ProxyError::Forbidden
                | ProxyError::Unreachable
                | ProxyError::Status(_)
                | ProxyError::SocksReply(_)
                | ProxyError::Answer(_)
                | ProxyError::Closed => TunnelStep::Proxy,
            },
            Self::Tls(_)
            | Self::UntrustedIssuer(_)
            | Self::CertificateName(_)
            | Self::CertificateDate(_)
            | Self::WrongClock { .. }
            | Self::CertificateOutdated(_) => TunnelStep::Tls,
            Self::Status(_) | Self::Redirect | Self::Upgrade(_) => TunnelStep::Upgrade,
            Self::DomainNotAllowed
            | Self::Closed(_)
            | Self::TooLong(_)
            | Self::Flooded
            | Self::NotBinary
            | Self::Unresponsive
            | Self::Stalled
            | Self::Roots(_)
            | Self::Broken(_) => return None,
        })
    }
}

/// "3 days ahead of".
fn clock_difference(ahead_by: i64) -> String {
    let seconds = ahead_by.unsigned_abs();
    let (count, unit) = match seconds {
        0..7_200 => (seconds / 60, "minutes"),
        7_200..172_800 => (seconds / 3_600, "hours"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{count} {unit} {}", if ahead_by < 0 { "behind" } else { "ahead of" })
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
    /// Looking up the proxy's name.
    ProxyDns,
    /// Connecting to one of the proxy's addresses.
    ProxyTcp,
    /// Securing the connection to the proxy.
    ProxyTls,
    /// The proxy's answer to the request for a connection to the tunnel service, which
    /// includes the proxy's own DNS lookup and TCP connection.
    Proxy,
    /// Securing the connection to the tunnel service.
    Tls,
    /// The HTTP request that opens the WebSocket.
    Upgrade,
}

impl fmt::Display for TunnelStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "DNS lookup of the tunnel service",
            Self::Tcp => "TCP connection to the tunnel service",
            Self::ProxyDns => "DNS lookup of the proxy",
            Self::ProxyTcp => "TCP connection to the proxy",
            Self::ProxyTls => "TLS handshake with the proxy",
            Self::Proxy => "proxy's connection to the tunnel service",
            Self::Tls => "TLS handshake with the tunnel service",
            Self::Upgrade => "WebSocket upgrade by the tunnel service",
        })
    }
}
