//! [`HttpsFetcher`]: one GET over https, for lists of related origins.
//!
//! ```text
//! GET /.well-known/webauthn HTTP/1.1       HTTP/1.1 200 OK
//! Host: example.com                        Content-Type: application/json
//! Accept: application/json                 {"origins": […]}
//! ```
//!
//! Nothing else is sent: no cookies, no credentials, no referrer, and no origin
//! [WebAuthn L3 §5.11]. DNS, TCP, proxy and TLS are those of the dialer that made it.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, LOCATION};
use http::{Request, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::{Duration, Instant, timeout_at};

use super::connect::Connector;
use super::dial::WebSocketDialer;
use super::http::{EmptyBody, start_http};
use super::stream::BoxedStream;
use super::upgrade::Target;
use fido_hybrid_proto::error::{MAX_RELATED_ORIGINS, RelatedOriginsError, TunnelError};
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_proto::ports::related_origins::{FetchedList, RelatedOriginsFetcher};

/// How long fetching a list takes at most, redirects included: 10 s, as in browsers.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Redirects followed for one list. Relying parties have one or two, from a domain to
/// `www` or to the host of their accounts.
pub const MAX_LIST_REDIRECTS: usize = 5;

/// The longest head of an answer, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// The scheme of every address, the first and those of redirects.
const HTTPS: &str = "https";

/// Fetches lists of related origins over https, for
/// [`Client::related_origins`](crate::client::Client::related_origins).
/// [`WebSocketDialer::https_fetcher`] makes it. Cheap to clone.
///
/// It follows up to [`MAX_LIST_REDIRECTS`] redirects, to https addresses with a name that
/// is not this machine's own, and waits 10 s at most. Names are judged, and not the
/// addresses that DNS has for them.
#[derive(Clone)]
pub struct HttpsFetcher {
    connector: Connector,
}

impl WebSocketDialer {
    /// A fetcher of lists of related origins, with the trust, the proxy and the addresses
    /// of this dialer.
    #[must_use]
    pub fn https_fetcher(&self) -> HttpsFetcher {
        HttpsFetcher { connector: self.opener.connector.clone() }
    }
}

impl RelatedOriginsFetcher for HttpsFetcher {
    fn fetch(&self, url: String) -> BoxFuture<'_, Result<FetchedList, RelatedOriginsError>> {
        Box::pin(self.get(url))
    }
}

impl fmt::Debug for HttpsFetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpsFetcher").finish_non_exhaustive()
    }
}

/// What one answer leads to.
enum Step {
    Fetched(FetchedList),
    Redirect(Option<String>),
}

impl HttpsFetcher {
    async fn get(&self, url: String) -> Result<FetchedList, RelatedOriginsError> {
        let deadline = Instant::now() + TIMEOUT;
        let mut target = Target::of(&url, HTTPS).ok_or(RelatedOriginsError::Redirect)?;
        for _ in 0..=MAX_LIST_REDIRECTS {
            let stream = self.connector.connect(&target, deadline).await.map_err(unreachable)?;
            let step = timeout_at(deadline, exchange(stream, &target));
            match step.await.map_err(|_| RelatedOriginsError::TimedOut)?? {
                Step::Fetched(list) => return Ok(list),
                Step::Redirect(location) => {
                    let next = location.and_then(|location| redirected(&target, &location));
                    target = next.ok_or(RelatedOriginsError::Redirect)?;
                }
            }
        }
        Err(RelatedOriginsError::Redirect)
    }
}

/// Where a redirect leads; `None` for all but https with a name.
fn redirected(target: &Target, location: &str) -> Option<Target> {
    let next = match location.strip_prefix("//") {
        Some(rest) => target.redirected(&format!("{HTTPS}://{rest}"), HTTPS),
        None => target.redirected(location, HTTPS),
    };
    // A relying party has no business with the servers of this machine.
    next.filter(|next| next.host != "localhost" && !next.host.ends_with(".localhost"))
}

