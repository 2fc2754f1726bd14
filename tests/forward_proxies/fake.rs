//! An HTTP proxy that answers each request as a test says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What opens the connection.
pub(crate) const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

/// The number of a connection, and the head of a request on it.
pub(crate) type Seen = (usize, String);

/// Ends with its value.
pub(crate) struct FakeProxy {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl FakeProxy {
    /// Gives these answers, one for each request on any connection. An answer that is
    /// [`ESTABLISHED`] is followed by the destination's bytes. One that contains
    /// `close` ends its connection, as does the last one.
    pub(crate) async fn answering<A: Into<Vec<u8>>>(answers: impl IntoIterator<Item = A>) -> Self {
        let mut answers = answers.into_iter().map(Into::into).collect::<Vec<_>>().into_iter();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let told = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            for connection in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                while let Some(request) = head(&mut stream).await {
                    told.lock().unwrap().push((connection, request.clone()));
                    let Some(answer) = answers.next() else { return };
                    stream.write_all(&answer).await.unwrap();
                    if answer == ESTABLISHED.as_bytes() {
                        let target = request.split(' ').nth(1).unwrap();
                        let mut service = TcpStream::connect(target).await.unwrap();
                        let _ended = copy_bidirectional(&mut stream, &mut service).await;
                    }
                    if answers.len() == 0 || String::from_utf8_lossy(&answer).contains("close") {
                        break;
                    }
                }
                let _ended = stream.shutdown().await;
            }
        });
        Self { address, seen, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for FakeProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A request; `None` at the end of the connection.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(request).unwrap())
}
