//! A passkey's private key: in this process, or in a key store that signs with it
//! and never gives it away.

use std::fmt;

use crate::crypto::{PublicKey, SecretKey};
use crate::too_long::TooLong;

/// A passkey's private key.
#[derive(Clone)]
pub enum PrivateKey {
    /// The key itself. A passkey store encrypts [`SecretKey::expose`]. Other programs
    /// have it as PKCS#8: [`SecretKey::from_pkcs8_der`] and [`SecretKey::to_pkcs8_der`].
    Software(SecretKey),
    /// A key of a [`KeyStore`](super::KeyStore), such as a TPM or a secure element.
    /// A passkey store keeps handle and public key.
    External(ExternalKey),
}

impl PrivateKey {
    /// The public key.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        match self {
            Self::Software(key) => key.public_key(),
            Self::External(key) => &key.public_key,
        }
    }

    /// The private key, if it is in this process.
    #[must_use]
    pub const fn software(&self) -> Option<&SecretKey> {
        match self {
            Self::Software(key) => Some(key),
            Self::External(_) => None,
        }
    }

    /// The handle, if the key is in a key store.
    #[must_use]
    pub const fn handle(&self) -> Option<&KeyHandle> {
        match self {
            Self::Software(_) => None,
            Self::External(key) => Some(&key.handle),
        }
    }
}

impl From<SecretKey> for PrivateKey {
    fn from(key: SecretKey) -> Self {
        Self::Software(key)
    }
}

impl From<ExternalKey> for PrivateKey {
    fn from(key: ExternalKey) -> Self {
        Self::External(key)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Software(_) => "Software(..)",
            Self::External(_) => "External(..)",
        })
    }
}

/// A P-256 key of a key store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalKey {
    /// Names the key among all of its store.
    pub handle: KeyHandle,
    /// The public key. Signatures are checked with it before they are sent.
    pub public_key: PublicKey,
}

/// A key store's name for a key: an alias, an id, or the key itself, wrapped by the
/// hardware. At most [`MAX_LENGTH`](Self::MAX_LENGTH) opaque bytes.
///
/// `Debug` prints the length only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHandle(Vec<u8>);

impl KeyHandle {
    /// The longest handle, in bytes. A P-256 key wrapped by a TPM 2.0 has less
    /// than 400.
    pub const MAX_LENGTH: usize = 4096;

    /// Takes a handle.
    ///
    /// # Errors
    /// [`TooLong`] if it is longer than [`MAX_LENGTH`](Self::MAX_LENGTH).
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, TooLong> {
        TooLong::check("the key handle", Self::MAX_LENGTH, bytes).map(Self)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for KeyHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHandle({} bytes)", self.0.len())
    }
}

/// Where the keys of new passkeys are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NewKeys {
    /// In this process, from the transaction's seed.
    #[default]
    Software,
    /// In a [`KeyStore`](super::KeyStore).
    External,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_bounded() {
        assert!(KeyHandle::new(vec![0; KeyHandle::MAX_LENGTH]).is_ok());
        assert!(KeyHandle::new(vec![0; KeyHandle::MAX_LENGTH + 1]).is_err());
    }

    #[test]
    fn debug_shows_no_byte() {
        let secret = SecretKey::from_scalar(&[0xab; 32]).unwrap();
        let handle = KeyHandle::new([0xab; 7]).unwrap();
        assert_eq!(format!("{handle:?}"), "KeyHandle(7 bytes)");
        let external = ExternalKey { handle, public_key: *secret.public_key() };
        assert_eq!(format!("{:?}", PrivateKey::from(secret)), "Software(..)");
        assert_eq!(format!("{:?}", PrivateKey::from(external)), "External(..)");
    }
}
