//! A certificate for the tests' services, and dialers that trust it.

use std::net::SocketAddr;
use std::sync::Arc;

use fido_hybrid::transport::{RoutingId, TunnelDomain, TunnelId, TunnelUrl};
use fido_hybrid::tunnel::{OpenedTunnel, TunnelDialer, WebSocketDialer, WebSocketDialerBuilder};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub const TUNNEL: TunnelId = TunnelId([0xab; 16]);

pub fn domain() -> String {
    TunnelDomain::GOOGLE.host()
}

/// A certificate for these names, as a root and as a server's configuration.
pub fn certificate(names: &[&str]) -> (CertificateDer<'static>, Arc<ServerConfig>) {
    certificate_between(names, 1975, 4096)
}

/// The same, valid from the first day of one year to that of another.
pub fn certificate_between(
    names: &[&str],
    from: i32,
    until: i32,
) -> (CertificateDer<'static>, Arc<ServerConfig>) {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = rcgen::CertificateParams::new(names).unwrap();
    parameters.not_before = rcgen::date_time_ymd(from, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(until, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let root = parameters.self_signed(&key).unwrap().der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![root.clone()], key)
        .unwrap();
    (root, Arc::new(config))
}

/// Settings that lead Google's domain to this address, with TLS.
pub fn secure(root: &CertificateDer<'static>, address: SocketAddr) -> WebSocketDialerBuilder {
    WebSocketDialer::builder().extra_roots([root.clone()]).resolve(&domain(), address)
}

pub fn phone_url(tunnel: TunnelId) -> TunnelUrl {
    TunnelUrl::new_tunnel(TunnelDomain::GOOGLE, tunnel)
}

pub fn client_url(routing: RoutingId, tunnel: TunnelId) -> TunnelUrl {
    TunnelUrl::connect(TunnelDomain::GOOGLE, routing, tunnel)
}

pub async fn pair(dialer: &WebSocketDialer) -> (OpenedTunnel, OpenedTunnel) {
    let phone = dialer.dial(phone_url(TUNNEL).into()).await.unwrap();
    let routing = phone.routing_id.unwrap();
    let client = dialer.dial(client_url(routing, TUNNEL).into()).await.unwrap();
    (phone, client)
}
