//! When an open tunnel pings its service, and when the service counts as lost.
//!
//! A person may look for the phone for minutes, and meanwhile no message passes.
//! Proxies and routers close what is silent: nginx after 60 s by default, many
//! carriers sooner. So the tunnel pings. A service that has answered a ping and
//! then answers no more is lost, which TCP alone reports after many minutes.
//! Of a service that never answered one nothing is known, so that it is pinged
//! and never given up.

use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;

use fido_hybrid_proto::error::TunnelError;
use fido_hybrid_websocket::MIN_PING_INTERVAL;

/// How long a tunnel is silent before it pings, by default: 20 s. That is a third
/// of the 60 s after which nginx and other proxies close a silent connection, so
/// that one ping may be late.
pub const DEFAULT_KEEP_ALIVE: Duration = Duration::from_secs(20);

/// The shortest interval between pings: 100 ms. A shorter one that is asked for
/// is lengthened to it. A service that pings and answers so often is within its
/// budget of control frames.
pub const MIN_KEEP_ALIVE: Duration = MIN_PING_INTERVAL;

/// Pings in a row that may go unanswered, each for the whole interval: with the
/// default interval the network may be away for 40 s.
const MAX_UNANSWERED: u32 = 2;

/// The pings of one tunnel.
pub(super) struct KeepAlive {
    /// `None`: never ping.
    interval: Option<Duration>,
    due: Option<Instant>,
    /// When something last came or a ping left.
    since: Instant,
    /// Pings sent so far. Each carries its number, which its pong repeats.
    sent: u32,
    /// Pings sent since something was last received.
    unanswered: u32,
    /// The service has answered a ping.
    answers: bool,
}

impl KeepAlive {
    pub(super) fn new(interval: Option<Duration>) -> Self {
        let interval = interval.map(|interval| interval.max(MIN_KEEP_ALIVE));
        let mut this = Self {
            interval,
            due: None,
            since: Instant::now(),
            sent: 0,
            unanswered: 0,
            answers: false,
        };
        this.wait(this.since);
        this
    }

