//! The tunnel service on TCP, with TLS or without.
//!
//! Without is for tests, and for machines where something in front does TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsAcceptor;

use super::connection::{UPGRADE_DEADLINE, serve};
use super::limits::Limits;
use super::machine::Relay;
use super::request::NetworkAddress;
use super::shared::Shared;

/// The shortest silence that [`ServerBuilder::ping_after`] takes: 100 ms. A peer
/// that pings and answers so often is within its budget of control frames.
pub const MIN_PING_INTERVAL: Duration = fido_hybrid_websocket::MIN_PING_INTERVAL;

/// Before the next attempt when no connection can be accepted, mostly because
/// the process has too many files open: some will be closed meanwhile.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a connection is silent before the system asks whether the other
/// side is still there, and how long it waits before it asks again.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// How long the other side may acknowledge nothing before it counts as disconnected: a
/// phone that was switched off sends no close frame. Longer than a handover
/// between mobile networks takes.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(60);

/// A tunnel service that listens.
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use fido_hybrid_relay::Server;
///
/// let server = Server::builder().bind("127.0.0.1:0").await?;
/// println!("listening at {}", server.local_addr()?);
/// server.run().await;
/// # Ok(())
/// # }
/// ```
pub struct Server {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
}

impl Server {
    /// A service with default limits, without TLS.
    pub fn builder() -> ServerBuilder {
        ServerBuilder {
            limits: Limits::default(),
            tls: None,
            required_origin: None,
            ping_interval: None,
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system's error.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves for good.
    ///
    /// # Cancel safety
    /// Dropping the future closes all connections and stops listening.
    pub async fn run(self) {
        let mut connections = JoinSet::new();
        let mut expiring = std::pin::pin!(self.shared.expire());
        loop {
            tokio::select! {
                accepted = self.accept() => match accepted {
                    Ok((stream, from)) => self.admit(&mut connections, stream, from),
                    // An error of one connection must not hold up others.
                    Err(error) if gave_up(&error) => {}
                    Err(_) => {
                        tracing::warn!("no connection could be accepted");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
                () = &mut expiring => {}
            }
        }
    }

    /// Serves in a task of its own, until the handle is dropped.
    ///
    /// # Errors
    /// The system cannot tell the address, or this was not called within a tokio
    /// runtime.
    pub fn start(self) -> io::Result<ServerHandle> {
        let local_addr = self.local_addr()?;
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        Ok(ServerHandle { local_addr, task: runtime.spawn(self.run()) })
    }

    /// # Cancel safety
    /// No visitor is lost.
    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, from) = self.listener.accept().await?;
        configure(&stream);
        Ok((stream, from))
    }

    fn admit(&self, connections: &mut JoinSet<()>, stream: TcpStream, from: SocketAddr) {
        let arrival = Shared::accept(&self.shared, NetworkAddress::from(from.ip()));
        let tls = self.tls.clone();
        connections.spawn(async move {
            let serving = async {
                let deadline = Instant::now() + UPGRADE_DEADLINE;
                match tls {
                    None => serve(&arrival, stream, deadline).await,
                    Some(tls) => match timeout_at(deadline, tls.accept(stream)).await {
                        Ok(Ok(stream)) => serve(&arrival, stream, deadline).await,
                        _ => tracing::debug!("no TLS with a visitor"),
                    },
                }
            };
            tokio::select! {
                () = serving => {}
                () = arrival.dropped() => tracing::debug!("connection dropped for another"),
            }
        });
    }
}

/// Sets what the system allows. Sandboxes refuse some options, and some systems
/// all of them if the peer has already disconnected: it is served without them.
fn configure(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_INTERVAL);
    let options = [
        // Two small messages in a row would wait 40 ms for each other.
        ("TCP_NODELAY", stream.set_nodelay(true)),
        ("keepalive", socket.set_tcp_keepalive(&keepalive)),
        #[cfg(target_os = "linux")]
        ("TCP_USER_TIMEOUT", socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))),
    ];
    for (option, set) in options {
        if let Err(error) = set {
            tracing::debug!(option, %error, "the system refuses a socket option");
        }
    }
}

