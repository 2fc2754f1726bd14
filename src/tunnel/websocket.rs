//! An open tunnel: a WebSocket over any stream.
//!
//! How a tunnel ends, as [`DataChannel::receive`] tells it:
//!
//! | what came                          | answer                     |
//! |------------------------------------|----------------------------|
//! | close frame, code 1000 or no code  | `Ok(None)`, now and later  |
//! | close frame, another code          | `Closed(Some(code))`       |
//! | the connection ended, no close frame | `Closed(None)`           |
//! | a text message                     | `NotBinary`, closes by 1003 |
//! | a message over the limit           | `TooLong`, closes by 1009  |
//! | no answer to pings, once answered  | `Unresponsive`             |
//! | too many pings, pongs or fragments | `Flooded`, closes by 1008  |
//!
//! The third is how most apps disconnect, and is also what someone on the network
//! can bring about; whether the transaction was over is for the caller to know.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::DataChannel;
use super::keep_alive::KeepAlive;
use super::options::TunnelOptions;
use fido_hybrid_proto::error::TunnelError;
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_websocket::{Counted, is_flood};

/// The client's end of a WebSocket after its upgrade.
pub(super) struct WebSocket<S> {
    stream: WebSocketStream<Counted<S>>,
    max_message_size: usize,
    keep_alive: KeepAlive,
    end: Option<End>,
}

/// How the tunnel ended, for those who ask again.
#[derive(Clone, Copy)]
enum End {
    InGoodOrder,
    Closed(Option<u16>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    pub(super) fn new(stream: WebSocketStream<Counted<S>>, options: TunnelOptions) -> Self {
        let TunnelOptions { max_message_size, keep_alive } = options;
        Self { stream, max_message_size, keep_alive: KeepAlive::new(keep_alive), end: None }
    }

    async fn send_together(&mut self, messages: Vec<Vec<u8>>) -> Result<(), TunnelError> {
        match self.end {
            Some(End::InGoodOrder) => return Err(TunnelError::Closed(None)),
            Some(End::Closed(code)) => return Err(TunnelError::Closed(code)),
            None => {}
        }
        if messages.iter().any(|message| message.len() > self.max_message_size) {
            return Err(TunnelError::TooLong(self.max_message_size));
        }
        let count = messages.len();
        for message in messages {
            let fed = self.stream.feed(Message::binary(message)).await;
            fed.map_err(|error| self.tunnel_error(error))?;
        }
        let flushed = self.stream.flush().await;
        flushed.map_err(|error| self.tunnel_error(error))?;
        tracing::trace!(count, "messages sent");
        Ok(())
    }

    async fn next_message(&mut self) -> Result<Option<Vec<u8>>, TunnelError> {
        match self.end {
            Some(End::InGoodOrder) => return Ok(None),
            Some(End::Closed(code)) => return Err(TunnelError::Closed(code)),
            None => {}
        }
        loop {
            let next = tokio::select! {
                biased;
                next = self.stream.next() => next,
                () = self.keep_alive.due() => {
                    if !self.keep_alive.read(self.stream.get_ref().last_read().at()) {
                        self.ping()?;
                    }
                    continue;
                }
            };
            if let Some(Ok(message)) = &next {
                self.keep_alive.received(message);
            }
            match next {
                Some(Ok(Message::Binary(message))) => {
                    tracing::trace!(length = message.len(), "message received");
                    return Ok(Some(message.into()));
                }
                // The answer to a ping is written when the stream is next
                // polled, which this loop does.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Text(_))) => return Err(self.refuse_text()),
                Some(Ok(Message::Close(frame))) => return self.closed_by_peer(frame),
                // Only text and the reason in a close frame are UTF-8.
                Some(Err(Error::Utf8(_))) => return Err(self.refuse_text()),
                Some(Err(error)) => return Err(self.tunnel_error(error)),
                None => return Err(self.ended(None)),
            }
        }
    }

    /// Pings the service, if it takes that at once: a service that takes nothing
    /// must not keep this side from receiving.
    fn ping(&mut self) -> Result<(), TunnelError> {
        match self.keep_alive.silence() {
            Ok(ping) => {
                if let Some(Err(error)) = self.stream.send(ping).now_or_never() {
                    return Err(self.tunnel_error(error));
                }
                tracing::trace!("ping sent");
                Ok(())
            }
            Err(error) => {
                tracing::debug!("the tunnel service stopped answering");
                self.end = Some(End::Closed(None));
                Err(error)
            }
        }
    }

    fn closed_by_peer(
        &mut self,
        frame: Option<CloseFrame>,
    ) -> Result<Option<Vec<u8>>, TunnelError> {
        let code = frame.map(|frame| u16::from(frame.code));
        // The answering close frame is queued. It goes out if it can at once:
        // do not wait for a peer that has said goodbye.
        let _ = self.stream.flush().now_or_never();
        match code {
            None | Some(1000) => {
                self.end = Some(End::InGoodOrder);
                Ok(None)
            }
            code => Err(self.ended(code)),
        }
    }

    fn refuse_text(&mut self) -> TunnelError {
        self.refuse(CloseCode::Unsupported);
        TunnelError::NotBinary
    }

    /// Tells the peer why, if it takes that at once.
    fn refuse(&mut self, code: CloseCode) {
        let frame = CloseFrame { code, reason: "".into() };
        let _ = self.stream.send(Message::Close(Some(frame))).now_or_never();
        self.end = Some(End::Closed(None));
    }

    fn ended(&mut self, code: Option<u16>) -> TunnelError {
        self.end = Some(End::Closed(code));
        TunnelError::Closed(code)
    }

    fn tunnel_error(&mut self, error: Error) -> TunnelError {
        match error {
            Error::Capacity(CapacityError::MessageTooLong { .. }) => {
                self.refuse(CloseCode::Size);
                TunnelError::TooLong(self.max_message_size)
            }
            error if is_flood(&error) => {
                self.refuse(CloseCode::Policy);
                TunnelError::Flooded
            }
            error if is_lost(&error) => self.ended(None),
            error => {
                self.end = Some(End::Closed(None));
                TunnelError::Broken(Arc::new(error))
            }
        }
    }

    async fn say_goodbye(&mut self) {
        if self.end.is_none() {
            self.end = Some(End::InGoodOrder);
            let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
            let _ = self.stream.send(Message::Close(Some(frame))).await;
        }
        // TLS's close_notify, and the end of this direction.
        let _ = self.stream.get_mut().shutdown().await;
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> DataChannel for WebSocket<S> {
    fn send(&mut self, messages: Vec<Vec<u8>>) -> BoxFuture<'_, Result<(), TunnelError>> {
        Box::pin(self.send_together(messages))
    }

    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, TunnelError>> {
        Box::pin(self.next_message())
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(self.say_goodbye())
    }
}

/// Whether the other side disconnected without a close frame, as apps on phones
/// often do.
fn is_lost(error: &Error) -> bool {
    match error {
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(
            ProtocolError::ResetWithoutClosingHandshake
            | ProtocolError::HandshakeIncomplete
            | ProtocolError::SendAfterClosing,
        ) => true,
        Error::Io(error) => is_disconnected(error),
        _ => false,
    }
}

/// Whether the other side, or a host on the way, has disconnected.
pub(super) fn is_disconnected(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        // UnexpectedEof: TLS without the peer's close_notify.
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected
    )
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll};