    /// Waits until [`silence`](Self::silence) is due.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub(super) async fn due(&self) {
        match self.due {
            Some(due) => sleep_until(due).await,
            None => pending().await,
        }
    }

    /// Something came from the service.
    pub(super) fn received(&mut self, message: &Message) {
        self.unanswered = 0;
        if let Message::Pong(payload) = message
            && let Ok(number) = <[u8; 4]>::try_from(payload.as_ref())
            && (1..=self.sent).contains(&u32::from_be_bytes(number))
        {
            self.answers = true;
        }
        self.wait(Instant::now());
    }

    /// Bytes of a message came last at this time. Whether they broke the
    /// silence: a peer can send no pong in the middle of a frame.
    pub(super) fn read(&mut self, last: Instant) -> bool {
        let is_news = last > self.since;
        if is_news {
            self.unanswered = 0;
            self.wait(last);
        }
        is_news
    }

    /// Nothing came for a whole interval: the ping to send.
    ///
    /// # Errors
    /// [`TunnelError::Unresponsive`] if the service does not answer any more.
    pub(super) fn silence(&mut self) -> Result<Message, TunnelError> {
        if self.answers && self.unanswered >= MAX_UNANSWERED {
            return Err(TunnelError::Unresponsive);
        }
        self.sent = self.sent.saturating_add(1);
        self.unanswered = self.unanswered.saturating_add(1);
        self.wait(Instant::now());
        Ok(Message::Ping(self.sent.to_be_bytes().to_vec().into()))
    }

    fn wait(&mut self, since: Instant) {
        self.since = since;
        self.due = self.interval.and_then(|interval| since.checked_add(interval));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::timeout;
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;
    use crate::tunnel::websocket::WebSocket;
    use crate::tunnel::{DataChannel as _, TunnelOptions};
    use fido_hybrid_websocket::{Counted, bounded};

    const SECOND: Duration = Duration::from_secs(1);

    /// A tunnel, and its service's end of the connection.
    async fn tunnel(keep_alive: Option<Duration>) -> (WebSocket<DuplexStream>, DuplexStream) {
        let (ours, theirs) = duplex(1 << 16);
        let options = TunnelOptions { keep_alive, ..TunnelOptions::default() };
        let config = Some(bounded(options.max_message_size));
        let ours = Counted::new(ours, &[], options.max_message_size);
        let ours = WebSocketStream::from_raw_socket(ours, Role::Client, config).await;
        (WebSocket::new(ours, options), theirs)
    }

    /// The number of the next ping, and the seconds since `start`.
    async fn ping(service: &mut DuplexStream, start: Instant) -> (u32, u64) {
        let mut frame = [0; 10];
        service.read_exact(&mut frame).await.unwrap();
        let [0x89, 0x84, mask @ .., a, b, c, d] = frame else { panic!("{frame:?}") };
        let mut number = [a, b, c, d];
        number.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
        (u32::from_be_bytes(number), start.elapsed().as_secs())
    }

    async fn pong(service: &mut DuplexStream, number: u32) {
        let pong = [&[0x8a, 4][..], &number.to_be_bytes()].concat();
        service.write_all(&pong).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_tunnel_is_pinged_every_twenty_seconds() {
        let (mut ours, mut theirs) = tunnel(Some(DEFAULT_KEEP_ALIVE)).await;
        let start = Instant::now();
        let service = async {
            for count in 1..=30 {
                assert_eq!(ping(&mut theirs, start).await, (count, u64::from(count) * 20));
                pong(&mut theirs, count).await;
            }
        };
        tokio::select! {
            received = ours.receive() => panic!("{received:?}"),
            () = service => {}
        }
    }

    /// As a ceremony does it, which waits for other things too.
    #[tokio::test(start_paused = true)]
    async fn it_is_pinged_although_receiving_is_given_up_every_second() {
        let (mut ours, mut theirs) = tunnel(Some(DEFAULT_KEEP_ALIVE)).await;
        let start = Instant::now();
        let receiving = async {
            loop {
                timeout(SECOND, ours.receive()).await.unwrap_err();
            }
        };
        tokio::select! {
            () = receiving => {}
            number = ping(&mut theirs, start) => assert_eq!(number, (1, 20)),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_comes_puts_the_ping_off() {
        for frame in [&[0x82, 1, 7][..], &[0x89, 0], &[0x8a, 0]] {
            let (mut ours, mut theirs) = tunnel(Some(DEFAULT_KEEP_ALIVE)).await;
            let start = Instant::now();
            let _message = timeout(SECOND * 15, ours.receive()).await.unwrap_err();
            theirs.write_all(frame).await.unwrap();
            let receiving = async { while ours.receive().await.unwrap().is_some() {} };
            let pinged = async {
                if frame[0] == 0x89 {
                    // Its answer.
                    theirs.read_exact(&mut [0; 6]).await.unwrap();
                }
                ping(&mut theirs, start).await
            };
            tokio::select! {
                () = receiving => panic!("it ended"),
                number = pinged => assert_eq!(number, (1, 35)),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_never_answered_is_not_given_up() {
        let (mut ours, mut theirs) = tunnel(Some(DEFAULT_KEEP_ALIVE)).await;
        let start = Instant::now();
        let service = async {
            for count in 1..=30 {
                ping(&mut theirs, start).await;
                // Pongs that answer no ping prove nothing.
                pong(&mut theirs, 0).await;
                pong(&mut theirs, count + 1).await;
            }
            for _ in 0..30 {
                ping(&mut theirs, start).await;
            }
            theirs.write_all(&[0x82, 1, 7]).await.unwrap();
        };
        let (received, ()) = tokio::join!(ours.receive(), service);
        assert_eq!(received.unwrap(), Some(vec![7]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_answered_and_answers_no_more_is_given_up() {
        let (mut ours, mut theirs) = tunnel(Some(DEFAULT_KEEP_ALIVE)).await;
        let start = Instant::now();
        let service = async {
            assert_eq!(ping(&mut theirs, start).await, (1, 20));
            pong(&mut theirs, 1).await;
            assert_eq!(ping(&mut theirs, start).await, (2, 40));
            assert_eq!(ping(&mut theirs, start).await, (3, 60));
        };
        let (received, ()) = tokio::join!(ours.receive(), service);
        assert!(matches!(received, Err(TunnelError::Unresponsive)), "{received:?}");
        assert_eq!(start.elapsed().as_secs(), 80);
        assert!(matches!(ours.receive().await, Err(TunnelError::Closed(None))));
        assert!(matches!(ours.send(vec![vec![1]]).await, Err(TunnelError::Closed(None))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_or_message_is_in_time() {
        let (mut ours, mut theirs) = tunnel(Some(DEFAULT_KEEP_ALIVE)).await;
        let start = Instant::now();
        let service = async {
            ping(&mut theirs, start).await;
            pong(&mut theirs, 1).await;
            for count in 0..10_u32 {
                ping(&mut theirs, start).await;
                let (second, _) = ping(&mut theirs, start).await;
                // To the earlier of the two.
                pong(&mut theirs, second - 1).await;
                assert_eq!(second, count * 2 + 3);
            }
        };
        tokio::select! {
            received = ours.receive() => panic!("{received:?}"),
            () = service => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_sends_a_long_message_slowly_is_not_treated_as_disconnected() {
        let (mut ours, mut theirs) = tunnel(Some(DEFAULT_KEEP_ALIVE)).await;
        let start = Instant::now();
        let service = async {
            assert_eq!(ping(&mut theirs, start).await, (1, 20));
            pong(&mut theirs, 1).await;
            theirs.write_all(&[0x82, 120]).await.unwrap();
            for _ in 0..120 {
                timeout(SECOND * 15, theirs.read_u8()).await.unwrap_err();
                theirs.write_u8(7).await.unwrap();
            }
            // It is silent from the last byte on.
            assert_eq!(ping(&mut theirs, start).await, (2, 20 + 120 * 15 + 20));
        };
        let receiving = async {
            assert_eq!(ours.receive().await.unwrap(), Some(vec![7; 120]));
            ours.receive().await
        };
        tokio::select! {
            received = receiving => panic!("{received:?}"),
            () = service => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_start_of_a_message_is_as_good_as_an_answer() {
        let (mut ours, mut theirs) = tunnel(Some(DEFAULT_KEEP_ALIVE)).await;
        let start = Instant::now();
        let service = async {
            assert_eq!(ping(&mut theirs, start).await, (1, 20));
            pong(&mut theirs, 1).await;
            assert_eq!(ping(&mut theirs, start).await, (2, 40));
            assert_eq!(ping(&mut theirs, start).await, (3, 60));
            timeout(SECOND * 15, theirs.read_u8()).await.unwrap_err();
            theirs.write_all(&[0x82, 2, 7]).await.unwrap();
            assert_eq!(ping(&mut theirs, start).await, (4, 95));
            assert_eq!(ping(&mut theirs, start).await, (5, 115));
            timeout(SECOND * 15, theirs.read_u8()).await.unwrap_err();
            theirs.write_u8(7).await.unwrap();
        };
        let receiving = async { assert_eq!(ours.receive().await.unwrap(), Some(vec![7; 2])) };
        tokio::join!(receiving, service);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_stops_in_the_middle_of_a_message_is_given_up() {
        let (mut ours, mut theirs) = tunnel(Some(DEFAULT_KEEP_ALIVE)).await;
        let start = Instant::now();
        let service = async {
            assert_eq!(ping(&mut theirs, start).await, (1, 20));
            pong(&mut theirs, 1).await;
            timeout(SECOND * 15, theirs.read_u8()).await.unwrap_err();
            theirs.write_all(&[0x82, 120, 7]).await.unwrap();
            assert_eq!(ping(&mut theirs, start).await, (2, 55));
            assert_eq!(ping(&mut theirs, start).await, (3, 75));
        };
        let (received, ()) = tokio::join!(ours.receive(), service);
        assert!(matches!(received, Err(TunnelError::Unresponsive)), "{received:?}");
        assert_eq!(start.elapsed().as_secs(), 95);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_pings_and_answers_at_the_shortest_interval_ends_nothing() {
        let (mut ours, mut theirs) = tunnel(Some(MIN_KEEP_ALIVE)).await;
        let service = async {
            for _ in 0..3000 {
                theirs.write_all(&[0x89, 0, 0x8a, 0]).await.unwrap();
                theirs.read_exact(&mut [0; 6]).await.unwrap();
                tokio::time::advance(MIN_KEEP_ALIVE).await;
            }
        };
        tokio::select! {
            received = ours.receive() => panic!("{received:?}"),
            () = service => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_tunnel_without_keep_alive_sends_nothing() {
        let (mut ours, mut theirs) = tunnel(None).await;
        timeout(SECOND * 3600, ours.receive()).await.unwrap_err();
        assert!(theirs.read_u8().now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn intervals_have_a_lower_bound_and_no_upper_one() {
        let (mut ours, mut theirs) = tunnel(Some(Duration::ZERO)).await;
        let start = Instant::now();
        timeout(SECOND, ours.receive()).await.unwrap_err();
        for count in 1..=9 {
            assert_eq!(ping(&mut theirs, start).await.0, count);
        }
        let (mut ours, mut theirs) = tunnel(Some(Duration::MAX)).await;
        timeout(SECOND * 3600, ours.receive()).await.unwrap_err();
        assert!(theirs.read_u8().now_or_never().is_none());
    }

    /// Pings that do not leave are no reason not to receive.
    #[tokio::test(start_paused = true)]
    async fn a_service_that_takes_nothing_is_still_received_from() {
        let (ours, mut theirs) = duplex(8);
        let ours = Counted::new(ours, &[], 1024);
        let ours = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
        let mut ours = WebSocket::new(ours, TunnelOptions::default());
        for _ in 0..3 {
            timeout(SECOND * 60, ours.receive()).await.unwrap_err();
            theirs.write_all(&[0x82, 1, 7]).await.unwrap();
            assert_eq!(ours.receive().await.unwrap(), Some(vec![7]));
        }
    }
}
