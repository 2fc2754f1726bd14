//! Why a relying party's list of related origins does not help an origin.

use super::proxy::ProxyError;
use super::source::Source;

/// The longest list of related origins that is read, in bytes. Chromium reads as much.
pub const MAX_RELATED_ORIGINS: usize = 256 * 1024;

/// Why an origin may not use an RP ID by the relying party's list of related origins
/// [WebAuthn L3 §5.11]. To a web page all of them are a `SecurityError`.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelatedOriginsError {
    /// There was no answer: DNS, TCP, TLS, or a connection that broke.
    #[error("the relying party's list of related origins could not be fetched")]
    Fetch(#[source] Source),
    /// The server's certificate has expired or is not valid yet, by this device's clock.
    #[error(
        "the certificate of the relying party's server is not valid at this device's date and time"
    )]
    CertificateDate(#[source] Source),
    /// The issuer of the server's certificate is not trusted.
    #[error("the issuer of the certificate of the relying party's server is not trusted")]
    UntrustedIssuer(#[source] Source),
    /// The server's certificate is for another name, or has expired while this device's
    /// clock is right.
    #[error("the certificate of the relying party's server is for another name or has expired")]
    Certificate(#[source] Source),
    /// The way to the relying party through a proxy failed.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// There was no complete answer in time.
    #[error("fetching the relying party's list of related origins timed out")]
    TimedOut,
    /// More redirects than allowed, or one that does not lead to an https address.
    #[error("the list of related origins is redirected too often, or not to an https address")]
    Redirect,
    /// The last answer has another HTTP status than 200.
    #[error("the list of related origins has HTTP status {0}")]
    Status(u16),
    /// The answer's content type is not `application/json`.
    #[error("the list of related origins is not application/json")]
    ContentType,
    /// The answer is longer than [`MAX_RELATED_ORIGINS`].
    #[error("the list of related origins is longer than {MAX_RELATED_ORIGINS} bytes")]
    TooLong,
    /// The answer is not a JSON object with the member `origins`, an array of texts.
    #[error("the list of related origins is not a JSON object with an array of texts `origins`")]
    Json,
    /// The list does not have the origin.
    #[error("the relying party does not list the origin as a related one")]
    NotListed,
    /// The list has the origin, but behind more names than clients read.
    #[error("the relying party lists the origin behind more names than clients read")]
    TooManyLabels,
}
