//! The start values of an authenticator's transaction: the program's decisions
//! and the secrets of this one transaction.

use rand_core::CryptoRng;

use super::engine::Profile;
use super::link::AuthenticatorDeadlines;
use crate::crypto::SecretKey;
use crate::secret::{AdvertNonce, TransactionSeed};
use crate::transport::TunnelDomain;

/// The program's settings of a transaction.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuthenticatorConfig {
    /// The tunnel service at which this authenticator meets clients.
    pub domain: TunnelDomain,
    /// The authenticator's description.
    pub profile: Profile,
    /// How long each stage may take.
    pub deadlines: AuthenticatorDeadlines,
}

impl AuthenticatorConfig {
    /// The defaults, at this tunnel service. There is no default service: the
    /// assigned ones are Google's and Apple's, for their own phones.
    #[must_use]
    pub fn new(domain: TunnelDomain) -> Self {
        Self { domain, profile: Profile::default(), deadlines: AuthenticatorDeadlines::default() }
    }
}

/// The secrets of one transaction. Never used twice: they are consumed by the
/// transaction and cannot be cloned.
///
/// ```compile_fail,E0599
/// # use fido_hybrid_proto::authenticator::PhoneSecrets;
/// fn two_transactions(keys: Keys) -> (Keys, Keys) {
///     (keys.clone(), keys)
/// }
/// ```
#[derive(Debug)]
pub struct PhoneSecrets {
    /// Makes the advert unlike any other.
    pub nonce: AdvertNonce,
    /// The authenticator's ephemeral key in the handshake.
    pub ephemeral: SecretKey,
    /// The seed of new passkeys.
    pub seed: TransactionSeed,
}

impl PhoneSecrets {
    /// Fresh keys.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self {
            nonce: AdvertNonce::generate(rng),
            ephemeral: SecretKey::generate(rng),
            seed: TransactionSeed::generate(rng),
        }
    }
}
