//! Messages of a client besides its requests, and answers for which there is no
//! counter left.

use crate::cbor::{self, Reader};
use crate::error::{CancelledBy, ErrorKind, PeerMisbehaved};
use crate::state_machine::End;
use crate::transport::{CrypterError, MessageType};

/// Whatever a phone says is short and, but for its introduction, an answer: what
/// cannot be sealed would answer one request too many.
pub(super) const fn unanswerable(_: CrypterError) -> PeerMisbehaved {
    PeerMisbehaved::TooManyRequests
}

/// Messages other than a request, or a request that comes before the last one is
/// answered. No client sends such a request: it could not tell the answers
/// apart.
pub(super) fn besides_requests(kind: MessageType, payload: &[u8]) -> Result<(), End> {
    match kind {
        MessageType::Shutdown => Err(ErrorKind::Cancelled(CancelledBy::Client).into()),
        // No update from a client has a meaning yet.
        MessageType::Update => one_item(payload).map_err(|e| PeerMisbehaved::Update(e).into()),
        // JSON was not offered.
        MessageType::Ctap | MessageType::Json => {
            Err(PeerMisbehaved::UnexpectedMessage(kind).into())
        }
    }
}

fn one_item(payload: &[u8]) -> Result<(), cbor::CborError> {
    let mut reader = Reader::new(payload);
    reader.raw()?;
    reader.finish()
}
