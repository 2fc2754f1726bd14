//! Why a CTAP engine failed.

use crate::cbor;

/// Why the response of a CTAP engine could not be sent. The engine that the program
/// brought is at fault; the client is told [`Status::OTHER`](crate::ctap::Status::OTHER).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The response has not even a status byte.
    #[error("the CTAP engine's response is empty")]
    Empty,
    /// The response is longer than clients can receive.
    #[error("the CTAP engine's response has {0} bytes")]
    TooLong(usize),
    /// The bytes after the status `OK` are not one item of CBOR in CTAP2's canonical
    /// form.
    #[error("the CTAP engine's response is invalid: {0}")]
    Cbor(cbor::CborError),
}
