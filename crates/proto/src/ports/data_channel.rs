//! The pipe under an encrypted channel: the [`DataChannel`] trait. A tunnel
//! through a tunnel service is one. (CTAP 2.3 has a second kind, a direct
//! Bluetooth connection.)

use super::BoxFuture;
use crate::error::TunnelError;

/// An open data channel: whole messages in both directions. Dropping it closes
/// it.
pub trait DataChannel: Send {
    /// Sends messages, all in one write where the transport allows it: peers
    /// that wait for one segment to be acknowledged before the next lose 40 ms.
    ///
    /// # Errors
    /// A [`TunnelError`] if the channel is closed or breaks.
    ///
    /// # Cancel safety
    /// A message may be sent in part; the channel cannot be used afterwards.
    fn send(&mut self, messages: Vec<Vec<u8>>) -> BoxFuture<'_, Result<(), TunnelError>>;

    /// The next message; `None` once the other side has closed the channel in
    /// good order. Pings are answered and never returned.
    ///
    /// # Errors
    /// A [`TunnelError`] if the channel breaks.
    ///
    /// # Cancel safety
    /// No message is lost.
    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, TunnelError>>;

    /// Says goodbye and closes, without waiting for the other side's answer.
    ///
    /// # Cancel safety
    /// The goodbye may be lost; dropping the channel closes it.
    fn close(&mut self) -> BoxFuture<'_, ()>;
}
