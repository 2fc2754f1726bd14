//! The dialer against services that do what they should, and what they should
//! not.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail so")]

use std::error::Error as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fido_hybrid::error::{Advice, ApiMisuse, Error, ErrorKind, Stage, TunnelError};
use fido_hybrid::transport::{RoutingId, TunnelRequest};
use fido_hybrid::tunnel::{OpenedTunnel, TunnelDialer, TunnelOptions, WebSocketDialer, open_over};
use fido_hybrid_testkit::services::{
    TUNNEL, certificate, certificate_between, client_url, domain, phone_url, secure,
};
use futures_util::{SinkExt as _, StreamExt as _};
use rustls::pki_types::CertificateDer;
use rustls::server::{Acceptor, ProducesTickets};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

const OTHER_NAME: &str = "other.example";

/// A correct answer, with room for what a test adds or leaves out.
fn switching(headers: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: <accept>\r\n{headers}\r\n"
    )
}

fn accepted() -> String {
    switching("Sec-WebSocket-Protocol: fido.cable\r\n")
}

fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

/// Reads a request and sends the answer, with the key filled in.
async fn answer(stream: &mut TlsStream<TcpStream>, answer: &str) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    let request = String::from_utf8(request).unwrap();
    let key = request.split("Sec-WebSocket-Key: ").nth(1).unwrap().lines().next().unwrap();
    let answer = answer.replace("<accept>", &derive_accept_key(key.as_bytes()));
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    request
}

/// A service that gives one answer per connection.
struct Service {
    root: CertificateDer<'static>,
    address: SocketAddr,
    task: JoinHandle<(Vec<String>, TlsStream<TcpStream>)>,
}

