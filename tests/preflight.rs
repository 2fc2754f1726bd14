//! `Client::preflight` against services and radios that work and that do not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use fido_hybrid::BoxFuture;
use fido_hybrid::bluetooth::{AdapterState, Scan, Scanner};
use fido_hybrid::client::{
    AllowedTunnelServices, Client, Health, PREFLIGHT_DEADLINE, RemoteSession,
};
use fido_hybrid::error::{Advice, BluetoothError, ErrorKind, TunnelError};
use fido_hybrid::transport::{TunnelDomain, TunnelRequest};
use fido_hybrid::tunnel::{OpenedTunnel, TunnelDialer, WebSocketDialer};
use fido_hybrid_relay::{Server, ServerHandle};
use fido_hybrid_sim::Air;
use fido_hybrid_testkit::services::certificate;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

fn hosts() -> [String; 2] {
    [TunnelDomain::GOOGLE.host(), TunnelDomain::APPLE.host()]
}

fn own_certificate() -> (CertificateDer<'static>, Arc<rustls::ServerConfig>) {
    let [google, apple] = hosts();
    certificate(&[&google, &apple])
}

/// Leads both services' names to `address`.
fn dialer(root: CertificateDer<'static>, address: SocketAddr) -> WebSocketDialer {
    let [google, apple] = hosts();
    WebSocketDialer::builder()
        .extra_roots([root])
        .resolve(&google, address)
        .resolve(&apple, address)
        .build()
        .unwrap()
}

async fn service() -> (CertificateDer<'static>, SocketAddr, ServerHandle) {
    let (root, config) = own_certificate();
    let server = Server::builder().tls(config).bind("127.0.0.1:0").await.unwrap();
    (root, server.local_addr().unwrap(), server.start().unwrap())
}

async fn preflight(scanner: impl Scanner + 'static, dialer: impl TunnelDialer + 'static) -> Health {
    let mut health = Client::new(scanner, dialer).preflight().await;
    // Where these tests are run is not what they are about.
    health.remote_session = None;
    health
}

fn kinds(health: &Health) -> Vec<&ErrorKind> {
    let services = health.tunnel_services.iter();
    services.map(|service| &service.reached.as_ref().unwrap_err().kind).collect()
}

/// A radio in a certain state.
struct Radio(Result<AdapterState, BluetoothError>);

impl Scanner for Radio {
    fn state(&self) -> BoxFuture<'_, Result<AdapterState, BluetoothError>> {
        Box::pin(async { self.0.clone() })
    }

    fn scan(&self) -> BoxFuture<'_, Result<Box<dyn Scan>, BluetoothError>> {
        panic!("nothing is listened to");
    }
}

/// Radio and tunnel services that never answer.
struct Silence;

impl Scanner for Silence {
    fn state(&self) -> BoxFuture<'_, Result<AdapterState, BluetoothError>> {
        Box::pin(pending())
    }

    fn scan(&self) -> BoxFuture<'_, Result<Box<dyn Scan>, BluetoothError>> {
        panic!("nothing is listened to");
    }
}

impl TunnelDialer for Silence {
    fn dial(&self, _: TunnelRequest) -> BoxFuture<'_, Result<OpenedTunnel, TunnelError>> {
        Box::pin(pending())
    }
}

/// A way to tunnel services that always fails in the same way, and remembers
/// what was dialled.
#[derive(Clone)]
struct Failing {
    kind: TunnelError,
    dialled: Arc<Mutex<Vec<String>>>,
}

impl Failing {
    fn new(kind: TunnelError) -> Self {
        Self { kind, dialled: Arc::default() }
    }
}

impl TunnelDialer for Failing {
    fn dial(&self, request: TunnelRequest) -> BoxFuture<'_, Result<OpenedTunnel, TunnelError>> {
        self.dialled.lock().unwrap().push(request.url.to_string());
        Box::pin(async { Err(self.kind.clone()) })
    }
}

fn no_name() -> TunnelError {
    TunnelError::Dns(Arc::new(io::Error::other("no such name")))
}

#[tokio::test]
async fn a_machine_with_a_radio_that_reaches_both_services_is_ready() {
    let (root, address, _running) = service().await;
    let health = preflight(Air::new(), dialer(root, address)).await;
    assert!(health.is_ready(), "{health}");
    assert_eq!(health.advice(), []);
    assert_eq!(
        health.to_string(),
        "Bluetooth is on.\nThe tunnel service cable.ua5v.com can be reached.\nThe tunnel service \
         cable.auth.com can be reached."
    );
}

#[tokio::test]
async fn a_session_from_another_computer_is_named_with_advice() {
    let (root, address, _running) = service().await;
    let mut health = preflight(Air::new(), dialer(root, address)).await;
    health.remote_session = Some(RemoteSession::RemoteDesktop);
    assert!(health.is_ready());
    assert_eq!(health.advice(), [Advice::BringThePhoneToTheComputer]);
    let text = health.to_string();
    let last = text.lines().last().unwrap();
    assert_eq!(last, RemoteSession::RemoteDesktop.to_string());
    assert!(last.contains("remote desktop"), "{last}");
}

#[tokio::test]
async fn a_service_that_is_not_allowed_is_not_dialled() {
    let dialer = Failing::new(TunnelError::Status(404));
    let allowed = AllowedTunnelServices::Listed(vec![TunnelDomain::APPLE]);
    let client = Client::new(Air::new(), dialer.clone()).tunnel_services(allowed);
    let health = client.preflight().await;
    assert!(health.is_ready(), "{health}");
    assert_eq!(health.tunnel_services.len(), 1);
    let dialled = dialer.dialled.lock().unwrap();
    assert_eq!(dialled.len(), 1);
    assert!(dialled[0].starts_with("wss://cable.auth.com/"), "{dialled:?}");
}

