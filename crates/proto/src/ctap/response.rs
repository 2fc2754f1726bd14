//! Responses: one status byte, then the answer [CTAP 2.2 §8.1].
//!
//! A [`RawResponse`] is what came, byte for byte. [`RawResponse::decode`]
//! reads it for what it is the answer to and leaves it as it is, so that a
//! program can hand on bytes that this crate has no type for.

use super::request::Command;
use super::status::Status;
use crate::cbor;
use crate::ctap::{GetAssertionResponse, GetInfoResponse, MakeCredentialResponse};
use crate::secret::SecretBytes;

/// Why a response is not the answer that was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// There is not even a status byte. The authenticator is at fault.
    #[error("the response is empty")]
    Empty,
    /// The authenticator answered with an error status.
    #[error("the authenticator answered with {0}")]
    Status(Status),
    /// The answer is malformed or not one to the command. The authenticator is
    /// at fault.
    #[error("the answer to {command} is invalid")]
    Answer {
        /// The command that was to be answered.
        command: Command,
        /// The error in the answer.
        #[source]
        error: cbor::CborError,
    },
}

/// A response as it travels. It may hold an assertion or key material:
/// `Debug` prints the status and a length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawResponse {
    status: Status,
    payload: SecretBytes,
}

impl RawResponse {
    /// Takes the bytes behind the type byte of a tunnel message.
    ///
    /// # Errors
    /// [`ResponseError::Empty`].
    pub fn parse(mut bytes: Vec<u8>) -> Result<Self, ResponseError> {
        let status = Status(*bytes.first().ok_or(ResponseError::Empty)?);
        // Moved within its own buffer, so that no copy is left unwiped.
        bytes.remove(0);
        Ok(Self { status, payload: SecretBytes::new(bytes) })
    }

    /// An answer without a payload, such as a refusal.
    #[must_use]
    pub fn from_status(status: Status) -> Self {
        Self { status, payload: SecretBytes::default() }
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// The bytes after the status: CBOR, if the status is OK.
    #[must_use]
    pub const fn payload(&self) -> &SecretBytes {
        &self.payload
    }

    /// Status byte and payload, as they came.
    #[must_use]
    pub fn to_bytes(&self) -> SecretBytes {
        let mut bytes = Vec::with_capacity(1 + self.payload.len());
        bytes.push(self.status.0);
        bytes.extend_from_slice(self.payload.expose());
        SecretBytes::new(bytes)
    }

    /// Reads the answer to `command`.
    ///
    /// # Errors
    /// [`ResponseError::Status`] for any status but OK, whatever follows it;
    /// [`ResponseError::Answer`] for a payload that is not the answer.
    pub fn decode(&self, command: Command) -> Result<CtapResponse, ResponseError> {
        if !self.status.is_ok() {
            return Err(ResponseError::Status(self.status));
        }
        let payload = self.payload.expose();
        let response = match command {
            Command::MakeCredential => cbor::decode(payload).map(CtapResponse::MakeCredential),
            Command::GetAssertion | Command::GetNextAssertion => {
                cbor::decode(payload).map(CtapResponse::GetAssertion)
            }
            Command::GetInfo => cbor::decode(payload).map(CtapResponse::GetInfo),
            Command::Selection if payload.is_empty() => Ok(CtapResponse::Selection),
            Command::Selection => Err(cbor::CborError::TrailingBytes),
        };
        response.map_err(|error| ResponseError::Answer { command, error })
    }
}

/// An authenticator's answer with the status OK.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CtapResponse {
    /// A passkey was made.
    MakeCredential(MakeCredentialResponse),
    /// A passkey signed; also the answer to getNextAssertion.
    GetAssertion(GetAssertionResponse),
    /// The authenticator's abilities.
    GetInfo(GetInfoResponse),
    /// The user pointed at this authenticator.
    Selection,
}

impl CtapResponse {
    /// Keeps the payload that it was read from.
    pub(crate) fn keep(&mut self, raw: RawResponse) {
        match self {
            Self::MakeCredential(response) => response.received.keep(raw.payload),
            Self::GetAssertion(response) => response.received.keep(raw.payload),
            Self::GetInfo(_) | Self::Selection => {}
        }
    }

    /// Writes the answer, with status OK.
    #[must_use]
    pub fn to_raw(&self) -> RawResponse {
        let payload = match self {
            Self::MakeCredential(response) => cbor::encode(response),
            Self::GetAssertion(response) => cbor::encode(response),
            Self::GetInfo(response) => cbor::encode(response),
            Self::Selection => Vec::new(),
        };
        RawResponse { status: Status::OK, payload: SecretBytes::new(payload) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctap::Aaguid;

    #[test]
    fn bytes_stay_as_they_came() {
        let raw = RawResponse::parse(vec![0x00, 0xa0, 0x07]).unwrap();
        assert_eq!(raw.status(), Status::OK);
        assert_eq!(raw.payload().expose(), [0xa0, 0x07]);
        assert_eq!(raw.to_bytes().expose(), [0x00, 0xa0, 0x07]);
        assert_eq!(RawResponse::parse(vec![]), Err(ResponseError::Empty));
    }

    #[test]
    fn another_status_than_ok_is_the_whole_answer() {
        for bytes in [vec![0x27], vec![0x27, 0xa0], vec![0x27, 0xff]] {
            let raw = RawResponse::parse(bytes).unwrap();
            for command in [Command::GetAssertion, Command::Selection] {
                assert_eq!(
                    raw.decode(command),
                    Err(ResponseError::Status(Status::OPERATION_DENIED))
                );
            }
        }
        let unnamed = RawResponse::parse(vec![0xe7]).unwrap();
        assert_eq!(
            unnamed.decode(Command::GetInfo).unwrap_err().to_string(),
            "the authenticator answered with CTAP status 0xe7"
        );
    }

    #[test]
    fn an_answer_is_read_for_its_command_only() {
        let info = GetInfoResponse::new(vec!["FIDO_2_0".to_owned()], Aaguid::ZERO);
        let raw = CtapResponse::GetInfo(info.clone()).to_raw();
        assert_eq!(raw.decode(Command::GetInfo), Ok(CtapResponse::GetInfo(info)));
        for command in [Command::MakeCredential, Command::GetAssertion, Command::Selection] {
            assert!(
                matches!(raw.decode(command), Err(ResponseError::Answer { command: of, .. })
                    if of == command),
                "{command}"
            );
        }
        let selection = CtapResponse::Selection.to_raw();
        assert_eq!(selection.to_bytes().expose(), [0]);
        assert_eq!(selection.decode(Command::Selection), Ok(CtapResponse::Selection));
        assert!(selection.decode(Command::GetInfo).is_err());
    }

    #[test]
    fn debug_shows_no_byte_of_the_payload() {
        let raw = RawResponse::parse(vec![0x00, 0xab, 0xab]).unwrap();
        let debug = format!("{raw:?}");
        assert_eq!(
            debug,
            "RawResponse { status: Status(CTAP2_OK), payload: SecretBytes(2 bytes) }"
        );
    }
}
