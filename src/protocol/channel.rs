//! The sealed channel of one transaction: crypter and message types together.

use super::crypter::{Crypter, CrypterError};
use super::message::{Message, MessageError, MessageType};
use super::noise::Established;
use super::post_handshake::Revision;
use crate::secret::SecretBytes;

/// Why a message that came through the tunnel is none. The channel is of no
/// use afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// It could not be sealed or opened.
    #[error(transparent)]
    Crypter(#[from] CrypterError),
    /// It was opened and is not what it should be.
    #[error(transparent)]
    Message(#[from] MessageError),
}

/// Typed messages over the keys of a finished handshake.
#[derive(Debug)]
pub struct Channel {
    crypter: Crypter,
    revision: Revision,
}

impl Channel {
    /// Starts with the keys of a handshake, in revision 1.
    #[must_use]
    pub fn new(established: &Established) -> Self {
        let crypter = Crypter::new(&established.sending, &established.receiving);
        Self { crypter, revision: Revision::One }
    }

    /// The construction in use.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// Goes on in the construction that the phone's post-handshake message
    /// showed.
    pub const fn set_revision(&mut self, revision: Revision) {
        self.revision = revision;
    }

    /// Seals the one message that has no type byte: the post-handshake message.
    ///
    /// # Errors
    /// As for [`Crypter::seal`].
    pub fn seal_untyped(&mut self, message: &[u8]) -> Result<Vec<u8>, ChannelError> {
        Ok(self.crypter.seal(&[message])?)
    }

    /// Opens the one message that has no type byte.
    ///
    /// # Errors
    /// As for [`Crypter::open`].
    pub fn open_untyped(&mut self, message: Vec<u8>) -> Result<SecretBytes, ChannelError> {
        Ok(self.crypter.open(message)?)
    }

    /// Seals a message. In revision 0 there is no type byte; the caller sends
    /// nothing but CTAP there.
    ///
    /// # Errors
    /// As for [`Crypter::seal`].
    pub fn seal(&mut self, kind: MessageType, payload: &[u8]) -> Result<Vec<u8>, ChannelError> {
        Ok(match self.revision {
            Revision::One => self.crypter.seal(&[&[kind.byte()], payload])?,
            Revision::Zero => self.crypter.seal(&[payload])?,
        })
    }

    /// Opens a message.
    ///
    /// # Errors
    /// As for [`Crypter::open`] and [`Message::parse`].
    pub fn open(&mut self, message: Vec<u8>) -> Result<Message, ChannelError> {
        let opened = self.crypter.open(message)?;
        Ok(match self.revision {
            Revision::One => Message::parse(opened)?,
            Revision::Zero => Message { kind: MessageType::Ctap, payload: opened },
        })
    }
}
