//! Messages after the handshake, sealed and opened: [CTAP 2.2 §11.5.1.2].
//!
//! ```text
//! plaintext  = message ‖ 00 × z ‖ z     z in 0..=31, a multiple of 32 in all
//! ciphertext = AES-256-GCM(key, nonce = 00 × 8 ‖ counter[4, big-endian], no AAD)
//! ```
//!
//! Each direction has its own key and counter. The counter goes up with each
//! message and never past [`MAX_COUNTER`]; there is no rekeying.
//!
//! On receive the padding is taken as Chromium takes it: the last byte says how
//! many bytes before it go, up to 255, zero or not, whatever the total. Two
//! peers need that: one puts its type byte in front of the padded unit, and the
//! oldest pad to 256.

use std::fmt;

use crate::crypto::{AEAD_TAG_LENGTH, Aes256Gcm};
use crate::secret::{SecretBytes, TrafficKey};

/// The last counter that may be used in either direction: Chromium's limit.
pub const MAX_COUNTER: u32 = (1 << 24) - 1;

/// Messages are padded to a multiple of this many bytes.
pub const PADDING_UNIT: usize = 32;

/// The longest ciphertext accepted, in bytes: Chromium's limit for a message
/// on its WebSocket.
pub const MAX_CIPHERTEXT: usize = 1 << 20;

/// The longest message that can be sealed, in bytes, so that its ciphertext
/// stays within [`MAX_CIPHERTEXT`].
pub const MAX_MESSAGE: usize = MAX_CIPHERTEXT - AEAD_TAG_LENGTH - PADDING_UNIT;

/// The longest ciphertext that every peer can read, in bytes: the longest
/// transport message of the Noise framework [Noise §3]. A peer that is built on
/// a Noise library reads and sends no longer one.
const MAX_PORTABLE_CIPHERTEXT: usize = 65_535;

/// The longest payload of a message that every peer can read, in bytes. With
/// type byte, padding and tag it fits in [`MAX_PORTABLE_CIPHERTEXT`].
pub(crate) const MAX_PORTABLE_PAYLOAD: usize =
    MAX_PORTABLE_CIPHERTEXT - AEAD_TAG_LENGTH - PADDING_UNIT - 1;

/// Why a message could not be sealed or opened. The tunnel cannot be used after
/// any of these errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrypterError {
    /// Wrong key, changed bytes, or a message lost, repeated or out of order.
    #[error("the message did not authenticate")]
    Authentication,
    /// The padding says more than is there, or there is no plaintext at all.
    #[error("the message's padding is invalid")]
    Padding,
    /// Longer than [`MAX_MESSAGE`] when sealing, [`MAX_CIPHERTEXT`] when opening.
    #[error("the message is too long")]
    TooLong,
    /// The counter of this direction has reached [`MAX_COUNTER`].
    #[error("too many messages under one key")]
    CounterExhausted,
}

/// Seals and opens messages with the keys of one handshake.
#[derive(Debug)]
pub struct Crypter {
    sending: Direction,
    receiving: Direction,
}

impl Crypter {
    /// Starts both directions with counter zero.
    ///
    /// The keys are consumed, and cannot be cloned: a second crypter under the
    /// same key would use each nonce twice.
    ///
    /// ```compile_fail,E0382
    /// # use fido_hybrid_proto::transport::Crypter;
    /// # use fido_hybrid_proto::secret::TrafficKey;
    /// fn two_crypters(sending: TrafficKey, receiving: TrafficKey) -> [Crypter; 2] {
    ///     [Crypter::new(sending, receiving), Crypter::new(sending, receiving)]
    /// }
    /// ```
    ///
    /// ```compile_fail,E0599
    /// # use fido_hybrid_proto::secret::TrafficKey;
    /// fn two_keys(key: TrafficKey) -> (TrafficKey, TrafficKey) {
    ///     (key.clone(), key)
    /// }
    /// ```
    #[must_use]
    pub fn new(sending: TrafficKey, receiving: TrafficKey) -> Self {
        Self { sending: Direction::new(&sending), receiving: Direction::new(&receiving) }
    }

    /// Seals the concatenation of `parts` as one message. The one allocation
    /// made is that of the result.
    ///
    /// # Errors
    /// [`CrypterError::TooLong`], [`CrypterError::CounterExhausted`].
    pub fn seal(&mut self, parts: &[&[u8]]) -> Result<Vec<u8>, CrypterError> {
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        if length > MAX_MESSAGE {
            return Err(CrypterError::TooLong);
        }
        let room = length + padding(length) + AEAD_TAG_LENGTH;
        let mut message = SecretBytes::new(Vec::with_capacity(room));
        for part in parts {
            message.extend(part);
        }
        self.seal_in_place(message)
    }

