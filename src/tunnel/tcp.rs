//! From a name to a TCP connection: DNS, then whichever address answers first.
//!
//! hyper-util's connector races the families: it begins with the family of the first
//! address, and with the other one after 300 ms [RFC 8305].

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tower_service::Service;

use super::party::Party;
use fido_hybrid_proto::error::{TunnelError, TunnelStep};
use fido_hybrid_proto::ports::BoxFuture;

/// Time for TCP, divided among the addresses of a name, so that one that is
/// dead does not use up the caller's 10 s.
const TCP_TIMEOUT: Duration = Duration::from_secs(8);

/// Addresses that the embedder gave for a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Override {
    /// There, with TLS for the name.
    Secure(SocketAddr),
    /// There, in clear; the builder lets only loopback addresses through.
    InClear(SocketAddr),
}

/// Asks the system; a value so that tests can have a system that fails.
pub(super) type Lookup =
    Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// Runs one step of opening a tunnel, until the deadline.
pub(super) async fn in_time<T>(
    deadline: Instant,
    step: TunnelStep,
    future: impl Future<Output = T>,
) -> Result<T, TunnelError> {
    timeout_at(deadline, future).await.map_err(|_| TunnelError::TimedOut(step))
}

/// Connects by TCP.
#[derive(Clone)]
pub(super) struct Tcp {
    overrides: Arc<HashMap<String, Override>>,
    lookup: Lookup,
}

impl Tcp {
    /// Asks the system for names that are not in `overrides`, which are in lower case.
    pub(super) fn new(overrides: HashMap<String, Override>) -> Self {
        let lookup: Lookup = Arc::new(|name| {
            Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
        });
        Self::with_lookup(overrides, lookup)
    }

    pub(super) fn with_lookup(overrides: HashMap<String, Override>, lookup: Lookup) -> Self {
        Self { overrides: Arc::new(overrides), lookup }
    }

    /// The address that the embedder gave for this name.
    pub(super) fn overridden(&self, host: &str) -> Option<Override> {
        self.overrides.get(host).copied()
    }

    /// `host` is a name in lower case or an IP address, IPv6 without brackets.
    pub(super) async fn connect(
        &self,
        host: &str,
        port: u16,
        party: Party,
        deadline: Instant,
    ) -> Result<TcpStream, TunnelError> {
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        // A port in the URI would win over that of the override. The scheme
        // only stands for a default port here: it is set in either case.
        let uri = match self.overridden(host) {
            Some(_) => format!("https://{bracketed}/"),
            None => format!("https://{bracketed}:{port}/"),
        };
        let uri: Uri = uri.parse().map_err(|error| party.dns(Arc::new(error)))?;
        let (overrides, lookup) = (Arc::clone(&self.overrides), Arc::clone(&self.lookup));
        let names = Names { overrides, lookup, deadline };
        let mut connector = HttpConnector::new_with_resolver(names);
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(TCP_TIMEOUT));
        let ready = std::future::poll_fn(|context| connector.poll_ready(context)).await;
        ready.map_err(|error| tcp_error(error, party))?;
        let connected = in_time(deadline, party.tcp_step(), connector.call(uri)).await?;
        let stream = connected.map_err(|error| tcp_error(error, party))?.into_inner();
        tracing::debug!(to = party.name(), "connected");
        Ok(stream)
    }
}

/// DNS, after the overrides.
#[derive(Clone)]
struct Names {
    overrides: Arc<HashMap<String, Override>>,
    lookup: Lookup,
    deadline: Instant,
}

/// Marks a failure as one of names, below the connector's own error.
#[derive(Debug, thiserror::Error)]
enum NoAddress {
    #[error("the name has no address")]
    Failed(#[source] Option<io::Error>),
    #[error("the DNS lookup timed out")]
    TimedOut,
}

impl Service<Name> for Names {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = NoAddress;
    type Future = BoxFuture<'static, Result<Self::Response, NoAddress>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NoAddress>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        if let Some(Override::Secure(address) | Override::InClear(address)) =
            self.overrides.get(name.as_str())
        {
            let addresses = vec![*address].into_iter();
            return Box::pin(async { Ok(addresses) });
        }
        let lookup = timeout_at(self.deadline, (self.lookup)(name.as_str().to_owned()));
        Box::pin(async {
            let addresses = lookup.await.map_err(|_| NoAddress::TimedOut)?;
            let addresses = addresses.map_err(|error| NoAddress::Failed(Some(error)))?;
            if addresses.is_empty() {
                return Err(NoAddress::Failed(None));
            }
            Ok(addresses.into_iter())
        })
    }
}

fn tcp_error(error: impl std::error::Error + Send + Sync + 'static, party: Party) -> TunnelError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        match error.downcast_ref::<NoAddress>() {
            Some(NoAddress::TimedOut) => return TunnelError::TimedOut(party.dns_step()),
            Some(NoAddress::Failed(_)) => return party.dns(Arc::new(error_of(error))),
            None => {}
        }
        cause = error.source();
    }
    party.tcp(Arc::new(error))
}

