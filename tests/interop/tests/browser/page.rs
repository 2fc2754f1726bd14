//! The site's page: it takes options as JSON and gives back what a site's own
//! script would send to its server.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>A site</title><h1>A site</h1>
<script>
const read = {
  create: json => PublicKeyCredential.parseCreationOptionsFromJSON(json),
  get: json => PublicKeyCredential.parseRequestOptionsFromJSON(json),
};
async function ceremony(kind, json) {
  const began = performance.now();
  const took = () => performance.now() - began;
  try {
    const answer = await navigator.credentials[kind]({publicKey: read[kind](json)});
    return {took: took(), credential: JSON.stringify(answer)};
  } catch (exception) {
    return {took: took(), exception: exception.name, message: exception.message};
  }
}
</script>
"#;

/// A web server with one page.
pub(crate) struct Page {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Page {
    pub(crate) async fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            loop {
                let (visitor, _) = listener.accept().await.unwrap();
                // Browsers open connections that they may not use.
                tokio::spawn(answer(visitor));
            }
        });
        Self { address, task }
    }

    /// The one kind of origin that is secure without TLS.
    pub(crate) fn origin(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(visitor: TcpStream) -> std::io::Result<()> {
    let mut visitor = BufReader::new(visitor);
    let mut line = String::new();
    while visitor.read_line(&mut line).await? > 2 {
        line.clear();
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n";
    let answer = format!("{head}Content-Length: {}\r\n\r\n{PAGE}", PAGE.len());
    visitor.write_all(answer.as_bytes()).await?;
    visitor.shutdown().await
}
