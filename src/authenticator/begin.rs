//! The authenticator as a program holds it: made once, answers QR codes.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use tokio::runtime::Handle;

use super::driver::{Driver, Ports, Role};
use super::engine::Engine;
use super::passkeys::{Parts, Passkeys};
use super::session::Session;
use crate::background::Background;
use crate::bluetooth::Advertiser;
use crate::cancel::CancelHandle;
use crate::progress::{Progress, Reports};
use crate::tunnel::TunnelDialer;
use fido_hybrid_proto::authenticator::{
    Attestation, AuthenticatorConfig, AuthenticatorDeadlines, Backup, CtapEngine, KeyStore,
    NewKeys, PasskeyStore, PhoneSecrets, Profile, QrAgeLimit, Transaction, UserCheck, link,
};
use fido_hybrid_proto::ctap::Aaguid;
use fido_hybrid_proto::error::{ApiMisuse, Error, Stage};
use fido_hybrid_proto::transport::{QrCode, TunnelDomain};

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

/// What an [`Authenticator`] whose requests a CTAP engine answers needs.
#[derive(Clone, Debug)]
pub struct EngineParts<E, A, D> {
    /// Answers requests: a [`CtapEngine`]. It has the passkeys and asks the user.
    pub engine: E,
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

/// A phone-like program: it answers QR codes. Cheap to clone.
///
/// `A` is what answers requests: [`StoreAndUser`] ([`Authenticator::new`]), or
/// [`EngineOnly`] ([`Authenticator::with_engine`]).
///
/// Of the sessions of one authenticator and its clones, one at a time registers a
/// passkey for an account: another one waits before it asks the user.
/// Authenticators that were made separately do not wait for each other, even with
/// one store. With a [`CtapEngine`], that is up to the engine.
#[derive(Clone)]
pub struct Authenticator<A = StoreAndUser> {
    answers: A,
    ports: Ports,
    domain: TunnelDomain,
    deadlines: AuthenticatorDeadlines,
    qr_age_limit: QrAgeLimit,
}

/// Answers from a passkey store after it asked a user: of [`Authenticator::new`].
#[derive(Clone)]
pub struct StoreAndUser {
    parts: Parts,
    profile: Profile,
}

/// A [`CtapEngine`] answers: of [`Authenticator::with_engine`].
#[derive(Clone)]
pub struct EngineOnly(Arc<dyn CtapEngine>);

impl Authenticator {
    /// An authenticator that answers from a passkey store after it asked a user.
    #[must_use]
    pub fn new<S, U, A, D>(parts: AuthenticatorParts<S, U, A, D>) -> Self
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
        Self::with(StoreAndUser { parts, profile }, Ports::new(advertiser, dialer), domain)
    }

    /// The authenticator's model. By default [`Aaguid::ZERO`], which tells nothing.
    #[must_use]
    pub const fn aaguid(mut self, aaguid: Aaguid) -> Self {
        self.answers.profile.aaguid = aaguid;
        self
    }

    /// The attestation of new passkeys; [`Attestation::None`] by default.
    #[must_use]
    pub const fn attestation(mut self, attestation: Attestation) -> Self {
        self.answers.profile.attestation = attestation;
        self
    }

    /// Whether the store lets passkeys leave the device; by default
    /// [`Backup::DeviceBound`].
    #[must_use]
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
    #[must_use]
    pub fn key_store(mut self, keys: impl KeyStore + 'static) -> Self {
        self.answers.parts.keys = Some(Arc::new(keys));
        self.answers.profile.new_keys = NewKeys::External;
        self
    }

    /// What getInfo says, whatever the authenticator can do: for tests of clients
    /// with authenticators that lack something, or that say what is not true.
    /// Needs the feature `stated-get-info`, which no program should enable.
    #[cfg(feature = "stated-get-info")]
    #[must_use]
    pub fn get_info_for_testing_only(
        mut self,
        info: fido_hybrid_proto::ctap::GetInfoResponse,
    ) -> Self {
        self.answers.profile.state_get_info_for_testing_only(info);
        self
    }

