//! From a name to a secure connection: DNS, TCP, TLS, each with its own error.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use super::upgrade::Target;
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
type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// Runs one step of opening a tunnel, until the deadline.
pub(super) async fn in_time<T>(
    deadline: Instant,
    step: TunnelStep,
    future: impl Future<Output = T>,
) -> Result<T, TunnelError> {
    timeout_at(deadline, future).await.map_err(|_| TunnelError::TimedOut(step))
}

/// A connection to a tunnel service.
pub(super) enum Link {
    Secure(Box<TlsStream<TcpStream>>),
    InClear(TcpStream),
}

/// Connects to tunnel services.
#[derive(Clone)]
pub(super) struct Connector {
    overrides: Arc<HashMap<String, Override>>,
    lookup: Lookup,
    tls: TlsConnector,
}

impl Connector {
    /// Names in `overrides` are in lower case.
    pub(super) fn new(overrides: HashMap<String, Override>, tls: Arc<ClientConfig>) -> Self {
        let lookup: Lookup = Arc::new(|name| {
            Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
        });
        Self { overrides: Arc::new(overrides), lookup, tls: tls.into() }
    }

    pub(super) async fn connect(
        &self,
        target: &Target,
        deadline: Instant,
    ) -> Result<Link, TunnelError> {
        let stream = self.tcp(target, deadline).await?;
        tracing::debug!("connected to the tunnel service");
        if let Some(Override::InClear(_)) = self.overrides.get(&target.host) {
            return Ok(Link::InClear(stream));
        }
        let name = ServerName::try_from(target.host.clone())
            .map_err(|error| TunnelError::Dns(Arc::new(error)))?;
        let secured = in_time(deadline, TunnelStep::Tls, self.tls.connect(name, stream)).await?;
        let stream = secured.map_err(tls_error)?;
        tracing::debug!("secured the connection to the tunnel service");
        Ok(Link::Secure(Box::new(stream)))
    }

    async fn tcp(&self, target: &Target, deadline: Instant) -> Result<TcpStream, TunnelError> {
        // A port in the URI would win over that of the override. The scheme
        // only stands for a default port here: it is set in either case.
        let uri = match self.overrides.get(&target.host) {
            Some(_) => format!("https://{}/", target.host),
            None => format!("https://{}:{}/", target.host, target.port),
        };
        let uri: Uri = uri.parse().map_err(|error| TunnelError::Dns(Arc::new(error)))?;
        let (overrides, lookup) = (Arc::clone(&self.overrides), Arc::clone(&self.lookup));
        let names = Names { overrides, lookup, deadline };
        let mut connector = HttpConnector::new_with_resolver(names);
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(TCP_TIMEOUT));
        std::future::poll_fn(|context| connector.poll_ready(context)).await.map_err(tcp_error)?;
        let connected = in_time(deadline, TunnelStep::Tcp, connector.call(uri)).await?;
        Ok(connected.map_err(tcp_error)?.into_inner())
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

fn tcp_error(error: impl std::error::Error + Send + Sync + 'static) -> TunnelError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        match error.downcast_ref::<NoAddress>() {
            Some(NoAddress::TimedOut) => return TunnelError::TimedOut(TunnelStep::Dns),
            Some(NoAddress::Failed(_)) => return TunnelError::Dns(Arc::new(error_of(error))),
            None => {}
        }
        cause = error.source();
    }
    TunnelError::Tcp(Arc::new(error))
}

/// The system's own error, where it gave one; it says more than the layers
/// above it and cannot be moved out of them.
fn error_of(error: &(dyn std::error::Error + 'static)) -> io::Error {
    match error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
        Some(source) => io::Error::new(source.kind(), source.to_string()),
        None => io::Error::new(io::ErrorKind::NotFound, "the name has no address"),
    }
}

/// Everything that goes wrong in this step, also a connection reset: boxes
/// that meddle with TLS do that.
fn tls_error(error: io::Error) -> TunnelError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(rustls::Error::InvalidCertificate(invalid)) = inner {
        match invalid {
            // The names in a certificate are text from the other side.
            CertificateError::NotValidForNameContext { .. } => {
                let without_names = CertificateError::NotValidForName.into();
                return TunnelError::Tls(Arc::<rustls::Error>::new(without_names));
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => {
                return TunnelError::CertificateDate(Arc::new(error));
            }
            _ => {}
        }
    }
    TunnelError::Tls(Arc::new(error))
}

#[cfg(feature = "tls-aws-lc-rs")]
#[cfg(test)]
mod tests {
    use super::*;
    use fido_hybrid_proto::transport::{TunnelDomain, TunnelId, TunnelUrl};
    use rustls::RootCertStore;

    fn connector(lookup: Lookup) -> Connector {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        Connector { overrides: Arc::default(), lookup, tls: Arc::new(tls).into() }
    }

    fn deadline() -> Instant {
        Instant::now() + Duration::from_secs(9)
    }

    fn target() -> Target {
        Target::from(&TunnelUrl::new_tunnel(TunnelDomain::GOOGLE, TunnelId([0; 16])))
    }

    #[tokio::test]
    async fn a_name_that_does_not_resolve_is_a_dns_error() {
        let failing = connector(Arc::new(|_| {
            Box::pin(async { Err(io::Error::new(io::ErrorKind::TimedOut, "no answer")) })
        }));
        match failing.connect(&target(), deadline()).await {
            Err(TunnelError::Dns(source)) => assert_eq!(source.to_string(), "no answer"),
            other => panic!("{:?}", other.err()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lookup_without_an_answer_is_a_timeout_of_dns() {
        let silent = connector(Arc::new(|_| Box::pin(std::future::pending())));
        let (began, deadline) = (Instant::now(), deadline());
        let error = silent.connect(&target(), deadline).await.err();
        assert!(matches!(error, Some(TunnelError::TimedOut(TunnelStep::Dns))), "{error:?}");
        assert_eq!(began.elapsed(), Duration::from_secs(9));
    }

    #[tokio::test]
    async fn a_name_without_addresses_is_a_dns_error() {
        let empty = connector(Arc::new(|_| Box::pin(async { Ok(Vec::new()) })));
        let error = empty.connect(&target(), deadline()).await.err();
        assert!(matches!(error, Some(TunnelError::Dns(_))), "{error:?}");
    }

    #[tokio::test]
    async fn the_system_is_asked_for_the_bare_name_and_the_port_is_the_urls() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = listener.local_addr().unwrap();
        let connector = connector(Arc::new(move |name| {
            assert_eq!(name, "cable.ua5v.com");
            Box::pin(async { Ok(vec!["127.0.0.1:0".parse().unwrap()]) })
        }));
        let mut target = target();
        target.port = there.port();
        let (stream, accepted) =
            tokio::join!(connector.tcp(&target, deadline()), listener.accept());
        assert!(stream.unwrap().nodelay().unwrap());
        accepted.unwrap();
    }
}
