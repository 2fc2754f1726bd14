//! The tunnel service with real peers on real sockets.
//!
//! Clauses: [CTAP 2.2 §11.5.1.2] [RFC 6455 §7.4, §7.4.2].

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail so")]

use std::net::SocketAddr;

use fido_hybrid::error::TunnelError;
use fido_hybrid::transport::{RoutingId, TunnelId};
use fido_hybrid::tunnel::{OpenedTunnel, TunnelDialer, WebSocketDialer};
use fido_hybrid_relay::{Limits, Server, ServerHandle};
use fido_hybrid_testkit::services::{
    TUNNEL, certificate, client_url, domain, pair, phone_url, secure,
};
use futures_util::future::join_all;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

async fn plain(limits: Limits) -> (ServerHandle, WebSocketDialer) {
    let server = Server::builder().limits(limits).bind("127.0.0.1:0").await.unwrap();
    let running = server.start().unwrap();
    let dialer = dialer(running.local_addr());
    (running, dialer)
}

fn dialer(address: SocketAddr) -> WebSocketDialer {
    let (root, _) = certificate(&[&domain()]);
    WebSocketDialer::builder()
        .extra_roots([root])
        .resolve_without_tls(&domain(), address)
        .build()
        .unwrap()
}

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

async fn status(dialing: impl Future<Output = Result<OpenedTunnel, TunnelError>>) -> u16 {
    match dialing.await {
        Err(TunnelError::Status(status)) => status,
        other => panic!("{other:?}"),
    }
}

/// Sends a request as it stands; the status line of the answer.
async fn raw(address: SocketAddr, request: &str) -> String {
    whole_answer(address, request).await.lines().next().unwrap().to_owned()
}

