//! A PIN, of which the store keeps a hash: PBKDF2 with HMAC-SHA-256.
//!
//! It protects nothing but itself, for people have one PIN for many things:
//! who can read the store has the keys.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use getrandom::SysRng;
use getrandom::rand_core::{Rng as _, UnwrapErr};

/// The fewest characters, as CTAP has it.
pub(crate) const MIN_LENGTH: usize = 4;

/// What OWASP recommends for this function.
const ITERATIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(599_999);

#[derive(Clone)]
pub(crate) struct Pin {
    pub(crate) salt: [u8; 16],
    pub(crate) hash: [u8; 32],
}

impl Pin {
    pub(crate) fn new(text: &str) -> Self {
        let mut pin = Self { salt: [0; 16], hash: [0; 32] };
        UnwrapErr(SysRng).fill_bytes(&mut pin.salt);
        let secret = text.as_bytes();
        pbkdf2::derive(PBKDF2_HMAC_SHA256, ITERATIONS, &pin.salt, secret, &mut pin.hash);
        pin
    }

    pub(crate) fn is(&self, text: &str) -> bool {
        let secret = text.as_bytes();
        pbkdf2::verify(PBKDF2_HMAC_SHA256, ITERATIONS, &self.salt, secret, &self.hash).is_ok()
    }
}