    /// Seals a message in its own buffer. Nothing is copied or allocated if
    /// that has room for [`PADDING_UNIT`] and [`AEAD_TAG_LENGTH`] bytes more.
    ///
    /// # Errors
    /// As for [`seal`](Self::seal).
    pub fn seal_in_place(&mut self, mut message: SecretBytes) -> Result<Vec<u8>, CrypterError> {
        if message.len() > MAX_MESSAGE {
            return Err(CrypterError::TooLong);
        }
        let nonce = self.sending.nonce()?;
        let padding = padding(message.len());
        message.reserve(padding + AEAD_TAG_LENGTH);
        let mut last = [0; PADDING_UNIT];
        last[PADDING_UNIT - 1] = (padding - 1) as u8;
        message.extend(last.get(PADDING_UNIT - padding..).unwrap_or_default());
        let tag = self
            .sending
            .cipher
            .seal(&nonce, &[], message.expose_mut())
            .map_err(|_| CrypterError::TooLong)?;
        let mut sealed = message.into_exposed();
        sealed.extend_from_slice(&tag);
        self.sending.counter += 1;
        Ok(sealed)
    }

    /// Opens a message in place and takes its padding off.
    ///
    /// # Errors
    /// Any [`CrypterError`]. The counter moves only on success.
    pub fn open(&mut self, mut message: Vec<u8>) -> Result<SecretBytes, CrypterError> {
        if message.len() > MAX_CIPHERTEXT {
            return Err(CrypterError::TooLong);
        }
        let nonce = self.receiving.nonce()?;
        let (plaintext, tag) = message
            .split_last_chunk_mut::<AEAD_TAG_LENGTH>()
            .ok_or(CrypterError::Authentication)?;
        self.receiving
            .cipher
            .open(&nonce, &[], plaintext, tag)
            .map_err(|_| CrypterError::Authentication)?;
        let length = unpadded_length(plaintext);
        // From here the buffer is a secret, whatever the padding says.
        let mut message = SecretBytes::new(message);
        let length = length.ok_or(CrypterError::Padding)?;
        message.truncate(length);
        self.receiving.counter += 1;
        Ok(message)
    }
}

#[cfg(test)]
impl Crypter {
    /// Continues as if so many messages had been sent each way.
    pub(crate) const fn set_counters_for_testing_only(&mut self, sending: u32, receiving: u32) {
        self.sending.counter = sending;
        self.receiving.counter = receiving;
    }
}

/// How many bytes are put behind a message of this length: 1 to
/// [`PADDING_UNIT`], the last of which counts the others.
const fn padding(length: usize) -> usize {
    PADDING_UNIT - length % PADDING_UNIT
}

/// How many bytes of a padded plaintext are the message.
///
/// `None` if the padding says more than is there.
#[must_use]
pub fn unpadded_length(padded: &[u8]) -> Option<usize> {
    let (zeros, rest) = padded.split_last()?;
    rest.len().checked_sub(usize::from(*zeros))
}

struct Direction {
    cipher: Aes256Gcm,
    counter: u32,
}

impl Direction {
    fn new(key: &TrafficKey) -> Self {
        Self { cipher: Aes256Gcm::new(key.expose()), counter: 0 }
    }

    fn nonce(&self) -> Result<[u8; 12], CrypterError> {
        if self.counter > MAX_COUNTER {
            return Err(CrypterError::CounterExhausted);
        }
        let mut nonce = [0; 12];
        nonce[8..].copy_from_slice(&self.counter.to_be_bytes());
        Ok(nonce)
    }
}

