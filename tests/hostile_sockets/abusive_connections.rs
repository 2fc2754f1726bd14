//! Visitors who abuse our tunnel service.
//!
//! `tests/relay.rs` shows what a service answers to invalid requests, and the codes
//! with which it closes on text, long messages and too many of them. The tests beside
//! its connections show deadlines and slow readers.

use std::net::SocketAddr;
use std::time::Duration;

use fido_hybrid::transport::TunnelId;
use fido_hybrid_relay::{Limits, Server, ServerHandle};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::clock::{hold, pass, settle};
use crate::service::{BINARY, CLOSE, FIRST, LAST, MIDDLE, PING, PONG, TEXT, declared};

/// How long the service waits for TLS and upgrade.
const UPGRADE: Duration = Duration::from_secs(10);

pub(crate) fn request(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: relay.example\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         Sec-WebSocket-Protocol: fido.cable\r\n\r\n"
    )
}

/// A frame as a client sends it, under a mask that changes nothing.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    [&masked_head(first, payload.len() as u64)[..], payload].concat()
}

fn masked_head(first: u8, length: u64) -> Vec<u8> {
    let mut head = declared(first, length);
    head[1] |= 0x80;
    head.extend([0; 4]);
    head
}

async fn service() -> ServerHandle {
    Server::builder().limits(Limits::default()).bind("127.0.0.1:0").await.unwrap().start().unwrap()
}

pub(crate) struct Visitor {
    pub(crate) stream: TcpStream,
}

pub(crate) async fn connect(address: SocketAddr) -> Visitor {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    Visitor { stream }
}

impl Visitor {
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The status and the routing id of the answer.
    pub(crate) async fn answer(&mut self) -> (u16, Option<String>) {
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(self.stream.read_u8().await.unwrap());
        }
        let answer = String::from_utf8(answer).unwrap().to_ascii_lowercase();
        let status = answer.strip_prefix("http/1.1 ").unwrap()[..3].parse().unwrap();
        let routing = answer.lines().find_map(|line| line.strip_prefix("x-cable-routing-id: "));
        (status, routing.map(str::to_owned))
    }

    pub(crate) async fn asking(address: SocketAddr, path: &str) -> (Self, u16, Option<String>) {
        let mut visitor = connect(address).await;
        visitor.write(request(path).as_bytes()).await;
        let (status, routing) = visitor.answer().await;
        (visitor, status, routing)
    }

    pub(crate) async fn frame(&mut self) -> (u8, Vec<u8>) {
        let first = self.stream.read_u8().await.unwrap();
        let length = match self.stream.read_u8().await.unwrap() {
            126 => self.stream.read_u16().await.unwrap().into(),
            127 => self.stream.read_u64().await.unwrap(),
            length => length.into(),
        };
        let mut payload = vec![0; length.try_into().unwrap()];
        self.stream.read_exact(&mut payload).await.unwrap();
        (first, payload)
    }

    async fn closed_with(&mut self) -> u16 {
        let (first, payload) = self.frame().await;
        assert_eq!((first, payload.len()), (CLOSE, 2));
        u16::from_be_bytes([payload[0], payload[1]])
    }

    /// Whether the service has ended the connection, whatever it said before.
    async fn is_dropped(&mut self) -> bool {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).await.is_err() || rest.is_empty()
    }
}

pub(crate) fn path(tunnel: u8) -> String {
    format!("/cable/new/{}", TunnelId([tunnel; 16]))
}

/// Both ends of a tunnel, by hand.
pub(crate) async fn pair(address: SocketAddr, tunnel: u8) -> (Visitor, Visitor) {
    let (phone, status, routing) = Visitor::asking(address, &path(tunnel)).await;
    assert_eq!(status, 101);
    let connect = format!("/cable/connect/{}/{}", routing.unwrap(), TunnelId([tunnel; 16]));
    let (client, status, _) = Visitor::asking(address, &connect).await;
    assert_eq!(status, 101);
    (phone, client)
}

