//! Secrets of a fixed length, a type each.

use std::fmt;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::array::SecretArray;

macro_rules! fixed_secret {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        pub struct $name(SecretArray<$length>);

        impl $name {
            /// Length in bytes.
            #[allow(dead_code, reason = "not every length is needed")]
            pub(crate) const LENGTH: usize = $length;

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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use rand_core::{TryCryptoRng, TryRng};

    use super::*;

    #[test]
    fn debug_shows_no_byte() {
        assert_eq!(format!("{:?}", Psk::new([0xab; 32])), "Psk(..)");
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
    fn equality_compares_every_byte() {
        let one = QrSecret::new([7; 16]);
        let mut other = [7; 16];
        assert_eq!(one, QrSecret::new(other));
        other[15] ^= 1;
        assert_ne!(one, QrSecret::new(other));
    }
}
