//! A byte stream of any kind, behind one type.

use tokio::io::{AsyncRead, AsyncWrite};

/// What carries bytes both ways: a TCP connection, TLS over it, or a stream of the
/// program's own. Every type that fits implements it.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

/// A [`ByteStream`] whose type is erased.
pub type BoxedStream = Box<dyn ByteStream>;
