//! Requests: one command byte, then its parameters [CTAP 2.2 §8.1].
//!
//! An authenticator reads with [`CtapRequest::parse`] and answers what it cannot
//! read with [`RequestError::status`]. Phones in the field close the tunnel instead.

use crate::ctap::{GetAssertionRequest, MakeCredentialRequest};
use std::fmt;

use super::status::Status;
use crate::cbor::{self, Reader, Writer};

/// The first byte of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Command {
    /// `authenticatorMakeCredential`.
    MakeCredential = 0x01,
    /// `authenticatorGetAssertion`.
    GetAssertion = 0x02,
    /// `authenticatorGetInfo`.
    GetInfo = 0x04,
    /// `authenticatorGetNextAssertion`.
    GetNextAssertion = 0x08,
    /// `authenticatorSelection`.
    Selection = 0x0b,
}

impl Command {
    /// The command that a byte stands for.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0x01 => Self::MakeCredential,
            0x02 => Self::GetAssertion,
            0x04 => Self::GetInfo,
            0x08 => Self::GetNextAssertion,
            0x0b => Self::Selection,
            _ => return None,
        })
    }

    /// The byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MakeCredential => "makeCredential",
            Self::GetAssertion => "getAssertion",
            Self::GetInfo => "getInfo",
            Self::GetNextAssertion => "getNextAssertion",
            Self::Selection => "selection",
        })
    }
}

/// Why bytes are no request. The client is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// There is not even a command byte.
    #[error("the request is empty")]
    Empty,
    /// The command byte is unknown.
    #[error("the command {0:#04x} is unknown")]
    UnknownCommand(u8),
    /// The command has no parameters, and some came.
    #[error("{0} has no parameters, but the request has some")]
    UnexpectedParameters(Command),
    /// The parameters are malformed, or not those of the command.
    #[error("the parameters of {command} are invalid")]
    Parameters {
        /// The command that came.
        command: Command,
        /// The error in its parameters.
        #[source]
        error: cbor::CborError,
    },
}

impl RequestError {
    /// The command byte, if there was one.
    #[must_use]
    pub const fn command_byte(self) -> Option<u8> {
        match self {
            Self::Empty => None,
            Self::UnknownCommand(byte) => Some(byte),
            Self::UnexpectedParameters(command) | Self::Parameters { command, .. } => {
                Some(command.byte())
            }
        }
    }

    /// The status with which an authenticator answers.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::UnknownCommand(_) => Status::INVALID_COMMAND,
            Self::Empty | Self::UnexpectedParameters(_) => Status::INVALID_LENGTH,
            Self::Parameters { error, .. } => match error {
                cbor::CborError::Expected(_) => Status::CBOR_UNEXPECTED_TYPE,
                cbor::CborError::Missing(_) => Status::MISSING_PARAMETER,
                cbor::CborError::Invalid(_) => Status::INVALID_PARAMETER,
                _ => Status::INVALID_CBOR,
            },
        }
    }
}

/// A client's request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CtapRequest {
    /// Make a passkey.
    MakeCredential(MakeCredentialRequest),
    /// Sign with a passkey.
    GetAssertion(GetAssertionRequest),
    /// Sign with the next passkey that fits the request before.
    GetNextAssertion,
    /// Tell what you can do.
    GetInfo,
    /// Let the user point at this authenticator.
    Selection,
}

impl CtapRequest {
    /// Reads a whole request.
    ///
    /// # Errors
    /// A [`RequestError`]. Malformed CBOR goes before missing and invalid
    /// parameters, wherever in the message each of them lies.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        let (&byte, parameters) = bytes.split_first().ok_or(RequestError::Empty)?;
        let command = Command::from_byte(byte).ok_or(RequestError::UnknownCommand(byte))?;
        let without = |request| {
            if parameters.is_empty() {
                Ok(request)
            } else {
                Err(RequestError::UnexpectedParameters(command))
            }
        };
        let invalid = |error| RequestError::Parameters { command, error };
        match command {
            Command::MakeCredential => {
                decode(parameters).map(Self::MakeCredential).map_err(invalid)
            }
            Command::GetAssertion => decode(parameters).map(Self::GetAssertion).map_err(invalid),
            Command::GetNextAssertion => without(Self::GetNextAssertion),
            Command::GetInfo => without(Self::GetInfo),
            Command::Selection => without(Self::Selection),
        }
    }

    /// The command.
    #[must_use]
    pub const fn command(&self) -> Command {
        match self {
            Self::MakeCredential(_) => Command::MakeCredential,
            Self::GetAssertion(_) => Command::GetAssertion,
            Self::GetNextAssertion => Command::GetNextAssertion,
            Self::GetInfo => Command::GetInfo,
            Self::Selection => Command::Selection,
        }
    }

    /// Command byte and parameters, as they travel behind the type byte of a
    /// tunnel message.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::after(vec![self.command().byte()]);
        match self {
            Self::MakeCredential(request) => writer.value(request),
            Self::GetAssertion(request) => writer.value(request),
            Self::GetNextAssertion | Self::GetInfo | Self::Selection => {}
        }
        writer.into_bytes()
    }
}

