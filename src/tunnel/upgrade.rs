//! The HTTP request that turns a connection into a tunnel: [RFC 6455 §4]
//! with the headers of [CTAP 2.2 §11.5.1], and the service's answer.
//!
//! ```text
//! GET /cable/new/<tunnel id> HTTP/1.1          HTTP/1.1 101 Switching Protocols
//! Host: cable.example                          Sec-WebSocket-Protocol: fido.cable
//! Origin: wss://cable.example                  X-caBLE-Routing-ID: 01A2B3
//! Sec-WebSocket-Protocol: fido.cable           …
//! …
//! ```
//!
//! No cookies, no credentials. `Origin` is that of the URL, as Chromium sends
//! it and as some services require it.

use std::io;
use std::sync::Arc;

use http::header::InvalidHeaderValue;
use http::{HeaderValue, Uri};
use rustls::pki_types::DnsName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::OpenedTunnel;
use super::answer::{AnswerReader, Verdict};
use super::options::TunnelOptions;
use super::websocket::{WebSocket, is_disconnected};
use fido_hybrid_proto::error::TunnelError;
use fido_hybrid_proto::transport::{SUBPROTOCOL, TunnelRequest, TunnelUrl};
use fido_hybrid_websocket::{Counted, READ_BUFFER, bounded};

/// The longest `Location` followed, in bytes: a contact URL with the longest
/// contact id, and as much again for the service's own query.
const MAX_LOCATION: usize = 4096;

/// The scheme of tunnels.
const WSS: &str = "wss";

/// The port of `wss`, and of `https`.
const WSS_PORT: u16 = 443;

/// The address to dial: the request's URL, or where a redirect leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    path: String,
}

impl From<&TunnelUrl> for Target {
    fn from(url: &TunnelUrl) -> Self {
        Self { host: url.host().to_owned(), port: WSS_PORT, path: url.path().to_owned() }
    }
}

impl Target {
    /// This service, for a connection on which nothing is requested yet.
    pub(super) fn host(host: String) -> Self {
        Self { host, port: WSS_PORT, path: "/".to_owned() }
    }

    /// Where a URL leads; `None` for all but `scheme` with a name.
    pub(super) fn of(url: &str, scheme: &str) -> Option<Self> {
        let nowhere = Self { host: String::new(), port: WSS_PORT, path: String::new() };
        nowhere.redirected(url, scheme).filter(|target| !target.host.is_empty())
    }

    /// Where `location` leads from here; `None` for all but `scheme`, which is `wss` or
    /// `https`, with a name, and paths on this host. A service has a name, for which it
    /// shows a certificate, so addresses in figures are refused too.
    pub(super) fn redirected(&self, location: &str, scheme: &str) -> Option<Self> {
        if location.len() > MAX_LOCATION {
            return None;
        }
        let uri = location.parse::<Uri>().ok()?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let Some(authority) = uri.authority() else {
            let same_host = location.starts_with('/') && !location.starts_with("//");
            return same_host.then(|| Self { path, ..self.clone() });
        };
        let secure = uri.scheme_str().is_some_and(|other| other.eq_ignore_ascii_case(scheme));
        if !secure || authority.as_str().contains('@') {
            return None;
        }
        let host = authority.host().to_ascii_lowercase();
        // The same name to DNS, and another one to those who compare names.
        if host.ends_with('.') {
            return None;
        }
        DnsName::try_from(host.as_str()).ok()?;
        // `Authority::port` takes a malformed port for none.
        let port = match authority.as_str().strip_prefix(authority.host())? {
            "" => WSS_PORT,
            port => port.strip_prefix(':')?.parse().ok()?,
        };
        Some(Self { host, port, path })
    }

    /// The path and query.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The `Host` header's value: the port only where it is not `wss`'s own.
    pub(super) fn authority(&self) -> String {
        match self.port {
            WSS_PORT => self.host.clone(),
            port => format!("{}:{port}", self.host),
        }
    }

