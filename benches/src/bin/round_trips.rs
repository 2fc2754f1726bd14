//! How long a client takes from the phone's advert until it knows the phone's getInfo,
//! over a link of 50 ms one way on the client's side: with early connections and without,
//! each beside as many round trips alone.
//!
//! `cargo run --release --bin round_trips`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a program for a terminal"
)]

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, Decision, MemoryStore, Prompt, UserCheck,
};
use fido_hybrid::client::{Client, ClientUpdate};
use fido_hybrid::transport::{QrCode, RequestHint, TunnelDomain};
use fido_hybrid::tunnel::{BoxedStream, StreamConnector, WebSocketDialer, WebSocketDialerBuilder};
use fido_hybrid_relay::Server;
use fido_hybrid_sim::Air;
use fido_hybrid_testkit::services::certificate;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, duplex, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{sleep, sleep_until};

const ONE_WAY: Duration = Duration::from_millis(50);

/// Runs of each case, of which the median counts.
const RUNS: usize = 5;

/// Longer than TCP, TLS and the session tickets take.
const CODE_SHOWN: Duration = Duration::from_millis(600);

/// TCP over the link.
#[derive(Clone, Copy)]
struct Link;

impl StreamConnector for Link {
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<BoxedStream>> {
        Box::pin(async move {
            let stream = TcpStream::connect((host, port)).await?;
            stream.set_nodelay(true)?;
            sleep(2 * ONE_WAY).await;
            let (ours, theirs) = duplex(1 << 16);
            let ((from_us, to_us), (from_service, to_service)) = (split(theirs), split(stream));
            tokio::spawn(delay(from_us, to_service));
            tokio::spawn(delay(from_service, to_us));
            Ok(Box::new(ours) as BoxedStream)
        })
    }
}

/// Passes on what is read, each piece as late as the link is long.
async fn delay(
    mut from: impl AsyncRead + Unpin + Send + 'static,
    mut to: impl AsyncWrite + Unpin + Send + 'static,
) {
    let (sender, mut pieces) = mpsc::unbounded_channel();
    let reading = async move {
        let mut buffer = vec![0; 1 << 14];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let due = tokio::time::Instant::now() + ONE_WAY;
            if sender.send((due, buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    };
    let writing = async move {
        while let Some((due, piece)) = pieces.recv().await {
            sleep_until(due).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
        let _closed = to.shutdown().await;
    };
    tokio::join!(reading, writing);
}

/// Not asked: getInfo needs no user.
struct NotAsked;

impl UserCheck for NotAsked {
    fn check(&self, prompt: Prompt) -> BoxFuture<'_, Decision> {
        panic!("{prompt:?}");
    }
}

fn dialer(root: &CertificateDer<'static>, address: SocketAddr) -> WebSocketDialerBuilder {
    WebSocketDialer::builder()
        .extra_roots([root.clone()])
        .resolve(&TunnelDomain::GOOGLE.host(), address)
        .resolve(&TunnelDomain::APPLE.host(), address)
}

/// From the advert until getInfo is known.
async fn until_ready(client: &Client, phone: Authenticator) -> Duration {
    let advert = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&advert);
    let ceremony = client.begin_raw(vec![0x04], RequestHint::GetAssertion, None).unwrap();
    let ceremony = ceremony.on_update(move |update| match update {
        ClientUpdate::WaitingForScan(code) => {
            let (phone, code) = (phone.clone(), code.expose().parse::<QrCode>().unwrap());
            tokio::spawn(async move {
                sleep(CODE_SHOWN).await;
                let _ended = phone.answer(code).unwrap().outcome().await;
            });
        }
        ClientUpdate::PhoneFound => *noted.lock().unwrap() = Some(Instant::now()),
        _ => {}
    });
    ceremony.await.unwrap();
    let advert = advert.lock().unwrap().unwrap();
    advert.elapsed()
}

/// One byte there and back, `count` times, over a connection that is open.
async fn round_trips_alone(count: u32) -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        while let Ok(byte) = stream.read_u8().await {
            stream.write_u8(byte).await.unwrap();
        }
    });
    let mut stream = Link.connect(&address.ip().to_string(), address.port()).await.unwrap();
    let began = Instant::now();
    for _ in 0..count {
        stream.write_u8(1).await.unwrap();
        stream.read_u8().await.unwrap();
    }
    began.elapsed()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let names = [TunnelDomain::GOOGLE.host(), TunnelDomain::APPLE.host()];
    let (root, config) = certificate(&[&names[0], &names[1]]);
    let service = Server::builder().tls(config).bind("127.0.0.1:0").await.unwrap();
    let service = service.start().unwrap();
    let (air, address) = (Air::new(), service.local_addr());
    let phone = Authenticator::new(AuthenticatorParts {
        store: MemoryStore::new(),
        user: NotAsked,
        advertiser: air.clone(),
        dialer: dialer(&root, address).build().unwrap(),
        domain: TunnelDomain::GOOGLE,
    });
    let client = Client::new(air, dialer(&root, address).connector(Link).build().unwrap());
    println!(
        "| From the advert to getInfo, 50 ms one way | Median | Round trips alone | Their median |"
    );
    println!("|---|--:|--:|--:|");
    for (name, client, count) in [
        ("without early connections", client.clone(), 4),
        ("with early connections", client.connect_early(), 2),
    ] {
        let (mut ready, mut alone) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            ready.push(until_ready(&client, phone.clone()).await);
            alone.push(round_trips_alone(count).await);
        }
        println!("| {name} | {:.1} ms | {count} | {:.1} ms |", median(ready), median(alone));
    }
}