/// The system's own error, where it gave one; it says more than the layers
/// above it and cannot be moved out of them.
fn error_of(error: &(dyn std::error::Error + 'static)) -> io::Error {
    match error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
        Some(source) => io::Error::new(source.kind(), source.to_string()),
        None => io::Error::new(io::ErrorKind::NotFound, "the name has no address"),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};
    use tokio::task::JoinHandle;

    use super::*;

    const HOST: &str = "cable.ua5v.com";

    fn tcp(lookup: Lookup) -> Tcp {
        Tcp::with_lookup(HashMap::new(), lookup)
    }

    fn deadline() -> Instant {
        Instant::now() + Duration::from_secs(9)
    }

    async fn connect(tcp: &Tcp, port: u16) -> Result<TcpStream, TunnelError> {
        tcp.connect(HOST, port, Party::Service, deadline()).await
    }

    #[tokio::test]
    async fn a_name_that_does_not_resolve_is_a_dns_error() {
        let failing = tcp(Arc::new(|_| {
            Box::pin(async { Err(io::Error::new(io::ErrorKind::TimedOut, "no answer")) })
        }));
        match connect(&failing, 443).await {
            Err(TunnelError::Dns(source)) => assert_eq!(source.to_string(), "no answer"),
            other => panic!("{:?}", other.err()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lookup_without_an_answer_is_a_timeout_of_dns() {
        let silent = tcp(Arc::new(|_| Box::pin(std::future::pending())));
        let began = Instant::now();
        let error = connect(&silent, 443).await.err();
        assert!(matches!(error, Some(TunnelError::TimedOut(TunnelStep::Dns))), "{error:?}");
        assert_eq!(began.elapsed(), Duration::from_secs(9));
        let error = silent.connect(HOST, 3128, Party::Proxy, deadline()).await.err();
        assert!(matches!(error, Some(TunnelError::TimedOut(TunnelStep::ProxyDns))), "{error:?}");
    }

    #[tokio::test]
    async fn a_name_without_addresses_is_a_dns_error() {
        let empty = tcp(Arc::new(|_| Box::pin(async { Ok(Vec::new()) })));
        let error = connect(&empty, 443).await.err();
        assert!(matches!(error, Some(TunnelError::Dns(_))), "{error:?}");
    }

    /// Listens at one port of both families; the family named last answers nothing.
    async fn both_families(silent: &str) -> (TcpListener, Silent, u16) {
        let answering = if silent == "::1" { "127.0.0.1" } else { "::1" };
        loop {
            let listener = TcpListener::bind((answering, 0)).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            if let Some(silent) = Silent::at(SocketAddr::new(silent.parse().unwrap(), port)).await {
                return (listener, silent, port);
            }
        }
    }

    /// A listener whose queue is full: the system leaves further connections unanswered.
    struct Silent {
        _listener: TcpListener,
        _waiting: Vec<JoinHandle<()>>,
    }

    impl Silent {
        async fn at(address: SocketAddr) -> Option<Self> {
            let socket = match address {
                SocketAddr::V4(_) => TcpSocket::new_v4().unwrap(),
                SocketAddr::V6(_) => TcpSocket::new_v6().unwrap(),
            };
            socket.bind(address).ok()?;
            let listener = socket.listen(1).unwrap();
            let fill = |_| {
                tokio::spawn(async move {
                    let _open = TcpStream::connect(address).await;
                    std::future::pending::<()>().await;
                })
            };
            let waiting = (0..8).map(fill).collect();
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            Some(Self { _listener: listener, _waiting: waiting })
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test(start_paused = true)]
    async fn a_family_that_does_not_answer_costs_300_milliseconds() {
        if TcpListener::bind("[::1]:0").await.is_err() {
            return;
        }
        for silent in ["::1", "127.0.0.1"] {
            let (listener, _silent, port) = both_families(silent).await;
            let answering = listener.local_addr().unwrap().ip();
            let addresses = [silent.parse().unwrap(), answering];
            let addresses = addresses.map(|address| SocketAddr::new(address, 0)).to_vec();
            let tcp = tcp(Arc::new(move |_| {
                let addresses = addresses.clone();
                Box::pin(async { Ok(addresses) })
            }));
            let began = Instant::now();
            let stream = connect(&tcp, port).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap().ip(), answering);
            assert_eq!(began.elapsed().as_millis() / 10, 30, "{silent}");
        }
    }

    #[tokio::test]
    async fn the_system_is_asked_for_the_bare_name_and_the_port_is_the_urls() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = listener.local_addr().unwrap();
        let tcp = tcp(Arc::new(move |name| {
            assert_eq!(name, HOST);
            Box::pin(async { Ok(vec!["127.0.0.1:0".parse().unwrap()]) })
        }));
        let (stream, accepted) = tokio::join!(connect(&tcp, there.port()), listener.accept());
        assert!(stream.unwrap().nodelay().unwrap());
        accepted.unwrap();
    }
}