#[tokio::test]
async fn no_tunnel_is_left_at_a_service() {
    let (root, config) = own_certificate();
    let mut limits = fido_hybrid_relay::Limits::default();
    limits.tunnels = 1;
    let server = Server::builder().tls(config).limits(limits).bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let _running = server.start().unwrap();
    let dialer = dialer(root, address);
    let health = preflight(Air::new(), dialer.clone()).await;
    assert!(health.is_ready(), "{health}");
    // The service's only place is still free.
    dialer
        .dial(
            fido_hybrid_testkit::services::phone_url(fido_hybrid_testkit::services::TUNNEL).into(),
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn each_service_is_asked_once_for_a_tunnel_that_no_other_client_can_have() {
    let dialer = Failing::new(TunnelError::Status(404));
    for _ in 0..2 {
        assert!(preflight(Air::new(), dialer.clone()).await.is_ready());
    }
    let mut dialled = dialer.dialled.lock().unwrap().clone();
    for (url, host) in dialled.iter().zip(hosts().iter().cycle()) {
        assert!(url.starts_with(&format!("wss://{host}/cable/connect/000000/")), "{url}");
    }
    for url in &mut dialled {
        *url = url.rsplit('/').next().unwrap().to_owned();
    }
    dialled.sort();
    dialled.dedup();
    assert_eq!(dialled.len(), 4, "an id was used twice");
}

#[tokio::test]
async fn each_state_of_the_radio_is_told_with_its_advice() {
    for (state, advice) in [
        (AdapterState::Off, Advice::TurnBluetoothOn),
        (AdapterState::Absent, Advice::AddBluetooth),
        (AdapterState::NotPermitted, Advice::AllowBluetooth),
    ] {
        let health = preflight(Radio(Ok(state)), Failing::new(TunnelError::Status(404))).await;
        assert!(!health.is_ready());
        assert_eq!(health.advice(), [advice]);
        assert!(health.to_string().starts_with(&state.to_string()), "{health}");
    }
    let broken = BluetoothError::Failed(Arc::new(io::Error::other("no bus")));
    let health = preflight(Radio(Err(broken)), Failing::new(TunnelError::Status(404))).await;
    assert!(!health.is_ready());
    assert_eq!(health.advice(), [Advice::RestartBluetooth]);
    let Err(error) = &health.bluetooth else { panic!("{health}") };
    assert!(matches!(error.kind, ErrorKind::Bluetooth(BluetoothError::Failed(_))), "{error:?}");
}

#[tokio::test]
async fn advice_that_holds_for_two_parts_is_given_once() {
    let health = preflight(Radio(Ok(AdapterState::Off)), Failing::new(no_name())).await;
    assert!(matches!(
        kinds(&health)[..],
        [ErrorKind::Tunnel(TunnelError::Dns(_)), ErrorKind::Tunnel(TunnelError::Dns(_))]
    ));
    assert_eq!(health.advice(), [Advice::TurnBluetoothOn, Advice::CheckTheNetwork]);
}

#[tokio::test]
async fn a_closed_port_is_told_as_that() {
    // Bound, so that no other program gets it, and not listening.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let (root, _) = own_certificate();
    let health = preflight(Air::new(), dialer(root, socket.local_addr().unwrap())).await;
    assert!(!health.is_ready());
    for kind in kinds(&health) {
        assert!(matches!(kind, ErrorKind::Tunnel(TunnelError::Tcp(_))), "{kind:?}");
    }
    assert_eq!(health.advice(), [Advice::CheckTheNetwork]);
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_told_as_that() {
    let (_, address, _running) = service().await;
    let (unrelated, _) = own_certificate();
    let health = preflight(Air::new(), dialer(unrelated, address)).await;
    for kind in kinds(&health) {
        assert!(matches!(kind, ErrorKind::Tunnel(TunnelError::UntrustedIssuer(_))), "{kind:?}");
    }
    assert_eq!(health.advice(), [Advice::CheckTlsInspection]);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_with_its_status_and_whom_to_let_through() {
    let (root, config) = own_certificate();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let refusing = tokio::spawn(async move {
        for _ in 0..2 {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = TlsAcceptor::from(Arc::clone(&config)).accept(stream).await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            let answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    let health = preflight(Air::new(), dialer(root, address)).await;
    for kind in kinds(&health) {
        assert!(matches!(kind, ErrorKind::Tunnel(TunnelError::Status(403))), "{kind:?}");
    }
    assert_eq!(health.advice(), [Advice::UseAnotherNetwork]);
    refusing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn silence_ends_at_the_deadline_and_blames_each_part() {
    let started = Instant::now();
    let health = preflight(Silence, Silence).await;
    assert_eq!(started.elapsed(), PREFLIGHT_DEADLINE);
    let Err(radio) = &health.bluetooth else { panic!("{health}") };
    assert!(matches!(radio.kind, ErrorKind::Bluetooth(BluetoothError::Silent)), "{radio:?}");
    for kind in kinds(&health) {
        assert!(matches!(kind, ErrorKind::Deadline), "{kind:?}");
    }
    assert_eq!(health.advice(), [Advice::RestartBluetooth, Advice::CheckTheNetwork]);
}
