//! The Noise handshake, both patterns, both sides [Noise §5, §9, revision 34]
//! [CTAP 2.2 §11.5.1.2].
//!
//! ```text
//! QR flow      Noise_KNpsk0_P256_AESGCM_SHA256   prologue 01
//!   -> s                     (client's key, from QR code key 0)
//!   ...
//!   -> psk, e                e[65] ‖ tag[16]
//!   <- e, ee, se             e[65] ‖ tag[16]
//!
//! linked flow  Noise_NKpsk0_P256_AESGCM_SHA256   prologue 00
//!   <- s                     (phone's identity key, from the linking map)
//!   ...
//!   -> psk, e, es            e[65] ‖ tag[16]
//!   <- e, ee                 e[65] ‖ tag[16]
//! ```
//!
//! Points are uncompressed, a DH output is the bare X coordinate, payloads are
//! empty. Each side is consumed by its one step, so that no key is used twice.
//! A client does [`Initiator::qr`] or [`Initiator::linked`], sends the message
//! it gets, then [`Initiator::finish`]; a phone does [`Responder::qr`] or
//! [`Responder::linked`], then [`Responder::respond`].

use std::fmt;

use crate::crypto::{
    AEAD_TAG_LENGTH, Aes256Gcm, InvalidPoint, PublicKey, SecretKey, UNCOMPRESSED_POINT_LENGTH,
    hkdf_sha256, sha256,
};
use crate::secret::{Psk, SecretArray, TrafficKey, with_wiped_stack};

/// Length of either handshake message in bytes: a point and the tag of an
/// empty payload. Any other length is refused.
pub const HANDSHAKE_MESSAGE_LENGTH: usize = UNCOMPRESSED_POINT_LENGTH + AEAD_TAG_LENGTH;

/// How much of the stack is wiped after a step, in bytes: keys pass through it
/// on their way from one allocation to another.
const STEP_STACK: usize = 4 << 10;

/// A handshake message.
pub type HandshakeMessage = [u8; HANDSHAKE_MESSAGE_LENGTH];

/// Why the other side's handshake message was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// It is not [`HANDSHAKE_MESSAGE_LENGTH`] bytes long.
    #[error("the handshake message has {0} bytes")]
    Length(usize),
    /// It does not start with an uncompressed point on P-256.
    #[error("the handshake message has no valid public key")]
    Point,
    /// Its tag does not verify: the other side did not receive the advert, did
    /// not see this QR code, or lacks the private key that it should have.
    #[error("the handshake message did not authenticate")]
    Authentication,
}

impl From<InvalidPoint> for HandshakeError {
    fn from(_: InvalidPoint) -> Self {
        Self::Point
    }
}

/// The hash over the whole handshake: equal on both sides and unique to it.
/// Not a secret. The linking signature is over it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HandshakeHash(pub [u8; 32]);

impl fmt::Debug for HandshakeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandshakeHash(..)")
    }
}

/// A finished handshake, seen from one side.
#[derive(Debug)]
pub struct Established {
    /// Key of what this side sends.
    pub sending: TrafficKey,
    /// Key of what this side receives.
    pub receiving: TrafficKey,
    /// The handshake's hash.
    pub hash: HandshakeHash,
}

/// The client, between its message and the phone's.
#[derive(Debug)]
pub struct Initiator {
    symmetric: SymmetricState,
    ephemeral: SecretKey,
    pattern: InitiatorPattern,
}

#[derive(Debug)]
enum InitiatorPattern {
    Kn { identity: SecretKey },
    Nk,
}

impl Initiator {
    /// Starts KNpsk0 with the private key of the QR code and a fresh
    /// `ephemeral`, and gives the message to send.
    ///
    /// # Errors
    /// None is possible with keys of these types; the primitives state one.
    pub fn qr(
        identity: SecretKey,
        psk: &Psk,
        ephemeral: SecretKey,
    ) -> Result<(Self, HandshakeMessage), HandshakeError> {
        with_wiped_stack::<STEP_STACK, _>(|| {
            let mut symmetric = SymmetricState::new(Pattern::Kn, identity.public_key());
            symmetric.mix_key_and_hash(psk.expose());
            symmetric.mix_public_key(ephemeral.public_key());
            let message = symmetric.message(ephemeral.public_key())?;
            let pattern = InitiatorPattern::Kn { identity };
            Ok((Self { symmetric, ephemeral, pattern }, message))
        })
    }

