//! Counts the frames that a peer sends, below the WebSocket crate, which does
//! not tell of fragments.
//!
//! RFC 6455 allows any number of control frames, each ping has an answer, and
//! any number of empty fragments in a message. Neither is a message, so limits
//! on messages do not count them, and a peer that sends nothing else keeps a
//! processor busy. Here each connection has a budget; a peer that exceeds it
//! ends with close code 1008.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Error;

use super::MIN_PING_INTERVAL;

/// Control frames that may come at once: pings, pongs and close. Our own peers
/// ping after 20 seconds of silence.
const CONTROL_FRAMES: u32 = 256;

/// How long it takes until one more may come. A peer that pings at the shortest
/// interval, and answers pings that come at it, uses up nothing.
const CONTROL_FRAME_INTERVAL: Duration = half(MIN_PING_INTERVAL);

/// The smallest budget of fragments for one message.
const MIN_FRAGMENTS: u32 = 1024;

/// Of longer messages each fragment may be this small, in bytes.
const FRAGMENT_SIZE: usize = 1024;

const fn half(interval: Duration) -> Duration {
    Duration::from_millis(interval.as_millis() as u64 / 2)
}

/// Fragments that a message of at most `max_message_size` bytes may have.
fn fragments(max_message_size: usize) -> u32 {
    u32::try_from(max_message_size / FRAGMENT_SIZE).unwrap_or(u32::MAX).max(MIN_FRAGMENTS)
}

/// More frames than the budget allows.
#[derive(Debug, thiserror::Error)]
#[error("too many control frames or fragments")]
struct Flood;

/// Whether the peer exceeded the budget.
#[must_use]
pub fn is_flood(error: &Error) -> bool {
    let Error::Io(error) = error else { return false };
    error.get_ref().is_some_and(|error| error.is::<Flood>())
}

/// When a stream last read bytes. Clones tell of the same stream.
#[derive(Clone, Debug)]
pub struct LastRead(Arc<Mutex<Instant>>);

