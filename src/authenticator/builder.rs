//! An authenticator with a passkey store: what it needs, and its settings.

use std::fmt;
use std::sync::Arc;

use super::begin::{Answers, Authenticator, StoreAndUser};
use super::driver::Ports;
use super::passkeys::Parts;
use crate::bluetooth::Advertiser;
use crate::tunnel::TunnelDialer;
use fido_hybrid_proto::authenticator::{
    Attestation, Backup, KeyStore, NewKeys, PasskeyStore, Profile, UserCheck,
};
use fido_hybrid_proto::ctap::Aaguid;
use fido_hybrid_proto::transport::TunnelDomain;

/// What an [`Authenticator`] that answers from a passkey store needs.
#[derive(Clone, Debug)]
pub struct AuthenticatorParts<S, U, A, D> {
    /// Where passkeys are kept: a [`PasskeyStore`].
    pub store: S,
    /// Asks and verifies the user: a [`UserCheck`].
    pub user: U,
    /// Advertises over Bluetooth: an [`Advertiser`], such as the system's
    /// `bluetooth::Bluetooth`.
    pub advertiser: A,
    /// Reaches the tunnel service: a [`TunnelDialer`], such as a
    /// `tunnel::WebSocketDialer`.
    pub dialer: D,
    /// The tunnel service at which clients are met. There is no default: the
    /// assigned ones are Google's and Apple's, for their own phones.
    pub domain: TunnelDomain,
}

impl Authenticator {
    /// An authenticator that answers from a passkey store after it asked a user, with
    /// the default settings of its [`builder`](Self::builder).
    #[must_use]
    pub fn new<S, U, A, D>(parts: AuthenticatorParts<S, U, A, D>) -> Self
    where
        S: PasskeyStore + 'static,
        U: UserCheck + 'static,
        A: Advertiser + 'static,
        D: TunnelDialer + 'static,
    {
        Self::builder(parts).build()
    }

    /// As [`new`](Self::new), with settings: model, attestation, backup, key store.
    pub fn builder<S, U, A, D>(parts: AuthenticatorParts<S, U, A, D>) -> AuthenticatorBuilder
    where
        S: PasskeyStore + 'static,
        U: UserCheck + 'static,
        A: Advertiser + 'static,
        D: TunnelDialer + 'static,
    {
        let AuthenticatorParts { store, user, advertiser, dialer, domain } = parts;
        let mut profile = Profile::default();
        profile.capability = user.capability();
        let (store, user) = (Arc::new(store), Arc::new(user));
        let parts = Parts { accounts: Arc::default(), store, user, keys: None };
        let ports = Ports::new(advertiser, dialer);
        AuthenticatorBuilder { answers: StoreAndUser { parts, profile }, ports, domain }
    }
}

/// The settings of an authenticator that answers from a passkey store: of
/// [`Authenticator::builder`].
///
/// ```no_run
/// # use fido_hybrid::authenticator::*;
/// # use fido_hybrid::bluetooth::Advertiser;
/// # use fido_hybrid::tunnel::TunnelDialer;
/// # fn build(
/// #     parts: AuthenticatorParts<
/// #         impl PasskeyStore + 'static,
/// #         impl UserCheck + 'static,
/// #         impl Advertiser + 'static,
/// #         impl TunnelDialer + 'static,
/// #     >,
/// #     tpm: impl KeyStore + 'static,
/// # ) -> Authenticator {
/// Authenticator::builder(parts).backup(Backup::DeviceBound).key_store(tpm).build()
/// # }
/// ```
#[must_use = "`build` makes the authenticator"]
pub struct AuthenticatorBuilder {
    answers: StoreAndUser,
    ports: Ports,
    domain: TunnelDomain,
}

impl AuthenticatorBuilder {
    /// The authenticator's model. By default [`Aaguid::ZERO`], which tells nothing.
    pub const fn aaguid(mut self, aaguid: Aaguid) -> Self {
        self.answers.profile.aaguid = aaguid;
        self
    }

    /// The attestation of new passkeys; [`Attestation::None`] by default.
    pub const fn attestation(mut self, attestation: Attestation) -> Self {
        self.answers.profile.attestation = attestation;
        self
    }

    /// Whether the store lets passkeys leave the device; by default
    /// [`Backup::DeviceBound`].
    pub const fn backup(mut self, backup: Backup) -> Self {
        self.answers.profile.backup = backup;
        self
    }

    /// Where the private keys of new passkeys are made and used: a TPM, a secure
    /// element, a system's key service. By default they are made and used in this
    /// process.
    ///
    /// Passkeys that the store has already keep their keys: those in this process
    /// sign without the key store.
    pub fn key_store(mut self, keys: impl KeyStore + 'static) -> Self {
        self.answers.parts.keys = Some(Arc::new(keys));
        self.answers.profile.new_keys = NewKeys::External;
        self
    }

    /// What getInfo says, whatever the authenticator can do: for tests of clients
    /// with authenticators that lack something, or that say what is not true.
    /// Needs the feature `stated-get-info`, which no program should enable.
    #[cfg(feature = "stated-get-info")]
    pub fn get_info_for_testing_only(
        mut self,
        info: fido_hybrid_proto::ctap::GetInfoResponse,
    ) -> Self {
        self.answers.profile.state_get_info_for_testing_only(info);
        self
    }

    /// Makes the authenticator.
    #[must_use]
    pub fn build(self) -> Authenticator {
        let Self { answers, ports, domain } = self;
        Authenticator::with(Answers::StoreAndUser(Arc::new(answers)), ports, domain)
    }
}

impl fmt::Debug for AuthenticatorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticatorBuilder").field("domain", &self.domain).finish_non_exhaustive()
    }
}
