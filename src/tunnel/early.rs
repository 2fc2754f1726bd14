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
//! service. If that one turns out to be dead, the service is dialled as without it. If it
//! does not answer in [`PATIENCE`], a new connection is made beside it, and whichever is
//! ready first is used.
//!
//! A proxy that refuses to authenticate this device ends all of them: each attempt counts
//! where accounts are locked after a number of wrong passwords, and may ask a person.

use std::convert::Infallible;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use super::EarlyConnections;
use super::OpenedTunnel;
use super::opener::{MAX_REDIRECTS, Opener};
use super::stream::BoxedStream;
use super::tcp::in_time;
use super::upgrade::{Answer, Target, upgrade};
use fido_hybrid_proto::error::{ProxyError, TunnelError, TunnelStep};
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_proto::transport::{TunnelDomain, TunnelRequest};

/// The shortest time between two connections to one service.
const INTERVAL: Duration = Duration::from_secs(10);

/// How long the answer to the upgrade may take over a connection that was open before. A
/// router on the way may have forgotten it, and nothing tells so.
const PATIENCE: Duration = Duration::from_secs(3);

/// The least time for another connection. With less, it would time out and report one of
/// its first steps, not the one that took the time.
const LEAST_TIME: Duration = Duration::from_secs(1);

/// One connection for each service.
pub(super) struct Early {
    opener: Opener,
    /// Empty after a proxy has refused to authenticate this device.
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
        let (target, headers) = (Target::from(&request.url), request.headers);
        let deadline = opener.deadline();
        let dial = Dial { opener, target, headers, deadline };
        let connection = connections.into_iter().find(|it| it.target.host == dial.target.host);
        match connection.map(|connection| connection.state) {
            Some(State::Open(stream)) => dial.over(stream).await,
            // It has a deadline of its own, which is not later.
            Some(State::Opening(opening)) => match opening.await {
                Ok(stream) => dial.over(stream).await,
                Err(error) if is_refused(&error) || !dial.has_time() => Err(error),
                Err(_) => dial.anew().await,
            },
            Some(State::Pausing(_)) | None => dial.anew().await,
        }
    }
}

/// Whether a proxy does not take what this device authenticates with.
const fn is_refused(error: &TunnelError) -> bool {
    matches!(
        error,
        TunnelError::Proxy(
            ProxyError::AuthenticationRequired
                | ProxyError::CredentialsRefused
                | ProxyError::Authenticator(_)
        )
    )
}

/// Whether a connection was at its end before the request came. Servers may send a 408 on
/// one that was idle for long, and close it.
const fn was_dead(error: &TunnelError) -> bool {
    matches!(error, TunnelError::Closed(_) | TunnelError::Broken(_) | TunnelError::Status(408))
}

/// One tunnel to open.
struct Dial {
    opener: Opener,
    target: Target,
    headers: Vec<(&'static str, String)>,
    deadline: Instant,
}

impl Dial {
    /// As without early connections.
    async fn anew(&self) -> Result<OpenedTunnel, TunnelError> {
        let (target, dials) = (self.target.clone(), MAX_REDIRECTS.saturating_add(1));
        self.opener.open(target, &self.headers, dials, self.deadline).await
    }

    /// Over an early connection, if it is alive.
    async fn over(&self, stream: BoxedStream) -> Result<OpenedTunnel, TunnelError> {
        let mut answer = pin!(self.upgrade(stream));
        let patience = self.deadline.min(Instant::now() + PATIENCE);
        let answered = match timeout_at(patience, answer.as_mut()).await {
            Ok(answered) => answered,
            Err(_) if self.has_time() => return self.beside(answer).await,
            Err(_) => in_time(self.deadline, TunnelStep::Upgrade, answer).await?,
        };
        match answered {
            Err(error) if was_dead(&error) && self.has_time() => {
                tracing::debug!("the early connection cannot be used");
                self.anew().await
            }
            answered => self.opened_early(answered?).await,
        }
    }

    /// The early connection is dead or slow. A service does not take the request twice, so
    /// it is repeated only if another connection is there before the answer.
    async fn beside(
        &self,
        mut answer: Pin<&mut impl Future<Output = Result<Answer, TunnelError>>>,
    ) -> Result<OpenedTunnel, TunnelError> {
        let mut connecting = pin!(self.opener.connector.connect(&self.target, self.deadline));
        let stream = tokio::select! {
            biased;
            answered = answer.as_mut() => match answered {
                Err(error) if was_dead(&error) => connecting.await?,
                answered => return self.opened_early(answered?).await,
            },
            connected = connecting.as_mut() => match connected {
                Ok(stream) => stream,
                Err(error) => {
                    let answered = timeout_at(self.deadline, answer).await;
                    return self.opened_early(answered.map_err(|_| error)??).await;
                }
            },
        };
        tracing::debug!("the early connection cannot be used");
        let answer = self.upgrade(stream);
        let answer = in_time(self.deadline, TunnelStep::Upgrade, answer).await??;
        if matches!(answer, Answer::Open(_)) {
            tracing::debug!("the tunnel is open");
        }
        self.follow(answer).await
    }

    fn upgrade(&self, stream: BoxedStream) -> impl Future<Output = Result<Answer, TunnelError>> {
        upgrade(stream, &self.target, &self.headers, self.opener.options)
    }

    async fn opened_early(&self, answer: Answer) -> Result<OpenedTunnel, TunnelError> {
        if matches!(answer, Answer::Open(_)) {
            tracing::debug!("the tunnel is open, over an early connection");
        }
        self.follow(answer).await
    }

    async fn follow(&self, answer: Answer) -> Result<OpenedTunnel, TunnelError> {
        match answer {
            Answer::Open(tunnel) => Ok(tunnel),
            Answer::Redirect(next) => {
                self.opener.open(next, &self.headers, MAX_REDIRECTS, self.deadline).await
            }
        }
    }

    /// Whether there is time for another connection.
    fn has_time(&self) -> bool {
        Instant::now() + LEAST_TIME <= self.deadline
    }
}

impl EarlyConnections for Early {
    fn keep_open(&mut self) -> BoxFuture<'_, Infallible> {
        Box::pin(poll_fn(|context| {
            let polled = self.connections.iter_mut();
            let polled = polled.map(|connection| connection.poll(context, &self.opener));
            if polled.fold(false, |refused, it| refused | it.is_break()) {
                tracing::debug!("the proxy refuses early connections");
                self.connections.clear();
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
    /// Goes on until there is something to wait for; breaks if a proxy refuses to
    /// authenticate this device.
    fn poll(&mut self, context: &mut Context<'_>, opener: &Opener) -> ControlFlow<()> {
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
                Next::GiveUp => return ControlFlow::Break(()),
            };
        }
        ControlFlow::Continue(())
    }
}

enum Next {
    Connect,
    Open(BoxedStream),
    Pause,
    GiveUp,
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
                Err(error) if is_refused(&error) => Next::GiveUp,
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