    /// Starts NKpsk0 with the linked phone's identity key and a fresh
    /// `ephemeral`, and gives the message to send.
    ///
    /// # Errors
    /// None is possible with keys of these types; the primitives state one.
    pub fn linked(
        phone: &PublicKey,
        psk: &Psk,
        ephemeral: SecretKey,
    ) -> Result<(Self, HandshakeMessage), HandshakeError> {
        with_wiped_stack::<STEP_STACK, _>(|| {
            let mut symmetric = SymmetricState::new(Pattern::Nk, phone);
            symmetric.mix_key_and_hash(psk.expose());
            symmetric.mix_public_key(ephemeral.public_key());
            symmetric.mix_agreement(&ephemeral, phone)?;
            let message = symmetric.message(ephemeral.public_key())?;
            Ok((Self { symmetric, ephemeral, pattern: InitiatorPattern::Nk }, message))
        })
    }

    /// Takes the phone's message and ends the handshake.
    ///
    /// # Errors
    /// The error in the phone's message. The handshake is over.
    pub fn finish(self, reply: &[u8]) -> Result<Established, HandshakeError> {
        with_wiped_stack::<STEP_STACK, _>(|| {
            let Self { mut symmetric, ephemeral, pattern } = self;
            let (peer, tag) = parse(reply)?;
            symmetric.mix_public_key(&peer);
            symmetric.mix_agreement(&ephemeral, &peer)?;
            if let InitiatorPattern::Kn { identity } = pattern {
                symmetric.mix_agreement(&identity, &peer)?;
            }
            symmetric.decrypt_and_hash(&tag)?;
            let (client_to_phone, phone_to_client, hash) = symmetric.split();
            Ok(Established { sending: client_to_phone, receiving: phone_to_client, hash })
        })
    }
}

/// The phone, before the client's message.
#[derive(Debug)]
pub struct Responder {
    symmetric: SymmetricState,
    ephemeral: SecretKey,
    pattern: ResponderPattern,
}

#[derive(Debug)]
enum ResponderPattern {
    Kn { client: PublicKey },
    Nk { identity: SecretKey },
}

impl Responder {
    /// Waits for KNpsk0 from the client whose key the QR code holds.
    #[must_use]
    pub fn qr(client: PublicKey, psk: &Psk, ephemeral: SecretKey) -> Self {
        with_wiped_stack::<STEP_STACK, _>(|| {
            let mut symmetric = SymmetricState::new(Pattern::Kn, &client);
            symmetric.mix_key_and_hash(psk.expose());
            Self { symmetric, ephemeral, pattern: ResponderPattern::Kn { client } }
        })
    }

    /// Waits for NKpsk0 from a client that knows this phone's identity key.
    #[must_use]
    pub fn linked(identity: SecretKey, psk: &Psk, ephemeral: SecretKey) -> Self {
        with_wiped_stack::<STEP_STACK, _>(|| {
            let mut symmetric = SymmetricState::new(Pattern::Nk, identity.public_key());
            symmetric.mix_key_and_hash(psk.expose());
            Self { symmetric, ephemeral, pattern: ResponderPattern::Nk { identity } }
        })
    }

    /// Takes the client's message, and gives the message to send and the
    /// finished handshake.
    ///
    /// # Errors
    /// The error in the client's message. The handshake is over.
    pub fn respond(
        self,
        message: &[u8],
    ) -> Result<(Established, HandshakeMessage), HandshakeError> {
        with_wiped_stack::<STEP_STACK, _>(|| {
            let Self { mut symmetric, ephemeral, pattern } = self;
            let (peer, tag) = parse(message)?;
            symmetric.mix_public_key(&peer);
            if let ResponderPattern::Nk { identity } = &pattern {
                symmetric.mix_agreement(identity, &peer)?;
            }
            symmetric.decrypt_and_hash(&tag)?;

            symmetric.mix_public_key(ephemeral.public_key());
            symmetric.mix_agreement(&ephemeral, &peer)?;
            if let ResponderPattern::Kn { client } = &pattern {
                symmetric.mix_agreement(&ephemeral, client)?;
            }
            let reply = symmetric.message(ephemeral.public_key())?;
            let (client_to_phone, phone_to_client, hash) = symmetric.split();
            let established =
                Established { sending: phone_to_client, receiving: client_to_phone, hash };
            Ok((established, reply))
        })
    }
}

fn parse(message: &[u8]) -> Result<(PublicKey, [u8; AEAD_TAG_LENGTH]), HandshakeError> {
    let length = HandshakeError::Length(message.len());
    let (point, tag) = message.split_first_chunk::<UNCOMPRESSED_POINT_LENGTH>().ok_or(length)?;
    let tag = tag.try_into().map_err(|_| length)?;
    Ok((PublicKey::from_uncompressed(point)?, tag))
}

enum Pattern {
    Kn,
    Nk,
}

impl Pattern {
    const fn name(&self) -> &'static [u8; 31] {
        match self {
            Self::Kn => b"Noise_KNpsk0_P256_AESGCM_SHA256",
            Self::Nk => b"Noise_NKpsk0_P256_AESGCM_SHA256",
        }
    }

    const fn prologue(&self) -> [u8; 1] {
        match self {
            Self::Kn => [1],
            Self::Nk => [0],
        }
    }
}

