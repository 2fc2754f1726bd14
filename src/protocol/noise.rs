//! The Noise handshake (Noise revision 34, sections 5 and 9; CTAP 2.2 section
//! 11.5.1.2), both patterns, both sides.
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

use zeroize::Zeroizing;

use super::primitives::{
    AEAD_TAG_LENGTH, Aes256Gcm, InvalidPoint, PublicKey, SecretKey, UNCOMPRESSED_POINT_LENGTH,
    hkdf_sha256_outputs, sha256,
};
use crate::secret::{Psk, TrafficKey};

/// Length of either handshake message in bytes: a point and the tag of an
/// empty payload. Any other length is refused.
pub const HANDSHAKE_MESSAGE_LENGTH: usize = UNCOMPRESSED_POINT_LENGTH + AEAD_TAG_LENGTH;

/// A handshake message.
pub type HandshakeMessage = [u8; HANDSHAKE_MESSAGE_LENGTH];

/// What was wrong with the other side's handshake message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// It is not [`HANDSHAKE_MESSAGE_LENGTH`] bytes long.
    #[error("the handshake message has {0} bytes")]
    Length(usize),
    /// It does not start with an uncompressed point on P-256.
    #[error("the handshake message holds no valid key")]
    Point,
    /// Its tag does not verify: the other side did not hear the advert, did
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
        let mut symmetric = SymmetricState::new(Pattern::Kn, identity.public_key());
        symmetric.mix_key_and_hash(psk.expose());
        symmetric.mix_public_key(ephemeral.public_key());
        let message = symmetric.message(ephemeral.public_key())?;
        let pattern = InitiatorPattern::Kn { identity };
        Ok((Self { symmetric, ephemeral, pattern }, message))
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
        let mut symmetric = SymmetricState::new(Pattern::Nk, phone);
        symmetric.mix_key_and_hash(psk.expose());
        symmetric.mix_public_key(ephemeral.public_key());
        symmetric.mix_agreement(&ephemeral, phone)?;
        let message = symmetric.message(ephemeral.public_key())?;
        Ok((Self { symmetric, ephemeral, pattern: InitiatorPattern::Nk }, message))
    }

    /// Takes the phone's message and ends the handshake.
    ///
    /// # Errors
    /// What was wrong with the phone's message. The handshake is over.
    pub fn finish(self, reply: &[u8]) -> Result<Established, HandshakeError> {
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
        let mut symmetric = SymmetricState::new(Pattern::Kn, &client);
        symmetric.mix_key_and_hash(psk.expose());
        Self { symmetric, ephemeral, pattern: ResponderPattern::Kn { client } }
    }

    /// Waits for NKpsk0 from a client that knows this phone's identity key.
    #[must_use]
    pub fn linked(identity: SecretKey, psk: &Psk, ephemeral: SecretKey) -> Self {
        let mut symmetric = SymmetricState::new(Pattern::Nk, identity.public_key());
        symmetric.mix_key_and_hash(psk.expose());
        Self { symmetric, ephemeral, pattern: ResponderPattern::Nk { identity } }
    }

    /// Takes the client's message, and gives the message to send and the
    /// finished handshake.
    ///
    /// # Errors
    /// What was wrong with the client's message. The handshake is over.
    pub fn respond(
        self,
        message: &[u8],
    ) -> Result<(Established, HandshakeMessage), HandshakeError> {
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
    chaining_key: Zeroizing<[u8; 32]>,
    hash: [u8; 32],
    key: Zeroizing<[u8; 32]>,
}

impl SymmetricState {
    fn new(pattern: Pattern, pre_message: &PublicKey) -> Self {
        // A name shorter than the hash is padded with zeros.
        let mut name = [0; 32];
        name[..31].copy_from_slice(pattern.name());
        let mut symmetric =
            Self { chaining_key: Zeroizing::new(name), hash: name, key: Zeroizing::new([0; 32]) };
        symmetric.mix_hash(&pattern.prologue());
        symmetric.mix_hash(&pre_message.uncompressed());
        symmetric
    }

    fn mix_hash(&mut self, data: &[u8]) {
        self.hash = sha256(&[&self.hash, data]);
    }

    fn mix_key(&mut self, input: &[u8]) {
        let outputs = hkdf_sha256_outputs(input, &self.chaining_key);
        let [chaining_key, key] = &*outputs;
        self.chaining_key.copy_from_slice(chaining_key);
        self.key.copy_from_slice(key);
    }

    /// The `ee`, `es` and `se` tokens: MixKey(DH(..)).
    fn mix_agreement(&mut self, ours: &SecretKey, theirs: &PublicKey) -> Result<(), InvalidPoint> {
        self.mix_key(ours.diffie_hellman(theirs)?.as_slice());
        Ok(())
    }

    fn mix_key_and_hash(&mut self, input: &[u8; 32]) {
        let outputs = hkdf_sha256_outputs(input, &self.chaining_key);
        let [chaining_key, hash, key] = &*outputs;
        self.chaining_key.copy_from_slice(chaining_key);
        self.mix_hash(hash);
        self.key.copy_from_slice(key);
    }

    /// The `e` token: with a PSK in the pattern, the key is mixed into the
    /// chaining key as well as into the hash (Noise, section 9.2).
    fn mix_public_key(&mut self, key: &PublicKey) {
        let point = key.uncompressed();
        self.mix_hash(&point);
        self.mix_key(&point);
    }

    /// EncryptAndHash of an empty payload, behind the sender's ephemeral key.
    fn message(&mut self, ephemeral: &PublicKey) -> Result<HandshakeMessage, HandshakeError> {
        let tag = Aes256Gcm::new(&self.key)
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
        Aes256Gcm::new(&self.key)
            .open(&[0; 12], &self.hash, &mut [], tag)
            .map_err(|_| HandshakeError::Authentication)?;
        self.mix_hash(tag);
        Ok(())
    }

    fn split(self) -> (TrafficKey, TrafficKey, HandshakeHash) {
        let outputs = hkdf_sha256_outputs(&[], &self.chaining_key);
        let [first, second] = &*outputs;
        (TrafficKey::new(*first), TrafficKey::new(*second), HandshakeHash(self.hash))
    }
}

impl fmt::Debug for SymmetricState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SymmetricState(..)")
    }
}
