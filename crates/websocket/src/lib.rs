//! The part of RFC 6455 that the dialer and the tunnel service of `fido-hybrid` share: bounds
//! that hold before a byte is buffered.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod frames;

use std::time::Duration;

use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

pub use frames::{Counted, LastRead, is_flood};

/// The shortest interval between the pings of one side. The budget of control
/// frames fits it.
pub const MIN_PING_INTERVAL: Duration = Duration::from_millis(100);

/// The size of one read from the socket, in bytes. It is allocated for each
/// connection at once; nearly all messages of the protocol are shorter.
pub const READ_BUFFER: usize = 4 * 1024;

/// Messages are gathered up to this many bytes before they are written, so
/// that those handed over together leave in one write. Requests are at most
/// 64 KiB; nothing is allocated before there is a message.
const WRITE_BATCH: usize = 128 * 1024;

/// Room behind the last message for frame headers, pongs and the close frame.
const CONTROL_FRAMES: usize = 1024;

/// A configuration that bounds what a peer can make the WebSocket layer hold.
/// Coming in: a message in fragments, almost complete, and its next frame, each
/// of `max_message_size` bytes. Going out: one such message behind one batch.
#[must_use]
pub fn bounded(max_message_size: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BATCH)
        .max_write_buffer_size(
            max_message_size.saturating_add(WRITE_BATCH).saturating_add(CONTROL_FRAMES),
        )
        .max_message_size(Some(max_message_size))
        .max_frame_size(Some(max_message_size))
}
