//! Options of an open tunnel.

use std::time::Duration;

use super::keep_alive::DEFAULT_KEEP_ALIVE;

/// The longest message taken by default, in bytes: 1 MiB, as Chromium.
pub const DEFAULT_MAX_MESSAGE_SIZE: usize = 1 << 20;

/// Settings of an open tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TunnelOptions {
    /// The longest message taken or sent, in bytes; [`DEFAULT_MAX_MESSAGE_SIZE`]
    /// by default. See [`super::WebSocketDialerBuilder::max_message_size`].
    pub max_message_size: usize,
    /// How long a tunnel is silent before it pings; [`DEFAULT_KEEP_ALIVE`] by
    /// default, at least [`MIN_KEEP_ALIVE`](super::MIN_KEEP_ALIVE). `None`: it
    /// never pings. See [`super::WebSocketDialerBuilder::keep_alive`].
    pub keep_alive: Option<Duration>,
}

impl Default for TunnelOptions {
    fn default() -> Self {
        Self { max_message_size: DEFAULT_MAX_MESSAGE_SIZE, keep_alive: Some(DEFAULT_KEEP_ALIVE) }
    }
}
