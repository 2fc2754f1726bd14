//! Why the way through a proxy failed.

use super::source::Source;

/// Why a proxy did not lead to the tunnel service, by step. The proxy's own failures
/// are told apart from those of the tunnel service behind it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The proxy's address that the program gave is invalid: what is wrong with it.
    #[error("the proxy's address is invalid: {0}")]
    Address(&'static str),
    /// An environment variable that the program had read is invalid.
    #[error("the environment variable {variable} is not a proxy's address: {reason}")]
    Environment {
        /// The variable's name.
        variable: &'static str,
        /// What is wrong with its value.
        reason: &'static str,
    },
    /// The proxy's name has no address.
    #[error("the DNS lookup of the proxy failed")]
    Dns(#[source] Source),
    /// No connection to any of the proxy's addresses.
    #[error("the TCP connection to the proxy failed")]
    Tcp(#[source] Source),
    /// No secure connection to a proxy whose address begins with `https`.
    #[error("the TLS handshake with the proxy failed")]
    Tls(#[source] Source),
    /// The issuer of the proxy's certificate is not trusted.
    #[error("the issuer of the proxy's certificate is not trusted")]
    UntrustedIssuer(#[source] Source),
    /// The proxy's certificate is for another name.
    #[error("the proxy's certificate is for another name")]
    CertificateName(#[source] Source),
    /// The proxy's certificate has expired or is not valid yet, by this device's clock.
    #[error("the proxy's certificate is not valid at this device's date and time")]
    CertificateDate(#[source] Source),
    /// The proxy requires a user name and a password, or another authentication, and
    /// the program gave nothing that it takes (HTTP status 407).
    #[error("the proxy requires authentication")]
    AuthenticationRequired,
    /// The proxy refused the user name and password, or what the program's
    /// `ProxyAuthenticator` answered.
    #[error("the proxy refused the credentials")]
    CredentialsRefused,
    /// The program's `ProxyAuthenticator` failed.
    #[error("the answer to the proxy's challenge could not be made")]
    Authenticator(#[source] Source),
    /// The proxy does not allow a connection to the tunnel service: HTTP status 403,
    /// or SOCKS reply 2.
    #[error("the proxy does not allow this connection")]
    Forbidden,
    /// The proxy did not reach the tunnel service: HTTP status 502, 503 or 504, or a
    /// SOCKS reply that means this.
    #[error("the proxy could not reach the server")]
    Unreachable,
    /// The proxy answered with another HTTP status than 2xx.
    #[error("the proxy answered with HTTP status {0}")]
    Status(u16),
    /// The proxy answered with another SOCKS reply than success.
    #[error("the proxy answered with SOCKS reply {0}")]
    SocksReply(u8),
    /// The answer is not that of a proxy of this kind.
    #[error("the proxy's answer is invalid: {0}")]
    Answer(&'static str),
    /// The proxy closed the connection, or it was lost, before the answer was complete.
    #[error("the connection to the proxy was lost")]
    Closed,
}
