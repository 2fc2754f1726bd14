//! The start values of a client's transaction: the caller's decisions and the
//! secrets of this one transaction.

use std::time::Duration;

use rand_core::CryptoRng;

use crate::crypto::SecretKey;
use crate::secret::QrSecret;
use crate::transport::{ClientNonce, RequestHint, TunnelDomain};

/// How long a phone may still come that has read the QR code before the shown one: long
/// enough to unlock it and to agree. What a phone has not read by then is an old picture.
pub const PREVIOUS_CODE_ACCEPTED: Duration = Duration::from_secs(60);

/// How long each stage may take, counted from its own start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientDeadlines {
    /// From showing the QR code until a phone's advert is received. `None`, the
    /// default: no limit.
    pub showing_qr: Option<Duration>,
    /// Linked transactions: from the call until the phone's advert is received and the
    /// tunnel is open. Default: 60 s.
    pub contacting: Duration,
    /// DNS, TCP, TLS and upgrade together. Default: 10 s.
    pub connecting: Duration,
    /// From the first handshake message until its reply. Default: 10 s.
    pub handshaking: Duration,
    /// From the handshake until the post-handshake message. Default: 10 s.
    pub awaiting_post_handshake: Duration,
    /// From a request to its response, where the request has no timeout of its
    /// own. Long: people unlock the phone, choose, and show their face first.
    /// Default: 5 min.
    pub awaiting_response: Duration,
    /// How long a late link is waited for after the client's shutdown. Default: 3 min.
    pub lingering: Duration,
}

impl Default for ClientDeadlines {
    fn default() -> Self {
        Self {
            showing_qr: None,
            contacting: Duration::from_secs(60),
            connecting: Duration::from_secs(10),
            handshaking: Duration::from_secs(10),
            awaiting_post_handshake: Duration::from_secs(10),
            awaiting_response: Duration::from_secs(5 * 60),
            // Chromium's.
            lingering: Duration::from_secs(3 * 60),
        }
    }
}

/// Which tunnel services a client dials. A phone chooses its tunnel service and names it in
/// its advert.
///
/// It is for the QR transaction. For a linked phone, ask [`Self::allows`] before it is
/// called: the client has known its service since it was linked. A service that is allowed
/// can redirect to another host, as `MAX_REDIRECTS` of the dialer says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AllowedTunnelServices {
    /// All, as browsers do. The default.
    #[default]
    All,
    /// The assigned ones alone: Google's and Apple's. Services whose names are hashed, which
    /// anyone can run, are refused.
    Assigned,
    /// These alone, assigned or hashed.
    Listed(Vec<TunnelDomain>),
}

impl AllowedTunnelServices {
    /// Whether the client may dial this service.
    #[must_use]
    pub fn allows(&self, domain: TunnelDomain) -> bool {
        match self {
            Self::All => true,
            Self::Assigned => domain.is_assigned(),
            Self::Listed(listed) => listed.contains(&domain),
        }
    }
}

/// The caller's settings of a transaction.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientConfig {
    /// The subject of the phone's first screen. Only a hint.
    pub hint: RequestHint,
    /// Whether a link is wanted: the phone may then send one, and the client
    /// waits for it after the last response.
    pub linking: Linking,
    /// Which tunnel services are dialled. A phone of another one ends the transaction with
    /// [`TunnelError::DomainNotAllowed`](crate::error::TunnelError::DomainNotAllowed).
    pub tunnel_services: AllowedTunnelServices,
    /// How long each stage may take.
    pub deadlines: ClientDeadlines,
}

impl ClientConfig {
    /// The defaults for a request of this kind: no linking, as Chromium.
    #[must_use]
    pub fn new(hint: RequestHint) -> Self {
        Self {
            hint,
            linking: Linking::NotOffered,
            tunnel_services: AllowedTunnelServices::default(),
            deadlines: ClientDeadlines::default(),
        }
    }
}

/// Whether the QR code offers to keep a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linking {
    /// Key 4 of the QR code is `false`; a link that comes anyway is dropped.
    NotOffered,
    /// Key 4 is `true`; a verified link comes out as [`Output::Linked`](super::Output::Linked).
    Offered,
}

/// The secrets of one QR code and its one transaction. Never used twice: they are consumed by the
/// transaction and cannot be cloned.
///
/// ```compile_fail,E0599
/// # use fido_hybrid_proto::client::QrSecrets;
/// fn two_transactions(keys: Keys) -> (Keys, Keys) {
///     (keys.clone(), keys)
/// }
/// ```
#[derive(Debug)]
pub struct QrSecrets {
    /// The private key whose public key the QR code holds.
    pub identity: SecretKey,
    /// QR code key 1.
    pub secret: QrSecret,
    /// The client's ephemeral key in the handshake.
    pub ephemeral: SecretKey,
}

impl QrSecrets {
    /// Fresh keys.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self {
            identity: SecretKey::generate(rng),
            secret: QrSecret::generate(rng),
            ephemeral: SecretKey::generate(rng),
        }
    }
}

/// The secrets of one linked transaction. Never used twice: they are consumed by the
/// transaction and cannot be cloned.
///
/// ```compile_fail,E0599
/// # use fido_hybrid_proto::client::ContactSecrets;
/// fn two_transactions(keys: LinkedKeys) -> (LinkedKeys, LinkedKeys) {
///     (keys.clone(), keys)
/// }
/// ```
#[derive(Debug)]
pub struct ContactSecrets {
    /// Makes the phone's advert unlike any other.
    pub nonce: ClientNonce,
    /// The client's ephemeral key in the handshake.
    pub ephemeral: SecretKey,
}

impl ContactSecrets {
    /// Fresh keys.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self { nonce: ClientNonce::generate(rng), ephemeral: SecretKey::generate(rng) }
    }
}
