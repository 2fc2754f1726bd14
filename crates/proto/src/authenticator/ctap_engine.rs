//! The seam between a link and a CTAP2 engine: bytes in, bytes out.

use crate::ctap::GetInfoResponse;
use crate::ports::BoxFuture;

/// A CTAP2 authenticator without a transport: a platform's credential manager, a
/// security key, a TPM, another library. An authenticator that is built with one
/// needs no passkey store and no user check: the engine has them.
///
/// The engine must keep the promises that clients rely on. It must ask the user before it
/// makes a passkey, signs or tells which passkeys it has, and its prompt must say
/// that *another device* asks: an attacker may have shown the user a QR code that
/// belongs to a computer far away. It should limit how often it asks.
pub trait CtapEngine: Send + Sync {
    /// Returns the engine's abilities [CTAP 2.2 §6.4]. The client is told right
    /// after the handshake, and whenever it asks: `authenticatorGetInfo` does not
    /// come to [`process`](Self::process). It is read once for each transaction.
    ///
    /// A `max_message_size` of up to
    /// [`MAX_MESSAGE_SIZE`](super::MAX_MESSAGE_SIZE) can be received.
    fn get_info(&self) -> GetInfoResponse;

    /// Answers a request: a command byte, then its parameters in CBOR
    /// [CTAP 2.2 §8.1]. The bytes are the client's, unchecked. One transaction has one
    /// request at a time; several transactions may be under way at once.
    ///
    /// The response is a status byte, then, if that is 0 (`CTAP2_OK`), one item of
    /// CBOR in CTAP2's canonical form, or nothing. A refusal is a status too. An
    /// empty response, one that is longer than
    /// [`MAX_RESPONSE_LENGTH`](super::link::MAX_RESPONSE_LENGTH), or one with other
    /// CBOR is a fault of the engine: the client is told `CTAP1_ERR_OTHER`, and the
    /// program learns of it by [`AuthenticatorUpdate::EngineFailed`](super::AuthenticatorUpdate::EngineFailed).
    ///
    /// No deadline is needed here: the transaction has one, of
    /// [`AuthenticatorDeadlines::answering`](super::AuthenticatorDeadlines::answering).
    ///
    /// # Cancel safety
    /// Dropping the future cancels the request: the client disconnected, the program has
    /// ended the session, or the request timed out. The engine must dismiss its prompt,
    /// and must not have saved half a passkey.
    fn process<'a>(&'a self, request: &'a [u8]) -> BoxFuture<'a, Vec<u8>>;
}
