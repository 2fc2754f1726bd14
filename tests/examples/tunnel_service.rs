//! A tunnel service on loopback, as the programs' flags want it.

use std::net::SocketAddr;
use std::sync::Arc;

use fido_hybrid::transport::TunnelDomain;
use fido_hybrid_relay::{Server, ServerHandle};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::runtime::Runtime;

use crate::pem::pem;
use crate::programs::Scratch;

/// Dropping it stops the service.
pub(crate) struct TunnelService {
    address: SocketAddr,
    ca: String,
    _running: ServerHandle,
    _runtime: Runtime,
}

impl TunnelService {
    /// One that answers for both assigned names.
    pub(crate) fn start(scratch: &Scratch) -> Self {
        Self::start_between(scratch, 1975, 4096)
    }

    /// The same, with a certificate that is valid from the first day of one year
    /// to that of another.
    pub(crate) fn start_between(scratch: &Scratch, from: i32, until: i32) -> Self {
        let names = [TunnelDomain::GOOGLE.host(), TunnelDomain::APPLE.host()];
        let mut parameters = rcgen::CertificateParams::new(names).unwrap();
        parameters.not_before = rcgen::date_time_ymd(from, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let ca = scratch.write("ca.pem", pem("CERTIFICATE", certificate.der()));
        let runtime = Runtime::new().unwrap();
        let (address, running) = runtime.block_on(async {
            let server = Server::builder().tls(Arc::new(tls)).bind("127.0.0.1:0").await.unwrap();
            (server.local_addr().unwrap(), server.start().unwrap())
        });
        Self { address, ca, _running: running, _runtime: runtime }
    }

    /// What leads a program here.
    pub(crate) fn arguments(&self) -> [String; 4] {
        ["--tunnel-address".into(), self.address.to_string(), "--ca".into(), self.ca.clone()]
    }
}