/// The next two connections are served, whatever earlier ones did.
async fn still_serves(running: &ServerHandle) {
    let (mut phone, mut client) = pair(running.local_addr(), 0xee).await;
    client.write(&masked(BINARY, b"hello")).await;
    assert_eq!(phone.frame().await, (BINARY, b"hello".to_vec()));
    phone.write(&masked(BINARY, b"and back")).await;
    assert_eq!(client.frame().await, (BINARY, b"and back".to_vec()));
}

#[tokio::test(start_paused = true)]
async fn ids_of_every_length_but_the_right_one_are_unknown() {
    let _clock = hold();
    let running = service().await;
    let address = running.local_addr();
    let (phone, _, routing) = Visitor::asking(address, &path(1)).await;
    let routing = routing.unwrap();
    let tunnel = TunnelId([1; 16]).to_string();
    let (long, digits) = ("01".repeat(33), |count| "0".repeat(count));
    let mut paths = Vec::new();
    for length in (0..=64).filter(|length| *length != 32) {
        paths.push(format!("/cable/new/{}", &long[..length]));
        paths.push(format!("/cable/connect/{routing}/{}", &long[..length]));
    }
    for length in (0..=12).filter(|length| *length != 6) {
        paths.push(format!("/cable/connect/{}/{tunnel}", digits(length)));
    }
    paths.push(format!("/cable/connect/{tunnel}/{routing}"));
    paths.push(format!("/cable/connect/{routing}/{tunnel}/"));
    paths.push(format!("/cable/connect//{routing}/{tunnel}"));
    paths.push(format!("/cable/../cable/connect/{routing}/{tunnel}"));
    paths.push(format!("/cable/connect/{routing}/{tunnel}%00"));
    paths.push("/".to_owned());
    paths.push("*".to_owned());
    for path in paths {
        let (_, status, _) = Visitor::asking(address, &path).await;
        assert!(matches!(status, 400 | 404), "{path}: {status}");
    }
    // The phone still waits, for the one who knows.
    let connect = format!("/cable/connect/{routing}/{tunnel}");
    assert_eq!(Visitor::asking(address, &connect).await.1, 101);
    drop(phone);
}

#[tokio::test(start_paused = true)]
async fn a_client_before_its_phone_and_a_second_client_are_refused() {
    let _clock = hold();
    let running = service().await;
    let address = running.local_addr();
    let tunnel = TunnelId([1; 16]);
    let early = format!("/cable/connect/010203/{tunnel}");
    assert_eq!(Visitor::asking(address, &early).await.1, 404);
    let (mut phone, _, routing) = Visitor::asking(address, &path(1)).await;
    let connect = format!("/cable/connect/{}/{tunnel}", routing.unwrap());
    let (mut client, status, _) = Visitor::asking(address, &connect).await;
    assert_eq!(status, 101);
    assert_eq!(Visitor::asking(address, &connect).await.1, 409);
    // Nor is there a second phone, in capitals or small letters.
    for again in [path(1), path(1).to_ascii_lowercase()] {
        assert_eq!(Visitor::asking(address, &again).await.1, 409);
    }
    // It cost the first two nothing.
    client.write(&masked(BINARY, b"hello")).await;
    assert_eq!(phone.frame().await, (BINARY, b"hello".to_vec()));
    // A tunnel that has ended cannot be opened again.
    drop((phone, client));
    settle().await;
    assert_eq!(Visitor::asking(address, &path(1)).await.1, 409);
    assert_eq!(Visitor::asking(address, &connect).await.1, 404);
}

#[tokio::test(start_paused = true)]
async fn phones_far_away_that_saw_the_code_do_not_block_the_one_in_the_room() {
    let _clock = hold();
    let running = service().await;
    let address = running.local_addr();
    let mut strangers = Vec::new();
    for _ in 0..5 {
        let (stranger, status, _) = Visitor::asking(address, &path(1)).await;
        assert_eq!(status, 101);
        strangers.push(stranger);
    }
    let (mut phone, status, routing) = Visitor::asking(address, &path(1)).await;
    assert_eq!(status, 101);
    let connect = format!("/cable/connect/{}/{}", routing.unwrap(), TunnelId([1; 16]));
    let (mut client, status, _) = Visitor::asking(address, &connect).await;
    assert_eq!(status, 101);
    client.write(&masked(BINARY, b"hello")).await;
    assert_eq!(phone.frame().await, (BINARY, b"hello".to_vec()));
    for mut stranger in strangers {
        assert_eq!(stranger.closed_with().await, 4409);
    }
}

