//! Connections to tunnel services before a tunnel is requested: TCP and TLS, with a proxy
//! if there is one, while a QR code is shown.
//!
//! ```text
//!            ┌───────────── 10 s after it began ─────────────┐
//!            ▼                                               │
//!         Opening ──connected──▶ Open ──closed by service──▶ Pausing
//!            └──────────────────failed──────────────────────▶┘
//! ```
//!
//! Nothing is sent on them. The tunnel is requested over the one that leads to its
//! service. If that one turns out to be dead, the service is dialled as without it.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use super::EarlyConnections;
use super::OpenedTunnel;
use super::opener::{MAX_REDIRECTS, Opener};
use super::stream::BoxedStream;
use super::upgrade::{Answer, Target, upgrade};
use fido_hybrid_proto::error::TunnelError;
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_proto::transport::{TunnelDomain, TunnelRequest};

/// The shortest time between two connections to one service.
const INTERVAL: Duration = Duration::from_secs(10);

/// How long the answer to the upgrade may take over a connection that was open before. A
/// router on the way may have forgotten it, and nothing tells so.
const PATIENCE: Duration = Duration::from_secs(3);

/// One connection for each service.
pub(super) struct Early {
    opener: Opener,
    connections: Vec<Connection>,
}

struct Connection {
    target: Target,
    began: Instant,
    state: State,
}

enum State {
    Opening(BoxFuture<'static, Result<BoxedStream, TunnelError>>),
    Open(BoxedStream),
    Pausing(Pin<Box<Sleep>>),
}

impl Early {
    pub(super) fn new(opener: Opener, services: &[TunnelDomain]) -> Self {
        let connections = services.iter().map(|service| {
            let target = Target::host(service.host());
            let (began, state) = (Instant::now(), State::opening(&opener, &target));
            Connection { target, began, state }
        });
        Self { connections: connections.collect(), opener }
    }

    async fn open(self, request: TunnelRequest) -> Result<OpenedTunnel, TunnelError> {
        let Self { opener, connections } = self;
        let (target, headers) = (Target::from(&request.url), &request.headers);
        let deadline = opener.deadline();
        let connection = connections.into_iter().find(|it| it.target.host == target.host);
        let stream = match connection.map(|connection| connection.state) {
            Some(State::Open(stream)) => Some(stream),
            Some(State::Opening(opening)) => {
                timeout_at(deadline, opening).await.ok().and_then(Result::ok)
            }
            Some(State::Pausing(_)) | None => None,
        };
        if let Some(stream) = stream {
            let answer = upgrade(stream, &target, headers, opener.options);
            match timeout_at(deadline.min(Instant::now() + PATIENCE), answer).await {
                Ok(Ok(Answer::Open(tunnel))) => {
                    tracing::debug!("the tunnel is open, over an early connection");
                    return Ok(tunnel);
                }
                Ok(Ok(Answer::Redirect(next))) => {
                    return opener.open(next, headers, MAX_REDIRECTS, deadline).await;
                }
                // It was dead before the request.
                Ok(Err(TunnelError::Closed(_) | TunnelError::Broken(_))) | Err(_) => {
                    tracing::debug!("the early connection cannot be used");
                }
                Ok(Err(answered)) => return Err(answered),
            }
        }
        opener.open(target, headers, MAX_REDIRECTS.saturating_add(1), deadline).await
    }
}

impl EarlyConnections for Early {
    fn keep_open(&mut self) -> BoxFuture<'_, Infallible> {
        Box::pin(poll_fn(|context| {
            for connection in &mut self.connections {
                connection.poll(context, &self.opener);
            }
            Poll::Pending
        }))
    }

    fn dial(
        self: Box<Self>,
        request: TunnelRequest,
    ) -> BoxFuture<'static, Result<OpenedTunnel, TunnelError>> {
        Box::pin(self.open(request))
    }
}

impl Connection {
    /// Goes on until there is something to wait for.
    fn poll(&mut self, context: &mut Context<'_>, opener: &Opener) {
        while let Poll::Ready(next) = self.state.poll_next(context) {
            self.state = match next {
                Next::Open(stream) => State::Open(stream),
                Next::Pause => {
                    tracing::debug!("an early connection failed or was closed");
                    State::Pausing(Box::pin(sleep_until(self.began + INTERVAL)))
                }
                Next::Connect => {
                    self.began = Instant::now();
                    State::opening(opener, &self.target)
                }
            };
        }
    }
}

enum Next {
    Connect,
    Open(BoxedStream),
    Pause,
}

impl State {
    fn opening(opener: &Opener, target: &Target) -> Self {
        let (opener, target) = (opener.clone(), target.clone());
        Self::Opening(Box::pin(async move {
            let deadline = opener.deadline();
            opener.connector.connect(&target, deadline).await
        }))
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        Poll::Ready(match self {
            Self::Opening(opening) => match ready!(opening.as_mut().poll(context)) {
                Ok(stream) => Next::Open(stream),
                Err(_) => Next::Pause,
            },
            Self::Open(stream) => {
                // A service that was asked nothing sends nothing: this is its end, or as good.
                let mut byte = [0];
                let read = Pin::new(stream).poll_read(context, &mut ReadBuf::new(&mut byte));
                let _end = ready!(read);
                Next::Pause
            }
            Self::Pausing(pause) => {
                ready!(pause.as_mut().poll(context));
                Next::Connect
            }
        })
    }
}

#[cfg(test)]
mod tests;
