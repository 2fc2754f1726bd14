//! Whether a client can read what an engine answered.

use crate::cbor::Reader;
use crate::ctap::Status;
use crate::error::EngineError;
use crate::secret::SecretBytes;
use crate::transport::MAX_PORTABLE_PAYLOAD;

/// The longest response of an engine, in bytes: what every client can receive.
pub const MAX_RESPONSE_LENGTH: usize = MAX_PORTABLE_PAYLOAD;

/// The status of a response, or why no client could read it: it is empty, too
/// long, or behind `OK` is something else than one item of canonical CBOR. What
/// is in the item is between engine and client.
pub(super) fn check(response: &SecretBytes) -> Result<Status, EngineError> {
    let (status, payload) = response.expose().split_first().ok_or(EngineError::Empty)?;
    if response.len() > MAX_RESPONSE_LENGTH {
        return Err(EngineError::TooLong(response.len()));
    }
    let status = Status(*status);
    if status.is_ok() && !payload.is_empty() {
        let mut reader = Reader::new(payload);
        reader.raw().and_then(|_| reader.finish()).map_err(EngineError::Cbor)?;
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(bytes: impl Into<Vec<u8>>) -> Result<Status, EngineError> {
        check(&SecretBytes::new(bytes.into()))
    }

    #[test]
    fn a_status_alone_or_one_canonical_item_behind_ok_passes() {
        for bytes in [vec![0x00], vec![0x00, 0xa0], vec![0x00, 0xa1, 0x01, 0xf5]] {
            assert_eq!(checked(bytes).unwrap(), Status::OK);
        }
        // Clients do not read what follows another status.
        assert_eq!(checked([0x27, 0xff]).unwrap(), Status::OPERATION_DENIED);
    }

    #[test]
    fn what_no_client_can_read_is_the_engines_fault() {
        assert!(matches!(checked([]), Err(EngineError::Empty)));
        let long = vec![0x27; MAX_RESPONSE_LENGTH];
        assert!(checked(long.clone()).is_ok());
        let longer = [long, vec![0]].concat();
        assert!(matches!(checked(longer), Err(EngineError::TooLong(65_487))));
        for (bytes, error) in [
            (vec![0x00, 0xa1], crate::cbor::CborError::UnexpectedEnd),
            (vec![0x00, 0xa0, 0xa0], crate::cbor::CborError::TrailingBytes),
            (vec![0x00, 0x18, 0x01], crate::cbor::CborError::NotCanonical),
        ] {
            assert!(matches!(checked(bytes), Err(EngineError::Cbor(found)) if found == error));
        }
    }
}