impl Service {
    async fn answering(answers: &[String]) -> Self {
        let (root, config) = certificate(&[&domain(), OTHER_NAME]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answers = answers.to_vec();
        let task = tokio::spawn(async move {
            let mut requests = Vec::new();
            let mut last = None;
            for one in answers {
                let (stream, _) = listener.accept().await.unwrap();
                let acceptor = TlsAcceptor::from(Arc::clone(&config));
                let mut stream = acceptor.accept(stream).await.unwrap();
                requests.push(answer(&mut stream, &one).await);
                last = Some(stream);
            }
            (requests, last.unwrap())
        });
        Self { root, address, task }
    }

    fn dialer(&self) -> WebSocketDialer {
        secure(&self.root, self.address).resolve(OTHER_NAME, self.address).build().unwrap()
    }

    async fn dial(&self) -> Result<OpenedTunnel, TunnelError> {
        self.dialer().dial(phone_url(TUNNEL).into()).await
    }

    /// The requests seen, and the last connection as a WebSocket.
    async fn finish(self) -> (Vec<String>, WebSocketStream<TlsStream<TcpStream>>) {
        let (requests, stream) = self.task.await.unwrap();
        (requests, WebSocketStream::from_raw_socket(stream, Role::Server, None).await)
    }
}

async fn dialling(answers: &[String]) -> Result<OpenedTunnel, TunnelError> {
    Service::answering(answers).await.dial().await
}

#[tokio::test]
async fn a_closed_port_is_a_tcp_error() {
    // Bound, so that no other program gets it, and not listening.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let address = socket.local_addr().unwrap();
    let (root, _) = certificate(&[&domain()]);
    let dialer = secure(&root, address).build().unwrap();
    let error = dialer.dial(phone_url(TUNNEL).into()).await.unwrap_err();
    assert!(matches!(error, TunnelError::Tcp(_)), "{error:?}");
}

#[tokio::test]
async fn an_unknown_authority_is_an_untrusted_issuer() {
    let (_, config) = certificate(&[&domain()]);
    let (unrelated, _) = certificate(&[&domain()]);
    let error = against(config, &unrelated).await;
    assert!(matches!(error, TunnelError::UntrustedIssuer(_)), "{error:?}");
    let advice = Error::new(Stage::Connecting, error).advice();
    assert_eq!(advice, Advice::CheckTlsInspection);
}

#[tokio::test]
async fn a_certificate_outside_its_dates_is_a_clock_error() {
    for (from, until) in [(1990, 2020), (3000, 3010)] {
        let (root, config) = certificate_between(&[&domain()], from, until);
        let error = against(config, &root).await;
        assert!(matches!(error, TunnelError::CertificateDate(_)), "{from}: {error:?}");
        let error = Error::new(Stage::Connecting, error);
        assert_eq!(error.advice(), Advice::CheckTheClock);
        let expected = "connecting to the phone: the tunnel service's certificate is not valid at \
                        this device's date and time";
        assert_eq!(error.to_string(), expected);
    }
}

/// Dials a service with an outdated certificate, whose clock is this far ahead of ours.
async fn with_clock(from: i32, until: i32, theirs: i64) -> TunnelError {
    let (root, config) = certificate_between(&[&domain()], from, until);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dialer = secure(&root, listener.local_addr().unwrap()).build().unwrap();
    let serving = async {
        let (stream, _) = listener.accept().await.unwrap();
        let refused = TlsAcceptor::from(Arc::clone(&config)).accept(stream).await;
        assert!(refused.is_err());
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = TlsAcceptor::from(config).accept(stream).await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        // Nothing of a tunnel is told to a service that is not trusted yet.
        let request = String::from_utf8(request).unwrap();
        let expected =
            format!("HEAD / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", domain());
        assert_eq!(request, expected);
        let date = SystemTime::now() + Duration::from_secs(1 << 32);
        let date = date - Duration::from_secs((1_i64 << 32).saturating_sub(theirs).unsigned_abs());
        let date = httpdate::fmt_http_date(date);
        let answer = format!("HTTP/1.1 404 Not Found\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    };
    let ((), opened) = tokio::join!(serving, dialer.dial(phone_url(TUNNEL).into()));
    opened.unwrap_err()
}

#[tokio::test]
async fn the_services_date_tells_a_wrong_clock_from_an_outdated_certificate() {
    const DAY: i64 = 86_400;
    for (from, until) in [(1990, 2020), (3000, 3010)] {
        for theirs in [0, -200, 200] {
            let error = with_clock(from, until, theirs).await;
            assert!(matches!(error, TunnelError::CertificateOutdated(_)), "{error:?}");
            let advice = Error::new(Stage::Connecting, error).advice();
            assert_eq!(advice, Advice::UseAnotherNetwork);
        }
    }
    for (theirs, told) in [
        (-4000 * DAY, "4000 days ahead of"),
        (10 * DAY, "10 days behind"),
        (-3600, "60 minutes ahead of"),
    ] {
        // Rounded down: a second may have passed.
        let error = with_clock(1990, 2020, theirs - theirs.signum().min(0) * -5).await;
        let TunnelError::WrongClock { ahead_by, .. } = error else { panic!("{error:?}") };
        assert!((ahead_by + theirs).abs() < 10, "{ahead_by}");
        assert!(error.to_string().contains(told), "{error}");
        let advice = Error::new(Stage::Connecting, error).advice();
        assert_eq!(advice, Advice::CheckTheClock);
    }
}

/// Tickets that never expire, and that are the session itself.
#[derive(Debug)]
struct Lasting;

impl ProducesTickets for Lasting {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        0
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        Some(plain.to_vec())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        Some(cipher.to_vec())
    }
}

#[tokio::test]
async fn no_session_is_resumed_whose_certificate_was_outside_its_dates() {
    for (from, until) in [(1990, 2020), (3000, 3010)] {
        let (root, config) = certificate_between(&[&domain()], from, until);
        let mut config = Arc::unwrap_or_clone(config);
        config.ticketer = Arc::new(Lasting);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(root).unwrap();
        // With the resumption that rustls has by default.
        let dialer = WebSocketDialer::builder().tls_config(Arc::new(client_config(roots)));
        let address = listener.local_addr().unwrap();
        let dialer = dialer.resolve(&domain(), address).build().unwrap();
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(stream.read_u8().await.unwrap());
                }
                let date = httpdate::fmt_http_date(SystemTime::now());
                let told = format!("HTTP/1.1 404 Not Found\r\nDate: {date}\r\n\r\n");
                stream.write_all(told.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        for dial in ["first", "second"] {
            let error = dialer.dial(phone_url(TUNNEL).into()).await.unwrap_err();
            assert!(matches!(error, TunnelError::CertificateOutdated(_)), "{dial}: {error:?}");
        }
        serving.abort();
    }
}

#[tokio::test]
async fn another_services_certificate_is_told_as_that_and_its_names_are_not_shown() {
    let (root, config) = certificate(&["text-from-the-peer.example"]);
    let error = against(config, &root).await;
    assert!(matches!(error, TunnelError::CertificateName(_)), "{error:?}");
    let shown = format!("{error:?} {error} {}", error.source().unwrap());
    assert!(!shown.contains("text-from-the-peer"), "{shown}");
}

/// Dials a service with this certificate, trusting that root.
async fn against(config: Arc<rustls::ServerConfig>, root: &CertificateDer<'static>) -> TunnelError {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dialer = secure(root, listener.local_addr().unwrap()).build().unwrap();
    let serving = async {
        let (stream, _) = listener.accept().await.unwrap();
        drop(listener);
        let refused = TlsAcceptor::from(config).accept(stream).await;
        assert!(refused.is_err());
    };
    let ((), opened) = tokio::join!(serving, dialer.dial(phone_url(TUNNEL).into()));
    opened.unwrap_err()
}

#[tokio::test]
async fn a_service_that_does_not_speak_tls_is_a_tls_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (root, _) = certificate(&[&domain()]);
    let dialer = secure(&root, listener.local_addr().unwrap()).build().unwrap();
    let serving = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream
    };
    let (_stream, opened) = tokio::join!(serving, dialer.dial(phone_url(TUNNEL).into()));
    let error = opened.unwrap_err();
    assert!(matches!(error, TunnelError::Tls(_)), "{error:?}");
}