    /// The request. Some servers want the names of headers as they are usually
    /// written, so these are.
    fn request(
        &self,
        key: &str,
        headers: &[(&'static str, String)],
    ) -> Result<String, InvalidHeaderValue> {
        let (authority, path) = (self.authority(), &self.path);
        let mut request = format!(
            "GET {path} HTTP/1.1\r\n\
             Host: {authority}\r\n\
             Connection: Upgrade\r\n\
             Upgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: {key}\r\n\
             Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\
             Origin: wss://{authority}\r\n"
        );
        for (name, value) in headers {
            // A line break would begin another header.
            HeaderValue::from_str(value)?;
            request.extend([name, ": ", value, "\r\n"]);
        }
        request.push_str("\r\n");
        Ok(request)
    }
}

/// The answer of the service.
pub(super) enum Answer {
    Open(OpenedTunnel),
    Redirect(Target),
}

/// Opens a tunnel over a connection that the caller made: through its own
/// proxy, with its own TLS. The stream is already secure, and leads to
/// [`TunnelUrl::host`].
///
/// ```no_run
/// use std::io;
/// use std::sync::Arc;
///
/// use fido_hybrid::BoxFuture;
/// use fido_hybrid::error::TunnelError;
/// use fido_hybrid::transport::TunnelRequest;
/// use fido_hybrid::tunnel::{OpenedTunnel, TunnelDialer, TunnelOptions, open_over};
/// use tokio::io::{AsyncRead, AsyncWrite};
///
/// /// Dials through the program's proxy, for `Client::new` or `AuthenticatorParts`.
/// struct ThroughProxy;
///
/// impl TunnelDialer for ThroughProxy {
///     fn dial(&self, request: TunnelRequest) -> BoxFuture<'_, Result<OpenedTunnel, TunnelError>> {
///         Box::pin(async move {
///             let stream = secure_stream(request.url.host()).await;
///             let stream = stream.map_err(|error| TunnelError::Tcp(Arc::new(error)))?;
///             open_over(stream, &request, TunnelOptions::default()).await
///         })
///     }
/// }
///
/// /// TLS to port 443 of the host, through the proxy.
/// async fn secure_stream(host: &str) -> io::Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static> {
///     # let _ = host;
///     # Ok(tokio::io::empty())
///     # /*
///     …
///     # */
/// }
/// ```
///
/// # Errors
/// A [`TunnelError`] from the HTTP step on. Every redirect is
/// [`TunnelError::Redirect`]: this function does not dial again.
///
/// # Cancel safety
/// Dropping the future drops the connection.
pub async fn open_over<S>(
    stream: S,
    request: &TunnelRequest,
    options: TunnelOptions,
) -> Result<OpenedTunnel, TunnelError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let target = Target::from(&request.url);
    match upgrade(stream, &target, &request.headers, options).await? {
        Answer::Open(tunnel) => Ok(tunnel),
        Answer::Redirect(_) => Err(TunnelError::Redirect),
    }
}

pub(super) async fn upgrade<S>(
    mut stream: S,
    target: &Target,
    headers: &[(&'static str, String)],
    options: TunnelOptions,
) -> Result<Answer, TunnelError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let key = generate_key();
    let request =
        target.request(&key, headers).map_err(|error| TunnelError::Broken(Arc::new(error)))?;
    stream.write_all(request.as_bytes()).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;

    let mut answer = AnswerReader::new(derive_accept_key(key.as_bytes()));
    let mut buffer = vec![0; READ_BUFFER];
    let verdict = loop {
        let length = stream.read(&mut buffer).await.map_err(broken)?;
        if length == 0 {
            return Err(TunnelError::Closed(None));
        }
        if let Some(verdict) = answer.take(buffer.get(..length).unwrap_or_default())? {
            break verdict;
        }
    };
    match verdict {
        Verdict::Open { routing_id, connect_signal } => {
            let config = Some(bounded(options.max_message_size));
            let rest = answer.into_rest();
            let stream = Counted::new(stream, &rest, options.max_message_size);
            let stream =
                WebSocketStream::from_partially_read(stream, rest, Role::Client, config).await;
            let tunnel = Box::new(WebSocket::new(stream, options));
            Ok(Answer::Open(OpenedTunnel { tunnel, routing_id, connect_signal }))
        }
        Verdict::Redirect { location } => {
            let next = location.and_then(|location| target.redirected(&location, WSS));
            next.map(Answer::Redirect).ok_or(TunnelError::Redirect)
        }
    }
}

/// The connection ended, in good order or not, before the answer did.
fn broken(error: io::Error) -> TunnelError {
    if is_disconnected(&error) {
        TunnelError::Closed(None)
    } else {
        TunnelError::Broken(Arc::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Target {
        Target { host: "here.example".into(), port: 8443, path: "/cable/new/00".into() }
    }

    #[test]
    fn redirects_lead_to_wss_names_and_to_paths_on_the_same_host() {
        let target = here().redirected("wss://There.Example:444/a?b=c#d", WSS).unwrap();
        assert_eq!(
            target,
            Target { host: "there.example".into(), port: 444, path: "/a?b=c".into() }
        );
        assert_eq!(here().redirected("WSS://there.example", WSS).unwrap().port, WSS_PORT);
        assert_eq!(here().redirected("/b", WSS).unwrap(), Target { path: "/b".into(), ..here() });
    }

    #[test]
    fn redirects_lead_nowhere_else() {
        for location in [
            "",
            "https://there.example/",
            "http://there.example/",
            "ws://there.example/",
            "//there.example/",
            "there.example",
            "relative/path",
            "wss://user:password@there.example/",
            "wss://127.0.0.1/",
            "wss://[::1]/",
            "wss://there.example./",
            "wss://there.example:0x1/",
            "wss://there.example:99999/",
            "wss://there example/",
            "wss:///a",
            "*",
        ] {
            assert_eq!(here().redirected(location, WSS), None, "{location:?}");
        }
        assert_eq!(here().redirected(&format!("/{}", "a".repeat(MAX_LOCATION)), WSS), None);
    }

    #[test]
    fn the_request_names_host_and_origin_alike() {
        let payload = [("X-caBLE-Client-Payload", "A0".to_owned())];
        let request = here().request("a key", &payload).unwrap();
        assert!(request.starts_with("GET /cable/new/00 HTTP/1.1\r\nHost: here.example:8443\r\n"));
        assert!(request.contains("\r\nOrigin: wss://here.example:8443\r\n"));
        assert!(request.contains("\r\nSec-WebSocket-Key: a key\r\n"));
        assert!(request.ends_with("\r\nX-caBLE-Client-Payload: A0\r\n\r\n"));
        let request = Target { port: WSS_PORT, ..here() }.request("a key", &[]).unwrap();
        assert!(request.contains("\r\nHost: here.example\r\n"));
        assert!(request.contains("\r\nOrigin: wss://here.example\r\n"));
    }

    #[test]
    fn a_line_break_in_a_value_begins_no_header() {
        for value in ["A0\r\nX-Other: 1", "A0\n", "A0\r"] {
            assert!(here().request("a key", &[("X-caBLE-Client-Payload", value.into())]).is_err());
        }
    }
}