impl LastRead {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    /// The time of the last read, by tokio's clock; before the first read, of the start.
    #[must_use]
    pub fn at(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, now: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

/// A stream of frames whose reader gets an error once there are too many.
pub struct Counted<S> {
    stream: S,
    frames: Frames,
    last_read: LastRead,
    is_flooded: bool,
}

impl<S> Counted<S> {
    /// From the first byte after the upgrade on; `read` was read already.
    /// Messages have at most `max_message_size` bytes.
    pub fn new(stream: S, read: &[u8], max_message_size: usize) -> Self {
        let last_read = LastRead::new();
        let now = last_read.at();
        let mut frames = Frames::new(now, fragments(max_message_size));
        let is_flooded = frames.take(read, now).is_err();
        Self { stream, frames, last_read, is_flooded }
    }

    /// When bytes last came, also of a message that is not complete yet.
    pub const fn last_read(&self) -> &LastRead {
        &self.last_read
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = read {
            let came = buffer.filled().get(before..).unwrap_or_default();
            let now = Instant::now();
            if !came.is_empty() {
                self.last_read.set(now);
            }
            self.is_flooded |= self.frames.take(came, now).is_err();
            if self.is_flooded {
                return Poll::Ready(Err(io::Error::other(Flood)));
            }
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Reads frame headers and skips payloads, in bytes as they come.
struct Frames {
    at: At,
    /// Bytes of mask and payload until the next header.
    skip: u64,
    /// The budget of each message.
    max_fragments: u32,
    fragments: u32,
    control_frames: u32,
    /// Since when the budget of control frames grows.
    since: Instant,
}

/// The next byte of a header: [RFC 6455 §5.2].
#[derive(Clone, Copy)]
enum At {
    First,
    Second,
    Length { left: u8, length: u64, masked: bool },
}

impl Frames {
    const fn new(now: Instant, max_fragments: u32) -> Self {
        Self {
            at: At::First,
            skip: 0,
            max_fragments,
            fragments: max_fragments,
            control_frames: CONTROL_FRAMES,
            since: now,
        }
    }

    fn take(&mut self, mut bytes: &[u8], now: Instant) -> Result<(), Flood> {
        loop {
            let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
            self.skip -= skipped as u64;
            let Some((byte, rest)) = bytes.get(skipped..).and_then(<[u8]>::split_first) else {
                return Ok(());
            };
            bytes = rest;
            self.header(*byte, now)?;
        }
    }

    fn header(&mut self, byte: u8, now: Instant) -> Result<(), Flood> {
        self.at = match self.at {
            At::First => {
                self.count(byte, now)?;
                At::Second
            }
            At::Second => {
                let masked = byte & 0x80 != 0;
                match byte & 0x7f {
                    126 => At::Length { left: 2, length: 0, masked },
                    127 => At::Length { left: 8, length: 0, masked },
                    length => self.payload(length.into(), masked),
                }
            }
            At::Length { left, length, masked } => {
                let (left, length) = (left - 1, length << 8 | u64::from(byte));
                match left {
                    0 => self.payload(length, masked),
                    _ => At::Length { left, length, masked },
                }
            }
        };
        Ok(())
    }

    const fn payload(&mut self, length: u64, masked: bool) -> At {
        self.skip = length.saturating_add(if masked { 4 } else { 0 });
        At::First
    }

    /// Counts a frame by its first byte: the bit for the last fragment, and in
    /// the operation code the bit for control frames.
    fn count(&mut self, first: u8, now: Instant) -> Result<(), Flood> {
        let budget = if first & 0x08 != 0 {
            self.grow(now);
            &mut self.control_frames
        } else if first & 0x80 != 0 {
            self.fragments = self.max_fragments;
            return Ok(());
        } else {
            &mut self.fragments
        };
        *budget = budget.checked_sub(1).ok_or(Flood)?;
        Ok(())
    }

    fn grow(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.since).as_millis();
        let grown = passed / CONTROL_FRAME_INTERVAL.as_millis();
        let grown = u32::try_from(grown).unwrap_or(u32::MAX);
        self.control_frames = self.control_frames.saturating_add(grown).min(CONTROL_FRAMES);
        self.since += CONTROL_FRAME_INTERVAL.saturating_mul(grown);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const PING: u8 = 0x89;
    const MASKED: u8 = 0x80;

    /// Which of many equal frames that come at once is one too many.
    fn limit(frame: &[u8]) -> usize {
        limit_with(1 << 20, frame)
    }

    fn limit_with(max_message_size: usize, frame: &[u8]) -> usize {
        let now = Instant::now();
        let mut frames = Frames::new(now, fragments(max_message_size));
        (0..5000).find(|_| frames.take(frame, now).is_err()).unwrap_or(usize::MAX)
    }

    #[test]
    fn control_frames_have_a_budget() {
        for opcode in [PING, 0x8a, 0x88, 0x8b] {
            assert_eq!(limit(&[opcode, 0]), 256, "{opcode:#x}");
            assert_eq!(limit(&[opcode, MASKED | 2, 1, 2, 3, 4, PING, PING]), 256, "{opcode:#x}");
        }
    }

    #[test]
    fn fragments_of_one_message_have_a_budget() {
        assert_eq!(limit(&[0x02, 0]), 1024);
        assert_eq!(limit(&[0x00, MASKED, 1, 2, 3, 4]), 1024);
        assert_eq!(limit(&[0x00, 1, 0]), 1024);
    }

    #[test]
    fn each_message_has_its_own_fragments() {
        let now = Instant::now();
        let mut frames = Frames::new(now, MIN_FRAGMENTS);
        for _ in 0..10 {
            for _ in 0..1024 {
                assert!(frames.take(&[0x02, 1, 0], now).is_ok());
            }
            assert!(frames.take(&[0x80, 1, 0], now).is_ok());
        }
    }

    #[test]
    fn whole_messages_are_not_counted_here() {
        assert_eq!(limit(&[0x82, 0]), usize::MAX);
        assert_eq!(limit(&[0x82, 126, 0, 3, PING, PING, PING]), usize::MAX);
    }

    #[test]
    fn longer_messages_may_have_more_fragments() {
        assert_eq!(limit_with(0, &[0x02, 0]), 1024);
        assert_eq!(limit_with(256 << 10, &[0x02, 0]), 1024);
        assert_eq!(limit_with(4 << 20, &[0x02, 0]), 4096);
        assert_eq!(fragments(usize::MAX), u32::MAX);
    }

    #[test]
    fn pings_and_pongs_at_the_shortest_interval_end_nothing() {
        let start = Instant::now();
        let mut frames = Frames::new(start, MIN_FRAGMENTS);
        for tick in 0..6000 {
            let now = start + MIN_PING_INTERVAL * tick;
            assert!(frames.take(&[PING, 0, 0x8a, 0], now).is_ok(), "{tick}");
        }
    }

    #[test]
    fn a_flood_is_still_too_much() {
        let start = Instant::now();
        let mut frames = Frames::new(start, MIN_FRAGMENTS);
        // 260,000 in ten minutes.
        let flooded = (0..260_000_u32).position(|count| {
            let now = start + Duration::from_micros(2300) * count;
            frames.take(&[PING, 0], now).is_err()
        });
        assert!(flooded.unwrap() < 300, "{flooded:?}");
    }

    #[test]
    fn one_control_frame_more_is_allowed_each_50_milliseconds() {
        let start = Instant::now();
        let mut frames = Frames::new(start, MIN_FRAGMENTS);
        let ping = |frames: &mut Frames, after| {
            frames.take(&[PING, 0], start + Duration::from_millis(after)).is_ok()
        };
        for _ in 0..256 {
            assert!(ping(&mut frames, 0));
        }
        assert!(!ping(&mut frames, 49));
        assert!(ping(&mut frames, 50));
        assert!(!ping(&mut frames, 99));
        assert!(ping(&mut frames, 100));
        // It does not grow beyond what it was.
        for _ in 0..256 {
            assert!(ping(&mut frames, 10_000_000));
        }
        assert!(!ping(&mut frames, 10_000_000));
    }

    #[test]
    fn headers_are_found_however_the_bytes_are_cut() {
        let long = [&[0x82, 127][..], &300_u64.to_be_bytes(), &[PING; 300]].concat();
        let short = [&[0x02, MASKED | 126][..], &200_u16.to_be_bytes(), &[PING; 204]].concat();
        let bytes = [long, short, vec![PING, 1, PING], vec![0x80, 0]].concat();
        for piece in 1..bytes.len() {
            let now = Instant::now();
            let mut frames = Frames::new(now, MIN_FRAGMENTS);
            for bytes in bytes.chunks(piece) {
                assert!(frames.take(bytes, now).is_ok());
            }
            assert_eq!((frames.control_frames, frames.fragments), (255, 1024), "{piece}");
        }
    }

    #[test]
    fn a_length_that_no_message_has_is_skipped_to_the_end() {
        let now = Instant::now();
        let mut frames = Frames::new(now, MIN_FRAGMENTS);
        let head = [&[0x82, MASKED | 127][..], &u64::MAX.to_be_bytes()].concat();
        assert!(frames.take(&head, now).is_ok());
        assert!(frames.take(&[PING; 10_000], now).is_ok());
    }

    #[tokio::test]
    async fn the_reader_is_told() {
        let (near, mut far) = duplex(1024);
        let mut counted = Counted::new(near, &[], 1024);
        let mut pings = [0; 2];
        for _ in 0..256 {
            far.write_all(&[PING, 0]).await.unwrap();
            counted.read_exact(&mut pings).await.unwrap();
        }
        far.write_all(&[PING, 0]).await.unwrap();
        let error = counted.read_exact(&mut pings).await.unwrap_err();
        assert!(is_flood(&Error::Io(error)));
        assert!(!is_flood(&Error::Io(io::Error::other("another"))));
        assert!(!is_flood(&Error::ConnectionClosed));
        // Goodbye can still be said.
        counted.write_all(&[0x88, 0]).await.unwrap();
        far.read_exact(&mut pings).await.unwrap();
        assert_eq!(pings, [0x88, 0]);
    }
}
