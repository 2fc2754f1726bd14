//! Secret bytes of any length.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Secret bytes of any length: PRF values, decrypted messages, assertions
/// that no server has used yet.
///
/// `Debug` prints the length only.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Bytes allocated when the first is added: most messages are not longer.
    const FIRST_ROOM: usize = 256;

    /// Takes the bytes; they are wiped when this value is dropped.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes themselves. Never log, print or compare them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, no longer wiped when dropped.
    #[must_use]
    pub fn into_exposed(mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }

    /// Adds `bytes` behind the others.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Makes room for as many bytes more.
    pub(crate) fn reserve(&mut self, more: usize) {
        let length = self.0.len() + more;
        if length > self.0.capacity() {
            self.grow(length);
        }
    }

    /// A vector that grows by itself leaves its old allocation as it was; here
    /// that one is wiped.
    #[cold]
    fn grow(&mut self, length: usize) {
        let room = length.max(2 * self.0.capacity()).max(Self::FIRST_ROOM);
        let mut grown = Vec::with_capacity(room);
        grown.extend_from_slice(&self.0);
        self.0.zeroize();
        self.0 = grown;
    }

    /// Shortens to `length` bytes and wipes the rest.
    pub(crate) fn truncate(&mut self, length: usize) {
        if let Some(rest) = self.0.get_mut(length..) {
            rest.zeroize();
        }
        self.0.truncate(length);
    }

    /// Takes the first byte off.
    pub(crate) fn take_first(&mut self) -> Option<u8> {
        let first = *self.0.first()?;
        self.0.rotate_left(1);
        self.truncate(self.0.len().saturating_sub(1));
        Some(first)
    }

    /// The bytes themselves, to change them in place.
    pub(crate) fn expose_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no byte at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for SecretBytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretBytes {}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_length_alone() {
        let secret = SecretBytes::new(vec![0xab; 3]);
        assert_eq!(format!("{secret:?}"), "SecretBytes(3 bytes)");
    }

    #[test]
    fn bytes_are_added_and_taken_off_in_order() {
        let mut secret = SecretBytes::default();
        let mut expected = Vec::new();
        for round in 0..200_u8 {
            let part = vec![round; usize::from(round % 7)];
            secret.extend(&part);
            expected.extend(part);
            assert_eq!(secret.expose(), expected);
        }
        assert_eq!(secret.take_first(), Some(1));
        secret.truncate(3);
        assert_eq!(secret.expose(), &expected[1..4]);
        secret.truncate(9);
        assert_eq!(secret.len(), 3);
        assert_eq!(SecretBytes::default().take_first(), None);
    }

    #[test]
    fn equality_compares_every_byte() {
        assert_eq!(SecretBytes::new(vec![1, 2]), SecretBytes::new(vec![1, 2]));
        assert_ne!(SecretBytes::new(vec![1, 2]), SecretBytes::new(vec![1, 3]));
        assert_ne!(SecretBytes::new(vec![1, 2]), SecretBytes::new(vec![1]));
    }
}