#[tokio::test]
async fn the_http_status_is_told() {
    for status in [200, 400, 404, 409, 410, 500, 503] {
        let answer = format!("HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n\r\n");
        match dialling(&[answer]).await {
            Err(TunnelError::Status(told)) => assert_eq!(told, status),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_request_is_what_deployed_services_expect() {
    let service = Service::answering(&[accepted()]).await;
    let url = client_url(RoutingId([1, 2, 0xab]), TUNNEL);
    let headers = vec![("X-caBLE-Client-Payload", "A0".to_owned())];
    service.dialer().dial(TunnelRequest { url, headers }).await.unwrap();
    let (requests, _) = service.finish().await;
    let request = requests[0].to_ascii_lowercase();
    let id = "ab".repeat(16);
    for line in [
        &format!("get /cable/connect/0102ab/{id} http/1.1"),
        "host: cable.ua5v.com",
        "origin: wss://cable.ua5v.com",
        "sec-websocket-protocol: fido.cable",
        "x-cable-client-payload: a0",
    ] {
        assert!(request.lines().any(|other| other == line), "{line} in {request}");
    }
    assert!(!request.contains("cookie") && !request.contains("authorization"), "{request}");
}

#[tokio::test]
async fn the_routing_id_and_the_connect_signal_are_read() {
    let headers = "Sec-WebSocket-Protocol: fido.cable\r\nx-cable-routing-id: 01a2B3\r\n";
    let opened = dialling(&[switching(headers)]).await.unwrap();
    assert_eq!(opened.routing_id, Some(RoutingId([1, 0xa2, 0xb3])));
    assert!(!opened.connect_signal);

    let headers = "Sec-WebSocket-Protocol: fido.cable\r\nX-CABLE-Signal-Connection: 1\r\n";
    let opened = dialling(&[switching(headers)]).await.unwrap();
    assert_eq!(opened.routing_id, None);
    assert!(opened.connect_signal);
}

#[tokio::test]
async fn answers_that_break_the_rules_are_refused() {
    let subprotocol = "Sec-WebSocket-Protocol: fido.cable\r\n";
    let answers = [
        switching(""),
        switching("Sec-WebSocket-Protocol: chat\r\n"),
        switching(&format!("{subprotocol}X-caBLE-Routing-ID: 01A2\r\n")),
        switching(&format!("{subprotocol}X-caBLE-Routing-ID: 01A2zz\r\n")),
        switching(&format!(
            "{subprotocol}X-caBLE-Routing-ID: 01A2B3\r\nX-caBLE-Routing-ID: 01A2B3\r\n"
        )),
        accepted().replace("<accept>", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        accepted().replace("Upgrade: websocket\r\n", ""),
        "220 mail.example ESMTP\r\n\r\n".to_owned(),
        switching(&"X-Filler: a\r\n".repeat(1000)),
    ];
    for answer in answers {
        let error = dialling(std::slice::from_ref(&answer)).await.unwrap_err();
        assert!(matches!(error, TunnelError::Upgrade(_)), "{answer}: {error:?}");
    }
}

#[tokio::test]
async fn two_redirects_are_followed_with_all_headers() {
    let service = Service::answering(&[
        redirect(307, "/moved?twice"),
        redirect(301, &format!("wss://{OTHER_NAME}:9999/there")),
        accepted(),
    ])
    .await;
    let headers = vec![("X-caBLE-Client-Payload", "A0".to_owned())];
    let request = TunnelRequest { url: phone_url(TUNNEL), headers };
    service.dialer().dial(request).await.unwrap();
    let (requests, _) = service.finish().await;
    assert!(requests[1].starts_with("GET /moved?twice HTTP/1.1\r\nHost: cable.ua5v.com\r\n"));
    assert!(requests[2].starts_with("GET /there HTTP/1.1\r\nHost: other.example:9999\r\n"));
    assert!(requests[2].contains("Origin: wss://other.example:9999\r\n"));
    for request in requests {
        assert!(request.to_ascii_lowercase().contains("x-cable-client-payload: a0\r\n"));
    }
}

#[tokio::test]
async fn a_third_redirect_is_not_followed() {
    let answers = [302, 303, 308].map(|status| redirect(status, "/again"));
    let error = dialling(&answers).await.unwrap_err();
    assert!(matches!(error, TunnelError::Redirect), "{error:?}");
}

#[tokio::test]
async fn redirects_away_from_wss_are_not_followed() {
    for location in ["https", "http", "ws"].map(|scheme| format!("{scheme}://{OTHER_NAME}/")) {
        let error = dialling(&[redirect(302, &location)]).await.unwrap_err();
        assert!(matches!(error, TunnelError::Redirect), "{location}: {error:?}");
    }
    let without_location = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n".to_owned();
    let error = dialling(&[without_location]).await.unwrap_err();
    assert!(matches!(error, TunnelError::Redirect), "{error:?}");
}

#[tokio::test]
async fn a_service_that_closes_instead_of_answering_is_reported_as_closed() {
    let service = Service::answering(&[String::new()]).await;
    let dialer = service.dialer();
    let hanging_up = async { drop(service.finish().await) };
    let ((), opened) = tokio::join!(hanging_up, dialer.dial(phone_url(TUNNEL).into()));
    let error = opened.unwrap_err();
    assert!(matches!(error, TunnelError::Closed(None)), "{error:?}");
}

#[tokio::test]
async fn messages_pings_and_goodbyes_over_tls() {
    let service = Service::answering(&[accepted()]).await;
    let mut opened = service.dial().await.unwrap();
    let (_, mut socket) = service.finish().await;

    opened.tunnel.send(vec![vec![1], vec![2; 100_000]]).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::binary(vec![1]));
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::binary(vec![2; 100_000]));

    socket.send(Message::binary(vec![3])).await.unwrap();
    socket.send(Message::Ping("mid-stream".into())).await.unwrap();
    socket.send(Message::binary(vec![4])).await.unwrap();
    assert_eq!(opened.tunnel.receive().await.unwrap(), Some(vec![3]));
    assert_eq!(opened.tunnel.receive().await.unwrap(), Some(vec![4]));
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong("mid-stream".into()));

    opened.tunnel.close().await;
    assert!(socket.next().await.unwrap().unwrap().is_close());
}

#[tokio::test]
async fn a_lost_connection_to_the_service_closes_the_tunnel() {
    let service = Service::answering(&[accepted()]).await;
    let mut opened = service.dial().await.unwrap();
    drop(service.finish().await);
    let ended = opened.tunnel.receive().await;
    assert!(matches!(ended, Err(TunnelError::Closed(None))), "{ended:?}");
}

#[tokio::test]
async fn the_limit_on_messages_is_the_builders() {
    let service = Service::answering(&[accepted()]).await;
    let dialer = secure(&service.root, service.address).max_message_size(10).build().unwrap();
    let mut opened = dialer.dial(phone_url(TUNNEL).into()).await.unwrap();
    let (_, mut socket) = service.finish().await;
    socket.send(Message::binary(vec![0; 10])).await.unwrap();
    socket.send(Message::binary(vec![0; 11])).await.unwrap();
    assert_eq!(opened.tunnel.receive().await.unwrap(), Some(vec![0; 10]));
    let refused = opened.tunnel.receive().await;
    assert!(matches!(refused, Err(TunnelError::TooLong(10))), "{refused:?}");
}

#[tokio::test]
async fn a_tls_configuration_of_the_callers_is_used_as_it_is() {
    let service = Service::answering(&[accepted()]).await;
    let mut roots = RootCertStore::empty();
    roots.add(service.root.clone()).unwrap();
    let dialer = WebSocketDialer::builder()
        .tls_config(Arc::new(client_config(roots)))
        .resolve(&domain().to_ascii_uppercase(), service.address)
        .build()
        .unwrap();
    dialer.dial(phone_url(TUNNEL).into()).await.unwrap();
}

/// The first protocol of two that a client must not be given.
const HTTP_2: &[u8] = b"h2";
const HTTP_1_1: &[u8] = b"http/1.1";

/// What a client offers by ALPN to a proxy that inspects TLS, and whether its
/// tunnel opens. The proxy chooses HTTP/2 where it can, and where nothing was
/// offered.
async fn through_an_inspecting_proxy(
    dialer: impl FnOnce(&CertificateDer<'static>, SocketAddr) -> WebSocketDialer,
) -> (Vec<Vec<u8>>, Result<OpenedTunnel, TunnelError>) {
    let (root, config) = certificate(&[&domain()]);
    let mut config = Arc::unwrap_or_clone(config);
    config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1_1.to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dialer = dialer(&root, listener.local_addr().unwrap());
    let proxy = async {
        let (stream, _) = listener.accept().await.unwrap();
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await.unwrap();
        let offered: Vec<Vec<u8>> =
            start.client_hello().alpn().into_iter().flatten().map(<[u8]>::to_vec).collect();
        let mut stream = start.into_stream(Arc::new(config)).await.unwrap();
        if stream.get_ref().1.alpn_protocol() == Some(HTTP_1_1) {
            answer(&mut stream, &accepted()).await;
        } else {
            answer(&mut stream, "HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
        (offered, stream)
    };
    let ((offered, _stream), opened) = tokio::join!(proxy, dialer.dial(phone_url(TUNNEL).into()));
    (offered, opened)
}

#[tokio::test]
async fn tls_offers_http_1_1_alone_so_that_a_proxy_does_not_choose_http_2() {
    let (offered, opened) =
        through_an_inspecting_proxy(|root, address| secure(root, address).build().unwrap()).await;
    assert_eq!(offered, [HTTP_1_1]);
    opened.unwrap();
}

#[tokio::test]
async fn a_tls_configuration_of_the_callers_offers_what_it_says() {
    for protocols in [vec![], vec![HTTP_1_1.to_vec()]] {
        let (offered, opened) = through_an_inspecting_proxy(|root, address| {
            let mut roots = RootCertStore::empty();
            roots.add(root.clone()).unwrap();
            let mut config = client_config(roots);
            config.alpn_protocols.clone_from(&protocols);
            let builder = WebSocketDialer::builder().tls_config(Arc::new(config));
            builder.resolve(&domain(), address).build().unwrap()
        })
        .await;
        assert_eq!(offered, protocols);
        assert_eq!(opened.is_ok(), !protocols.is_empty());
    }
}

#[tokio::test]
async fn a_tunnel_opens_over_a_connection_made_elsewhere() {
    let (stream, far_end) = tokio::io::duplex(4096);
    drop(far_end);
    let error =
        open_over(stream, &phone_url(TUNNEL).into(), TunnelOptions::default()).await.unwrap_err();
    assert!(matches!(error, TunnelError::Closed(None)), "{error:?}");
}

fn client_config(roots: RootCertStore) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn is_misuse(built: &Result<WebSocketDialer, Error>, expected: ApiMisuse) -> bool {
    let error = built.as_ref().unwrap_err();
    error.stage == Stage::Preparing
        && matches!(error.kind, ErrorKind::ApiMisuse(misuse) if misuse == expected)
}

#[test]
fn only_loopback_is_dialled_without_tls() {
    let (root, _) = certificate(&[&domain()]);
    let elsewhere = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 80));
    let builder = WebSocketDialer::builder().extra_roots([root]);
    let built = builder.resolve_without_tls(&domain(), elsewhere).build();
    assert!(is_misuse(&built, ApiMisuse::NotLoopback), "{built:?}");
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let (root, _) = certificate(&[&domain()]);
    let config = client_config(RootCertStore::empty());
    let builder = WebSocketDialer::builder().extra_roots([root]);
    let built = builder.tls_config(Arc::new(config.clone())).build();
    assert!(is_misuse(&built, ApiMisuse::RootsAndTlsConfig), "{built:?}");

    let mut config = config;
    config.alpn_protocols = vec![b"h2".to_vec()];
    let built = WebSocketDialer::builder().tls_config(Arc::new(config)).build();
    assert!(is_misuse(&built, ApiMisuse::Alpn), "{built:?}");
}
