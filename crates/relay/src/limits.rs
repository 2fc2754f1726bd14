//! Limits of a tunnel service for its connections. None of them is trusted.

use std::time::Duration;

/// Limits of a [`Relay`](super::Relay). Beside them, a [`Server`](super::Server)
/// gives each connection 10 seconds for TLS and the upgrade, 64 KiB for its
/// request, 256 control frames and one more every 50 milliseconds, and 1,024
/// fragments for each message (one for each KiB, if messages may be longer than
/// 1 MiB). All limits here can be changed:
///
/// ```
/// let mut limits = fido_hybrid_relay::Limits::default();
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

    /// Open tunnels at a time: 1024. One more phone gets status 503. Each
    /// tunnel has a place for its client, which is not refused for a limit.
    pub tunnels: usize,

    /// Open tunnels at a time of phones with one address (IPv6: one /64
    /// network): 128. One more phone gets status 429. A tunnel lasts some 25
    /// seconds on average, so this is enough for 5 sign-ins a second from
    /// behind one NAT of an office or a carrier; an eighth of
    /// [`tunnels`](Self::tunnels) is left to one attacker. To be raised behind
    /// a proxy, where all share its address.
    pub per_address: usize,

    /// Connections at a time that have no tunnel: in the TLS handshake, sending
    /// their request, being refused or closing: 1024. They last for 10 seconds
    /// until their request is there. After its tunnel a connection first gets
    /// what is queued for it. Each message and the close frame have 30 seconds,
    /// and the farewell 4: 5 minutes by default, if the peer reads slowly.
    ///
    /// One more is accepted, and the address that has most of them loses its
    /// oldest. So an address can only crowd out itself.
    ///
    /// In all there are at most twice [`tunnels`](Self::tunnels) and this many
    /// sockets, 3072 by default: the process's limit on open files must allow
    /// them. Each holds up to 256 KiB while its request is coming in. One that
    /// is closing still holds what [`queued_bytes`](Self::queued_bytes) says of
    /// connections.
    pub pending_connections: usize,

    /// Messages that wait for one slow reader: 8. When there are as many, its
    /// peer is not read from until one was sent.
    pub queued_messages: usize,

    /// Bytes that wait for all slow readers together: 64 MiB. A message that
    /// does not fit closes its sender with 1013.
    ///
    /// Not in it: what each connection holds itself, up to five messages of
    /// [`message_size`](Self::message_size) and 128 KiB. Two are coming in: a
    /// message in fragments, and its next frame. Three are going out, behind a
    /// batch of 128 KiB. That is 1.4 MiB by default, and 2.8 GiB if every tunnel
    /// is an attacker's. If all [`pending_connections`](Self::pending_connections) are closing
    /// connections too, it is 4.2 GiB. Where memory is scarce, lower that size,
    /// [`tunnels`](Self::tunnels) or [`pending_connections`](Self::pending_connections): requests and
    /// answers without large blobs stay under 16 KiB.
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
            per_address: 128,
            pending_connections: 1024,
            queued_messages: 8,
            queued_bytes: 64 << 20,
            remembered: 65_536,
        }
    }
}
