//! What is known to be wrong, in the manner of Wycheproof, through the public
//! steps that take it: points of P-256, signatures, AES-GCM, HKDF. Run with
//! both cryptography providers, which must refuse the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod aes_gcm_tags;
mod derived_keys;
mod points;
mod signatures;

use data_encoding::HEXLOWER;
use fido_hybrid_proto::crypto::SecretKey;

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

/// A private key; small numbers are as good as any.
fn key(byte: u8) -> SecretKey {
    SecretKey::from_scalar(&[byte; 32]).unwrap()
}
