//! P-256 and AES-256-GCM by aws-lc-rs.
//!
//! Measured on one machine: an agreement takes about a quarter of what the
//! pure-Rust crate needs, sealing 1 KiB about a third.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};

use super::{AEAD_TAG_LENGTH, AeadError, UNCOMPRESSED_POINT_LENGTH};
use crate::secret::SecretArray;

/// Shared, since importing a scalar again costs a scalar multiplication.
#[derive(Clone)]
pub(crate) struct AgreementKey(Arc<PrivateKey>);

impl AgreementKey {
    pub(crate) fn new(scalar: &[u8; 32]) -> Option<Self> {
        let key = PrivateKey::from_private_key(&ECDH_P256, scalar).ok()?;
        Some(Self(Arc::new(key)))
    }

    pub(crate) fn public_key(&self) -> Option<[u8; UNCOMPRESSED_POINT_LENGTH]> {
        self.0.compute_public_key().ok()?.as_ref().try_into().ok()
    }

    pub(crate) fn agree(&self, peer: &[u8; UNCOMPRESSED_POINT_LENGTH]) -> Option<SecretArray<32>> {
        let peer = UnparsedPublicKey::new(&ECDH_P256, peer);
        agree(&self.0, peer, (), |shared| SecretArray::from_slice(shared).ok_or(())).ok()
    }
}

/// AES-256-GCM with its key schedule done once; wiped when dropped.
///
/// `None` stands for a key that aws-lc-rs would not take, which its interface
/// allows and a key of 32 bytes never meets.
pub(crate) struct Aes256Gcm(Option<LessSafeKey>);

#[cfg_attr(fuzzing, expect(dead_code, reason = "the insecure one takes its place"))]
impl Aes256Gcm {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(UnboundKey::new(&AES_256_GCM, key).ok().map(LessSafeKey::new))
    }

    /// Encrypts in place and gives the tag.
    pub(crate) fn seal(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        message: &mut [u8],
    ) -> Result<[u8; AEAD_TAG_LENGTH], AeadError> {
        let key = self.0.as_ref().ok_or(AeadError)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let tag = key
            .seal_in_place_separate_tag(nonce, Aad::from(aad), message)
            .map_err(|_| AeadError)?;
        tag.as_ref().try_into().map_err(|_| AeadError)
    }

    /// Decrypts in place; on failure the message's bytes are unspecified.
    pub(crate) fn open(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        message: &mut [u8],
        tag: &[u8; AEAD_TAG_LENGTH],
    ) -> Result<(), AeadError> {
        let key = self.0.as_ref().ok_or(AeadError)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        key.open_in_place_separate_tag(nonce, Aad::from(aad), tag, message)
            .map(|_| ())
            .map_err(|_| AeadError)
    }
}
