//! Answers to the upgrade, over real sockets: what RFC 6455 and RFC 9110 allow
//! opens a tunnel, and what they do not is refused with the reason.
//!
//! Clauses: [RFC 6455 §4, §4.1] [RFC 9110 §5.6.1, §15.2] [RFC 9112 §2.2, §5.2].

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail so")]

use std::sync::Arc;

use fido_hybrid::error::TunnelError;
use fido_hybrid::transport::RoutingId;
use fido_hybrid::tunnel::{OpenedTunnel, TunnelDialer, WebSocketDialer};
use fido_hybrid_testkit::services::{TUNNEL, domain, phone_url};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// A binary message of one byte, as a service sends it.
const MESSAGE: [u8; 3] = [0x82, 1, 7];

/// A service that gives every visitor the same answer, and a dialer to it.
struct Service {
    listener: TcpListener,
    dialer: WebSocketDialer,
}

impl Service {
    async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        // No certificate is looked at.
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let dialer = WebSocketDialer::builder()
            .tls_config(Arc::new(tls))
            .resolve_without_tls(&domain(), listener.local_addr().unwrap())
            .build()
            .unwrap();
        Self { listener, dialer }
    }

    /// What comes of this answer, which is followed by a message in the same
    /// write. `<accept>` stands for what belongs to the request's key.
    async fn dial(&self, answer: &str) -> Result<OpenedTunnel, TunnelError> {
        let answering = async {
            let (mut stream, _) = self.listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            let request = String::from_utf8(request).unwrap();
            let key = request.split("Sec-WebSocket-Key: ").nth(1).unwrap().lines().next().unwrap();
            let answer = answer.replace("<accept>", &derive_accept_key(key.as_bytes()));
            stream.write_all(&[answer.as_bytes(), &MESSAGE].concat()).await.unwrap();
            stream
        };
        let (_stream, opened) = tokio::join!(answering, self.dialer.dial(phone_url(TUNNEL).into()));
        opened
    }
}

/// A good answer, with these lines in place of its own for the same headers.
fn switching(lines: &[&str]) -> String {
    let name = |line: &str| line.split(':').next().unwrap().trim().to_ascii_lowercase();
    let mut answer = "HTTP/1.1 101 Switching Protocols\r\n".to_owned();
    for good in [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: <accept>",
        "Sec-WebSocket-Protocol: fido.cable",
        "X-caBLE-Routing-ID: 01a2B3",
    ] {
        if !lines.iter().any(|line| name(line) == name(good)) {
            answer += &format!("{good}\r\n");
        }
    }
    for line in lines {
        answer += &format!("{line}\r\n");
    }
    answer + "\r\n"
}

#[tokio::test]
async fn answers_that_the_standards_allow_open_the_tunnel() {
    let service = Service::listen().await;
    let headers: &[&[&str]] = &[
        &[],
        // A list of tokens, in any case, with any white space, over any lines.
        &["Connection: keep-alive, Upgrade"],
        &["Connection: Upgrade, Keep-Alive"],
        &["Connection: keep-alive,upgrade,foo"],
        &["Connection: keep-alive\t, \tUPGRADE \t"],
        &["Connection: keep-alive", "Connection: Upgrade"],
        &["Connection: Upgrade", "Connection: Keep-Alive"],
        &["Connection:", "connection:Upgrade"],
        &["Connection: , Upgrade,"],
        &["Connection: Upgrade, Upgrade"],
        &["Upgrade: WebSocket"],
        &["Upgrade: WEBSOCKET"],
        &["upgrade:websocket"],
        &["UPGRADE: \t websocket\t "],
        &["Upgrade: websocket, websocket"],
        &["Upgrade: ,websocket"],
        &["Upgrade: websocket", "Upgrade: WebSocket"],
        &["SEC-WEBSOCKET-ACCEPT:\t<accept> "],
        &["sec-websocket-protocol:fido.cable\t"],
        // Extensions, none of them.
        &["Sec-WebSocket-Extensions:"],
        &["Sec-WebSocket-Extensions: ,"],
        // Folded lines and white space before the colon: deprecated, and still sent.
        &["Connection: keep-alive,\r\n Upgrade"],
        &["Upgrade:\r\n\twebsocket"],
        &["Connection : Upgrade"],
        // What proxies and frameworks add.
        &["Server: nginx", "Date: Fri, 27 Nov 2026 15:49:46 GMT", "Via: 1.1 proxy", "X-Empty:"],
        &["Content-Length: 0", "Transfer-Encoding: chunked", "Sec-WebSocket-Version: 13"],
        &["X-Latin-1: caf\u{e9}", "Set-Cookie: a=b", "Set-Cookie: c=d"],
    ];
    let mut answers: Vec<String> = headers.iter().map(|lines| switching(lines)).collect();
    answers.extend([
        switching(&[]).replace("\r\n", "\n"),
        switching(&[]).replace(" Switching Protocols", ""),
        switching(&[]).replace("Switching Protocols", "caf\u{e9}"),
        format!("HTTP/1.1 100 Continue\r\n\r\n{}", switching(&[])),
        format!("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{}", switching(&[])),
        "HTTP/1.1 102 Processing\r\n\r\n".repeat(20) + &switching(&[]),
        switching(&["X-Filler: a\r\n".repeat(100).trim_end()]),
    ]);
    for answer in answers {
        let opened = service.dial(&answer).await;
        let mut opened = opened.unwrap_or_else(|error| panic!("{answer}: {error}"));
        assert_eq!(opened.routing_id, Some(RoutingId([1, 0xa2, 0xb3])), "{answer}");
        // What came in the same segment belongs to the WebSocket.
        assert_eq!(opened.tunnel.receive().await.unwrap(), Some(vec![7]), "{answer}");
    }
}

