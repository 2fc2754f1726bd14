//! The start values of a link: deadlines, and the secrets of one transaction.

use std::time::Duration;

use rand_core::CryptoRng;

use crate::crypto::SecretKey;
use crate::secret::AdvertNonce;

/// How long each stage may take, counted from its own start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthenticatorDeadlines {
    /// DNS, TCP, TLS and upgrade together. Default: 10 s.
    pub registering: Duration,
    /// From the advert until the client's handshake message, which comes at
    /// once when the client has received the advert. Short: while it is
    /// transmitted it can be relayed. Default: 60 s.
    pub advertising: Duration,
    /// From the handshake, or an answer, until the next request or the end. Default: 3 min.
    pub listening: Duration,
    /// From a request to its answer: people unlock the phone, choose, and show
    /// their face first. Default: 5 min.
    pub answering: Duration,
}

impl Default for AuthenticatorDeadlines {
    fn default() -> Self {
        Self {
            registering: Duration::from_secs(10),
            advertising: Duration::from_secs(60),
            listening: Duration::from_secs(3 * 60),
            answering: Duration::from_secs(5 * 60),
        }
    }
}

/// The secrets of one link. Never used twice: they are consumed by the
/// transaction and cannot be cloned.
#[derive(Debug)]
pub struct LinkSecrets {
    /// Makes the advert unlike any other.
    pub nonce: AdvertNonce,
    /// The authenticator's ephemeral key in the handshake.
    pub ephemeral: SecretKey,
}

impl LinkSecrets {
    /// Fresh keys.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self { nonce: AdvertNonce::generate(rng), ephemeral: SecretKey::generate(rng) }
    }
}
