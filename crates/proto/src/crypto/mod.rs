//! The one door through which P-256, AES, HKDF, HMAC and SHA-256 come in.
//!
//! Nothing else in the crate names a cryptography crate. P-256 key agreement
//! and AES-256-GCM come from one of two providers with the same interface:
//! `rust_crypto` and `aws_lc`, each by a feature of its name. With both features
//! `aws_lc` is used. A test holds them to the same bytes.
//!
//! ECDSA stays with the pure-Rust crate in either case: its nonces follow
//! RFC 6979, so that the same inputs give the same signature, which
//! `aws-lc-rs` cannot promise.
//!
//! A build with `--cfg fuzzing` has a third AEAD, without security: see
//! `insecure`.

#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
#[cfg(fuzzing)]
mod insecure;
mod pkcs8;
#[cfg(feature = "rust-crypto")]
mod rust_crypto;

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa::signature::{Signer, Verifier};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::secret::{SecretArray, with_wiped_stack};

#[cfg(feature = "aws-lc-rs")]
use aws_lc as provider;
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
use rust_crypto as provider;

#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
compile_error!(
    "fido-hybrid needs a provider of P-256 key agreement and AES-GCM: enable its feature \
     `aws-lc-rs` or `rust-crypto`"
);

#[cfg(fuzzing)]
pub(crate) use insecure::Aes256Gcm;
#[cfg(not(fuzzing))]
pub(crate) use provider::Aes256Gcm;

pub use pkcs8::Pkcs8Error;
pub use rand_core;

/// Where P-256 key agreement and AES-GCM come from in this build: `"aws-lc-rs"` or
/// `"rust-crypto"`.
pub const PROVIDER: &str = if cfg!(feature = "aws-lc-rs") { "aws-lc-rs" } else { "rust-crypto" };

/// Length of the tag that AES-GCM puts behind each message, in bytes.
pub const AEAD_TAG_LENGTH: usize = 16;

/// Length of an uncompressed P-256 point, `04 ‖ X ‖ Y`, in bytes.
pub const UNCOMPRESSED_POINT_LENGTH: usize = 65;

/// Length of a compressed P-256 point, `02 or 03 ‖ X`, in bytes.
pub const COMPRESSED_POINT_LENGTH: usize = 33;

/// The AEAD did not open: wrong key, wrong counter, or changed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message did not authenticate")]
pub struct AeadError;

/// The bytes are no point on P-256 in the form that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a point on P-256 in the expected form")]
pub struct InvalidPoint;

/// The bytes are no P-256 scalar (zero, or not below the group's order).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a P-256 private key")]
pub struct InvalidSecretKey;

/// A point on P-256, checked to be on the curve and not at infinity.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey {
    x: [u8; 32],
    y: [u8; 32],
}

impl PublicKey {
    /// Reads `04 ‖ X ‖ Y`, the form that Noise messages and linking maps use.
    ///
    /// # Errors
    /// [`InvalidPoint`] for any other form and for points off the curve.
    pub fn from_uncompressed(bytes: &[u8]) -> Result<Self, InvalidPoint> {
        // `p256` alone would take other forms too.
        match bytes {
            [0x04, ..] if bytes.len() == UNCOMPRESSED_POINT_LENGTH => Self::from_sec1(bytes),
            _ => Err(InvalidPoint),
        }
    }

    /// Reads `02 or 03 ‖ X`, the form that QR codes use.
    ///
    /// # Errors
    /// [`InvalidPoint`] for any other form and for an X without a point.
    pub fn from_compressed(bytes: &[u8]) -> Result<Self, InvalidPoint> {
        // `p256` alone would take the "compact" form, tag 05, at this length.
        match bytes {
            [0x02 | 0x03, ..] if bytes.len() == COMPRESSED_POINT_LENGTH => Self::from_sec1(bytes),
            _ => Err(InvalidPoint),
        }
    }

    /// Takes the two coordinates, as COSE keys carry them.
    ///
    /// # Errors
    /// [`InvalidPoint`] for a point off the curve.
    pub fn from_coordinates(x: [u8; 32], y: [u8; 32]) -> Result<Self, InvalidPoint> {
        Self::from_sec1(&Self { x, y }.uncompressed())
    }

    fn from_sec1(bytes: &[u8]) -> Result<Self, InvalidPoint> {
        let point = p256::PublicKey::from_sec1_bytes(bytes).map_err(|_| InvalidPoint)?;
        let point = point.to_sec1_point(false);
        match (point.x(), point.y()) {
            (Some(x), Some(y)) => Ok(Self { x: (*x).into(), y: (*y).into() }),
            _ => Err(InvalidPoint),
        }
    }

