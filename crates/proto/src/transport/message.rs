//! Typed messages: [CTAP 2.2 §11.5.1.2].
//!
//! ```text
//! message = type[1] ‖ payload
//!   00 shutdown   client to phone    nothing
//!   01 CTAP       both               command ‖ CBOR, or status ‖ CBOR
//!   02 update     phone to client    CBOR map
//!   03 JSON       both               UTF-8
//! ```
//!
//! [`Update`](super::linking::UpdateMessage) reads the payload of an update.
//!
//! The type byte lies inside what is padded and sealed. Peers of protocol
//! revision 0 have neither type byte nor shutdown: there every message is CTAP.

use crate::secret::SecretBytes;

/// The type of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// The client is done. Only clients send it; some phones do too, which
    /// Chromium takes for an error.
    Shutdown,
    /// A CTAP request or response.
    Ctap,
    /// Linking information, or padding in its place, so that lengths do not show which.
    Update,
    /// A JSON request or response (digital credentials), which needs the
    /// feature `dc`.
    Json,
}

impl MessageType {
    /// The type byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Shutdown => 0,
            Self::Ctap => 1,
            Self::Update => 2,
            Self::Json => 3,
        }
    }

    /// Reads a type byte.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Shutdown),
            1 => Some(Self::Ctap),
            2 => Some(Self::Update),
            3 => Some(Self::Json),
            _ => None,
        }
    }
}

/// Why a decrypted message was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// There is not even a type byte.
    #[error("the message is empty")]
    Empty,
    /// No such type.
    #[error("the message has the unknown type {0}")]
    UnknownType(u8),
}

/// A message that was received. `Debug` shows its type and length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The type.
    pub kind: MessageType,
    /// The bytes after the type byte.
    pub payload: SecretBytes,
}

impl Message {
    /// Reads an opened message.
    ///
    /// Whether the payload is one is for its reader to say: an authenticator
    /// owes a status to an empty CTAP request too. That of a shutdown should be
    /// empty and means nothing.
    ///
    /// # Errors
    /// The error in it.
    pub fn parse(mut opened: SecretBytes) -> Result<Self, MessageError> {
        let byte = opened.take_first().ok_or(MessageError::Empty)?;
        let kind = MessageType::from_byte(byte).ok_or(MessageError::UnknownType(byte))?;
        Ok(Self { kind, payload: opened })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<(MessageType, Vec<u8>), MessageError> {
        Message::parse(bytes.into()).map(|message| (message.kind, message.payload.expose().into()))
    }

    #[test]
    fn each_type_and_what_has_no_type() {
        assert_eq!(parse(&[0]), Ok((MessageType::Shutdown, vec![])));
        assert_eq!(parse(&[0, 7]), Ok((MessageType::Shutdown, vec![7])));
        assert_eq!(parse(&[1, 4]), Ok((MessageType::Ctap, vec![4])));
        assert_eq!(parse(&[2, 1, 2]), Ok((MessageType::Update, vec![1, 2])));
        assert_eq!(parse(&[3, b'{']), Ok((MessageType::Json, vec![b'{'])));
        assert_eq!(parse(&[]), Err(MessageError::Empty));
        for byte in 4..=255 {
            assert_eq!(parse(&[byte, 0]), Err(MessageError::UnknownType(byte)));
        }
    }

    #[test]
    fn an_empty_payload_is_left_to_its_reader() {
        for kind in
            [MessageType::Shutdown, MessageType::Ctap, MessageType::Update, MessageType::Json]
        {
            assert_eq!(parse(&[kind.byte()]), Ok((kind, vec![])));
        }
    }
}