    /// Answers a QR code: meets the client that shows it, and serves it until it
    /// disconnects.
    ///
    /// The caller must ensure that the code was read by a camera, or by an equally
    /// deliberate act of the user: never from a link, web content or another
    /// program (CVE-2024-9956).
    ///
    /// # Errors
    /// [`ErrorKind::StaleQrCode`](fido_hybrid_proto::error::ErrorKind::StaleQrCode);
    /// [`Unsupported`](fido_hybrid_proto::error::Unsupported) if the client cannot be
    /// met at this tunnel service; [`ApiMisuse::NoRuntime`] outside a tokio runtime.
    pub fn answer(&self, code: QrCode) -> Result<Session, Error> {
        self.begin(&code, |StoreAndUser { parts, profile }| {
            let mut config = AuthenticatorConfig::new(self.domain);
            config.profile = profile.clone();
            config.deadlines = self.deadlines;
            let keys = PhoneSecrets::generate(&mut UnwrapErr(SysRng));
            let transaction = Transaction::qr(config, &code, keys, Duration::ZERO)?;
            Ok(Passkeys::new(transaction, parts.clone()))
        })
    }
}

impl Authenticator<EngineOnly> {
    /// An authenticator whose requests a [`CtapEngine`] answers. It needs no passkey
    /// store and no user check: the engine has them. Everything else is the same,
    /// also the [`Session`].
    #[must_use]
    pub fn with_engine<E, A, D>(parts: EngineParts<E, A, D>) -> Self
    where
        E: CtapEngine + 'static,
        A: Advertiser + 'static,
        D: TunnelDialer + 'static,
    {
        let EngineParts { engine, advertiser, dialer, domain } = parts;
        Self::with(EngineOnly(Arc::new(engine)), Ports::new(advertiser, dialer), domain)
    }

    /// Answers a QR code: meets the client that shows it, and has the engine serve it
    /// until it disconnects.
    ///
    /// The caller must ensure that the code was read by a camera, or by an equally
    /// deliberate act of the user: never from a link, web content or another
    /// program (CVE-2024-9956).
    ///
    /// # Errors
    /// [`ErrorKind::StaleQrCode`](fido_hybrid_proto::error::ErrorKind::StaleQrCode);
    /// [`Unsupported`](fido_hybrid_proto::error::Unsupported) if the client cannot be
    /// met at this tunnel service; [`ApiMisuse::NoRuntime`] outside a tokio runtime.
    pub fn answer(&self, code: QrCode) -> Result<Session, Error> {
        self.begin(&code, |EngineOnly(engine)| {
            let mut config = link::LinkConfig::new(self.domain, engine.get_info());
            config.deadlines = self.deadlines;
            let keys = link::LinkSecrets::generate(&mut UnwrapErr(SysRng));
            let transaction = link::LinkTransaction::qr(config, &code, keys, Duration::ZERO)?;
            Ok(Engine::new(transaction, Arc::clone(engine)))
        })
    }
}

impl<A> Authenticator<A> {
    fn with(answers: A, ports: Ports, domain: TunnelDomain) -> Self {
        let (deadlines, qr_age_limit) = (AuthenticatorDeadlines::default(), QrAgeLimit::default());
        Self { answers, ports, domain, deadlines, qr_age_limit }
    }

    /// How long each stage may take. By default, [`AuthenticatorDeadlines::default`].
    #[must_use]
    pub const fn deadlines(mut self, deadlines: AuthenticatorDeadlines) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// How old a QR code may be. By default, [`QrAgeLimit::default`].
    #[must_use]
    pub const fn qr_age_limit(mut self, limit: QrAgeLimit) -> Self {
        self.qr_age_limit = limit;
        self
    }

    fn begin<R: Role + 'static>(
        &self,
        code: &QrCode,
        role: impl FnOnce(&A) -> Result<R, Error>,
    ) -> Result<Session, Error> {
        let preparing = |misuse: ApiMisuse| Error::new(Stage::Preparing, misuse);
        let runtime = Handle::try_current().map_err(|_| preparing(ApiMisuse::NoRuntime))?;
        let today = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let fresh = self.qr_age_limit.check(code, today);
        fresh.map_err(|kind| Error::new(Stage::Preparing, kind))?;
        let role = role(&self.answers)?;
        let (progress, Reports { updates, outcome }) = Progress::new();
        let cancel = CancelHandle::default();
        let driver = Driver::new(role, self.ports.clone(), updates, cancel.clone());
        let task = Background::spawn(&runtime, async move {
            // The caller may have dropped the session.
            let _dropped = outcome.send(driver.run().await);
        });
        Ok(Session::new(progress, cancel, task))
    }
}

impl<A> fmt::Debug for Authenticator<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("domain", &self.domain).finish_non_exhaustive()
    }
}