/// Sends the request and reads the answer.
async fn exchange(stream: BoxedStream, target: &Target) -> Result<Step, RelatedOriginsError> {
    let request = Request::get(target.path())
        .header(HOST, target.authority())
        .header(ACCEPT, "application/json")
        .body(EmptyBody)
        .map_err(|error| RelatedOriginsError::Fetch(Arc::new(error)))?;
    let (mut sender, mut connection) = start_http(stream, MAX_HEAD).await.map_err(broken)?;
    let answer = async move {
        let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
        if is_redirect(head.status) {
            return Ok(Step::Redirect(only(&head.headers, LOCATION)));
        }
        let content_type = only(&head.headers, CONTENT_TYPE);
        // Nothing reads the body of another answer.
        let body = match head.status {
            StatusCode::OK => read(body).await?,
            _ => Vec::new(),
        };
        Ok(Step::Fetched(FetchedList { status: head.status.as_u16(), content_type, body }))
    };
    connection.during(answer).await
}

async fn read(mut body: Incoming) -> Result<Vec<u8>, RelatedOriginsError> {
    let limit = u64::try_from(MAX_RELATED_ORIGINS).unwrap_or(u64::MAX);
    if body.size_hint().lower() > limit {
        return Err(RelatedOriginsError::TooLong);
    }
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        // Trailers are not data.
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        if bytes.len().saturating_add(data.len()) > MAX_RELATED_ORIGINS {
            return Err(RelatedOriginsError::TooLong);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Statuses that browsers follow (Fetch standard, "redirect status").
const fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The value of a header that is there once, and is text.
fn only(headers: &HeaderMap, name: http::HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().map(str::to_owned),
        _ => None,
    }
}

/// The steps of a connection, without the words for a tunnel service.
fn unreachable(error: TunnelError) -> RelatedOriginsError {
    match error {
        TunnelError::TimedOut(_) => RelatedOriginsError::TimedOut,
        TunnelError::Proxy(error) => error.into(),
        TunnelError::Dns(source) | TunnelError::Tcp(source) | TunnelError::Tls(source) => {
            RelatedOriginsError::Fetch(source)
        }
        TunnelError::UntrustedIssuer(source) => RelatedOriginsError::UntrustedIssuer(source),
        TunnelError::CertificateName(source) | TunnelError::CertificateOutdated(source) => {
            RelatedOriginsError::Certificate(source)
        }
        TunnelError::CertificateDate(source) | TunnelError::WrongClock { source, .. } => {
            RelatedOriginsError::CertificateDate(source)
        }
        other => RelatedOriginsError::Fetch(Arc::new(other)),
    }
}

/// hyper's errors may have text from the peer; their kind is enough.
fn broken(error: hyper::Error) -> RelatedOriginsError {
    let kind = if error.is_parse() {
        io::ErrorKind::InvalidData
    } else if error.is_incomplete_message() {
        io::ErrorKind::UnexpectedEof
    } else {
        io::ErrorKind::ConnectionAborted
    };
    RelatedOriginsError::Fetch(Arc::new(io::Error::from(kind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_to_https_names_and_to_paths_on_the_same_host() {
        let here = Target::of("https://example.com/.well-known/webauthn", HTTPS).unwrap();
        assert_eq!(
            (here.authority().as_str(), here.path()),
            ("example.com", "/.well-known/webauthn")
        );
        for (location, authority, path) in [
            ("https://www.example.com/a?b#c", "www.example.com", "/a?b"),
            ("HTTPS://www.Example.com", "www.example.com", "/"),
            ("https://example.org:8443/", "example.org:8443", "/"),
            ("//www.example.com/a", "www.example.com", "/a"),
            ("/a", "example.com", "/a"),
        ] {
            let next = redirected(&here, location).unwrap();
            assert_eq!((next.authority().as_str(), next.path()), (authority, path), "{location}");
        }
        for location in [
            "",
            "http://example.com/",
            "wss://example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "data:application/json,{}",
            "https://user@example.com/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://localhost/",
            "https://a.localhost/",
            "https://localhost.:8443/x",
            "https://a.localhost./",
            "//localhost./",
            "//localhost/",
            "//",
            "///a",
            "relative",
            "https:/a",
        ] {
            assert!(redirected(&here, location).is_none(), "{location}");
        }
    }
}
