//! One connection of the server: the upgrade, then messages both ways at once,
//! then a farewell that reaches the other side.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{
    ALLOW, CONNECTION, CONTENT_LENGTH, HeaderValue, ORIGIN, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL,
};
use http::{HeaderMap, StatusCode};
use rand_core::TryRng as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::server;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as WireCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use super::machine::{Event, RelayOutput};
use super::request::{Accepted, Rejection, UpgradeRequest};
use super::shared::Arrival;
use super::silence::{Disconnected, Silence};
use fido_hybrid_proto::transport::{ROUTING_ID_HEADER, RoutingId, SUBPROTOCOL};
use fido_hybrid_websocket::{Counted, LastRead, bounded, is_flood};

/// For TLS and the upgrade together. A visitor that takes longer is not a peer.
pub(super) const UPGRADE_DEADLINE: Duration = Duration::from_secs(10);

/// Write timeout for one message: 1 MiB takes as long over a slow mobile network. A
/// peer that reads nothing for this long is treated as disconnected.
const WRITE_DEADLINE: Duration = Duration::from_secs(30);

/// How long, and how far, a closed connection is still read from. A socket closed with
/// something unread resets the connection, and the farewell is lost.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: u64 = 1 << 20;

impl Arrival {
    fn receive(&self, event: Event) {
        self.shared.with(|relay, _| relay.receive(self.id, event));
    }

    fn open(&self, path: &str, headers: &HeaderMap) -> Result<Accepted, Rejection> {
        let mut routing = [0; 3];
        getrandom::SysRng.try_fill_bytes(&mut routing).map_err(|_| Rejection::Full)?;
        let text = |value: &'_ HeaderValue| value.to_str().ok().map(str::to_owned);
        let offered: Vec<_> =
            headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(text).collect();
        let origin = headers.get(ORIGIN).and_then(text);
        let request = UpgradeRequest {
            path,
            subprotocols: offered.iter().map(String::as_str).collect(),
            origin: origin.as_deref(),
        };
        self.shared.with(|relay, now| relay.open(now, self.id, &request, RoutingId(routing)))
    }
}

/// Serves a connection to its end. What `stream` carries is already secure.
pub(super) async fn serve<S>(arrival: &Arrival, mut stream: S, deadline: Instant)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match timeout_at(deadline, upgrade(arrival, &mut stream)).await {
        Ok(true) => {
            let config = bounded(arrival.shared.message_size());
            let stream = Counted::new(&mut stream, &[], arrival.shared.message_size());
            let last_read = stream.last_read().clone();
            let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
            exchange(arrival, socket, last_read).await;
        }
        Ok(false) => {}
        Err(_) => {
            tracing::debug!("a visitor said nothing in time");
            return;
        }
    }
    let _ = timeout(LINGER, farewell(&mut stream)).await;
}

/// Reads the request and answers it; whether there is a WebSocket now.
async fn upgrade<S>(arrival: &Arrival, stream: &mut S) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    #[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
    let answer = |request: &server::Request, mut response: server::Response| {
        let uri = request.uri();
        let path = uri.path_and_query().map_or("", |path| path.as_str());
        match arrival.open(path, request.headers()) {
            Ok(accepted) => {
                tracing::debug!(new = accepted.routing_id.is_some(), "peer accepted");
                let headers = response.headers_mut();
                headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
                if let Some(routing_id) = accepted.routing_id
                    && let Ok(value) = HeaderValue::from_str(&routing_id.to_string())
                {
                    headers.insert(ROUTING_ID_HEADER, value);
                }
                Ok(response)
            }
            Err(refusal) => Err(refused(refusal)),
        }
    };
    let config = bounded(arrival.shared.message_size());
    let refusal = match accept_hdr_async_with_config(&mut *stream, answer, Some(config)).await {
        Ok(_) => return true,
        // Answered above.
        Err(Error::Http(_)) => return false,
        Err(Error::Protocol(ProtocolError::WrongHttpMethod)) => Rejection::Method,
        Err(Error::Io(_) | Error::Protocol(ProtocolError::HandshakeIncomplete)) => return false,
        Err(_) => Rejection::Malformed,
    };
    let response = refused(refusal);
    let mut text = format!("HTTP/1.1 {}\r\n", response.status());
    for (name, value) in response.headers() {
        text += &format!("{name}: {}\r\n", value.to_str().unwrap_or_default());
    }
    text += "\r\n";
    let _ = stream.write_all(text.as_bytes()).await;
    false
}

