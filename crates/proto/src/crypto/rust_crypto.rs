//! P-256 and AES-256-GCM by the RustCrypto crates.

use super::{AEAD_TAG_LENGTH, AeadError, HASH_STACK, UNCOMPRESSED_POINT_LENGTH};
use crate::secret::{SecretArray, with_wiped_stack};
use aes_gcm::aead::{AeadInOut, KeyInit};
use p256::elliptic_curve::sec1::ToSec1Point as _;

#[derive(Clone)]
pub(crate) struct AgreementKey(p256::SecretKey);

#[cfg_attr(all(feature = "aws-lc-rs", not(test)), expect(dead_code, reason = "aws-lc-rs agrees"))]
impl AgreementKey {
    pub(crate) fn new(scalar: &[u8; 32]) -> Option<Self> {
        p256::SecretKey::from_slice(scalar).ok().map(Self)
    }

    pub(crate) fn public_key(&self) -> Option<[u8; UNCOMPRESSED_POINT_LENGTH]> {
        self.0.public_key().to_sec1_point(false).as_bytes().try_into().ok()
    }

    pub(crate) fn agree(&self, peer: &[u8; UNCOMPRESSED_POINT_LENGTH]) -> Option<SecretArray<32>> {
        let peer = p256::PublicKey::from_sec1_bytes(peer).ok()?;
        let shared = self.0.diffie_hellman(&peer);
        SecretArray::from_slice(shared.raw_secret_bytes())
    }
}

/// AES-256-GCM with its key schedule done once; wiped when dropped. In a box,
/// so that a move leaves no copy of it behind.
pub(crate) struct Aes256Gcm(Box<aes_gcm::Aes256Gcm>);

#[cfg_attr(all(feature = "aws-lc-rs", not(test)), expect(dead_code, reason = "aws-lc-rs seals"))]
impl Aes256Gcm {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        with_wiped_stack::<HASH_STACK, _>(|| Self(Box::new(aes_gcm::Aes256Gcm::new(key.into()))))
    }

    /// Encrypts in place and gives the tag.
    pub(crate) fn seal(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        message: &mut [u8],
    ) -> Result<[u8; AEAD_TAG_LENGTH], AeadError> {
        self.0
            .encrypt_inout_detached(nonce.into(), aad, message.into())
            .map(Into::into)
            .map_err(|_| AeadError)
    }

    /// Decrypts in place; on failure the message's bytes are unspecified.
    pub(crate) fn open(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        message: &mut [u8],
        tag: &[u8; AEAD_TAG_LENGTH],
    ) -> Result<(), AeadError> {
        self.0
            .decrypt_inout_detached(nonce.into(), aad, message.into(), tag.into())
            .map_err(|_| AeadError)
    }
}