    /// `04 ‖ X ‖ Y`.
    #[must_use]
    pub fn uncompressed(&self) -> [u8; UNCOMPRESSED_POINT_LENGTH] {
        let mut bytes = [0x04; UNCOMPRESSED_POINT_LENGTH];
        bytes[1..33].copy_from_slice(&self.x);
        bytes[33..].copy_from_slice(&self.y);
        bytes
    }

    /// `02 or 03 ‖ X`.
    #[must_use]
    pub fn compressed(&self) -> [u8; COMPRESSED_POINT_LENGTH] {
        let mut bytes = [0x02 | (self.y[31] & 1); COMPRESSED_POINT_LENGTH];
        bytes[1..].copy_from_slice(&self.x);
        bytes
    }

    /// The X coordinate, big-endian.
    #[must_use]
    pub const fn x(&self) -> &[u8; 32] {
        &self.x
    }

    /// The Y coordinate, big-endian.
    #[must_use]
    pub const fn y(&self) -> &[u8; 32] {
        &self.y
    }

    /// Whether `signature` (ASN.1 DER) is this key's ECDSA signature over the
    /// SHA-256 hash of `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&self.uncompressed());
        let signature = p256::ecdsa::Signature::from_der(signature);
        matches!((key, signature), (Ok(key), Ok(signature)) if key.verify(message, &signature).is_ok())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = data_encoding::HEXLOWER.encode(&self.compressed());
        write!(f, "PublicKey({hex})")
    }
}

/// A P-256 private key: of a QR code, of a handshake, of a passkey.
///
/// Wiped when dropped; `Debug` shows nothing of it. Its private part is on the
/// heap, where no move copies it.
#[derive(Clone)]
pub struct SecretKey {
    private: Box<Private>,
    public: PublicKey,
}

#[derive(Clone)]
struct Private {
    agreement: provider::AgreementKey,
    scalar: p256::SecretKey,
}

impl SecretKey {
    /// A fresh key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut scalar = SecretArray::zeroed();
        loop {
            rng.fill_bytes(scalar.expose_mut());
            // One draw in 2^32 is not below the group's order.
            if let Ok(key) = Self::from_scalar(scalar.expose()) {
                return key;
            }
        }
    }

    /// Reads a scalar of 32 bytes, big-endian.
    ///
    /// # Errors
    /// [`InvalidSecretKey`] for zero and for what is not below the group's order.
    pub fn from_scalar(scalar: &[u8; 32]) -> Result<Self, InvalidSecretKey> {
        let key = || {
            let agreement = provider::AgreementKey::new(scalar)?;
            let public = PublicKey::from_uncompressed(&agreement.public_key()?).ok()?;
            let scalar = p256::SecretKey::from_slice(scalar).ok()?;
            Some(Self { private: Box::new(Private { agreement, scalar }), public })
        };
        with_wiped_stack::<P256_STACK, _>(key).ok_or(InvalidSecretKey)
    }

    /// The scalar, 32 bytes, big-endian: for a store that encrypts it.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<[u8; 32]> {
        let mut bytes = Zeroizing::new([0; 32]);
        with_wiped_stack::<HASH_STACK, _>(|| {
            bytes.copy_from_slice(&self.private.scalar.to_bytes());
        });
        bytes
    }

    /// The public key.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// ECDH: the X coordinate of the shared point, with no key derivation.
    ///
    /// # Errors
    /// None is possible with keys of these types; `aws-lc-rs` states one.
    pub(crate) fn diffie_hellman(&self, peer: &PublicKey) -> Result<SecretArray<32>, InvalidPoint> {
        let peer = peer.uncompressed();
        with_wiped_stack::<P256_STACK, _>(|| self.private.agreement.agree(&peer))
            .ok_or(InvalidPoint)
    }

    /// ECDSA over the SHA-256 hash of `message`, as ASN.1 DER (ES256 of
    /// COSE and WebAuthn), with the deterministic nonce of RFC 6979.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        with_wiped_stack::<P256_STACK, _>(|| {
            let key = p256::ecdsa::SigningKey::from(&self.private.scalar);
            let signature: p256::ecdsa::Signature = key.sign(message);
            signature.to_der().as_bytes().to_vec()
        })
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// How much of the stack is wiped after an operation with a private key, in
/// bytes: more than what `p256` uses of it.
const P256_STACK: usize = 16 << 10;