#[tokio::test]
async fn answers_that_the_standards_forbid_are_refused_with_the_reason() {
    let service = Service::listen().await;
    let upgrade = "the Upgrade header is not websocket";
    let connection = "the Connection header does not contain Upgrade";
    let accept = "Sec-WebSocket-Accept does not fit the key";
    let extension = "it uses an extension that was not offered";
    let subprotocol = "the subprotocol is not fido.cable";
    let malformed = "a header is malformed";
    let not_http = "it is not HTTP/1.1";
    let headers: &[(&[&str], &str)] = &[
        (&["Upgrade:"], "the Upgrade header is missing"),
        (&["Upgrade: h2c"], upgrade),
        (&["Upgrade: websocket, h2c"], upgrade),
        (&["Upgrade: h2c", "Upgrade: websocket"], upgrade),
        (&["Upgrade: websocket/13"], upgrade),
        (&["Upgrade: web socket"], upgrade),
        (&["Upgrade: websocket;q=1"], upgrade),
        (&["Connection:"], connection),
        (&["Connection: keep-alive"], connection),
        (&["Connection: close"], connection),
        (&["Connection: Upgraded"], connection),
        (&["Connection: keep-alive Upgrade"], connection),
        (&["Connection: keep-alive; Upgrade"], connection),
        (&["Connection: \"Upgrade\""], connection),
        (&["Sec-WebSocket-Accept:"], accept),
        (&["Sec-WebSocket-Accept: <accept>="], accept),
        (&["Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA="], accept),
        (&["Sec-WebSocket-Accept: <accept>, <accept>"], accept),
        (
            &["Sec-WebSocket-Accept: <accept>", "Sec-WebSocket-Accept: <accept>"],
            "Sec-WebSocket-Accept is repeated",
        ),
        (&["Sec-WebSocket-Protocol:"], subprotocol),
        (&["Sec-WebSocket-Protocol: chat"], subprotocol),
        (&["Sec-WebSocket-Protocol: FIDO.cable"], subprotocol),
        (&["Sec-WebSocket-Protocol: fido.cable, fido.cable"], subprotocol),
        (
            &["Sec-WebSocket-Protocol: fido.cable", "Sec-WebSocket-Protocol: fido.cable"],
            "the subprotocol is repeated",
        ),
        (&["Sec-WebSocket-Extensions: permessage-deflate"], extension),
        (&["Sec-WebSocket-Extensions:", "Sec-WebSocket-Extensions: a"], extension),
        (&["X-caBLE-Routing-ID:"], "the routing id is malformed"),
        (&["X-caBLE-Routing-ID: 01A2"], "the routing id is malformed"),
        (&["X-caBLE-Routing-ID: 01A2zz"], "the routing id is malformed"),
        (
            &["X-caBLE-Routing-ID: 01A2B3", "X-caBLE-Routing-ID: 01A2B3"],
            "the routing id is repeated",
        ),
        (&["X Y: a"], malformed),
        (&["no colon"], malformed),
        (&[": no name"], malformed),
        (&["X-Control: \u{1}"], malformed),
        (&["X-Bare-CR: a\rb"], malformed),
    ];
    let mut answers: Vec<(String, &str)> =
        headers.iter().map(|(lines, why)| (switching(lines), *why)).collect();
    let without = |line: &str| {
        let answer = switching(&[]);
        assert!(answer.contains(line));
        answer.replace(line, "")
    };
    answers.extend([
        (without("Upgrade: websocket\r\n"), "the Upgrade header is missing"),
        (without("Connection: Upgrade\r\n"), connection),
        (without("Sec-WebSocket-Accept: <accept>\r\n"), "Sec-WebSocket-Accept is missing"),
        (without("Sec-WebSocket-Protocol: fido.cable\r\n"), "the subprotocol is missing"),
        (switching(&["X-Many: a"; 200]), "it has too many headers"),
        (switching(&[&format!("X-Long: {}", "a".repeat(70_000))]), "it is too long"),
        ("HTTP/1.1 100 Continue\r\n\r\n".repeat(3_000), "it is too long"),
        (switching(&[]).replace("HTTP/1.1", "HTTP/1.0"), not_http),
        (switching(&[]).replace("HTTP/1.1", "HTTP/2.0"), not_http),
        (switching(&[]).replace("HTTP/1.1", "http/1.1"), not_http),
        (switching(&[]).replace("101", "1010"), not_http),
        (switching(&[]).replace("101", "099"), not_http),
        // It is told before an empty line comes, which here never does.
        ("220 mail.example ESMTP\r\n".to_owned(), not_http),
        ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), not_http),
    ]);
    for (answer, why) in answers {
        match service.dial(&answer).await {
            Err(TunnelError::Upgrade(told)) => assert_eq!(told, why, "{answer:.300}"),
            other => panic!("{answer:.300}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_final_status_is_told_whatever_its_headers_are() {
    let service = Service::listen().await;
    for (answer, status) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200),
        // Proxies and filters that speak HTTP/1.0.
        ("HTTP/1.0 407 Proxy Authentication Required\r\n\r\n", 407),
        ("HTTP/1.1 403 Forbidden\r\nno colon\r\n\r\n", 403),
        ("HTTP/1.1 503\r\n\r\n", 503),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 409 Conflict\r\n\r\n", 409),
        ("HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n\r\n", 426),
    ] {
        match service.dial(answer).await {
            Err(TunnelError::Status(told)) => assert_eq!(told, status, "{answer}"),
            other => panic!("{answer}: {other:?}"),
        }
    }
}