#[tokio::test(start_paused = true)]
async fn requests_without_end_are_refused_within_their_limit() {
    let _clock = hold();
    let running = service().await;
    for rest in [
        "X-Endless: a\r\n".repeat(20_000),
        format!("X-Long: {}", "a".repeat(200_000)),
        format!("{}\r\n\r\n", "X-Many: a\r\n".repeat(125)),
    ] {
        let mut visitor = connect(running.local_addr()).await;
        let request = request(&path(1)).replace("\r\n\r\n", "\r\n");
        visitor.write(request.as_bytes()).await;
        // The service may have stopped reading already.
        let _refused = visitor.stream.write_all(rest.as_bytes()).await;
        assert_eq!(visitor.answer().await.0, 400);
    }
    still_serves(&running).await;
}

#[tokio::test(start_paused = true)]
async fn visitors_who_never_finish_their_request_are_dropped_at_the_deadline() {
    let _clock = hold();
    let running = service().await;
    let mut visitors = Vec::new();
    for length in [0, 1, 3, 20, 60] {
        let mut visitor = connect(running.local_addr()).await;
        // Byte by byte, one each: what is said does not put the deadline off.
        visitor.write(&request(&path(1)).as_bytes()[..length]).await;
        visitors.push((visitor, length));
    }
    settle().await;
    for _ in 0..UPGRADE.as_secs() {
        for (visitor, length) in &mut visitors {
            visitor.write(&request(&path(1)).as_bytes()[*length..=*length]).await;
            *length += 1;
        }
        settle().await;
        pass(Duration::from_secs(1)).await;
    }
    for (mut visitor, length) in visitors {
        assert!(visitor.is_dropped().await, "{length}");
    }
    still_serves(&running).await;
}

#[tokio::test(start_paused = true)]
async fn peers_who_break_the_websocket_rules_are_dropped_and_the_other_side_told() {
    let _clock = hold();
    let running = service().await;
    let address = running.local_addr();
    let offences = [
        // Without a mask, which clients must have.
        vec![BINARY, 1, 0],
        masked(BINARY | 0x40, b"compressed"),
        masked(BINARY | 0x10, b"reserved"),
        masked(0x83, b"unknown data"),
        masked(0x8b, b"unknown control"),
        masked(MIDDLE, b"no first"),
        masked(PING, &[0; 126]),
        masked(PING & 0x7f, b""),
        [masked(FIRST, b""), masked(BINARY, b"")].concat(),
    ];
    for (number, offence) in (2..).zip(offences) {
        let (mut phone, mut client) = pair(address, number).await;
        client.write(&offence).await;
        assert_eq!(phone.closed_with().await, 1001, "{offence:02x?}");
        assert!(client.is_dropped().await, "{offence:02x?}");
    }
}