/// The same after hashing a secret or making a cipher ready.
const HASH_STACK: usize = 4 << 10;

/// SHA-256 over the concatenation of `parts`.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// The same where a part, and so the hash, is a secret.
#[cfg(feature = "webauthn")]
pub(crate) fn secret_sha256(parts: &[&[u8]]) -> SecretArray<32> {
    let mut hash = SecretArray::zeroed();
    with_wiped_stack::<HASH_STACK, _>(|| *hash.expose_mut() = sha256(parts));
    hash
}

/// A keyed HMAC-SHA-256, its key schedule done once.
#[derive(Clone)]
pub(crate) struct HmacSha256(Hmac<Sha256>);

impl HmacSha256 {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        // HMAC pads a key shorter than the hash's block with zeros (RFC 2104).
        let mut block = Zeroizing::new([0; 64]);
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
        with_wiped_stack::<HASH_STACK, _>(|| Self(Hmac::new((&*block).into())))
    }

    /// The tag, which is a secret.
    pub(crate) fn secret_tag(&self, message: &[u8]) -> SecretArray<32> {
        let mut tag = SecretArray::zeroed();
        with_wiped_stack::<HASH_STACK, _>(|| *tag.expose_mut() = self.tag(message));
        tag
    }

    pub(crate) fn tag(&self, message: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }

    /// Constant-time comparison with the first bytes of the tag.
    pub(crate) fn verifies(&self, message: &[u8], tag: &[u8]) -> bool {
        let mut mac = self.0.clone();
        mac.update(message);
        mac.verify_truncated_left(tag).is_ok()
    }
}

/// HKDF-SHA-256 (RFC 5869) with an output of `N` bytes.
///
/// `N` is at most 8,160; every caller in the crate asks for 96 or less.
pub(crate) fn hkdf_sha256<const N: usize>(
    input: &[u8],
    salt: &[u8],
    info: &[u8],
) -> SecretArray<N> {
    const { assert!(N <= 255 * 32, "RFC 5869 bounds the output") };
    let mut output = SecretArray::zeroed();
    let expanded = with_wiped_stack::<HASH_STACK, _>(|| {
        hkdf::Hkdf::<Sha256>::new(Some(salt), input).expand(info, output.expose_mut())
    });
    debug_assert!(expanded.is_ok(), "no longer than RFC 5869 allows");
    output
}

/// One block of AES-256, keyed once: the cipher of an advert.
#[derive(Clone)]
pub(crate) struct Aes256Block(aes::Aes256);