impl From<MakeCredentialRequest> for CtapRequest {
    fn from(request: MakeCredentialRequest) -> Self {
        Self::MakeCredential(request)
    }
}

impl From<GetAssertionRequest> for CtapRequest {
    fn from(request: GetAssertionRequest) -> Self {
        Self::GetAssertion(request)
    }
}

fn decode<'a, T: cbor::Decode<'a>>(parameters: &'a [u8]) -> Result<T, cbor::CborError> {
    let mut reader = Reader::new(parameters);
    reader.raw()?;
    reader.finish()?;
    cbor::decode(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(bytes: &[u8]) -> Status {
        CtapRequest::parse(bytes).unwrap_err().status()
    }

    #[test]
    fn every_command_is_its_byte() {
        let known: Vec<u8> = (0..=255).filter(|byte| Command::from_byte(*byte).is_some()).collect();
        assert_eq!(known, [0x01, 0x02, 0x04, 0x08, 0x0b]);
        for byte in known {
            assert_eq!(Command::from_byte(byte).unwrap().byte(), byte);
        }
    }

    #[test]
    fn commands_without_parameters_are_one_byte() {
        for request in [CtapRequest::GetInfo, CtapRequest::GetNextAssertion, CtapRequest::Selection]
        {
            let bytes = request.to_bytes();
            assert_eq!(bytes, [request.command().byte()]);
            assert_eq!(CtapRequest::parse(&bytes), Ok(request));
            let longer = [bytes[0], 0xa0];
            assert_eq!(status(&longer), Status::INVALID_LENGTH);
        }
    }

    #[test]
    fn each_error_has_its_status() {
        assert_eq!(status(b""), Status::INVALID_LENGTH);
        assert_eq!(status(b"\x06\xa0"), Status::INVALID_COMMAND);
        assert_eq!(status(b"\x02"), Status::INVALID_CBOR);
        assert_eq!(status(b"\x02\xa2\x01"), Status::INVALID_CBOR);
        assert_eq!(status(b"\x02\xa1\x01\x62\xc3\x28"), Status::INVALID_CBOR);
        assert_eq!(status(b"\x02\x80"), Status::CBOR_UNEXPECTED_TYPE);
        assert_eq!(status(b"\x02\xa1\x01\x07"), Status::CBOR_UNEXPECTED_TYPE);
        assert_eq!(status(b"\x02\xa0"), Status::MISSING_PARAMETER);
        assert_eq!(status(b"\x02\xa1\x01\x61a"), Status::MISSING_PARAMETER);
        assert_eq!(status(b"\x02\xa2\x01\x61a\x02\x41\x00"), Status::INVALID_PARAMETER);
    }

    #[test]
    fn malformed_cbor_goes_before_other_errors() {
        assert_eq!(status(b"\x02\xa0\x00"), Status::INVALID_CBOR);
        assert_eq!(status(b"\x02\xa2\x01\x07\x02\x18\x00"), Status::INVALID_CBOR);
    }

    #[test]
    fn an_error_keeps_the_command_byte() {
        let byte = |bytes| CtapRequest::parse(bytes).unwrap_err().command_byte();
        assert_eq!(byte(b""), None);
        assert_eq!(byte(b"\x77"), Some(0x77));
        assert_eq!(byte(b"\x04\xa0"), Some(4));
        assert_eq!(byte(b"\x01\xa0"), Some(1));
    }
}
