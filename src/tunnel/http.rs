//! HTTP/1.1 on a connection that is there already: what every user of hyper here needs.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;

use super::stream::BoxedStream;
use fido_hybrid_proto::ports::BoxFuture;

/// Makes a connection ready for requests. The head of an answer may have `max_head` bytes.
pub(super) async fn start_http(
    stream: BoxedStream,
    max_head: usize,
) -> hyper::Result<(SendRequest<EmptyBody>, Driven)> {
    let mut builder = Builder::new();
    builder.title_case_headers(true).max_buf_size(max_head);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    Ok((sender, Driven::new(connection.with_upgrades())))
}

/// hyper's side of a connection, which must be polled while something is awaited from it.
pub(super) struct Driven(Option<BoxFuture<'static, hyper::Result<()>>>);

impl Driven {
    fn new(connection: impl Future<Output = hyper::Result<()>> + Send + 'static) -> Self {
        Self(Some(Box::pin(connection)))
    }

    pub(super) async fn during<T>(&mut self, exchange: impl Future<Output = T>) -> T {
        let mut exchange = pin!(exchange);
        if let Some(connection) = &mut self.0 {
            tokio::select! {
                biased;
                result = &mut exchange => return result,
                _ = connection => {}
            }
            // Dropped, it ends what still waits for it.
            self.0 = None;
        }
        exchange.await
    }
}

/// The body of a request without one. hyper's is in a crate that nothing else here needs.
pub(super) struct EmptyBody;

impl Body for EmptyBody {
    type Data = &'static [u8];
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        true
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(0)
    }
}
