//! An array on the heap, wiped when dropped.

use zeroize::Zeroize;

/// Secret bytes in an allocation of their own: a move copies a pointer, so that
/// the bytes are in one place and are wiped there.
pub(crate) struct SecretArray<const N: usize>(Box<[u8; N]>);

impl<const N: usize> SecretArray<N> {
    /// Zeros, to be written over in place.
    pub(crate) fn zeroed() -> Self {
        Self(Box::new([0; N]))
    }

    /// Takes the bytes, and wipes the copy that the caller passed.
    pub(crate) fn new(mut bytes: [u8; N]) -> Self {
        let mut array = Self::zeroed();
        array.0.copy_from_slice(&bytes);
        bytes.zeroize();
        array
    }

    /// Copies the bytes; `None` if there are not exactly `N`.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != N {
            return None;
        }
        let mut array = Self::zeroed();
        array.0.copy_from_slice(bytes);
        Some(array)
    }

    pub(crate) const fn expose(&self) -> &[u8; N] {
        &self.0
    }

    pub(crate) const fn expose_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }
}

impl<const N: usize> Clone for SecretArray<N> {
    fn clone(&self) -> Self {
        let mut array = Self::zeroed();
        array.0.copy_from_slice(self.expose());
        array
    }
}

impl<const N: usize> Drop for SecretArray<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
