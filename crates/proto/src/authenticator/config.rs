//! What an authenticator's transaction is started with: the program's decisions
//! and the secrets of this one transaction.

use std::time::Duration;

use rand_core::CryptoRng;

use super::profile::Profile;
use crate::crypto::SecretKey;
use crate::secret::{AdvertNonce, TransactionSeed};
use crate::transport::tunnel_domain::TunnelDomain;

/// How long each stage may take, counted from its own start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadlines {
    /// DNS, TCP, TLS and upgrade together.
    pub registering: Duration,
    /// From the advert until the client's handshake message, which comes at
    /// once when the client has heard the advert. Short: as long as it is on
    /// the air it can be relayed.
    pub advertising: Duration,
    /// From the handshake, or an answer, until the next request or the end.
    pub listening: Duration,
    /// From a request to its answer: people unlock the phone, choose, and show
    /// their face first.
    pub prompting: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            registering: Duration::from_secs(10),
            advertising: Duration::from_secs(60),
            listening: Duration::from_secs(3 * 60),
            prompting: Duration::from_secs(5 * 60),
        }
    }
}

/// What the program decides about a transaction.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The tunnel service at which this authenticator meets clients.
    pub domain: TunnelDomain,
    /// What the authenticator is.
    pub profile: Profile,
    /// How long each stage may take.
    pub deadlines: Deadlines,
}

impl Config {
    /// The defaults, at this tunnel service. There is no default service: the
    /// assigned ones are Google's and Apple's, for their own phones.
    #[must_use]
    pub fn new(domain: TunnelDomain) -> Self {
        Self { domain, profile: Profile::default(), deadlines: Deadlines::default() }
    }
}

/// The secrets of one transaction. Never used twice: they are consumed by the
/// transaction and cannot be cloned.
///
/// ```compile_fail,E0599
/// # use fido_hybrid_proto::authenticator::Keys;
/// fn two_transactions(keys: Keys) -> (Keys, Keys) {
///     (keys.clone(), keys)
/// }
/// ```
#[derive(Debug)]
pub struct Keys {
    /// Makes the advert unlike any other.
    pub nonce: AdvertNonce,
    /// The authenticator's ephemeral key in the handshake.
    pub ephemeral: SecretKey,
    /// What new passkeys are derived from.
    pub seed: TransactionSeed,
}

impl Keys {
    /// Fresh keys.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self {
            nonce: AdvertNonce::generate(rng),
            ephemeral: SecretKey::generate(rng),
            seed: TransactionSeed::generate(rng),
        }
    }
}
