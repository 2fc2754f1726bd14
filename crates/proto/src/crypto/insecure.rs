//! An AEAD that hides and protects nothing, for `--cfg fuzzing` alone.
//!
//! A fuzzer cannot guess a tag, and would never see what lies behind the
//! handshake. Here a message is its own ciphertext and every tag opens it, so
//! that bytes changed at random arrive where an authenticated peer's would.
//! Keys, counters, lengths and hashes are as ever.

use super::{AEAD_TAG_LENGTH, AeadError};

pub(crate) struct Aes256Gcm;

impl Aes256Gcm {
    pub(crate) const fn new(_: &[u8; 32]) -> Self {
        Self
    }

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as the real ones")]
    pub(crate) const fn seal(
        &self,
        _: &[u8; 12],
        _: &[u8],
        _: &mut [u8],
    ) -> Result<[u8; AEAD_TAG_LENGTH], AeadError> {
        Ok([0; AEAD_TAG_LENGTH])
    }

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as the real ones")]
    pub(crate) const fn open(
        &self,
        _: &[u8; 12],
        _: &[u8],
        _: &mut [u8],
        _: &[u8; AEAD_TAG_LENGTH],
    ) -> Result<(), AeadError> {
        Ok(())
    }
}