impl fmt::Debug for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Direction {{ counter: {} }}", self.counter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Crypter, Crypter) {
        let key = |byte| TrafficKey::new([byte; 32]);
        (Crypter::new(key(1), key(2)), Crypter::new(key(2), key(1)))
    }

    /// A plaintext of the peer's own making, with no padding added.
    fn sealed_as_is(crypter: &mut Crypter, plaintext: &[u8]) -> Vec<u8> {
        let mut message = plaintext.to_vec();
        let nonce = crypter.sending.nonce().unwrap();
        let tag = crypter.sending.cipher.seal(&nonce, &[], &mut message).unwrap();
        crypter.sending.counter += 1;
        message.extend_from_slice(&tag);
        message
    }

    #[test]
    fn every_length_is_padded_to_the_unit_and_comes_back() {
        let (mut client, mut phone) = pair();
        for length in 0..=100 {
            let message = vec![0xff; length];
            let sealed = client.seal(&[&message[..length / 2], &message[length / 2..]]).unwrap();
            assert_eq!((sealed.len() - AEAD_TAG_LENGTH) % PADDING_UNIT, 0);
            assert!(sealed.len() > length + AEAD_TAG_LENGTH);
            assert_eq!(phone.open(sealed).unwrap().expose(), message);
        }
    }

    #[test]
    fn sealing_in_place_gives_the_same_bytes_whatever_room_there_is() {
        for length in 0..=100 {
            for room in [0, 1, PADDING_UNIT, PADDING_UNIT + AEAD_TAG_LENGTH, 500] {
                let (mut client, mut phone) = pair();
                let mut message = Vec::with_capacity(length + room);
                message.resize(length, 0xff);
                let expected = client.seal(&[&message]).unwrap();
                client.sending.counter = 0;
                let sealed = client.seal_in_place(message.into()).unwrap();
                assert_eq!(sealed, expected);
                assert_eq!(phone.open(sealed).unwrap().expose(), vec![0xff; length]);
            }
        }
    }

    #[test]
    fn a_message_fills_its_allocation() {
        let (mut client, _) = pair();
        let sealed = client.seal(&[&[7; 1000]]).unwrap();
        assert_eq!(sealed.capacity(), sealed.len());
    }

    #[test]
    fn padding_of_every_value_is_taken_as_chromium_takes_it() {
        for zeros in 0..=255_u8 {
            let (mut phone, mut client) = pair();
            let mut plaintext = vec![0xaa; 200];
            plaintext.push(zeros);
            let sealed = sealed_as_is(&mut phone, &plaintext);
            let opened = client.open(sealed);
            match 200_usize.checked_sub(usize::from(zeros)) {
                Some(length) => assert_eq!(opened.unwrap().len(), length),
                None => assert_eq!(opened.unwrap_err(), CrypterError::Padding),
            }
        }
    }

    #[test]
    fn an_empty_plaintext_is_invalid() {
        let (mut phone, mut client) = pair();
        let sealed = sealed_as_is(&mut phone, &[]);
        assert_eq!(client.open(sealed).unwrap_err(), CrypterError::Padding);
    }

    #[test]
    fn short_changed_repeated_and_reordered_messages_do_not_open() {
        let (mut client, mut phone) = pair();
        for length in 0..AEAD_TAG_LENGTH {
            assert_eq!(phone.open(vec![0; length]).unwrap_err(), CrypterError::Authentication);
        }
        let first = client.seal(&[b"first"]).unwrap();
        let second = client.seal(&[b"second"]).unwrap();
        assert_eq!(phone.open(second.clone()).unwrap_err(), CrypterError::Authentication);
        for at in 0..first.len() {
            let mut changed = first.clone();
            changed[at] ^= 1;
            assert_eq!(phone.open(changed).unwrap_err(), CrypterError::Authentication);
        }
        assert_eq!(phone.open(first.clone()).unwrap().expose(), b"first");
        assert_eq!(phone.open(first).unwrap_err(), CrypterError::Authentication);
        assert_eq!(phone.open(second).unwrap().expose(), b"second");
    }

    #[test]
    fn the_counter_stops_at_its_limit() {
        let (mut client, mut phone) = pair();
        client.sending.counter = MAX_COUNTER;
        phone.receiving.counter = MAX_COUNTER;
        let last = client.seal(&[b"last"]).unwrap();
        assert_eq!(client.seal(&[b"more"]).unwrap_err(), CrypterError::CounterExhausted);
        let more = b"more"[..].into();
        assert_eq!(client.seal_in_place(more).unwrap_err(), CrypterError::CounterExhausted);
        assert_eq!(phone.open(last.clone()).unwrap().expose(), b"last");
        assert_eq!(phone.open(last).unwrap_err(), CrypterError::CounterExhausted);
    }

    #[test]
    fn lengths_are_bounded_both_ways() {
        let (mut client, mut phone) = pair();
        let longest = vec![1; MAX_MESSAGE];
        let sealed = client.seal(&[&longest]).unwrap();
        assert!(sealed.len() <= MAX_CIPHERTEXT);
        assert_eq!(phone.open(sealed).unwrap().len(), MAX_MESSAGE);
        assert_eq!(client.seal(&[&longest, &[0]]).unwrap_err(), CrypterError::TooLong);
        let longer = vec![1; MAX_MESSAGE + 1].into();
        assert_eq!(client.seal_in_place(longer).unwrap_err(), CrypterError::TooLong);
        assert_eq!(phone.open(vec![0; MAX_CIPHERTEXT + 1]).unwrap_err(), CrypterError::TooLong);
    }
}
