//! HTTP `CONNECT`: the request that turns a connection to a proxy into one to the tunnel
//! service [RFC 9110 §9.3.6].
//!
//! ```text
//! CONNECT cable.example:443 HTTP/1.1           HTTP/1.1 200 Connection established
//! Host: cable.example:443
//! Proxy-Authorization: Basic …
//! ```
//!
//! hyper writes the request and reads the answer. After a 407 the same connection carries
//! the next request, so the body of the 407 is read to its end.

use std::mem;
use std::pin::pin;
use std::sync::Arc;

use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::{Body as _, Incoming};
use hyper_util::rt::TokioIo;

use super::Proxy;
use super::challenge::{MAX_PROXY_ROUNDS, ProxyChallenges, ProxyDialogue};
use super::destination::Destination;
use crate::tunnel::http::{Driven, EmptyBody, start_http};
use crate::tunnel::stream::BoxedStream;
use fido_hybrid_proto::error::ProxyError;
use fido_hybrid_proto::ports::BoxFuture;

/// The longest answer read, in bytes: status line and headers. Proxies send some 300.
const MAX_ANSWER: usize = 64 * 1024;

/// The longest page read behind a 407, in bytes, so that its connection can be used again.
/// squid's has some 4,000.
const MAX_PAGE: usize = 64 * 1024;

/// What has come of one connection.
pub(in crate::tunnel) enum Attempt {
    /// The tunnel service is at its other end.
    Open(BoxedStream),
    /// The proxy closed it behind its challenge. The answer goes over a new one.
    Again,
}

/// Requests for one destination, over one connection or two.
pub(in crate::tunnel) struct HttpConnect<'a> {
    proxy: &'a Proxy,
    destination: &'a Destination,
    authorization: Option<HeaderValue>,
    dialogue: Option<Box<dyn ProxyDialogue>>,
    rounds: usize,
    /// Whether this is the second connection.
    moved: bool,
}

impl<'a> HttpConnect<'a> {
    pub(in crate::tunnel) fn new(proxy: &'a Proxy, destination: &'a Destination) -> Self {
        let authorization = proxy.given_credentials().and_then(|credentials| credentials.basic());
        Self { proxy, destination, authorization, dialogue: None, rounds: 0, moved: false }
    }

    /// Has the proxy at the other end of `stream` connect to the destination.
    pub(in crate::tunnel) fn over(
        &mut self,
        stream: BoxedStream,
    ) -> BoxFuture<'_, Result<Attempt, ProxyError>> {
        Box::pin(self.exchange(stream))
    }

    async fn exchange(&mut self, stream: BoxedStream) -> Result<Attempt, ProxyError> {
        let (mut sender, mut connection) =
            start_http(stream, MAX_ANSWER).await.map_err(|error| failed(&error))?;
        let mut answered_here = false;
        loop {
            let request = self.request()?;
            let answer = connection.during(sender.send_request(request)).await;
            let answer = answer.map_err(|error| failed(&error))?;
            match answer.status() {
                status if status.is_success() => {
                    let stream = opened(&mut connection, answer).await?;
                    tracing::debug!("the proxy connected to the tunnel service");
                    return Ok(Attempt::Open(stream));
                }
                StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                    self.authorization = Some(self.next_authorization(&answer).await?);
                    let can_go_on = connection.during(read_page(answer)).await
                        && connection.during(sender.ready()).await.is_ok();
                    match (can_go_on, answered_here) {
                        (true, _) => answered_here = true,
                        (false, false) if !mem::replace(&mut self.moved, true) => {
                            return Ok(Attempt::Again);
                        }
                        // What authenticates one connection means nothing on another.
                        (false, _) => return Err(ProxyError::CredentialsRefused),
                    }
                }
                StatusCode::FORBIDDEN => return Err(ProxyError::Forbidden),
                StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT => return Err(ProxyError::Unreachable),
                status => return Err(ProxyError::Status(status.as_u16())),
            }
        }
    }

    fn request(&self) -> Result<Request<EmptyBody>, ProxyError> {
        let authority = self.destination.to_string();
        let mut request = Request::builder()
            .method(Method::CONNECT)
            .uri(&authority)
            .header(HOST, &authority)
            .body(EmptyBody)
            .map_err(|_| ProxyError::Address("the tunnel service's name is not one of HTTP"))?;
        if let Some(value) = &self.authorization {
            request.headers_mut().insert(PROXY_AUTHORIZATION, value.clone());
        }
        Ok(request)
    }

    /// The program's answer to a 407.
    async fn next_authorization(
        &mut self,
        answer: &Response<Incoming>,
    ) -> Result<HeaderValue, ProxyError> {
        let refused = match self.authorization {
            None => ProxyError::AuthenticationRequired,
            Some(_) => ProxyError::CredentialsRefused,
        };
        let Some(authenticator) = self.proxy.given_authenticator() else { return Err(refused) };
        if self.rounds == MAX_PROXY_ROUNDS {
            return Err(refused);
        }
        self.rounds = self.rounds.saturating_add(1);
        let host = self.proxy.host_and_port().0;
        let dialogue = self.dialogue.get_or_insert_with(|| authenticator.begin(host));
        let challenges = ProxyChallenges::of(answer.headers());
        let next = dialogue.answer(&challenges).await.map_err(ProxyError::Authenticator)?;
        let Some(next) = next else { return Err(refused) };
        let mut value = HeaderValue::from_str(next.expose())
            .map_err(|error| ProxyError::Authenticator(Arc::new(error)))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// Whether the body was read to its end.
async fn read_page(answer: Response<Incoming>) -> bool {
    let mut body = pin!(answer.into_body());
    let mut length = 0_usize;
    while let Some(frame) = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await
    {
        let Ok(frame) = frame else { return false };
        length = length.saturating_add(frame.data_ref().map_or(0, |data| data.len()));
        if length > MAX_PAGE {
            return false;
        }
    }
    true
}

/// The connection behind an answer that opens it.
async fn opened(
    connection: &mut Driven,
    answer: Response<Incoming>,
) -> Result<BoxedStream, ProxyError> {
    let upgraded = connection.during(hyper::upgrade::on(answer)).await;
    let upgraded = upgraded.map_err(|error| failed(&error))?;
    let parts = upgraded.downcast::<TokioIo<BoxedStream>>();
    let parts = parts.map_err(|_| ProxyError::Answer("it opens no connection"))?;
    // In TLS the service does not speak first.
    if !parts.read_buf.is_empty() {
        return Err(ProxyError::Answer("there are bytes behind it"));
    }
    Ok(parts.io.into_inner())
}

fn failed(error: &hyper::Error) -> ProxyError {
    if error.is_parse() {
        ProxyError::Answer("it is not HTTP, or too long")
    } else {
        ProxyError::Closed
    }
}
