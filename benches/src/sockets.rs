//! The least that a registration's sockets cost: connections like its own, of
//! which the service passes on bytes that mean nothing, in as many messages as
//! a registration has and about as long.
//!
//! ```text
//! phone ── connection, request ──► service ◄── connection, request ── client   the phone's is
//! phone ◄─────────────── 88 ─────────────────────────────────────────          not timed
//! phone ──────────────── 88 ────────────────────────────────────────►
//! phone ──────────────── 200 ───────────────────────────────────────►
//! phone ◄─────────────── 300 ────────────────────────────────────────
//! phone ──────────────── 300 ───────────────────────────────────────►
//! ```

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use allocation_counter::AllocationInfo;
use fido_hybrid::transport::TunnelDomain;
use fido_hybrid_testkit::services::certificate;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::case::Operation;
use crate::transport::{Transport, trusting};

/// Bytes of a WebSocket's request, and of the answer to it.
const UPGRADE: usize = 300;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A service, and the way to it.
pub struct Sockets {
    runtime: Runtime,
    address: SocketAddr,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Sockets {
    /// A service that listens.
    pub fn new(transport: Transport) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let domain = TunnelDomain::GOOGLE.host();
        let (root, config) = certificate(&[&domain]);
        let (acceptor, tls) = match transport {
            Transport::Ws => (None, None),
            Transport::Wss => (
                Some(TlsAcceptor::from(config)),
                Some((TlsConnector::from(trusting(root)), ServerName::try_from(domain).unwrap())),
            ),
        };
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            loop {
                let mut phone = accept(&listener, acceptor.as_ref()).await;
                let mut client = accept(&listener, acceptor.as_ref()).await;
                // It ends with the connections, in whatever way they do.
                tokio::spawn(async move { copy_bidirectional(&mut phone, &mut client).await });
            }
        });
        Self { runtime, address, tls }
    }

    async fn connect(&self) -> Box<dyn Stream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some((tls, name)) => Box::new(tls.connect(name.clone(), stream).await.unwrap()),
        };
        write(&mut stream, UPGRADE).await;
        read(&mut stream, UPGRADE).await;
        stream
    }

    fn pass(&self) -> Duration {
        self.runtime.block_on(async {
            let mut phone = self.connect().await;
            let start = Instant::now();
            let mut client = self.connect().await;
            write(&mut client, 88).await;
            read(&mut phone, 88).await;
            write(&mut phone, 88).await;
            write(&mut phone, 200).await;
            read(&mut client, 288).await;
            write(&mut client, 300).await;
            read(&mut phone, 300).await;
            write(&mut phone, 300).await;
            read(&mut client, 300).await;
            start.elapsed()
        })
    }
}

async fn accept(listener: &TcpListener, tls: Option<&TlsAcceptor>) -> Box<dyn Stream> {
    let (stream, _) = listener.accept().await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut stream: Box<dyn Stream> = match tls {
        None => Box::new(stream),
        Some(tls) => Box::new(tls.accept(stream).await.unwrap()),
    };
    read(&mut stream, UPGRADE).await;
    write(&mut stream, UPGRADE).await;
    stream
}

async fn write(stream: &mut Box<dyn Stream>, length: usize) {
    stream.write_all(&[0x5a; 512][..length]).await.unwrap();
    stream.flush().await.unwrap();
}

async fn read(stream: &mut Box<dyn Stream>, length: usize) {
    stream.read_exact(&mut [0; 512][..length]).await.unwrap();
}

impl Operation for Sockets {
    fn time(&mut self, count: u64) -> Duration {
        (0..count).map(|_| self.pass()).sum()
    }

    fn allocations(&mut self) -> AllocationInfo {
        self.pass();
        allocation_counter::measure(|| {
            self.pass();
        })
    }
}
