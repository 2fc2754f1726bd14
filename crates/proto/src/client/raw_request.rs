//! A CTAP request in bytes, which nothing reads or changes.

use std::fmt;
use std::sync::Arc;

use crate::ctap::Command;
use crate::error::{ApiMisuse, ErrorKind, Unsupported};
use crate::secret::SecretBytes;
use crate::transport::{MAX_PORTABLE_PAYLOAD, RequestHint};

/// The longest request sent, in bytes: a CTAP request with its command byte, or
/// a JSON text. A phone that is built on a Noise library cannot read a longer
/// one.
pub const MAX_REQUEST_LENGTH: usize = MAX_PORTABLE_PAYLOAD;

/// A CTAP request of any command, in bytes: the command byte, then its parameters.
///
/// It is sent as it is, also clientPIN (0x06), largeBlobs (0x0c) and vendor commands
/// (0x40 to 0xbf). Phones may end the transaction at a command that they do not know.
/// The response comes as [`Output::RawResponse`](super::Output::RawResponse), as it is.
///
/// A getInfo, which is the byte 0x04 alone, is not sent: phones do not answer it over
/// hybrid. Its response is the status 0x00 and the getInfo of the phone's
/// post-handshake message, byte for byte.
///
/// The caller must ensure what is ensured for other requests: that the request is for
/// the relying party and the origin that ask, and that the response answers it.
///
/// A clone shares the bytes. `Debug` shows the command and a length.
#[derive(Clone)]
pub struct RawRequest {
    bytes: Arc<SecretBytes>,
    command: u8,
    hint: RequestHint,
}

impl RawRequest {
    /// A request of these bytes. The QR code tells the phone `hint`.
    ///
    /// # Errors
    /// [`ApiMisuse::EmptyRequest`] if there is no command byte;
    /// [`Unsupported::RequestTooLong`] for more than [`MAX_REQUEST_LENGTH`] bytes.
    pub fn new(bytes: impl Into<SecretBytes>, hint: RequestHint) -> Result<Self, ErrorKind> {
        let bytes = bytes.into();
        let command = *bytes.expose().first().ok_or(ApiMisuse::EmptyRequest)?;
        if bytes.len() > MAX_REQUEST_LENGTH {
            return Err(Unsupported::RequestTooLong.into());
        }
        Ok(Self { bytes: Arc::new(bytes), command, hint })
    }

    pub(super) const fn hint(&self) -> RequestHint {
        self.hint
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.expose()
    }

    pub(super) fn is_get_info(&self) -> bool {
        self.bytes() == [Command::GetInfo.byte()]
    }
}

impl fmt::Debug for RawRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRequest")
            .field("command", &format_args!("{:#04x}", self.command))
            .field("length", &self.bytes.len())
            .finish()
    }
}