#[tokio::test(start_paused = true)]
async fn text_and_long_messages_close_their_sender_and_the_other_side_is_told() {
    let _clock = hold();
    let running = service().await;
    let address = running.local_addr();
    for (number, (offence, code)) in (2..).zip([
        (masked(TEXT, b"hello"), 1003),
        (masked(TEXT, &[0xff]), 1003),
        ([masked(TEXT & 0x7f, b"he"), masked(LAST, b"llo")].concat(), 1003),
        (masked_head(BINARY, (256 << 10) + 1), 1009),
        (masked_head(BINARY, 16 << 20), 1009),
        (masked_head(BINARY, u64::MAX), 1009),
        ([masked(FIRST, &vec![0; 200 << 10]), masked(LAST, &vec![0; 100 << 10])].concat(), 1009),
    ]) {
        let (mut phone, mut client) = pair(address, number).await;
        client.write(&offence).await;
        assert_eq!(client.closed_with().await, code);
        assert_eq!(phone.closed_with().await, 1001);
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_in_pieces_arrives_whole() {
    let _clock = hold();
    let running = service().await;
    let (mut phone, mut client) = pair(running.local_addr(), 1).await;
    let bytes = [
        masked(FIRST, b"in "),
        masked(PING, b"between"),
        masked(MIDDLE, b""),
        masked(LAST, b"pieces"),
    ];
    for byte in bytes.concat() {
        client.write(&[byte]).await;
        settle().await;
    }
    assert_eq!(phone.frame().await, (BINARY, b"in pieces".to_vec()));
    assert_eq!(client.frame().await, (PONG, b"between".to_vec()));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_frames_that_are_no_messages_is_closed_with_1008() {
    let _clock = hold();
    let running = service().await;
    for (number, flood) in (2..).zip([
        masked(PING, b"flood").repeat(257),
        masked(PONG, b"flood").repeat(257),
        [masked(FIRST, b""), masked(MIDDLE, b"").repeat(1024)].concat(),
        [masked(FIRST, b"a"), masked(MIDDLE, b"b").repeat(1024)].concat(),
    ]) {
        let (mut flooder, mut other) = pair(running.local_addr(), number).await;
        flooder.write(&flood).await;
        let end = loop {
            let frame = flooder.frame().await;
            if frame.0 != PONG {
                break frame;
            }
        };
        assert_eq!(end, (CLOSE, 1008_u16.to_be_bytes().to_vec()), "{number}");
        assert_eq!(other.closed_with().await, 1001, "{number}");
        // Nor is the rest read for long.
        let more = flood.repeat(1000);
        while flooder.stream.write_all(&more).await.is_ok() {}
    }
    still_serves(&running).await;
}

#[tokio::test(start_paused = true)]
async fn pings_and_fragments_within_their_budget_end_nothing() {
    let _clock = hold();
    let running = service().await;
    let (mut phone, mut client) = pair(running.local_addr(), 1).await;
    for _ in 0..2 {
        client.write(&masked(FIRST, b"")).await;
        client.write(&masked(MIDDLE, b"a").repeat(1023)).await;
        client.write(&masked(PING, b"").repeat(256)).await;
        client.write(&masked(LAST, b"b")).await;
        for _ in 0..256 {
            assert_eq!(client.frame().await, (PONG, Vec::new()));
        }
        let whole = [vec![b'a'; 1023], vec![b'b']].concat();
        assert_eq!(phone.frame().await, (BINARY, whole));
        // By then as many pings are allowed again.
        pass(Duration::from_secs(256)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_never_ends_does_not_put_the_tunnels_expiry_off() {
    const PARTS: u32 = 10;
    let _clock = hold();
    let running = service().await;
    let (mut phone, mut client) = pair(running.local_addr(), 1).await;
    client.write(&masked_head(BINARY, 1000)).await;
    for _ in 0..PARTS {
        client.write(&[0]).await;
        settle().await;
        pass(Limits::default().lifetime / PARTS).await;
    }
    assert_eq!(phone.closed_with().await, 1008);
    assert_eq!(client.closed_with().await, 1008);
    still_serves(&running).await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_without_a_close_frame_ends_when_its_tunnel_expires() {
    let _clock = hold();
    let running = service().await;
    let limits = Limits::default();
    // A half-open socket: nothing comes, and nothing says that it is over.
    let (mut phone, mut client) = pair(running.local_addr(), 1).await;
    let (mut lonely, _, _) = Visitor::asking(running.local_addr(), &path(2)).await;
    settle().await;
    pass(limits.waiting).await;
    assert_eq!(lonely.closed_with().await, 1008);
    pass(limits.lifetime - limits.waiting).await;
    assert_eq!(phone.closed_with().await, 1008);
    assert_eq!(client.closed_with().await, 1008);
    still_serves(&running).await;
}