fn refused(refusal: Rejection) -> server::ErrorResponse {
    tracing::debug!(status = refusal.status(), "visitor refused");
    let mut response = server::ErrorResponse::new(None);
    *response.status_mut() =
        StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    if let Some(time) = refusal.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(time.as_secs()));
    }
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    if refusal == Rejection::Method {
        headers.insert(ALLOW, HeaderValue::from_static("GET"));
    }
    response
}

/// Carries messages until either direction has come to its end. The two run
/// side by side: a peer that writes without reading must not stop the other
/// direction.
async fn exchange<S>(arrival: &Arrival, socket: WebSocketStream<S>, last_read: LastRead)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sink, mut source) = socket.split();
    let silence = Silence::new(arrival.shared.ping_interval(), last_read);
    {
        let reading = pin!(read(arrival, &mut source, &silence));
        let writing = pin!(write(arrival, &mut sink, &silence));
        if let Either::Left(((), writing)) = select(reading, writing).await {
            // The state machine was told why, and its last output is written.
            writing.await;
        }
    }
    // The answer to the peer's close frame, if that is what it was.
    let _ = timeout(LINGER, sink.flush()).await;
}

async fn read<S>(arrival: &Arrival, source: &mut SplitStream<WebSocketStream<S>>, silence: &Silence)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        while !arrival.shared.with(|relay, _| relay.may_read(arrival.id)) {
            arrival.wake.reader.notified().await;
        }
        let next = source.next().await;
        silence.broken();
        let event = match next {
            Some(Ok(Message::Binary(message))) => {
                tracing::trace!(length = message.len(), "message");
                arrival.receive(Event::Message(message.into()));
                continue;
            }
            // Answered by the WebSocket layer.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Ok(Message::Text(_)) | Err(Error::Utf8(_))) => Event::Text,
            Some(Ok(Message::Close(_))) => Event::Closed,
            Some(Err(Error::Capacity(CapacityError::MessageTooLong { .. }))) => Event::TooLong,
            Some(Err(error)) if is_flood(&error) => Event::Flood,
            Some(Err(_)) | None => Event::Disconnected,
        };
        tracing::debug!(?event, "peer is done");
        return arrival.receive(event);
    }
}

async fn write<S>(
    arrival: &Arrival,
    sink: &mut SplitSink<WebSocketStream<S>, Message>,
    silence: &Silence,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut unflushed = false;
    loop {
        let sent = match arrival.shared.with(|relay, _| relay.next(arrival.id)) {
            RelayOutput::Message(message) => {
                unflushed = true;
                timeout(WRITE_DEADLINE, sink.feed(Message::Binary(Bytes::from(message)))).await
            }
            RelayOutput::Wait if unflushed => {
                unflushed = false;
                timeout(WRITE_DEADLINE, sink.flush()).await
            }
            RelayOutput::Wait => {
                tokio::select! {
                    () = arrival.wake.writer.notified() => continue,
                    () = silence.due() => {}
                }
                if !arrival.shared.with(|relay, _| relay.may_read(arrival.id)) {
                    // Held back: its answers are not read.
                    silence.broken();
                    continue;
                }
                if silence.ping() == Err(Disconnected) {
                    tracing::debug!("peer does not answer pings");
                    return arrival.receive(Event::Disconnected);
                }
                unflushed = true;
                timeout(WRITE_DEADLINE, sink.feed(Message::Ping(Bytes::new()))).await
            }
            RelayOutput::Close(code) => {
                tracing::debug!(code = code.code(), "closing");
                let frame = CloseFrame { code: WireCode::from(code.code()), reason: "".into() };
                let _ = timeout(WRITE_DEADLINE, sink.send(Message::Close(Some(frame)))).await;
                return;
            }
            RelayOutput::Ended => return,
        };
        if !matches!(sent, Ok(Ok(()))) {
            arrival.receive(Event::Disconnected);
            return;
        }
    }
}

