//! What a tunnel service gives to its visitors, who are all strangers.

use std::time::Duration;

/// Limits of a [`Relay`](super::Relay). All can be changed:
///
/// ```
/// let mut limits = fido_hybrid::relay::Limits::default();
/// limits.tunnels = 100;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest message, in bytes: 256 KiB, a quarter of what clients accept
    /// and more than any without a large blob. A longer one closes its sender
    /// with 1009.
    pub message_size: usize,

    /// Messages that each side may send: 64. A transaction takes a handful;
    /// what goes on much longer is not one. One more closes with 1008.
    pub messages: u32,

    /// How long a phone may wait for its client: 3 minutes, the time in which
    /// someone finds the phone's prompt, turns Bluetooth on and comes back.
    pub waiting: Duration,

    /// How long a tunnel lasts from when the phone opened it: 10 minutes. A
    /// person may take the 5 minutes of the usual request timeout to unlock
    /// the phone and answer, and Chromium then listens 3 more for a link.
    pub lifetime: Duration,

    /// Open tunnels at a time: 1024. More get status 503.
    pub tunnels: usize,

    /// Peers at a time from one address (IPv6: one /64 network): 32. More get
    /// status 429. To be raised behind a proxy, where all share its address.
    pub per_address: usize,

    /// Messages that wait for one slow reader: 8. When there are as many, its
    /// peer is not read from until one has gone.
    pub queued_messages: usize,

    /// Bytes that wait for all slow readers together: 64 MiB. A message that
    /// does not fit closes its sender with 1013.
    ///
    /// Not in it: what each connection holds itself, at most one message that
    /// is still coming in and one that is going out, each up to
    /// [`message_size`](Self::message_size): 1 GiB if every tunnel is an
    /// attacker's. Where memory is scarce, lower that size or
    /// [`tunnels`](Self::tunnels): requests and answers without large blobs
    /// stay under 16 KiB.
    pub queued_bytes: usize,

    /// Used tunnel ids that are remembered after their tunnel ended, until its
    /// lifetime is over, so that they cannot be opened again: 65,536, some
    /// 8 MiB. Beyond that the oldest are forgotten. An id is used once a phone
    /// and a client met under it.
    pub remembered: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_size: 256 << 10,
            messages: 64,
            waiting: Duration::from_secs(3 * 60),
            lifetime: Duration::from_secs(10 * 60),
            tunnels: 1024,
            per_address: 32,
            queued_messages: 8,
            queued_bytes: 64 << 20,
            remembered: 65_536,
        }
    }
}
