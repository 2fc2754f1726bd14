//! A tunnel service made of raw bytes.

use std::net::SocketAddr;
use std::sync::Arc;

use fido_hybrid::tunnel::{WebSocketDialer, WebSocketDialerBuilder};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use fido_hybrid_testkit::services::{certificate, domain, secure};

/// Frame headers of the service, each the first byte: FIN and the opcode.
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;
/// The first fragment of a binary message, one of the middle, the last.
pub(crate) const FIRST: u8 = 0x02;
pub(crate) const MIDDLE: u8 = 0x00;
pub(crate) const LAST: u8 = 0x80;

/// A service that listens and does nothing by itself.
pub(crate) struct Service {
    listener: TcpListener,
    tls: TlsAcceptor,
    secure: WebSocketDialerBuilder,
}

impl Service {
    pub(crate) async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (root, config) = certificate(&[&domain()]);
        let secure = secure(&root, listener.local_addr().unwrap());
        Self { listener, tls: TlsAcceptor::from(Arc::clone(&config)), secure }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// A dialer that comes here without TLS.
    pub(crate) fn in_clear(&self) -> WebSocketDialer {
        dialer_in_clear(self.address())
    }

    /// A dialer that comes here with TLS, and trusts this service.
    pub(crate) fn with_tls(self) -> (WebSocketDialer, TcpListener, TlsAcceptor) {
        (self.secure.build().unwrap(), self.listener, self.tls)
    }

    pub(crate) async fn accept(&self) -> Line<TcpStream> {
        let (stream, _) = self.listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        Line { stream }
    }

    /// Accepts, and opens the WebSocket as a good service does.
    pub(crate) async fn upgrade(&self) -> Line<TcpStream> {
        let mut line = self.accept().await;
        line.answer(&switching(GOOD)).await;
        line
    }
}

pub(crate) fn dialer_in_clear(address: SocketAddr) -> WebSocketDialer {
    builder_in_clear(address).build().unwrap()
}

pub(crate) fn builder_in_clear(address: SocketAddr) -> WebSocketDialerBuilder {
    // Reading the system's trusted certificates takes longer than a ceremony.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let trusts_no_authority = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    WebSocketDialer::builder()
        .tls_config(Arc::new(trusts_no_authority))
        .resolve_without_tls(&domain(), address)
}

/// The headers that both roles are content with.
pub(crate) const GOOD: &str =
    "Sec-WebSocket-Protocol: fido.cable\r\nX-caBLE-Routing-ID: 010203\r\n";

/// A correct answer with these headers.
pub(crate) fn switching(headers: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: <accept>\r\n{headers}\r\n"
    )
}

/// A connection from one of our own, at the service's end.
pub(crate) struct Line<S> {
    pub(crate) stream: S,
}

pub(crate) type SecureLine = Line<TlsStream<TcpStream>>;

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    pub(crate) async fn request(&mut self) -> String {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(self.stream.read_u8().await.unwrap());
        }
        String::from_utf8(request).unwrap()
    }

    /// Reads the request; the answer to it, with the key filled in.
    pub(crate) async fn answer_to_request(&mut self, answer: &str) -> String {
        let request = self.request().await;
        let key = request.split("Sec-WebSocket-Key: ").nth(1).unwrap().lines().next().unwrap();
        answer.replace("<accept>", &derive_accept_key(key.as_bytes()))
    }

    pub(crate) async fn answer(&mut self, answer: &str) {
        let answer = self.answer_to_request(answer).await;
        self.write(answer.as_bytes()).await;
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Writes until it is told to stop by the other side's leaving.
    pub(crate) async fn write_for_ever(&mut self, bytes: &[u8]) {
        while self.stream.write_all(bytes).await.is_ok() {}
    }

    /// The next frame from the client, without its mask.
    pub(crate) async fn frame(&mut self) -> (u8, Vec<u8>) {
        let first = self.stream.read_u8().await.unwrap();
        let length = match self.stream.read_u8().await.unwrap() & 0x7f {
            126 => self.stream.read_u16().await.unwrap().into(),
            127 => self.stream.read_u64().await.unwrap(),
            length => length.into(),
        };
        let mut mask = [0; 4];
        self.stream.read_exact(&mut mask).await.unwrap();
        let mut payload = vec![0; length.try_into().unwrap()];
        self.stream.read_exact(&mut payload).await.unwrap();
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        (first, payload)
    }

    /// Reads until the other side has disconnected.
    pub(crate) async fn disconnected(&mut self) {
        let mut unread = [0; 1024];
        while matches!(self.stream.read(&mut unread).await, Ok(1..)) {}
    }
}

/// A frame without mask, as a service sends it.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&declared(first, payload.len() as u64)[..], payload].concat()
}

/// The head of a frame that announces so many bytes.
pub(crate) fn declared(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ ..126), _) => head.push(length),
        (_, Ok(length)) => {
            head.push(126);
            head.extend(length.to_be_bytes());
        }
        _ => {
            head.push(127);
            head.extend(length.to_be_bytes());
        }
    }
    head
}
