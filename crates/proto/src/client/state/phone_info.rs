//! What the phone said of itself in its post-handshake message.

use crate::cbor::{self, CborError};
use crate::ctap::{GetInfoResponse, Status};
use crate::secret::SecretBytes;

/// The phone's getInfo: read, and as it came.
#[derive(Debug)]
pub(super) struct PhoneInfo {
    pub(super) read: Box<GetInfoResponse>,
    /// Part of one message, so shorter than
    /// [`MAX_CIPHERTEXT`](crate::transport::MAX_CIPHERTEXT). `Debug` of these
    /// bytes shows their length.
    bytes: SecretBytes,
}

impl PhoneInfo {
    pub(super) fn new(bytes: Vec<u8>) -> Result<Self, CborError> {
        Ok(Self { read: Box::new(cbor::decode(&bytes)?), bytes: SecretBytes::new(bytes) })
    }

    /// The response to a getInfo.
    pub(super) fn response(&self) -> SecretBytes {
        [&[Status::OK.0], self.bytes.expose()].concat().into()
    }
}