/// Noise's SymmetricState with its CipherState inside.
///
/// The cipher's counter is not kept: every tag follows a `MixKey`, which sets
/// it to zero, and there is one tag for each key.
struct SymmetricState {
    chaining_key: SecretArray<32>,
    hash: [u8; 32],
    key: SecretArray<32>,
}

impl SymmetricState {
    fn new(pattern: Pattern, pre_message: &PublicKey) -> Self {
        // A name shorter than the hash is padded with zeros.
        let mut name = [0; 32];
        name[..31].copy_from_slice(pattern.name());
        let mut symmetric =
            Self { chaining_key: SecretArray::new(name), hash: name, key: SecretArray::zeroed() };
        symmetric.mix_hash(&pattern.prologue());
        symmetric.mix_hash(&pre_message.uncompressed());
        symmetric
    }

    fn mix_hash(&mut self, data: &[u8]) {
        self.hash = sha256(&[&self.hash, data]);
    }

    fn mix_key(&mut self, input: &[u8]) {
        let outputs = self.hkdf::<64>(input);
        let (chaining_key, key) = outputs.expose().split_at(32);
        self.chaining_key.expose_mut().copy_from_slice(chaining_key);
        self.key.expose_mut().copy_from_slice(key);
    }

    /// The `ee`, `es` and `se` tokens: MixKey(DH(..)).
    fn mix_agreement(&mut self, ours: &SecretKey, theirs: &PublicKey) -> Result<(), InvalidPoint> {
        self.mix_key(ours.diffie_hellman(theirs)?.expose());
        Ok(())
    }

    fn mix_key_and_hash(&mut self, input: &[u8; 32]) {
        let outputs = self.hkdf::<96>(input);
        let (chaining_key, rest) = outputs.expose().split_at(32);
        let (hash, key) = rest.split_at(32);
        self.chaining_key.expose_mut().copy_from_slice(chaining_key);
        self.mix_hash(hash);
        self.key.expose_mut().copy_from_slice(key);
    }

    /// The `e` token: with a PSK in the pattern, the key is mixed into the
    /// chaining key as well as into the hash [Noise §9.2].
    fn mix_public_key(&mut self, key: &PublicKey) {
        let point = key.uncompressed();
        self.mix_hash(&point);
        self.mix_key(&point);
    }

    /// EncryptAndHash of an empty payload, behind the sender's ephemeral key.
    fn message(&mut self, ephemeral: &PublicKey) -> Result<HandshakeMessage, HandshakeError> {
        let tag = Aes256Gcm::new(self.key.expose())
            .seal(&[0; 12], &self.hash, &mut [])
            .map_err(|_| HandshakeError::Authentication)?;
        self.mix_hash(&tag);
        let mut message = [0; HANDSHAKE_MESSAGE_LENGTH];
        message[..UNCOMPRESSED_POINT_LENGTH].copy_from_slice(&ephemeral.uncompressed());
        message[UNCOMPRESSED_POINT_LENGTH..].copy_from_slice(&tag);
        Ok(message)
    }

    /// DecryptAndHash of an empty payload.
    fn decrypt_and_hash(&mut self, tag: &[u8; AEAD_TAG_LENGTH]) -> Result<(), HandshakeError> {
        Aes256Gcm::new(self.key.expose())
            .open(&[0; 12], &self.hash, &mut [], tag)
            .map_err(|_| HandshakeError::Authentication)?;
        self.mix_hash(tag);
        Ok(())
    }

    fn split(self) -> (TrafficKey, TrafficKey, HandshakeHash) {
        let outputs = self.hkdf::<64>(&[]);
        let (first, second) = outputs.expose().split_at(32);
        let mut keys = [SecretArray::zeroed(), SecretArray::zeroed()];
        for (key, bytes) in keys.iter_mut().zip([first, second]) {
            key.expose_mut().copy_from_slice(bytes);
        }
        let [first, second] = keys;
        (first.into(), second.into(), HandshakeHash(self.hash))
    }

    /// Noise's HKDF, its outputs of 32 bytes one behind the other.
    fn hkdf<const N: usize>(&self, input: &[u8]) -> SecretArray<N> {
        hkdf_sha256(input, self.chaining_key.expose(), &[])
    }
}

