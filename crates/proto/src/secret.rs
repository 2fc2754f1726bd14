//! Secret bytes: wiped when dropped, compared in constant time, never printed.
//!
//! Every secret of the protocol has a type of its own, so that one cannot be
//! passed where another is due: [`QrSecret`], [`EidKey`], [`Psk`],
//! [`TrafficKey`], [`LinkSecret`], [`PrfInput`], [`PrfOutput`], and a phone's own
//! [`RootSecret`], [`ContactSecret`], [`AdvertNonce`], [`TransactionSeed`] and
//! [`PrfSecret`]. [`SecretBytes`] carries secrets without a fixed length, such as
//! decrypted messages, and [`SecretText`] those that are text.
//!
//! The bytes are on the heap, in one allocation that no move copies and that is
//! wiped when the value is dropped.
//!
//! `Debug` prints the type's name and no byte. There is no `Display`. The
//! bytes come out through `expose`, a name that is easy to search for.

use std::fmt;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, zeroize_stack};

/// Does `work`, and wipes the `N` bytes of the stack below that it used.
///
/// Code of other crates moves secrets by value and leaves copies on the stack.
/// They would not stay there: a value that is moved to the heap takes along
/// whatever lies in those of its bytes that are not in use.
pub(crate) fn with_wiped_stack<const N: usize, T>(work: impl FnOnce() -> T) -> T {
    #[inline(never)]
    fn in_its_own_frame<T>(work: impl FnOnce() -> T) -> T {
        work()
    }
    let value = in_its_own_frame(work);
    zeroize_stack::<N>();
    value
}

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

macro_rules! fixed_secret {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        pub struct $name(SecretArray<$length>);

        impl $name {
            /// Length in bytes.
            pub const LENGTH: usize = $length;

            /// Copies the bytes into an allocation of their own. The copy that was
            /// passed is wiped; the caller wipes any other.
            #[must_use]
            pub fn new(bytes: [u8; $length]) -> Self {
                Self(SecretArray::new(bytes))
            }

            /// Copies the bytes of a message.
            #[allow(dead_code, reason = "not every secret travels")]
            pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
                SecretArray::from_slice(bytes).map(Self)
            }

            /// The bytes themselves. Never log, print or compare them.
            #[must_use]
            pub const fn expose(&self) -> &[u8; $length] {
                self.0.expose()
            }
        }

        impl From<SecretArray<$length>> for $name {
            fn from(bytes: SecretArray<$length>) -> Self {
                Self(bytes)
            }
        }

        impl ConstantTimeEq for $name {
            fn ct_eq(&self, other: &Self) -> subtle::Choice {
                self.expose().ct_eq(other.expose())
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.ct_eq(other).into()
            }
        }

        impl Eq for $name {}

        impl Zeroize for $name {
            fn zeroize(&mut self) {
                self.0.expose_mut().zeroize();
            }
        }

        // `SecretArray` does it.
        impl ZeroizeOnDrop for $name {}

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

fixed_secret!(
    /// QR code key 1: 16 random bytes, fresh for each code shown.
    QrSecret,
    16
);

fixed_secret!(
    /// The two keys of an advert: AES-256 key, then HMAC-SHA-256 key (64 bytes).
    EidKey,
    64
);

fixed_secret!(
    /// The Noise pre-shared key: proof that the client received the advert (32 bytes).
    Psk,
    32
);

fixed_secret!(
    /// An AES-256-GCM key of one direction after the handshake (32 bytes).
    ///
    /// It cannot be cloned: two ciphers under one key would use each nonce twice.
    TrafficKey,
    32
);

fixed_secret!(
    /// A client's secret of a linked phone, in place of a QR secret (32 bytes).
    LinkSecret,
    32
);

fixed_secret!(
    /// The secret from which a phone derives all its links, kept in its store (32 bytes).
    RootSecret,
    32
);

fixed_secret!(
    /// The secret from which a phone derives the links under one contact id (32 bytes).
    ContactSecret,
    32
);

fixed_secret!(
    /// One input of the PRF extension as it travels in CTAP: the SHA-256 hash
    /// that the client makes of what the relying party gave (32 bytes).
    PrfInput,
    32
);

fixed_secret!(
    /// One output of the PRF extension: key material of the relying party's user (32 bytes).
    PrfOutput,
    32
);

fixed_secret!(
    /// The key of a passkey's PRF, beside its private key. It determines every output
    /// (32 bytes).
    PrfSecret,
    32
);

