use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::super::TunnelDialer as _;
use super::super::dial::{WebSocketDialer, WebSocketDialerBuilder};
use super::super::own_stream::StreamConnector;
use super::super::proxy::{Proxy, ProxyCredentials};
use super::*;
use fido_hybrid_proto::transport::{RoutingId, TunnelId, TunnelUrl};

/// The services' ends of all connections: which service, and the stream.
#[derive(Clone, Default)]
struct Services(Arc<Mutex<Made>>);

#[derive(Default)]
struct Made {
    ends: Vec<(u16, Option<DuplexStream>)>,
    refuses: bool,
    /// No connection is ever there.
    hangs: bool,
}

impl StreamConnector for Services {
    fn connect<'a>(&'a self, _: &'a str, port: u16) -> BoxFuture<'a, io::Result<BoxedStream>> {
        Box::pin(async move {
            let (ours, theirs) = duplex(4096);
            let hangs = {
                let mut made = self.0.lock().unwrap();
                let refused = made.refuses;
                made.ends.push((port, (!refused).then_some(theirs)));
                if refused {
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                made.hangs
            };
            if hangs {
                std::future::pending::<()>().await;
            }
            Ok(Box::new(ours) as BoxedStream)
        })
    }
}

const GOOGLE: u16 = 1;
const APPLE: u16 = 2;

impl Services {
    fn dialer(&self) -> WebSocketDialer {
        self.builder().build().unwrap()
    }

    fn builder(&self) -> WebSocketDialerBuilder {
        let at = |port| ([127, 0, 0, 1], port).into();
        let builder = WebSocketDialer::builder().connector(self.clone());
        let builder = builder.resolve_without_tls(&TunnelDomain::GOOGLE.host(), at(GOOGLE));
        builder.resolve_without_tls(&TunnelDomain::APPLE.host(), at(APPLE))
    }

    fn early(&self) -> Box<dyn EarlyConnections> {
        let known = [TunnelDomain::GOOGLE, TunnelDomain::APPLE];
        self.dialer().connect_early(&known).unwrap()
    }

    /// Which services were connected to, in order.
    fn made(&self) -> Vec<u16> {
        self.0.lock().unwrap().ends.iter().map(|(port, _)| *port).collect()
    }

