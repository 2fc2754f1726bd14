//! From a tunnel service's name to a secure connection: TCP, or through a proxy, then
//! TLS. Each step has its own error.

use std::sync::Arc;
use std::time::SystemTime;

use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use super::device_clock;
use super::own_stream::StreamConnector;
use super::party::Party;
use super::proxy::http_connect::{Attempt, HttpConnect};
use super::proxy::{Destination, Proxy, ProxyScheme, socks};
use super::stream::BoxedStream;
use super::tcp::{Override, Tcp, in_time};
use super::tls::secure;
use super::upgrade::Target;
use fido_hybrid_proto::error::{Source, TunnelError, TunnelStep};

/// Connects to tunnel services.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: Tcp,
    /// Takes the place of `tcp`.
    own: Option<Arc<dyn StreamConnector>>,
    tls: Arc<ClientConfig>,
    proxy: Option<Arc<Proxy>>,
}

impl Connector {
    pub(super) fn new(
        tcp: Tcp,
        own: Option<Arc<dyn StreamConnector>>,
        tls: Arc<ClientConfig>,
        proxy: Option<Proxy>,
    ) -> Self {
        Self { tcp, own, tls, proxy: proxy.map(Arc::new) }
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
        match secure(&self.tls, stream, &target.host, Party::Service, deadline).await {
            Err(TunnelError::CertificateDate(source)) => {
                let deadline = deadline.min(Instant::now() + device_clock::TIMEOUT);
                let asked = timeout_at(deadline, self.ask_time(target, &source, deadline)).await;
                Err(device_clock::judged(source, asked.ok().flatten(), SystemTime::now()))
            }
            secured => secured,
        }
    }

    /// The time of a service whose certificate is not valid at this device's time.
    async fn ask_time(
        &self,
        target: &Target,
        error: &Source,
        deadline: Instant,
    ) -> Option<SystemTime> {
        let tls = device_clock::at_a_valid_time(&self.tls, error)?;
        let stream = self.reach(target, deadline).await.ok()?;
        let stream = secure(&tls, stream, &target.host, Party::Service, deadline).await.ok()?;
        device_clock::ask(stream, &target.host).await
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
        self.first_hop(&target.host, target.port, Party::Service, deadline).await
    }

    /// A connection to the proxy itself.
    async fn to_proxy(&self, proxy: &Proxy, deadline: Instant) -> Result<BoxedStream, TunnelError> {
        let (host, port) = proxy.host_and_port();
        let stream = self.first_hop(host, port, Party::Proxy, deadline).await?;
        match proxy.scheme() {
            ProxyScheme::Http | ProxyScheme::Socks5 => Ok(stream),
            ProxyScheme::Https => secure(&self.tls, stream, host, Party::Proxy, deadline).await,
        }
    }

    /// The connection from this device, by TCP or by the program's own means.
    async fn first_hop(
        &self,
        host: &str,
        port: u16,
        party: Party,
        deadline: Instant,
    ) -> Result<BoxedStream, TunnelError> {
        let Some(own) = &self.own else {
            return Ok(Box::new(self.tcp.connect(host, port, party, deadline).await?));
        };
        let (host, port) = match self.tcp.overridden(host) {
            None => (host.to_owned(), port),
            Some(Override::Secure(address) | Override::InClear(address)) => {
                (address.ip().to_string(), address.port())
            }
        };
        let connected = in_time(deadline, party.tcp_step(), own.connect(&host, port)).await?;
        connected.map_err(|error| party.tcp(Arc::new(error)))
    }
}
