//! Random values that a transaction draws while it runs: keys, ids and PRF secrets of new
//! passkeys, ids of prompts.
//!
//! ```text
//! draw = HKDF-SHA-256(input = seed, no salt, info = what ‖ BE32(counter))
//! ```
//!
//! All of it comes from one seed that is drawn at the start and serves nothing
//! else, so that the same seed and the same inputs give the same outputs. The
//! counter goes up with each draw: none is made twice. Knowing a passkey tells
//! nothing of the seed or of another passkey.

use super::user_check::PromptId;
use crate::crypto::{SecretKey, hkdf_sha256};
use crate::ctap::CredentialId;
use crate::secret::{PrfSecret, SecretArray, TransactionSeed};

/// Length of a new credential id in bytes: random, twice what
/// [WebAuthn L3 §4] asks for, and nothing of the account in it.
pub const CREDENTIAL_ID_LENGTH: usize = 32;

#[derive(Debug)]
pub(super) struct Randomness {
    seed: TransactionSeed,
    counter: u32,
}

impl Randomness {
    pub(super) const fn new(seed: TransactionSeed) -> Self {
        Self { seed, counter: 0 }
    }

    /// A new passkey's id and key.
    pub(super) fn passkey(&mut self) -> (CredentialId, SecretKey) {
        loop {
            let id = self.draw::<CREDENTIAL_ID_LENGTH>(b"credential id");
            let scalar = self.draw::<32>(b"private key");
            // One scalar in 2^32 is not below the group's order.
            if let (Ok(id), Ok(key)) =
                (CredentialId::new(*id.expose()), SecretKey::from_scalar(scalar.expose()))
            {
                return (id, key);
            }
        }
    }

    /// A new passkey's PRF secret, which its key tells nothing of.
    pub(super) fn prf_secret(&mut self) -> PrfSecret {
        self.draw(b"PRF secret").into()
    }

    /// A prompt's id, unlike any of another transaction.
    pub(super) fn prompt(&mut self) -> PromptId {
        PromptId(*self.draw(b"prompt").expose())
    }

    fn draw<const N: usize>(&mut self, what: &[u8]) -> SecretArray<N> {
        let info = [what, &self.counter.to_be_bytes()].concat();
        self.counter += 1;
        hkdf_sha256(self.seed.expose(), &[], &info)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn randomness(byte: u8) -> Randomness {
        Randomness::new(TransactionSeed::new([byte; 32]))
    }

    #[test]
    fn the_same_seed_draws_the_same_and_nothing_is_drawn_twice() {
        let (mut one, mut other) = (randomness(1), randomness(1));
        let (id, key) = one.passkey();
        let (same_id, same_key) = other.passkey();
        assert_eq!((&id, key.public_key()), (&same_id, same_key.public_key()));
        let (next_id, next_key) = one.passkey();
        assert_ne!(id, next_id);
        assert_ne!(key.public_key(), next_key.public_key());
        assert_ne!(one.prompt(), one.prompt());
        assert_ne!(one.prf_secret(), one.prf_secret());
    }

    #[test]
    fn another_seed_draws_another_of_each() {
        assert_ne!(randomness(1).passkey().0, randomness(2).passkey().0);
        assert_ne!(randomness(1).prf_secret(), randomness(2).prf_secret());
        assert_ne!(randomness(1).prompt(), randomness(2).prompt());
    }

    #[test]
    fn an_id_says_nothing_of_its_key() {
        let (id, key) = randomness(1).passkey();
        assert_eq!(id.as_bytes().len(), CREDENTIAL_ID_LENGTH);
        assert_ne!(id.as_bytes(), key.expose().as_slice());
    }
}