fixed_secret!(
    /// The random part of an advert: proof that it was received (10 bytes).
    AdvertNonce,
    10
);

fixed_secret!(
    /// The seed of the new passkeys of an authenticator's transaction (32 bytes).
    TransactionSeed,
    32
);

macro_rules! cloned_secret {
    ($($name:ident),*) => {
        $(impl Clone for $name {
            fn clone(&self) -> Self {
                Self(self.0.clone())
            }
        })*
    };
}

cloned_secret!(
    QrSecret,
    EidKey,
    Psk,
    LinkSecret,
    RootSecret,
    ContactSecret,
    PrfInput,
    PrfOutput,
    PrfSecret,
    AdvertNonce,
    TransactionSeed
);

macro_rules! random_secret {
    ($($name:ident),*) => {
        $(impl $name {
            /// A fresh secret.
            pub fn generate(rng: &mut impl CryptoRng) -> Self {
                let mut bytes = SecretArray::zeroed();
                rng.fill_bytes(bytes.expose_mut());
                Self(bytes)
            }
        })*
    };
}

random_secret!(QrSecret, LinkSecret, RootSecret, AdvertNonce, TransactionSeed);

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

/// Secret text: a QR code as drawn for a terminal or a page.
///
/// `Debug` prints the length only, and there is no `Display`.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct SecretText(String);

impl SecretText {
    /// Takes the text.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself. Never log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The text, no longer wiped when dropped.
    #[must_use]
    pub fn into_exposed(mut self) -> String {
        std::mem::take(&mut self.0)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretText({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use rand_core::{TryCryptoRng, TryRng};

    use super::*;

    #[test]
    fn debug_shows_no_byte() {
        let secret = Psk::new([0xab; 32]);
        assert_eq!(format!("{secret:?}"), "Psk(..)");
        let secret = SecretBytes::new(vec![0xab; 3]);
        assert_eq!(format!("{secret:?}"), "SecretBytes(3 bytes)");
        let secret = SecretText::new("abc".to_owned());
        assert_eq!(format!("{secret:?}"), "SecretText(3 bytes)");
    }

    /// Randomness that is all sevens.
    struct Sevens;

    impl TryRng for Sevens {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            Ok(0x0707_0707)
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            Ok(0x0707_0707_0707_0707)
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
            bytes.fill(7);
            Ok(())
        }
    }

    impl TryCryptoRng for Sevens {}

    #[test]
    fn a_move_copies_a_pointer() {
        fn stays_where_it_is<T>(secret: T, bytes: impl Fn(&T) -> *const u8) {
            assert_eq!(size_of::<T>(), size_of::<usize>());
            let before = bytes(&secret);
            let moved = Box::new(Some(secret));
            assert_eq!((*moved).as_ref().map(bytes), Some(before));
        }
        let mut rng = Sevens;
        stays_where_it_is(QrSecret::generate(&mut rng), |it| it.expose().as_ptr());
        stays_where_it_is(LinkSecret::generate(&mut rng), |it| it.expose().as_ptr());
        stays_where_it_is(RootSecret::generate(&mut rng), |it| it.expose().as_ptr());
        stays_where_it_is(AdvertNonce::generate(&mut rng), |it| it.expose().as_ptr());
        stays_where_it_is(TransactionSeed::generate(&mut rng), |it| it.expose().as_ptr());
        stays_where_it_is(EidKey::new([1; 64]), |it| it.expose().as_ptr());
        stays_where_it_is(Psk::new([1; 32]), |it| it.expose().as_ptr());
        stays_where_it_is(TrafficKey::new([1; 32]), |it| it.expose().as_ptr());
        stays_where_it_is(ContactSecret::new([1; 32]), |it| it.expose().as_ptr());
        stays_where_it_is(PrfInput::new([1; 32]), |it| it.expose().as_ptr());
        stays_where_it_is(PrfOutput::new([1; 32]), |it| it.expose().as_ptr());
        stays_where_it_is(PrfSecret::new([1; 32]), |it| it.expose().as_ptr());
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
        let one = QrSecret::new([7; 16]);
        let mut other = [7; 16];
        assert_eq!(one, QrSecret::new(other));
        other[15] ^= 1;
        assert_ne!(one, QrSecret::new(other));
        assert_ne!(SecretBytes::new(vec![1, 2]), SecretBytes::new(vec![1]));
    }
}
