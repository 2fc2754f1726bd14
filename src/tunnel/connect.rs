//! From a tunnel service's name to a secure connection: TCP, or through a proxy, then
//! TLS. Each step has its own error.

use std::sync::Arc;

use rustls::ClientConfig;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::party::Party;
use super::proxy::http_connect::{Attempt, HttpConnect};
use super::proxy::{Destination, Proxy, ProxyScheme, socks};
use super::stream::BoxedStream;
use super::tcp::{Override, Tcp, in_time};
use super::tls::secure;
use super::upgrade::Target;
use fido_hybrid_proto::error::{TunnelError, TunnelStep};

/// Connects to tunnel services.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: Tcp,
    tls: TlsConnector,
    proxy: Option<Arc<Proxy>>,
}

impl Connector {
    pub(super) fn new(tcp: Tcp, tls: Arc<ClientConfig>, proxy: Option<Proxy>) -> Self {
        Self { tcp, tls: tls.into(), proxy: proxy.map(Arc::new) }
    }

    /// A connection on which the tunnel service's HTTP can be spoken.
    pub(super) async fn connect(
        &self,
        target: &Target,
        deadline: Instant,
    ) -> Result<BoxedStream, TunnelError> {
        let stream = self.reach(target, deadline).await?;
        if let Some(Override::InClear(_)) = self.tcp.overridden(&target.host) {
            return Ok(stream);
        }
        secure(&self.tls, stream, &target.host, Party::Service, deadline).await
    }

    /// A connection to the tunnel service, directly or through the proxy.
    async fn reach(&self, target: &Target, deadline: Instant) -> Result<BoxedStream, TunnelError> {
        let destination = match self.tcp.overridden(&target.host) {
            None => Destination::Name(target.host.clone(), target.port),
            Some(Override::Secure(address)) => Destination::Address(address),
            Some(Override::InClear(_)) => return self.direct(target, deadline).await,
        };
        let proxy = self.proxy.as_ref().filter(|proxy| {
            !proxy.is_bypassed(&target.host, target.port) && !destination.is_bypassed(proxy)
        });
        let Some(proxy) = proxy else { return self.direct(target, deadline).await };
        match proxy.scheme() {
            ProxyScheme::Http | ProxyScheme::Https => {
                let mut requests = HttpConnect::new(proxy, &destination);
                loop {
                    let stream = self.to_proxy(proxy, deadline).await?;
                    let attempt = in_time(deadline, TunnelStep::Proxy, requests.over(stream));
                    if let Attempt::Open(stream) = attempt.await?? {
                        return Ok(stream);
                    }
                }
            }
            ProxyScheme::Socks5 => {
                let stream = self.to_proxy(proxy, deadline).await?;
                let connected = socks::connect(stream, proxy.given_credentials(), &destination);
                Ok(in_time(deadline, TunnelStep::Proxy, connected).await??)
            }
        }
    }

    async fn direct(&self, target: &Target, deadline: Instant) -> Result<BoxedStream, TunnelError> {
        let stream = self.tcp.connect(&target.host, target.port, Party::Service, deadline).await?;
        Ok(Box::new(stream))
    }

    /// A connection to the proxy itself.
    async fn to_proxy(&self, proxy: &Proxy, deadline: Instant) -> Result<BoxedStream, TunnelError> {
        let (host, port) = proxy.host_and_port();
        let stream = self.tcp.connect(host, port, Party::Proxy, deadline).await?;
        match proxy.scheme() {
            ProxyScheme::Http | ProxyScheme::Socks5 => Ok(Box::new(stream)),
            ProxyScheme::Https => {
                secure(&self.tls, Box::new(stream), host, Party::Proxy, deadline).await
            }
        }
    }
}
