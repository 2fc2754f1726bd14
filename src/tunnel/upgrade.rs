//! The HTTP request that turns a connection into a tunnel: RFC 6455 section 4
//! with the headers of CTAP 2.2 section 11.5.1, and the service's answer.
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

use std::sync::Arc;

use http::header::{
    CONNECTION, HOST, HeaderMap, HeaderValue, LOCATION, ORIGIN, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Request, Uri};
use rustls::pki_types::DnsName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;

use super::OpenTunnel;
use super::websocket::{WebSocket, is_gone};
use crate::error::TunnelFault;
use crate::protocol::tunnel_url::{
    ROUTING_ID_HEADER, RoutingId, SIGNAL_CONNECTION_HEADER, SUBPROTOCOL, TunnelRequest, TunnelUrl,
};
use crate::websocket::bounded;

/// The longest `Location` followed, in bytes: a contact URL with the longest
/// contact id, and as much again for the service's own query.
const MAX_LOCATION: usize = 4096;

/// The port of `wss`.
const WSS_PORT: u16 = 443;

/// What is dialled: the request's URL, or where a redirect leads.
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
    /// Where `location` leads from here; `None` for all but `wss` with a name,
    /// and paths on this host. A tunnel service has a name, for which it shows
    /// a certificate, so addresses in figures are refused too.
    fn redirected(&self, location: &str) -> Option<Self> {
        if location.len() > MAX_LOCATION {
            return None;
        }
        let uri = location.parse::<Uri>().ok()?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let Some(authority) = uri.authority() else {
            let same_host = location.starts_with('/') && !location.starts_with("//");
            return same_host.then(|| Self { path, ..self.clone() });
        };
        let secure = uri.scheme_str().is_some_and(|scheme| scheme.eq_ignore_ascii_case("wss"));
        if !secure || authority.as_str().contains('@') {
            return None;
        }
        let host = authority.host().to_ascii_lowercase();
        DnsName::try_from(host.as_str()).ok()?;
        // `Authority::port` takes a malformed port for none.
        let port = match authority.as_str().strip_prefix(authority.host())? {
            "" => WSS_PORT,
            port => port.strip_prefix(':')?.parse().ok()?,
        };
        Some(Self { host, port, path })
    }

    /// The `Host` header's value: the port only where it is not `wss`'s own.
    fn authority(&self) -> String {
        match self.port {
            WSS_PORT => self.host.clone(),
            port => format!("{}:{port}", self.host),
        }
    }

    fn request(&self, headers: &[(&'static str, String)]) -> Result<Request<()>, http::Error> {
        let authority = self.authority();
        let mut request = Request::get(format!("wss://{authority}{}", self.path))
            .header(HOST, &authority)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, generate_key())
            .header(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
            .header(ORIGIN, format!("wss://{authority}"));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request.body(())
    }
}

/// What the service answered.
pub(super) enum Answer {
    Open(OpenTunnel),
    Redirect(Target),
}

/// Opens a tunnel over a connection that the caller made: through its own
/// proxy, with its own TLS. The stream is already secure, and leads to
/// [`TunnelUrl::host`]. Received messages are at most `max_message_size` bytes.
///
/// # Errors
/// A [`TunnelFault`] from the HTTP step on. Every redirect is
/// [`TunnelFault::Redirect`]: there is nobody here to dial again.
///
/// # Cancel safety
/// Dropping the future drops the connection.
pub async fn open_over<S>(
    stream: S,
    request: &TunnelRequest,
    max_message_size: usize,
) -> Result<OpenTunnel, TunnelFault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let target = Target::from(&request.url);
    match upgrade(stream, &target, &request.headers, max_message_size).await? {
        Answer::Open(tunnel) => Ok(tunnel),
        Answer::Redirect(_) => Err(TunnelFault::Redirect),
    }
}

