//! A tunnel service on loopback, and dialers that go to it through a proxy.

use std::net::{Ipv4Addr, SocketAddr};

use fido_hybrid::error::{Error, ProxyError, Stage, TunnelError};
use fido_hybrid::tunnel::{
    OpenedTunnel, Proxy, TunnelDialer as _, WebSocketDialer, WebSocketDialerBuilder,
};
use fido_hybrid_relay::{Server, ServerHandle};
use fido_hybrid_testkit::services::{TUNNEL, certificate, domain, pair, phone_url};
use rustls::pki_types::CertificateDer;
use tokio::net::TcpSocket;

/// Our tunnel service, with TLS.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    pub(crate) root: CertificateDer<'static>,
    _running: ServerHandle,
}

impl Service {
    pub(crate) async fn start() -> Self {
        let (root, config) = certificate(&[&domain()]);
        let server = Server::builder().tls(config).bind("127.0.0.1:0").await.unwrap();
        let running = server.start().unwrap();
        Self { address: running.local_addr(), root, _running: running }
    }

    /// Leads to this service, which the proxy is asked for by its address.
    pub(crate) fn dialer(&self) -> WebSocketDialerBuilder {
        let builder = WebSocketDialer::builder().extra_roots([self.root.clone()]);
        builder.resolve(&domain(), self.address)
    }

    pub(crate) fn through(&self, proxy: Proxy) -> WebSocketDialer {
        self.dialer().proxy(proxy).build().unwrap()
    }
}

pub(crate) async fn dial(dialer: &WebSocketDialer) -> Result<OpenedTunnel, TunnelError> {
    dialer.dial(phone_url(TUNNEL).into()).await
}

/// Opens both ends of a tunnel and sends a message each way.
pub(crate) async fn carries_messages(dialer: &WebSocketDialer) {
    let (mut phone, mut client) = pair(dialer).await;
    for message in [vec![1; 1], vec![2; 70_000]] {
        client.tunnel.send(vec![message.clone()]).await.unwrap();
        assert_eq!(phone.tunnel.receive().await.unwrap().as_ref(), Some(&message));
        phone.tunnel.send(vec![message.clone()]).await.unwrap();
        assert_eq!(client.tunnel.receive().await.unwrap(), Some(message));
    }
}

/// The error of the proxy, which is the one expected.
#[track_caller]
pub(crate) fn assert_proxy_error(
    opened: Result<OpenedTunnel, TunnelError>,
    expected: impl Fn(&ProxyError) -> bool,
) -> Error {
    match opened {
        Err(TunnelError::Proxy(error)) if expected(&error) => Error::new(Stage::Connecting, error),
        other => panic!("{other:?}"),
    }
}

/// A port on which nothing listens, bound for as long as the socket is held.
pub(crate) fn closed_port() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}