/// Ends this direction and reads to the end of the other.
async fn farewell<S>(stream: &mut S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let _ = stream.shutdown().await;
    let mut unread = [0; 1024];
    let mut stream = stream.take(LINGER_BYTES);
    while matches!(stream.read(&mut unread).await, Ok(1..)) {}
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use tokio::io::{DuplexStream, duplex};
    use tokio::task::JoinHandle;

    use super::super::shared::Shared;
    use super::*;
    use crate::{Limits, MIN_PING_INTERVAL, NetworkAddress, Relay};

    const UPGRADE: &str = "Host: relay.example\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
        Sec-WebSocket-Protocol: fido.cable\r\n\r\n";

    const TUNNEL: &str = "abababababababababababababababab";

    fn shared(limits: Limits) -> Arc<Shared> {
        Arc::new(Shared::new(Relay::new(limits), None))
    }

    /// A connection of the service, and the far end, with `room` bytes between.
    fn connect(shared: &Arc<Shared>, room: usize) -> (DuplexStream, JoinHandle<()>) {
        let address = NetworkAddress::from(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST));
        let arrival = Shared::accept(shared, address);
        let (near, far) = duplex(room);
        let deadline = Instant::now() + UPGRADE_DEADLINE;
        (far, tokio::spawn(async move { serve(&arrival, near, deadline).await }))
    }

    async fn upgraded(
        mut stream: DuplexStream,
        path: &str,
    ) -> (WebSocketStream<DuplexStream>, String) {
        stream.write_all(format!("GET {path} HTTP/1.1\r\n{UPGRADE}").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        (WebSocketStream::from_raw_socket(stream, Role::Client, None).await, answer)
    }

    async fn pair(
        shared: &Arc<Shared>,
        room: usize,
    ) -> (WebSocketStream<DuplexStream>, WebSocketStream<DuplexStream>) {
        let (phone, _) = connect(shared, room);
        let (phone, answer) = upgraded(phone, &format!("/cable/new/{TUNNEL}")).await;
        let header = format!("{}: ", ROUTING_ID_HEADER.to_ascii_lowercase());
        let routing = answer.lines().find_map(|line| line.strip_prefix(&header)).unwrap();
        let (client, _) = connect(shared, room);
        let path = format!("/cable/connect/{}/{TUNNEL}", routing.to_ascii_lowercase());
        let (client, _) = upgraded(client, &path).await;
        (phone, client)
    }

    #[tokio::test(start_paused = true)]
    async fn a_visitor_who_says_nothing_is_dropped() {
        let shared = shared(Limits::default());
        let (mut silent, serving) = connect(&shared, 1024);
        let start = Instant::now();
        assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(start.elapsed(), UPGRADE_DEADLINE);
        serving.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_visitor_who_speaks_too_slowly_is_dropped() {
        let shared = shared(Limits::default());
        let (mut slow, serving) = connect(&shared, 1024);
        let start = Instant::now();
        for byte in UPGRADE.bytes() {
            tokio::time::advance(Duration::from_secs(1)).await;
            if slow.write_u8(byte).await.is_err() {
                break;
            }
        }
        serving.await.unwrap();
        assert!(start.elapsed() <= UPGRADE_DEADLINE + Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_tunnels_time_runs_out_on_both_sides() {
        let shared = shared(Limits::default());
        let expiring = Arc::clone(&shared);
        let expiring = tokio::spawn(async move { expiring.expire().await });
        let (mut phone, mut client) = pair(&shared, 4096).await;
        let start = Instant::now();
        for peer in [&mut phone, &mut client] {
            let Some(Ok(Message::Close(Some(frame)))) = peer.next().await else { panic!() };
            assert_eq!(u16::from(frame.code), 1008);
        }
        assert_eq!(start.elapsed(), Limits::default().lifetime);
        expiring.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_who_takes_nothing_holds_its_peer_back_and_is_given_up() {
        let shared = shared(Limits { queued_messages: 2, messages: u32::MAX, ..Limits::default() });
        let (mut phone, mut client) = pair(&shared, 4096).await;
        // The service takes what fits into the queue, its writer's batch and
        // the pipes, and then no more.
        let mut sent = 0;
        let pause = Duration::from_secs(1);
        while timeout(pause, phone.send(Message::binary(vec![0; 16 * 1024]))).await.is_ok() {
            sent += 1;
            assert!(sent < 100, "the service buffers without end");
        }
        assert!(sent >= 2, "{sent}");
        // In the end it gives the reader up.
        let Some(Ok(Message::Close(Some(frame)))) = phone.next().await else { panic!() };
        assert_eq!(u16::from(frame.code), 1001);
        while client.next().await.is_some_and(|message| message.is_ok()) {}
    }

    const PING: Duration = Duration::from_secs(20);

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_pinged_where_the_service_is_told_to() {
        let shared = Arc::new(Shared::new(Relay::new(Limits::default()), Some(PING)));
        let (mut phone, client) = pair(&shared, 4096).await;
        let client = tokio::spawn(client.for_each(|_| async {}));
        let start = Instant::now();
        for number in 1..=10 {
            // Answered by the WebSocket crate when it is next polled.
            assert_eq!(phone.next().await.unwrap().unwrap(), Message::Ping(Bytes::new()));
            assert_eq!(start.elapsed(), PING * number);
        }
        phone.send(Message::binary(vec![1])).await.unwrap();
        tokio::time::advance(PING / 2).await;
        phone.send(Message::binary(vec![1])).await.unwrap();
        // What comes breaks the silence, messages too.
        let before = start.elapsed();
        assert_eq!(phone.next().await.unwrap().unwrap(), Message::Ping(Bytes::new()));
        assert_eq!(start.elapsed(), before + PING);
        client.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_answer_pings_is_treated_as_disconnected() {
        let shared = Arc::new(Shared::new(Relay::new(Limits::default()), Some(PING)));
        let (_phone, mut client) = pair(&shared, 4096).await;
        let start = Instant::now();
        loop {
            match client.next().await.unwrap().unwrap() {
                Message::Close(Some(frame)) => break assert_eq!(u16::from(frame.code), 1001),
                message => assert_eq!(message, Message::Ping(Bytes::new())),
            }
        }
        assert_eq!(start.elapsed(), PING * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_sends_a_long_message_slowly_is_not_treated_as_disconnected() {
        let shared = Arc::new(Shared::new(Relay::new(Limits::default()), Some(PING)));
        let (mut phone, client) = pair(&shared, 4096).await;
        let client = tokio::spawn(client.for_each(|_| async {}));
        // The client waits for the phone alone, and answers pings.
        let start = Instant::now();
        let stream = phone.get_mut();
        stream.write_all(&[0x82, 0x80 | 20, 0, 0, 0, 0]).await.unwrap();
        for _ in 0..20 {
            tokio::time::advance(PING * 3 / 4).await;
            stream.write_u8(7).await.unwrap();
            // The service reads it, and has said nothing.
            tokio::task::yield_now().await;
            assert!(timeout(Duration::ZERO, stream.read_u8()).await.is_err());
        }
        // It is silent from the last byte on.
        let last = start.elapsed();
        assert_eq!(phone.next().await.unwrap().unwrap(), Message::Ping(Bytes::new()));
        assert_eq!(start.elapsed(), last + PING);
        client.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn an_interval_of_nothing_is_lengthened_and_disconnects_no_peer() {
        let shared = Arc::new(Shared::new(Relay::new(Limits::default()), Some(Duration::ZERO)));
        let (mut phone, client) = pair(&shared, 4096).await;
        let client = tokio::spawn(client.for_each(|_| async {}));
        let start = Instant::now();
        for number in 1..=3000 {
            assert_eq!(phone.next().await.unwrap().unwrap(), Message::Ping(Bytes::new()));
            assert_eq!(start.elapsed(), MIN_PING_INTERVAL * number);
        }
        client.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_pings_and_answers_at_the_shortest_interval_is_not_closed() {
        let shared = shared(Limits::default());
        let (mut phone, _client) = pair(&shared, 4096).await;
        for tick in 0..3000 {
            phone.send(Message::Ping(Bytes::new())).await.unwrap();
            phone.send(Message::Pong(Bytes::new())).await.unwrap();
            let answer = phone.next().await.unwrap().unwrap();
            assert_eq!(answer, Message::Pong(Bytes::new()), "{tick}");
            tokio::time::advance(MIN_PING_INTERVAL).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_is_held_back_is_not_treated_as_disconnected() {
        let limits = Limits { queued_messages: 1, ..Limits::default() };
        let shared = Arc::new(Shared::new(Relay::new(limits), Some(PING)));
        // A phone whose client is still to come.
        let (phone, _) = connect(&shared, 4096);
        let (mut phone, _) = upgraded(phone, &format!("/cable/new/{TUNNEL}")).await;
        phone.send(Message::binary(vec![1])).await.unwrap();
        let start = Instant::now();
        let waiting = timeout(PING * 5, phone.next()).await;
        assert!(waiting.is_err(), "{waiting:?}");
        assert_eq!(start.elapsed(), PING * 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_does_not_ping_unless_told_to() {
        let shared = shared(Limits::default());
        let (mut phone, mut client) = pair(&shared, 4096).await;
        let silence = Limits::default().lifetime / 2;
        let pinged = timeout(silence, futures_util::future::join(phone.next(), client.next()));
        assert!(pinged.await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_ends_is_forgotten() {
        let shared = shared(Limits { per_address: 1, ..Limits::default() });
        for _ in 0..10 {
            let (far, serving) = connect(&shared, 1024);
            drop(far);
            serving.await.unwrap();
        }
        shared.with(|relay, _| assert_eq!(relay.tunnel_count(), 0));
    }
}
