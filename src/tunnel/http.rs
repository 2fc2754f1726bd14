//! What both users of hyper need: a request without a body, and its connection, which
//! must be polled.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};

use fido_hybrid_proto::ports::BoxFuture;

/// hyper's side of a connection, which must be polled while something is awaited from it.
pub(super) struct Driven(Option<BoxFuture<'static, hyper::Result<()>>>);

impl Driven {
    pub(super) fn new(
        connection: impl Future<Output = hyper::Result<()>> + Send + 'static,
    ) -> Self {
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
pub(super) struct NoBody;

impl Body for NoBody {
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