impl Aes256Block {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        with_wiped_stack::<HASH_STACK, _>(|| Self(aes::Aes256::new(key.into())))
    }

    pub(crate) fn encrypt(&self, block: &[u8; 16]) -> [u8; 16] {
        use aes::cipher::BlockCipherEncrypt as _;
        let mut block = (*block).into();
        self.0.encrypt_block(&mut block);
        block.into()
    }

    pub(crate) fn decrypt(&self, block: &[u8; 16]) -> [u8; 16] {
        use aes::cipher::BlockCipherDecrypt as _;
        let mut block = (*block).into();
        self.0.decrypt_block(&mut block);
        block.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALAR: [u8; 32] = [0x42; 32];

    #[test]
    fn forms_of_a_point_agree() {
        let key = SecretKey::from_scalar(&SCALAR).unwrap();
        let point = key.public_key();
        assert_eq!(PublicKey::from_uncompressed(&point.uncompressed()).as_ref(), Ok(point));
        assert_eq!(PublicKey::from_compressed(&point.compressed()).as_ref(), Ok(point));
        assert_eq!(PublicKey::from_coordinates(*point.x(), *point.y()).as_ref(), Ok(point));
    }

    #[test]
    fn other_forms_are_refused() {
        let point = *SecretKey::from_scalar(&SCALAR).unwrap().public_key();
        for tag in 0..=255 {
            let mut compressed = point.compressed();
            compressed[0] = tag;
            let expected = matches!(tag, 2 | 3);
            assert_eq!(PublicKey::from_compressed(&compressed).is_ok(), expected, "{tag:#04x}");
            let mut uncompressed = point.uncompressed();
            uncompressed[0] = tag;
            assert_eq!(PublicKey::from_uncompressed(&uncompressed).is_ok(), tag == 4, "{tag:#04x}");
        }
        assert_eq!(PublicKey::from_compressed(&point.uncompressed()), Err(InvalidPoint));
        assert_eq!(PublicKey::from_uncompressed(&point.compressed()), Err(InvalidPoint));
        assert_eq!(PublicKey::from_coordinates(*point.x(), [1; 32]), Err(InvalidPoint));
        assert_eq!(PublicKey::from_coordinates([0; 32], [0; 32]), Err(InvalidPoint));
        assert_eq!(PublicKey::from_uncompressed(&[0]), Err(InvalidPoint));
    }

    #[test]
    fn scalars_outside_the_group_are_refused() {
        assert!(SecretKey::from_scalar(&[0; 32]).is_err());
        assert!(SecretKey::from_scalar(&[0xff; 32]).is_err());
    }

    #[test]
    fn signatures_verify_and_bind_key_and_message() {
        let key = SecretKey::from_scalar(&SCALAR).unwrap();
        let signature = key.sign(b"message");
        assert_eq!(signature, key.sign(b"message"), "RFC 6979 is deterministic");
        assert!(key.public_key().verifies(b"message", &signature));
        assert!(!key.public_key().verifies(b"massage", &signature));
        let other = SecretKey::from_scalar(&[0x43; 32]).unwrap();
        assert!(!other.public_key().verifies(b"message", &signature));
    }

    #[cfg(all(feature = "aws-lc-rs", feature = "rust-crypto"))]
    mod providers {
        use proptest::prelude::*;

        use super::super::{UNCOMPRESSED_POINT_LENGTH, aws_lc, rust_crypto};

        fn public_key(scalar: &[u8; 32]) -> Option<[u8; UNCOMPRESSED_POINT_LENGTH]> {
            rust_crypto::AgreementKey::new(scalar)?.public_key()
        }

        proptest! {
            #![proptest_config(ProptestConfig::with_cases(64))]

            #[test]
            fn agree_to_the_same_secret(ours: [u8; 32], theirs: [u8; 32]) {
                let (Some(one), Some(other)) =
                    (rust_crypto::AgreementKey::new(&ours), aws_lc::AgreementKey::new(&ours))
                else {
                    // Both refuse the same scalars.
                    prop_assert!(rust_crypto::AgreementKey::new(&ours).is_none());
                    prop_assert!(aws_lc::AgreementKey::new(&ours).is_none());
                    return Ok(());
                };
                prop_assert_eq!(one.public_key(), other.public_key());
                let Some(peer) = public_key(&theirs) else { return Ok(()) };
                let (one, other) = (one.agree(&peer).unwrap(), other.agree(&peer).unwrap());
                prop_assert_eq!(one.expose(), other.expose());
            }

            #[test]
            fn seal_to_the_same_bytes_and_open_each_other(
                key: [u8; 32],
                nonce: [u8; 12],
                aad in proptest::collection::vec(any::<u8>(), 0..80),
                message in proptest::collection::vec(any::<u8>(), 0..300),
                flip: prop::sample::Index,
            ) {
                let one = rust_crypto::Aes256Gcm::new(&key);
                let other = aws_lc::Aes256Gcm::new(&key);
                let (mut by_one, mut by_other) = (message.clone(), message.clone());
                let tag = one.seal(&nonce, &aad, &mut by_one).unwrap();
                prop_assert_eq!(tag, other.seal(&nonce, &aad, &mut by_other).unwrap());
                prop_assert_eq!(&by_one, &by_other);

                let mut changed = by_one.clone();
                let mut changed_tag = tag;
                let at = flip.index(changed.len() + changed_tag.len());
                match at.checked_sub(changed.len()) {
                    None => changed[at] ^= 1,
                    Some(at) => changed_tag[at] ^= 1,
                }
                prop_assert!(one.open(&nonce, &aad, &mut changed.clone(), &changed_tag).is_err());
                prop_assert!(other.open(&nonce, &aad, &mut changed, &changed_tag).is_err());

                one.open(&nonce, &aad, &mut by_other, &tag).unwrap();
                other.open(&nonce, &aad, &mut by_one, &tag).unwrap();
                prop_assert_eq!(&by_one, &message);
                prop_assert_eq!(&by_other, &message);
            }
        }

        #[test]
        fn refuse_the_same_scalars() {
            for scalar in [[0; 32], [0xff; 32]] {
                assert!(rust_crypto::AgreementKey::new(&scalar).is_none());
                assert!(aws_lc::AgreementKey::new(&scalar).is_none());
            }
        }
    }
}