pub(super) async fn upgrade<S>(
    stream: S,
    target: &Target,
    headers: &[(&'static str, String)],
    max_message_size: usize,
) -> Result<Answer, TunnelFault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = target.request(headers).map_err(|error| TunnelFault::Broken(Arc::new(error)))?;
    let config = bounded(max_message_size);
    match client_async_with_config(request, stream, Some(config)).await {
        Ok((stream, response)) => {
            // RFC 6455 section 4.1: none was offered, so none may be used. The
            // crate below does not look.
            let extensions = response.headers().get_all(SEC_WEBSOCKET_EXTENSIONS);
            if extensions.iter().any(|value| !value.is_empty()) {
                return Err(TunnelFault::Upgrade("it uses an extension that was not offered"));
            }
            let routing_id = routing_id(response.headers())?;
            Ok(Answer::Open(OpenTunnel {
                tunnel: Box::new(WebSocket::new(stream, max_message_size)),
                routing_id,
                connect_signal: response.headers().contains_key(SIGNAL_CONNECTION_HEADER),
            }))
        }
        Err(Error::Http(response)) => match response.status().as_u16() {
            301 | 302 | 303 | 307 | 308 => {
                let next = one(response.headers(), LOCATION.as_str())
                    .and_then(|value| value.to_str().ok())
                    .and_then(|location| target.redirected(location));
                next.map(Answer::Redirect).ok_or(TunnelFault::Redirect)
            }
            status => Err(TunnelFault::Status(status)),
        },
        Err(error) => Err(fault(error)),
    }
}

/// The only value of this header; `None` if there are none or several.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

fn routing_id(headers: &HeaderMap) -> Result<Option<RoutingId>, TunnelFault> {
    if !headers.contains_key(ROUTING_ID_HEADER) {
        return Ok(None);
    }
    let value = one(headers, ROUTING_ID_HEADER)
        .ok_or(TunnelFault::Upgrade("the routing id is repeated"))?;
    let routing_id = value.to_str().ok().and_then(RoutingId::from_hex);
    routing_id.map(Some).ok_or(TunnelFault::Upgrade("the routing id is malformed"))
}

fn fault(error: Error) -> TunnelFault {
    match error {
        error if is_gone(&error) => TunnelFault::Closed(None),
        Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(_)) => {
            TunnelFault::Upgrade("the subprotocol is not fido.cable")
        }
        Error::AttackAttempt | Error::Capacity(CapacityError::TooManyHeaders) => {
            TunnelFault::Upgrade("it is too long")
        }
        Error::Io(error) => TunnelFault::Broken(Arc::new(error)),
        Error::Protocol(_) | Error::HttpFormat(_) | Error::Utf8(_) => {
            TunnelFault::Upgrade("it does not open a WebSocket")
        }
        error => TunnelFault::Broken(Arc::new(error)),
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
        let target = here().redirected("wss://There.Example:444/a?b=c#d").unwrap();
        assert_eq!(
            target,
            Target { host: "there.example".into(), port: 444, path: "/a?b=c".into() }
        );
        assert_eq!(here().redirected("WSS://there.example").unwrap().port, WSS_PORT);
        assert_eq!(here().redirected("/b").unwrap(), Target { path: "/b".into(), ..here() });
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
            "wss://there.example:0x1/",
            "wss://there.example:99999/",
            "wss://there example/",
            "wss:///a",
            "*",
        ] {
            assert_eq!(here().redirected(location), None, "{location:?}");
        }
        assert_eq!(here().redirected(&format!("/{}", "a".repeat(MAX_LOCATION))), None);
    }

    #[test]
    fn the_request_names_host_and_origin_alike() {
        let request = here().request(&[("X-caBLE-Client-Payload", "A0".into())]).unwrap();
        assert_eq!(request.headers()[HOST], "here.example:8443");
        assert_eq!(request.headers()[ORIGIN], "wss://here.example:8443");
        assert_eq!(request.headers()["X-caBLE-Client-Payload"], "A0");
        let request = Target { port: WSS_PORT, ..here() }.request(&[]).unwrap();
        assert_eq!(request.headers()[HOST], "here.example");
        assert_eq!(request.headers()[ORIGIN], "wss://here.example");
    }
}