    fn take(&self, number: usize) -> DuplexStream {
        self.0.lock().unwrap().ends[number].1.take().unwrap()
    }
}

async fn pass(early: &mut Box<dyn EarlyConnections>, milliseconds: u64) {
    let passed = timeout(Duration::from_millis(milliseconds), early.keep_open()).await;
    assert!(passed.is_err(), "it never returns");
}

fn request() -> TunnelRequest {
    TunnelUrl::connect(TunnelDomain::GOOGLE, RoutingId([0; 3]), TunnelId([0; 16])).into()
}

/// Reads a request and answers it.
async fn answer(mut stream: DuplexStream, status: &str) -> DuplexStream {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    let request = String::from_utf8(request).unwrap();
    let key = request.split("Sec-WebSocket-Key: ").nth(1).unwrap().lines().next().unwrap();
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 {status}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: fido.cable\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream
}

#[tokio::test(start_paused = true)]
async fn nothing_is_connected_before_it_is_polled_and_then_both_services() {
    let services = Services::default();
    let mut early = services.early();
    tokio::time::advance(INTERVAL * 3).await;
    assert!(services.made().is_empty());
    pass(&mut early, 1).await;
    assert_eq!(services.made(), [GOOGLE, APPLE]);
    pass(&mut early, 60_000).await;
    assert_eq!(services.made(), [GOOGLE, APPLE]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_its_service_closes_is_made_again_every_ten_seconds_at_most() {
    let services = Services::default();
    let mut early = services.early();
    pass(&mut early, 1_000).await;
    drop(services.take(0));
    pass(&mut early, 8_990).await;
    assert_eq!(services.made(), [GOOGLE, APPLE]);
    pass(&mut early, 20).await;
    assert_eq!(services.made(), [GOOGLE, APPLE, GOOGLE]);
    // Closed late: it is made again at once.
    pass(&mut early, 30_000).await;
    drop(services.take(2));
    pass(&mut early, 1).await;
    assert_eq!(services.made(), [GOOGLE, APPLE, GOOGLE, GOOGLE]);
    drop(services.take(3));
    pass(&mut early, 9_900).await;
    assert_eq!(services.made().len(), 4);
    pass(&mut early, 200).await;
    assert_eq!(services.made().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_sends_unasked_is_not_kept() {
    let services = Services::default();
    let mut early = services.early();
    pass(&mut early, 1).await;
    let mut apple = services.take(1);
    apple.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").await.unwrap();
    pass(&mut early, 10_000).await;
    assert_eq!(services.made(), [GOOGLE, APPLE, APPLE]);
}

#[tokio::test(start_paused = true)]
async fn failures_are_tried_again_every_ten_seconds_and_not_reported() {
    let services = Services::default();
    services.0.lock().unwrap().refuses = true;
    let mut early = services.early();
    pass(&mut early, 35_000).await;
    assert_eq!(services.made().len(), 2 * 4);
    services.0.lock().unwrap().refuses = false;
    let dialling = tokio::spawn(early.dial(request()));
    while services.made().len() < 9 {
        tokio::task::yield_now().await;
    }
    let _theirs = answer(services.take(8), "101 Switching Protocols").await;
    dialling.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_dial_goes_over_the_open_connection_and_closes_the_other() {
    let services = Services::default();
    let mut early = services.early();
    pass(&mut early, 1).await;
    let dialling = tokio::spawn(early.dial(request()));
    let mut apple = services.take(1);
    assert_eq!(apple.read(&mut [0; 1]).await.unwrap(), 0);
    let _theirs = answer(services.take(0), "101 Switching Protocols").await;
    dialling.await.unwrap().unwrap();
    assert_eq!(services.made(), [GOOGLE, APPLE]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_died_unnoticed_costs_a_new_one_and_no_error() {
    for silent in [false, true] {
        let services = Services::default();
        let mut early = services.early();
        pass(&mut early, 1).await;
        let dead = services.take(0);
        let kept = silent.then_some(dead);
        let began = Instant::now();
        let dialling = tokio::spawn(early.dial(request()));
        while services.made().len() < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let waited = began.elapsed();
        assert_eq!(waited >= PATIENCE, silent, "{waited:?}");
        assert!(waited < PATIENCE + Duration::from_millis(100), "{waited:?}");
        let _theirs = answer(services.take(2), "101 Switching Protocols").await;
        dialling.await.unwrap().unwrap();
        drop(kept);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_service_gets_one_request() {
    for refuses in [false, true] {
        let services = Services::default();
        let mut early = services.early();
        pass(&mut early, 1).await;
        {
            let mut made = services.0.lock().unwrap();
            (made.refuses, made.hangs) = (refuses, !refuses);
        }
        let dialling = tokio::spawn(early.dial(request()));
        tokio::time::sleep(Duration::from_millis(8_500)).await;
        assert_eq!(services.made(), [GOOGLE, APPLE, GOOGLE]);
        let _theirs = answer(services.take(0), "101 Switching Protocols").await;
        dialling.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_early_connection_that_ends_late_is_replaced_by_the_one_begun_beside_it() {
    let services = Services::default();
    let mut early = services.early();
    pass(&mut early, 1).await;
    services.0.lock().unwrap().hangs = true;
    let dialling = tokio::spawn(early.dial(request()));
    tokio::time::sleep(PATIENCE * 2).await;
    drop(services.take(0));
    let error = dialling.await.unwrap().unwrap_err();
    assert!(matches!(error, TunnelError::TimedOut(TunnelStep::Tcp)), "{error:?}");
    assert_eq!(services.made(), [GOOGLE, APPLE, GOOGLE]);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_for_an_idle_connection_is_no_answer() {
    let services = Services::default();
    let mut early = services.early();
    pass(&mut early, 1).await;
    let dialling = tokio::spawn(early.dial(request()));
    let _first = answer(services.take(0), "408 Request Timeout").await;
    while services.made().len() < 3 {
        assert!(!dialling.is_finished());
        tokio::task::yield_now().await;
    }
    let _theirs = answer(services.take(2), "101 Switching Protocols").await;
    dialling.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_step_that_took_the_time_is_told() {
    let services = Services::default();
    services.0.lock().unwrap().hangs = true;
    let error = services.early().dial(request()).await.unwrap_err();
    assert!(matches!(error, TunnelError::TimedOut(TunnelStep::Tcp)), "{error:?}");
    assert_eq!(services.made(), [GOOGLE]);

    let services = Services::default();
    let dialer = services.builder().timeout(PATIENCE - LEAST_TIME).build().unwrap();
    let mut early = dialer.connect_early(&[TunnelDomain::GOOGLE]).unwrap();
    pass(&mut early, 1).await;
    let error = early.dial(request()).await.unwrap_err();
    assert!(matches!(error, TunnelError::TimedOut(TunnelStep::Upgrade)), "{error:?}");
    assert_eq!(services.made(), [GOOGLE]);
}

/// A proxy that wants another password.
#[derive(Clone, Default)]
struct RefusingProxy(Arc<AtomicUsize>);

impl RefusingProxy {
    fn early(&self) -> Box<dyn EarlyConnections> {
        let credentials = ProxyCredentials::new("alice", "stale".to_owned()).unwrap();
        let proxy: Proxy = "http://proxy.example:3128".parse().unwrap();
        let dialer = WebSocketDialer::builder().proxy(proxy.credentials(credentials));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let dialer = dialer.tls_config(Arc::new(tls)).connector(self.clone()).build().unwrap();
        dialer.connect_early(&[TunnelDomain::GOOGLE, TunnelDomain::APPLE]).unwrap()
    }

    fn asked(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl StreamConnector for RefusingProxy {
    fn connect<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<BoxedStream>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let (ours, theirs) = duplex(4096);
        tokio::spawn(answer_connect(theirs));
        Box::pin(async { Ok(Box::new(ours) as BoxedStream) })
    }
}

async fn answer_connect(mut stream: DuplexStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    let answer = b"HTTP/1.1 407 Required\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(answer).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_refuses_a_password_is_not_given_it_again() {
    let proxy = RefusingProxy::default();
    let mut early = proxy.early();
    pass(&mut early, 60_000).await;
    assert_eq!(proxy.asked(), 2);
    let error = early.dial(request()).await.unwrap_err();
    let refused = TunnelError::Proxy(ProxyError::CredentialsRefused);
    assert_eq!(format!("{error:?}"), format!("{refused:?}"));
    assert_eq!(proxy.asked(), 3);

    // Also if the tunnel is wanted before the proxy has answered.
    let proxy = RefusingProxy::default();
    let error = proxy.early().dial(request()).await.unwrap_err();
    assert_eq!(format!("{error:?}"), format!("{refused:?}"));
    assert_eq!(proxy.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_service_answers_is_final() {
    let services = Services::default();
    let mut early = services.early();
    pass(&mut early, 1).await;
    let dialling = tokio::spawn(early.dial(request()));
    let _theirs = answer(services.take(0), "404 Not Found").await;
    let error = dialling.await.unwrap().unwrap_err();
    assert!(matches!(error, TunnelError::Status(404)), "{error:?}");
    assert_eq!(services.made(), [GOOGLE, APPLE]);
}

#[tokio::test(start_paused = true)]
async fn a_service_without_an_early_connection_is_dialled_as_ever() {
    let services = Services::default();
    let mut early = services.dialer().connect_early(&[TunnelDomain::APPLE]).unwrap();
    pass(&mut early, 1).await;
    let dialling = tokio::spawn(early.dial(request()));
    while services.made().len() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(services.made(), [APPLE, GOOGLE]);
    let _theirs = answer(services.take(1), "101 Switching Protocols").await;
    dialling.await.unwrap().unwrap();
}
