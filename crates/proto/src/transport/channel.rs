//! The sealed channel of one transaction: crypter and message types together.

use super::crypter::{Crypter, CrypterError};
use super::message::{Message, MessageError, MessageType};
use super::noise::Established;
use super::post_handshake::Revision;
use crate::secret::SecretBytes;

/// Why a received message was rejected. The channel cannot be used after this
/// error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// It could not be opened.
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
    ///
    /// The handshake is consumed: a second channel under the same keys would
    /// use each nonce twice.
    ///
    /// ```compile_fail,E0382
    /// # use fido_hybrid_proto::transport::{channel::Channel, noise::Established};
    /// fn two_channels(established: Established) -> (Channel, Channel) {
    ///     (Channel::new(established), Channel::new(established))
    /// }
    /// ```
    #[must_use]
    pub fn new(established: Established) -> Self {
        let crypter = Crypter::new(established.sending, established.receiving);
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
    pub fn seal_untyped(&mut self, message: &[u8]) -> Result<Vec<u8>, CrypterError> {
        self.crypter.seal(&[message])
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
    pub fn seal(&mut self, kind: MessageType, payload: &[u8]) -> Result<Vec<u8>, CrypterError> {
        match self.revision {
            Revision::One => self.crypter.seal(&[&[kind.byte()], payload]),
            Revision::Zero => self.crypter.seal(&[payload]),
        }
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

#[cfg(test)]
impl Channel {
    /// Both ends of a channel, under known keys.
    pub(crate) fn pair_for_testing_only() -> (Self, Self) {
        use super::noise::HandshakeHash;
        use crate::secret::TrafficKey;
        let end = |sending, receiving| {
            Self::new(Established {
                sending: TrafficKey::new([sending; 32]),
                receiving: TrafficKey::new([receiving; 32]),
                hash: HandshakeHash([0; 32]),
            })
        };
        (end(1, 2), end(2, 1))
    }

    /// Continues as if so many messages had been sent each way.
    pub(crate) const fn set_counters_for_testing_only(&mut self, sending: u32, receiving: u32) {
        self.crypter.set_counters_for_testing_only(sending, receiving);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Channel, Channel) {
        Channel::pair_for_testing_only()
    }

    #[test]
    fn every_type_goes_both_ways() {
        let (mut client, mut phone) = pair();
        for kind in
            [MessageType::Shutdown, MessageType::Ctap, MessageType::Update, MessageType::Json]
        {
            let there = phone.open(client.seal(kind, b"there").unwrap()).unwrap();
            assert_eq!((there.kind, there.payload.expose()), (kind, &b"there"[..]));
            let back = client.open(phone.seal(kind, b"back").unwrap()).unwrap();
            assert_eq!((back.kind, back.payload.expose()), (kind, &b"back"[..]));
        }
    }

    #[test]
    fn the_first_message_has_no_type_and_those_of_revision_zero_have_none() {
        let (mut client, mut phone) = pair();
        let first = phone.seal_untyped(&[0xff, 1]).unwrap();
        assert_eq!(client.open_untyped(first).unwrap().expose(), [0xff, 1]);
        client.set_revision(Revision::Zero);
        phone.set_revision(Revision::Zero);
        let answer = client.open(phone.seal(MessageType::Ctap, &[0xff, 2]).unwrap()).unwrap();
        assert_eq!((answer.kind, answer.payload.expose()), (MessageType::Ctap, &[0xff, 2][..]));
        phone.set_revision(Revision::One);
        let typed = client.open(phone.seal(MessageType::Ctap, &[3]).unwrap()).unwrap();
        assert_eq!(typed.payload.expose(), [1, 3], "the type byte is payload there");
    }

    #[test]
    fn an_unknown_type_is_told_from_a_message_that_does_not_open() {
        let (mut client, mut phone) = pair();
        let unknown = phone.seal_untyped(&[4, 0]).unwrap();
        assert_eq!(client.open(unknown), Err(ChannelError::Message(MessageError::UnknownType(4))));
        assert_eq!(
            client.open(vec![0; 48]),
            Err(ChannelError::Crypter(CrypterError::Authentication))
        );
    }
}
