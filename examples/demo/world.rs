//! What lies between desktop and phone: the air, which is simulated, and a
//! tunnel service, which is real and listens on loopback.

use std::sync::Arc;

use fido_hybrid::transport::TunnelDomain;
use fido_hybrid::tunnel::WebSocketDialer;
use fido_hybrid_relay::{Server, ServerHandle};
use fido_hybrid_sim::Air;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use super::Result;

pub(crate) struct World {
    pub(crate) air: Air,
    pub(crate) tunnel: WebSocketDialer,
    pub(crate) domain: TunnelDomain,
    /// Dropping it stops the service.
    _service: ServerHandle,
}

impl World {
    pub(crate) async fn new() -> Result<Self> {
        // The phone says in its advert which service it waits at; both sides
        // look the name up, and find it on this machine.
        let domain = TunnelDomain::GOOGLE;
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec![domain.host()])?;
        let key = PrivateKeyDer::try_from(signing_key.serialize_der())?;
        // The provider is named here rather than installed for the process:
        // that is the business of the program, never of a library.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)?;

        let service = Server::builder().tls(Arc::new(tls)).bind("127.0.0.1:0").await?;
        let address = service.local_addr()?;
        let tunnel = WebSocketDialer::builder()
            .extra_roots([cert.der().clone()])
            .resolve(&domain.host(), address)
            .build()?;
        Ok(Self { air: Air::new(), tunnel, domain, _service: service.start()? })
    }
}
