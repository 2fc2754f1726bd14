//! The queue from which a driver takes its inputs, and its clock.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Inputs that wait for the driver. The thread of a tunnel waits when the queue is full,
/// so a peer cannot fill the memory.
const QUEUE_LENGTH: usize = 16;

/// The inputs of one transaction and its clock, which starts at zero.
pub(crate) struct Inputs<I> {
    sender: SyncSender<I>,
    receiver: Receiver<I>,
    started: Instant,
}

impl<I> Inputs<I> {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = sync_channel(QUEUE_LENGTH);
        Self { sender, receiver, started: Instant::now() }
    }

    pub(crate) fn sender(&self) -> SyncSender<I> {
        self.sender.clone()
    }

    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits for the next input, or until the deadline.
    pub(crate) fn next(&self, deadline: Option<Duration>, time_passed: I) -> I {
        let left = deadline.map_or(Duration::MAX, |at| at.saturating_sub(self.now()));
        // There is always a sender, so the one error is the timeout.
        self.receiver.recv_timeout(left).unwrap_or(time_passed)
    }
}

/// Seconds since 1970, for the time in the QR code. A clock before 1970 counts as 1970.
pub(crate) fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