async fn whole_answer(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// A peer that can do what our own never does.
async fn rude(address: SocketAddr, path: &str) -> WebSocketStream<TcpStream> {
    let mut request = format!("ws://relay.example{path}").into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", "fido.cable".parse().unwrap());
    let stream = TcpStream::connect(address).await.unwrap();
    client_async(request, stream).await.unwrap().0
}

fn phone_path() -> String {
    format!("/cable/new/{}", "ab".repeat(16))
}

/// The code with which the service closes, after messages.
async fn closing_code(socket: &mut WebSocketStream<TcpStream>) -> u16 {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Close(Some(frame)) => return frame.code.into(),
            Message::Binary(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn exchange(dialer: &WebSocketDialer) {
    let (mut phone, mut client) = pair(dialer).await;
    client.tunnel.send(vec![vec![1; 81]]).await.unwrap();
    assert_eq!(phone.tunnel.receive().await.unwrap(), Some(vec![1; 81]));
    phone.tunnel.send(vec![vec![2; 81], vec![3; 528], Vec::new()]).await.unwrap();
    for message in [vec![2; 81], vec![3; 528], Vec::new()] {
        assert_eq!(client.tunnel.receive().await.unwrap(), Some(message));
    }
    let long = vec![4; Limits::default().message_size];
    let (sent, received) =
        tokio::join!(phone.tunnel.send(vec![long.clone()]), client.tunnel.receive(),);
    sent.unwrap();
    assert!(received.unwrap() == Some(long));
}

#[tokio::test]
async fn peers_exchange_messages_over_tls() {
    let (root, config) = certificate(&[&domain()]);
    let server = Server::builder().tls(config).bind("127.0.0.1:0").await.unwrap();
    let running = server.start().unwrap();
    exchange(&secure(&root, running.local_addr()).build().unwrap()).await;
}

#[tokio::test]
async fn peers_exchange_messages_in_clear() {
    let (_running, dialer) = plain(Limits::default()).await;
    exchange(&dialer).await;
}

#[tokio::test]
async fn what_the_phone_sends_first_waits_for_the_client() {
    let (_running, dialer) = plain(Limits::default()).await;
    let mut phone = dialer.dial(phone_url(TUNNEL).into()).await.unwrap();
    phone.tunnel.send(vec![vec![1], vec![2]]).await.unwrap();
    let routing = phone.routing_id.unwrap();
    let mut client = dialer.dial(client_url(routing, TUNNEL).into()).await.unwrap();
    assert_eq!(client.tunnel.receive().await.unwrap(), Some(vec![1]));
    assert_eq!(client.tunnel.receive().await.unwrap(), Some(vec![2]));
}

#[tokio::test]
async fn a_tunnel_has_one_phone_and_one_client() {
    let (_running, dialer) = plain(Limits::default()).await;
    let (mut phone, mut client) = pair(&dialer).await;
    assert_eq!(status(dialer.dial(phone_url(TUNNEL).into())).await, 409);
    let routing = phone.routing_id.unwrap();
    assert_eq!(status(dialer.dial(client_url(routing, TUNNEL).into())).await, 409);
    // Neither attempt did any harm.
    phone.tunnel.send(vec![vec![1]]).await.unwrap();
    assert_eq!(client.tunnel.receive().await.unwrap(), Some(vec![1]));
}

#[tokio::test]
async fn what_is_not_there_gets_404() {
    let (running, dialer) = plain(Limits::default()).await;
    let phone = dialer.dial(phone_url(TUNNEL).into()).await.unwrap();
    let RoutingId([one, two, three]) = phone.routing_id.unwrap();
    let wrong = RoutingId([one, two, three ^ 1]);
    assert_eq!(status(dialer.dial(client_url(wrong, TUNNEL).into())).await, 404);
    let unknown = client_url(phone.routing_id.unwrap(), TunnelId([1; 16]));
    assert_eq!(status(dialer.dial(unknown.into())).await, 404);
    let contact = upgrade_request("/cable/contact/AAAA");
    assert_eq!(raw(running.local_addr(), &contact).await, "HTTP/1.1 404 Not Found");
}

fn upgrade_request(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: relay.example\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         Sec-WebSocket-Protocol: fido.cable\r\n\r\n"
    )
}

#[tokio::test]
async fn requests_that_are_no_upgrade_are_answered() {
    let (running, _) = plain(Limits::default()).await;
    let upgrade = upgrade_request(&phone_path());
    let without_subprotocol = upgrade.replace("Sec-WebSocket-Protocol: fido.cable\r\n", "");
    let post = upgrade.replace("GET", "POST");
    let bare = format!("GET {} HTTP/1.1\r\nHost: relay.example\r\n\r\n", phone_path());
    for (request, expected) in [
        (without_subprotocol, "HTTP/1.1 400 Bad Request"),
        (bare, "HTTP/1.1 400 Bad Request"),
        ("not HTTP at all\r\n\r\n".to_owned(), "HTTP/1.1 400 Bad Request"),
        (post, "HTTP/1.1 405 Method Not Allowed"),
    ] {
        assert_eq!(raw(running.local_addr(), &request).await, expected, "{request}");
    }
}

#[tokio::test]
async fn the_origin_is_checked_where_one_is_required() {
    let builder = Server::builder().require_origin("wss://cable.ua5v.com");
    let running = builder.bind("127.0.0.1:0").await.unwrap().start().unwrap();
    let answer = raw(running.local_addr(), &upgrade_request(&phone_path())).await;
    assert_eq!(answer, "HTTP/1.1 403 Forbidden");
    dialer(running.local_addr()).dial(phone_url(TUNNEL).into()).await.unwrap();
}

/// The number of pairs that an office behind one address may have.
const PAIRS: u8 = 50;

/// All phones of one address dial at once, then all clients, and each pair
/// exchanges a message both ways.
async fn all_pairs_end_well(dialer: &WebSocketDialer) {
    let ids = (0..PAIRS).map(|id| TunnelId([id; 16]));
    let phones = join_all(ids.clone().map(|id| dialer.dial(phone_url(id).into()))).await;
    let phones: Vec<_> = phones.into_iter().map(Result::unwrap).collect();
    let joining = ids
        .zip(&phones)
        .map(|(id, phone)| dialer.dial(client_url(phone.routing_id.unwrap(), id).into()));
    let clients = join_all(joining).await;
    for (mut phone, client) in phones.into_iter().zip(clients) {
        let mut client = client.unwrap();
        client.tunnel.send(vec![vec![1; 81]]).await.unwrap();
        assert_eq!(phone.tunnel.receive().await.unwrap(), Some(vec![1; 81]));
        phone.tunnel.send(vec![vec![2; 81]]).await.unwrap();
        assert_eq!(client.tunnel.receive().await.unwrap(), Some(vec![2; 81]));
    }
}

#[tokio::test]
async fn fifty_pairs_from_one_address_end_well_in_clear() {
    let (_running, dialer) = plain(Limits::default()).await;
    all_pairs_end_well(&dialer).await;
}

#[tokio::test]
async fn fifty_pairs_from_one_address_end_well_over_tls() {
    let (_running, dialer) = over_tls(Limits::default()).await;
    all_pairs_end_well(&dialer).await;
}

async fn over_tls(limits: Limits) -> (ServerHandle, WebSocketDialer) {
    let (root, config) = certificate(&[&domain()]);
    let server = Server::builder().limits(limits).tls(config);
    let running = server.bind("127.0.0.1:0").await.unwrap().start().unwrap();
    let dialer = secure(&root, running.local_addr()).build().unwrap();
    (running, dialer)
}

#[tokio::test]
async fn a_phone_too_many_is_refused_by_status_and_the_clients_of_the_others_are_not() {
    for (limits, expected) in
        [(limits(|limits| limits.per_address = 2), 429), (limits(|limits| limits.tunnels = 2), 503)]
    {
        for (_running, dialer) in [plain(limits.clone()).await, over_tls(limits.clone()).await] {
            let ids = [TunnelId([1; 16]), TunnelId([2; 16])];
            let phones = ids.map(|id| dialer.dial(phone_url(id).into()));
            let phones = join_all(phones).await;
            for _ in 0..2 {
                let one_more = dialer.dial(phone_url(TunnelId([3; 16])).into());
                assert_eq!(status(one_more).await, expected);
            }
            for (phone, id) in phones.into_iter().zip(ids) {
                let mut phone = phone.unwrap();
                let url = client_url(phone.routing_id.unwrap(), id);
                let mut client = dialer.dial(url.into()).await.unwrap();
                client.tunnel.send(vec![vec![1]]).await.unwrap();
                assert_eq!(phone.tunnel.receive().await.unwrap(), Some(vec![1]));
            }
        }
    }
}

#[tokio::test]
async fn who_is_refused_for_room_learns_when_to_come_back() {
    for (limits, status) in [
        (limits(|limits| limits.per_address = 0), "HTTP/1.1 429 Too Many Requests"),
        (limits(|limits| limits.tunnels = 0), "HTTP/1.1 503 Service Unavailable"),
    ] {
        let (running, _) = plain(limits).await;
        let answer = whole_answer(running.local_addr(), &upgrade_request(&phone_path())).await;
        assert_eq!(answer.lines().next(), Some(status));
        assert!(answer.to_ascii_lowercase().contains("\r\nretry-after: 10\r\n"), "{answer}");
    }
    let (running, _) = plain(Limits::default()).await;
    let answer = whole_answer(running.local_addr(), &upgrade_request("/")).await;
    assert!(!answer.to_ascii_lowercase().contains("retry-after"), "{answer}");
}

#[tokio::test]
async fn a_crowd_that_says_nothing_loses_its_oldest_and_keeps_no_pair_out() {
    const ROOM: usize = 16;
    let (running, dialer) = over_tls(limits(|limits| limits.pending_connections = ROOM)).await;
    let mut crowd = Vec::new();
    for _ in 0..4 * ROOM {
        crowd.push(TcpStream::connect(running.local_addr()).await.unwrap());
    }
    exchange(&dialer).await;
    // Those that had to make room for others and for the pair.
    for silent in &mut crowd[..=3 * ROOM] {
        assert!(!matches!(silent.read(&mut [0]).await, Ok(1..)));
    }
    assert!(crowd.pop().unwrap().read(&mut [0]).now_or_never().is_none());
}

#[tokio::test]
async fn a_phone_that_disconnects_closes_its_clients_tunnel_after_its_last_message() {
    let (_running, dialer) = plain(Limits::default()).await;
    let (mut phone, mut client) = pair(&dialer).await;
    // Unread when the phone disconnects: it must not cost the client the rest.
    client.tunnel.send(vec![vec![9; 1000]]).await.unwrap();
    phone.tunnel.send(vec![vec![1]]).await.unwrap();
    phone.tunnel.close().await;
    assert_eq!(client.tunnel.receive().await.unwrap(), Some(vec![1]));
    assert_eq!(client.tunnel.receive().await.unwrap(), None);
}

#[tokio::test]
async fn a_lost_client_connection_closes_the_phones_tunnel_with_1001() {
    let (_running, dialer) = plain(Limits::default()).await;
    let (mut phone, client) = pair(&dialer).await;
    drop(client);
    let ended = phone.tunnel.receive().await;
    assert!(matches!(ended, Err(TunnelError::Closed(Some(1001)))), "{ended:?}");
}

#[tokio::test]
async fn text_closes_with_1003() {
    let (running, _) = plain(Limits::default()).await;
    let mut phone = rude(running.local_addr(), &phone_path()).await;
    phone.send(Message::text("hello")).await.unwrap();
    assert_eq!(closing_code(&mut phone).await, 1003);
}

#[tokio::test]
async fn a_message_over_the_limit_closes_with_1009_though_it_never_ends() {
    let (running, _) = plain(limits(|limits| limits.message_size = 100)).await;
    let mut phone = rude(running.local_addr(), &phone_path()).await;
    // A masked binary frame of 101 bytes, of which none comes.
    phone.get_mut().write_all(&[0x82, 0x80 | 101, 0, 0, 0, 0]).await.unwrap();
    assert_eq!(closing_code(&mut phone).await, 1009);
}

#[tokio::test]
async fn too_many_messages_close_with_1008_and_the_other_side_gets_the_rest() {
    let (running, dialer) = plain(limits(|limits| limits.messages = 2)).await;
    let mut phone = rude(running.local_addr(), &phone_path()).await;
    drop(phone.send(Message::binary(vec![1])).await);
    drop(phone.send(Message::binary(vec![2])).await);
    drop(phone.send(Message::binary(vec![3])).await);
    assert_eq!(closing_code(&mut phone).await, 1008);

    let (mut phone, mut client) = pair_with(&dialer, TunnelId([1; 16])).await;
    phone.tunnel.send(vec![vec![1], vec![2], vec![3]]).await.unwrap();
    assert_eq!(client.tunnel.receive().await.unwrap(), Some(vec![1]));
    assert_eq!(client.tunnel.receive().await.unwrap(), Some(vec![2]));
    let ended = client.tunnel.receive().await;
    assert!(matches!(ended, Err(TunnelError::Closed(Some(1001)))), "{ended:?}");
}

async fn pair_with(dialer: &WebSocketDialer, tunnel: TunnelId) -> (OpenedTunnel, OpenedTunnel) {
    let phone = dialer.dial(phone_url(tunnel).into()).await.unwrap();
    let client = client_url(phone.routing_id.unwrap(), tunnel);
    let client = dialer.dial(client.into()).await.unwrap();
    (phone, client)
}

#[tokio::test]
async fn pings_are_answered_by_the_service_and_go_no_further() {
    let (running, dialer) = plain(Limits::default()).await;
    let mut phone = rude(running.local_addr(), &phone_path()).await;
    phone.send(Message::Ping("knock".into())).await.unwrap();
    assert_eq!(phone.next().await.unwrap().unwrap(), Message::Pong("knock".into()));

    let (mut phone, mut client) = pair_with(&dialer, TunnelId([1; 16])).await;
    phone.tunnel.send(vec![vec![1]]).await.unwrap();
    assert_eq!(client.tunnel.receive().await.unwrap(), Some(vec![1]));
}

#[test]
fn a_service_that_is_started_outside_a_runtime_fails() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Server::builder().bind("127.0.0.1:0")).unwrap();
    assert!(server.start().is_err());
}

#[tokio::test]
async fn dropping_the_handle_closes_tunnels_and_stops_listening() {
    let (running, dialer) = plain(Limits::default()).await;
    let (mut phone, mut client) = pair(&dialer).await;
    drop(running);
    for tunnel in [&mut phone.tunnel, &mut client.tunnel] {
        let ended = tunnel.receive().await;
        assert!(matches!(ended, Err(TunnelError::Closed(None))), "{ended:?}");
    }
    let refused = dialer.dial(phone_url(TunnelId([1; 16])).into()).await;
    assert!(matches!(refused, Err(TunnelError::Tcp(_))), "{refused:?}");
}