/// Whether a peer disconnected before its connection was accepted.
fn gave_up(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("listener", &self.listener)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

/// Settings of a [`Server`].
#[must_use]
#[derive(Clone)]
pub struct ServerBuilder {
    limits: Limits,
    tls: Option<Arc<rustls::ServerConfig>>,
    required_origin: Option<String>,
    ping_interval: Option<Duration>,
}

impl ServerBuilder {
    /// Sets the limits for connections and tunnels.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Speaks TLS with this certificate and provider.
    pub fn tls(mut self, config: Arc<rustls::ServerConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Refuses visitors with another `Origin`, or without one:
    /// [`Relay::require_origin`].
    pub fn require_origin(mut self, origin: impl Into<String>) -> Self {
        self.required_origin = Some(origin.into());
        self
    }

    /// Pings a peer that sent nothing for this long, and gives it up if it sends
    /// nothing for as long again. Default: no pings. A shorter time than
    /// [`MIN_PING_INTERVAL`] counts as that.
    ///
    /// Pings keep proxies and NATs on the way from closing a silent connection,
    /// which our client and phone do by themselves. Some clients end on a ping,
    /// such as webauthn-authenticator-rs 0.6. Lost peers are noticed
    /// without pings too, by TCP's keepalive.
    pub fn ping_after(mut self, silence: Duration) -> Self {
        self.ping_interval = Some(silence);
        self
    }

    /// Listens at this address.
    ///
    /// # Errors
    /// The system's error.
    ///
    /// # Cancel safety
    /// Dropping the future stops listening.
    pub async fn bind(self, address: impl ToSocketAddrs) -> io::Result<Server> {
        Ok(self.serve(TcpListener::bind(address).await?))
    }

    /// Takes a listener that the caller made.
    #[must_use]
    pub fn serve(self, listener: TcpListener) -> Server {
        let mut relay = Relay::new(self.limits);
        if let Some(origin) = self.required_origin {
            relay = relay.require_origin(origin);
        }
        Server {
            listener,
            tls: self.tls.map(TlsAcceptor::from),
            shared: Arc::new(Shared::new(relay, self.ping_interval)),
        }
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("limits", &self.limits)
            .field("tls", &self.tls.is_some())
            .field("required_origin", &self.required_origin)
            .field("ping_interval", &self.ping_interval)
            .finish()
    }
}

/// A service at work. Dropping it closes all tunnels and stops listening.
#[derive(Debug)]
#[must_use = "dropping it stops the service"]
pub struct ServerHandle {
    local_addr: SocketAddr,
    task: JoinHandle<()>,
}

impl ServerHandle {
    /// Where it listens.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_visitors_messages_do_not_wait_for_each_other() {
        let server = Server::builder().bind("127.0.0.1:0").await.unwrap();
        let visitor = TcpStream::connect(server.local_addr().unwrap());
        let (visitor, accepted) = tokio::join!(visitor, server.accept());
        let (stream, from) = accepted.unwrap();
        assert_eq!(from, visitor.unwrap().local_addr().unwrap());
        assert!(stream.nodelay().unwrap());
    }

    /// A socket of another kind refuses all options of TCP, as a sandbox does.
    #[cfg(unix)]
    #[tokio::test]
    async fn a_visitor_is_served_although_the_system_refuses_socket_options() {
        use std::os::fd::OwnedFd;
        use std::os::unix::net::UnixStream;

        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

        let server = Server::builder().bind("127.0.0.1:0").await.unwrap();
        let (near, far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        far.set_nonblocking(true).unwrap();
        let near = std::net::TcpStream::from(OwnedFd::from(near));
        let near = TcpStream::from_std(near).unwrap();
        near.set_nodelay(true).unwrap_err();
        configure(&near);
        let mut connections = JoinSet::new();
        server.admit(&mut connections, near, server.local_addr().unwrap());
        let mut far = tokio::net::UnixStream::from_std(far).unwrap();
        far.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        far.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_system_detects_a_lost_connection() {
        let server = Server::builder().bind("127.0.0.1:0").await.unwrap();
        let visitor = TcpStream::connect(server.local_addr().unwrap());
        let (_visitor, accepted) = tokio::join!(visitor, server.accept());
        let (stream, _) = accepted.unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(30));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(10));
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(60)));
    }
}
