//! [`WebSocketDialer`]: reaches tunnel services over the Internet.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
#[cfg(feature = "tls-aws-lc-rs")]
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;

use super::connect::Connector;
use super::early::Early;
use super::opener::{MAX_REDIRECTS, Opener};
use super::options::TunnelOptions;
use super::own_stream::StreamConnector;
use super::proxy::Proxy;
use super::tcp::{Override, Tcp};
use super::upgrade::Target;
use super::{EarlyConnections, OpenedTunnel, TunnelDialer};
use fido_hybrid_proto::error::{ApiMisuse, Error, TunnelError};
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_proto::transport::{TunnelDomain, TunnelRequest};

/// How long opening a tunnel takes by default. A second less than the default
/// deadlines of both roles, so that the error names the step.
pub const DEFAULT_DIAL_TIMEOUT: Duration = Duration::from_secs(9);

/// The one protocol offered by ALPN: an upgrade to a WebSocket is HTTP/1.1
/// [RFC 7301 §6].
const HTTP_1_1: &[u8] = b"http/1.1";

/// Dials tunnel services: TCP to whichever address answers first, TLS, and a
/// WebSocket with the subprotocol and headers of the transport.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use fido_hybrid::tunnel::WebSocketDialer;
///
/// let dialer = WebSocketDialer::builder().keep_alive(None).build()?;
/// # let _ = dialer;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct WebSocketDialer {
    pub(super) opener: Opener,
}

impl WebSocketDialer {
    /// A dialer that trusts what the system trusts, with the default settings.
    ///
    /// It exists with the feature `tls-aws-lc-rs` alone, so that a missing TLS provider
    /// is found when a program is built.
    ///
    /// # Errors
    /// [`TunnelError::Roots`] if the system has no trusted certificates.
    #[cfg(feature = "tls-aws-lc-rs")]
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// A dialer that trusts what the system trusts.
    pub fn builder() -> WebSocketDialerBuilder {
        WebSocketDialerBuilder {
            extra_roots: Vec::new(),
            tls: None,
            overrides: HashMap::new(),
            proxy: None,
            own: None,
            options: TunnelOptions::default(),
            timeout: DEFAULT_DIAL_TIMEOUT,
        }
    }
}

impl TunnelDialer for WebSocketDialer {
    fn dial(&self, request: TunnelRequest) -> BoxFuture<'_, Result<OpenedTunnel, TunnelError>> {
        Box::pin(async move {
            let target = Target::from(&request.url);
            let (dials, deadline) = (1 + MAX_REDIRECTS, self.opener.deadline());
            self.opener.open(target, &request.headers, dials, deadline).await
        })
    }

    fn connect_early(&self, services: &[TunnelDomain]) -> Option<Box<dyn EarlyConnections>> {
        Some(Box::new(Early::new(self.opener.clone(), services)))
    }
}

impl fmt::Debug for WebSocketDialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketDialer")
            .field("options", &self.opener.options)
            .field("timeout", &self.opener.timeout)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`WebSocketDialer`].
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use fido_hybrid::tunnel::WebSocketDialer;
///
/// let dialer = WebSocketDialer::builder()
///     .keep_alive(Some(Duration::from_secs(20))) // a proxy closes connections that are silent for 30 s
///     .timeout(Duration::from_secs(10))
///     .build()?;
/// # let _ = dialer;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct WebSocketDialerBuilder {
    extra_roots: Vec<CertificateDer<'static>>,
    tls: Option<Arc<ClientConfig>>,
    overrides: HashMap<String, Override>,
    proxy: Option<Proxy>,
    own: Option<Arc<dyn StreamConnector>>,
    options: TunnelOptions,
    timeout: Duration,
}

impl WebSocketDialerBuilder {
    /// Trusts these authorities as well as the system's. Not on Android, where
    /// the system alone decides.
    pub fn extra_roots(mut self, roots: impl IntoIterator<Item = CertificateDer<'static>>) -> Self {
        self.extra_roots.extend(roots);
        self
    }