    use tokio::io::{DuplexStream, ReadBuf, duplex};
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;
    use fido_hybrid_websocket::bounded;

    const MAX: usize = 1024;

    /// Counts the writes that reach it, as a socket counts segments.
    struct Counting {
        stream: DuplexStream,
        writes: Arc<AtomicUsize>,
    }

    impl AsyncRead for Counting {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_read(context, buffer)
        }
    }

    impl AsyncWrite for Counting {
        fn poll_write(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.writes.fetch_add(1, Ordering::Relaxed);
            Pin::new(&mut self.stream).poll_write(context, bytes)
        }

        fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_flush(context)
        }

        fn poll_shutdown(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_shutdown(context)
        }
    }

    async fn pair() -> (WebSocket<Counting>, WebSocketStream<DuplexStream>, Arc<AtomicUsize>) {
        let (ours, theirs) = duplex(1 << 20);
        let writes = Arc::new(AtomicUsize::new(0));
        let ours = Counting { stream: ours, writes: Arc::clone(&writes) };
        let ours = Counted::new(ours, &[], MAX);
        let ours = WebSocketStream::from_raw_socket(ours, Role::Client, Some(bounded(MAX))).await;
        let theirs = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
        let options = TunnelOptions { max_message_size: MAX, ..TunnelOptions::default() };
        (WebSocket::new(ours, options), theirs, writes)
    }

    fn close_frame(code: u16) -> Message {
        Message::Close(Some(CloseFrame { code: code.into(), reason: "".into() }))
    }

    #[tokio::test]
    async fn messages_sent_together_leave_in_one_write() {
        let (mut ours, mut theirs, writes) = pair().await;
        let messages = vec![vec![1; 81], vec![2; 528], vec![3; MAX]];
        ours.send(messages.clone()).await.unwrap();
        assert_eq!(writes.load(Ordering::Relaxed), 1);
        for message in messages {
            assert_eq!(theirs.next().await.unwrap().unwrap(), Message::binary(message));
        }
    }

    #[tokio::test]
    async fn pings_are_answered_and_are_no_messages() {
        let (mut ours, mut theirs, _) = pair().await;
        theirs.send(Message::Ping("are you there".into())).await.unwrap();
        theirs.send(Message::Pong("unasked".into())).await.unwrap();
        theirs.send(Message::binary(vec![7])).await.unwrap();
        assert_eq!(ours.receive().await.unwrap(), Some(vec![7]));
        let answer = theirs.next().await.unwrap().unwrap();
        assert_eq!(answer, Message::Pong("are you there".into()));
    }

    #[tokio::test]
    async fn no_message_is_lost_when_receiving_is_given_up() {
        let (mut ours, mut theirs, _) = pair().await;
        assert!(ours.receive().now_or_never().is_none());
        theirs.send(Message::binary(vec![7])).await.unwrap();
        assert_eq!(ours.receive().await.unwrap(), Some(vec![7]));
    }

    #[tokio::test]
    async fn a_text_message_ends_the_tunnel_with_1003() {
        let (mut ours, mut theirs, _) = pair().await;
        theirs.send(Message::text("hello")).await.unwrap();
        assert!(matches!(ours.receive().await, Err(TunnelError::NotBinary)));
        assert_eq!(theirs.next().await.unwrap().unwrap(), close_frame(1003));
        assert!(matches!(ours.receive().await, Err(TunnelError::Closed(None))));
        assert!(matches!(ours.send(vec![vec![1]]).await, Err(TunnelError::Closed(None))));
    }

    #[tokio::test]
    async fn a_message_over_the_limit_ends_the_tunnel_by_its_header_alone() {
        let (mut ours, mut theirs, _) = pair().await;
        // A binary frame that announces 2^62 bytes, and not one of them.
        let header = [&[0x82, 127][..], &(1_u64 << 62).to_be_bytes()].concat();
        theirs.get_mut().write_all(&header).await.unwrap();
        assert!(matches!(ours.receive().await, Err(TunnelError::TooLong(MAX))));
        assert_eq!(theirs.next().await.unwrap().unwrap(), close_frame(1009));
    }

    #[tokio::test]
    async fn the_limit_holds_for_a_message_in_fragments() {
        let (mut ours, mut theirs, _) = pair().await;
        let half = [&[0x02, 126][..], &600_u16.to_be_bytes(), &[0; 600]].concat();
        let rest = [&[0x80, 126][..], &600_u16.to_be_bytes(), &[0; 600]].concat();
        theirs.get_mut().write_all(&[half, rest].concat()).await.unwrap();
        assert!(matches!(ours.receive().await, Err(TunnelError::TooLong(MAX))));
    }

    #[tokio::test]
    async fn a_message_over_the_limit_is_not_sent() {
        let (mut ours, _theirs, writes) = pair().await;
        let sent = ours.send(vec![vec![1], vec![2; MAX + 1]]).await;
        assert!(matches!(sent, Err(TunnelError::TooLong(MAX))));
        assert_eq!(writes.load(Ordering::Relaxed), 0);
        ours.send(vec![vec![2; MAX]]).await.unwrap();
    }

    #[tokio::test]
    async fn goodbyes_are_told_apart() {
        let goodbyes = [
            (Message::Close(None), Ok(())),
            (close_frame(1000), Ok(())),
            (close_frame(1001), Err(1001)),
            (close_frame(1008), Err(1008)),
        ];
        for (goodbye, expected) in goodbyes {
            let (mut ours, mut theirs, _) = pair().await;
            theirs.send(goodbye.clone()).await.unwrap();
            for _ in 0..2 {
                match (ours.receive().await, expected) {
                    (Ok(None), Ok(())) => {}
                    (Err(TunnelError::Closed(Some(code))), Err(expected)) => {
                        assert_eq!(code, expected);
                    }
                    (other, _) => panic!("{goodbye:?}: {other:?}"),
                }
            }
            let answer = theirs.next().await.unwrap().unwrap();
            assert!(answer.is_close(), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_ends_without_goodbye_is_closed_without_code() {
        let (mut ours, theirs, _) = pair().await;
        drop(theirs);
        assert!(matches!(ours.receive().await, Err(TunnelError::Closed(None))));
    }

    #[tokio::test]
    async fn breaking_the_websocket_rules_breaks_the_tunnel() {
        let (mut ours, mut theirs, _) = pair().await;
        // A masked frame, which only clients send.
        theirs.get_mut().write_all(&[0x82, 0x81, 1, 2, 3, 4, 5]).await.unwrap();
        assert!(matches!(ours.receive().await, Err(TunnelError::Broken(_))));
        assert!(matches!(ours.receive().await, Err(TunnelError::Closed(None))));
    }

    #[tokio::test]
    async fn closing_says_goodbye_and_ends_the_stream() {
        let (mut ours, mut theirs, _) = pair().await;
        ours.send(vec![vec![1]]).await.unwrap();
        ours.close().await;
        ours.close().await;
        assert_eq!(theirs.next().await.unwrap().unwrap(), Message::binary(vec![1]));
        assert_eq!(theirs.next().await.unwrap().unwrap(), close_frame(1000));
        assert!(theirs.next().await.is_none());
        assert_eq!(ours.receive().await.unwrap(), None);
        assert!(matches!(ours.send(vec![vec![1]]).await, Err(TunnelError::Closed(None))));
    }
}