impl fmt::Debug for SymmetricState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SymmetricState(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SecretKey {
        SecretKey::from_scalar(&[byte; 32]).unwrap()
    }

    fn psk() -> Psk {
        Psk::new([7; 32])
    }

    /// Both ends of each pattern, not yet connected.
    fn pairs() -> [((Initiator, HandshakeMessage), Responder); 2] {
        [
            (
                Initiator::qr(key(1), &psk(), key(2)).unwrap(),
                Responder::qr(*key(1).public_key(), &psk(), key(3)),
            ),
            (
                Initiator::linked(key(4).public_key(), &psk(), key(2)).unwrap(),
                Responder::linked(key(4), &psk(), key(3)),
            ),
        ]
    }

    #[test]
    fn both_sides_come_to_the_same_keys_and_hash() {
        for ((client, message), phone) in pairs() {
            let (phone, reply) = phone.respond(&message).unwrap();
            let client = client.finish(&reply).unwrap();
            assert_eq!(client.hash, phone.hash);
            assert_eq!(client.sending, phone.receiving);
            assert_eq!(client.receiving, phone.sending);
            assert_ne!(client.sending, client.receiving);
        }
    }

    #[test]
    fn a_message_of_another_length_is_refused() {
        for length in [0, 1, 64, 65, 80, 82, 1000] {
            for ((client, message), phone) in pairs() {
                let mut cut = message.to_vec();
                cut.resize(length, 0);
                let error = HandshakeError::Length(length);
                assert_eq!(phone.respond(&cut).unwrap_err(), error);
                assert_eq!(client.finish(&cut).unwrap_err(), error);
            }
        }
    }

    #[test]
    fn a_message_with_any_byte_changed_is_refused() {
        for at in 0..HANDSHAKE_MESSAGE_LENGTH {
            for ((_, mut message), phone) in pairs() {
                message[at] ^= 1;
                let error = phone.respond(&message).unwrap_err();
                // A changed coordinate leaves the curve, or the transcript.
                assert!(!matches!(error, HandshakeError::Length(_)), "{at}: {error}");
            }
            for ((client, message), phone) in pairs() {
                let (_, mut reply) = phone.respond(&message).unwrap();
                reply[at] ^= 1;
                let error = client.finish(&reply).unwrap_err();
                assert!(!matches!(error, HandshakeError::Length(_)), "{at}: {error}");
            }
        }
    }

    #[test]
    fn a_client_without_the_adverts_key_is_refused() {
        let other = Psk::new([8; 32]);
        let ((client, message), phone) = (
            Initiator::qr(key(1), &psk(), key(2)).unwrap(),
            Responder::qr(*key(1).public_key(), &other, key(3)),
        );
        assert_eq!(phone.respond(&message).unwrap_err(), HandshakeError::Authentication);
        // A phone without the key that answers all the same fails too.
        let other = Initiator::qr(key(1), &other, key(2)).unwrap();
        let deaf = Responder::qr(*key(1).public_key(), &Psk::new([8; 32]), key(3));
        let (_, reply) = deaf.respond(&other.1).unwrap();
        assert_eq!(client.finish(&reply).unwrap_err(), HandshakeError::Authentication);
    }

    #[test]
    fn who_lacks_the_private_key_is_refused() {
        // A client that saw the code and received the advert, but did not show
        // the code, cannot decrypt the phone's answer.
        let (thief, _) = Initiator::qr(key(9), &psk(), key(2)).unwrap();
        let ((_, message), phone) = pairs().into_iter().next().unwrap();
        let (_, reply) = phone.respond(&message).unwrap();
        assert_eq!(thief.finish(&reply).unwrap_err(), HandshakeError::Authentication);

        let (_, message) = Initiator::qr(key(9), &psk(), key(2)).unwrap();
        let phone = Responder::qr(*key(1).public_key(), &psk(), key(3));
        assert_eq!(phone.respond(&message).unwrap_err(), HandshakeError::Authentication);

        // A phone that is not the linked one.
        let (_, message) = Initiator::linked(key(4).public_key(), &psk(), key(2)).unwrap();
        let phone = Responder::linked(key(9), &psk(), key(3));
        assert_eq!(phone.respond(&message).unwrap_err(), HandshakeError::Authentication);
    }

    #[test]
    fn one_pattern_is_not_taken_for_the_other() {
        let [((_, qr), qr_phone), ((_, linked), linked_phone)] = pairs();
        assert_eq!(qr_phone.respond(&linked).unwrap_err(), HandshakeError::Authentication);
        assert_eq!(linked_phone.respond(&qr).unwrap_err(), HandshakeError::Authentication);
    }

    #[test]
    fn debug_shows_no_key() {
        for ((client, message), phone) in pairs() {
            let shown = format!("{client:?} {phone:?}");
            assert_eq!(shown.matches("symmetric: SymmetricState(..)").count(), 2, "{shown}");
            assert_eq!(shown.matches("ephemeral: SecretKey(..)").count(), 2, "{shown}");
            let (established, _) = phone.respond(&message).unwrap();
            let shown = format!("{established:?}");
            assert_eq!(
                shown,
                "Established { sending: TrafficKey(..), receiving: TrafficKey(..), \
                 hash: HandshakeHash(..) }"
            );
        }
    }
}