    /// Takes this TLS configuration as it is, in place of the system's trust
    /// and of [`Self::extra_roots`].
    ///
    /// Its `alpn_protocols` should be `http/1.1` alone, as [`Self::build`] offers
    /// without a configuration of the caller's, and browsers for `wss`. If it
    /// offers nothing, proxies that inspect TLS may choose HTTP/2 and then
    /// answer the upgrade with a 400. It must not offer another protocol.
    pub fn tls_config(mut self, config: Arc<ClientConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Goes through this proxy; `None`: connects directly, which is the default. The
    /// environment is read only by [`Proxy::from_environment`].
    pub fn proxy(mut self, proxy: impl Into<Option<Proxy>>) -> Self {
        self.proxy = proxy.into();
        self
    }

    /// Makes connections by this in place of DNS and TCP. With a proxy, it connects to
    /// the proxy.
    pub fn connector(mut self, connector: impl StreamConnector + 'static) -> Self {
        self.own = Some(Arc::new(connector));
        self
    }

    /// Connects to this address, port included, when `domain` is dialled, as
    /// curl's `--resolve` does. The certificate, `Host` and `Origin` are still
    /// those of the domain. The last address given for a domain counts. A proxy is
    /// asked for this address, and its own name can be given an address too.
    pub fn resolve(mut self, domain: &str, address: SocketAddr) -> Self {
        self.overrides.insert(domain.to_ascii_lowercase(), Override::Secure(address));
        self
    }

    /// Connects to this address *without TLS* when `domain` is dialled: for a
    /// tunnel service in the same test or bench, on the same machine. Never through a
    /// proxy.
    /// [`Self::build`] refuses addresses that are not loopback.
    pub fn resolve_without_tls(mut self, domain: &str, address: SocketAddr) -> Self {
        self.overrides.insert(domain.to_ascii_lowercase(), Override::InClear(address));
        self
    }

    /// The longest message taken or sent, in bytes. Checked before a longer
    /// one is buffered. A message may have one fragment for each KiB of this
    /// size, and 1,024 if that is more; one more ends the tunnel with
    /// [`TunnelError::Flooded`].
    pub const fn max_message_size(mut self, bytes: usize) -> Self {
        self.options.max_message_size = bytes;
        self
    }

    /// How long a tunnel is silent before it pings the service;
    /// [`DEFAULT_KEEP_ALIVE`](super::DEFAULT_KEEP_ALIVE) by default, at least
    /// [`MIN_KEEP_ALIVE`](super::MIN_KEEP_ALIVE). `None`: it never pings.
    ///
    /// Without pings, proxies and routers on the way close a tunnel while a
    /// person looks for the phone. Pings that go unanswered for two intervals end
    /// a tunnel with [`TunnelError::Unresponsive`], but only if the service has
    /// answered one on the same tunnel before.
    pub const fn keep_alive(mut self, interval: Option<Duration>) -> Self {
        self.options.keep_alive = interval;
        self
    }

    /// How long opening a tunnel may take, redirects included;
    /// [`DEFAULT_DIAL_TIMEOUT`] by default. It ends with
    /// [`TunnelError::TimedOut`], which names the step. The deadline of the
    /// client or authenticator does not: keep this one shorter.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Reads the system's trusted certificates, on some systems from disk.
    ///
    /// # Errors
    /// [`TunnelError::Roots`]; [`ApiMisuse`] for settings that exclude each other.
    pub fn build(self) -> Result<WebSocketDialer, Error> {
        for address in self.overrides.values() {
            if matches!(address, Override::InClear(address) if !address.ip().is_loopback()) {
                return Err(ApiMisuse::NotLoopback.into());
            }
        }
        let tls = match self.tls {
            Some(_) if !self.extra_roots.is_empty() => {
                return Err(ApiMisuse::RootsAndTlsConfig.into());
            }
            Some(config) => config,
            None => system_trust(self.extra_roots)?,
        };
        if tls.alpn_protocols.iter().any(|protocol| protocol != HTTP_1_1) {
            return Err(ApiMisuse::Alpn.into());
        }
        let connector = Connector::new(Tcp::new(self.overrides), self.own, tls, self.proxy);
        let (options, timeout) = (self.options, self.timeout);
        Ok(WebSocketDialer { opener: Opener { connector, options, timeout } })
    }
}

impl fmt::Debug for WebSocketDialerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketDialerBuilder")
            .field("extra_roots", &self.extra_roots.len())
            .field("tls", &self.tls.is_some())
            .field("overrides", &self.overrides)
            .field("proxy", &self.proxy)
            .field("own_connector", &self.own.is_some())
            .field("options", &self.options)
            .field("timeout", &self.timeout)
            .finish()
    }
}

#[cfg(not(feature = "tls-aws-lc-rs"))]
fn system_trust(_: Vec<CertificateDer<'static>>) -> Result<Arc<ClientConfig>, Error> {
    Err(ApiMisuse::NoTlsProvider.into())
}

/// Names its provider: rustls's process-wide default belongs to the program.
#[cfg(feature = "tls-aws-lc-rs")]
fn system_trust(roots: Vec<CertificateDer<'static>>) -> Result<Arc<ClientConfig>, Error> {
    let failed = |error: rustls::Error| {
        Error::new(fido_hybrid_proto::error::Stage::Preparing, TunnelError::Roots(Arc::new(error)))
    };

    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = verifier(roots, Arc::clone(&provider)).map_err(failed)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // A resumed session would tell the service that two ceremonies are one
    // machine's.
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    Ok(Arc::new(config))
}

#[cfg(all(feature = "tls-aws-lc-rs", not(target_os = "android")))]
fn verifier(
    roots: Vec<CertificateDer<'static>>,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<rustls_platform_verifier::Verifier, rustls::Error> {
    rustls_platform_verifier::Verifier::new_with_extra_roots(roots, provider)
}

#[cfg(all(feature = "tls-aws-lc-rs", target_os = "android"))]
fn verifier(
    roots: Vec<CertificateDer<'static>>,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<rustls_platform_verifier::Verifier, rustls::Error> {
    if !roots.is_empty() {
        return Err(rustls::Error::General("extra roots are not possible on Android".to_owned()));
    }
    rustls_platform_verifier::Verifier::new(provider)
}
