//! The authenticator as a program holds it: built once, answers QR codes.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::driver::{Driver, Role, Surroundings};
use super::engine::Engine;
use super::passkeys::{Parts, Passkeys};
use super::session::Session;
use crate::background::Background;
use crate::bluetooth::Advertiser;
use crate::tunnel::TunnelDialer;
use fido_hybrid_proto::authenticator::{
    Attestation, AuthenticatorConfig, AuthenticatorDeadlines, Backup, CtapEngine, KeyStore,
    NewKeys, PasskeyStore, PhoneSecrets, Profile, QrAgeLimit, Transaction, UserCheck, link,
};
use fido_hybrid_proto::ctap::Aaguid;
use fido_hybrid_proto::error::{ApiMisuse, Error, Stage};
use fido_hybrid_proto::transport::qr_code::QrCode;
use fido_hybrid_proto::transport::tunnel_domain::TunnelDomain;

/// Room for the updates of one session whose program reads them late.
const UPDATES: usize = 32;

/// A phone-like program's passkeys and user, or its CTAP engine, and its way to
/// clients. Cheap to clone.
///
/// Of its sessions, and those of its clones, one at a time registers a passkey
/// for an account: another one waits before it asks the user. Authenticators that
/// were built separately do not wait for each other, even with one store. With a
/// [`CtapEngine`], that is up to the engine.
#[derive(Clone)]
pub struct Authenticator {
    surroundings: Surroundings,
    answers: Answers,
    domain: TunnelDomain,
    deadlines: AuthenticatorDeadlines,
    qr_age_limit: QrAgeLimit,
}

/// What answers requests.
#[derive(Clone)]
enum Answers {
    Passkeys { parts: Parts, profile: Arc<Profile> },
    Engine(Arc<dyn CtapEngine>),
}

/// Builds an [`Authenticator`]. `A` is what answers requests: [`StoreAndUser`], or
/// [`EngineOnly`].
pub struct AuthenticatorBuilder<A = StoreAndUser> {
    answers: A,
    advertiser: Option<Arc<dyn Advertiser>>,
    dialer: Option<Arc<dyn TunnelDialer>>,
    domain: Option<TunnelDomain>,
    deadlines: AuthenticatorDeadlines,
    qr_age_limit: QrAgeLimit,
}

/// An authenticator that answers from a passkey store after it asked a user: of
/// [`Authenticator::builder`].
pub struct StoreAndUser {
    store: Arc<dyn PasskeyStore>,
    user: Arc<dyn UserCheck>,
    keys: Option<Arc<dyn KeyStore>>,
    profile: Profile,
}

/// An authenticator whose requests a [`CtapEngine`] answers: of
/// [`Authenticator::with_engine`].
pub struct EngineOnly(Arc<dyn CtapEngine>);

impl<A> AuthenticatorBuilder<A> {
    fn new(answers: A) -> Self {
        Self {
            answers,
            advertiser: None,
            dialer: None,
            domain: None,
            deadlines: AuthenticatorDeadlines::default(),
            qr_age_limit: QrAgeLimit::default(),
        }
    }

    /// The radio that advertises.
    #[must_use]
    pub fn advertiser(mut self, advertiser: impl Advertiser + 'static) -> Self {
        self.advertiser = Some(Arc::new(advertiser));
        self
    }

    /// The way to the tunnel service.
    #[must_use]
    pub fn tunnel(mut self, dialer: impl TunnelDialer + 'static) -> Self {
        self.dialer = Some(Arc::new(dialer));
        self
    }

    /// The tunnel service at which clients are met. There is no default: the
    /// assigned ones are Google's and Apple's, for their own phones.
    #[must_use]
    pub const fn domain(mut self, domain: TunnelDomain) -> Self {
        self.domain = Some(domain);
        self
    }

    /// How long each stage may take.
    #[must_use]
    pub const fn deadlines(mut self, deadlines: AuthenticatorDeadlines) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// How old a QR code may be.
    #[must_use]
    pub const fn qr_age_limit(mut self, qr_age_limit: QrAgeLimit) -> Self {
        self.qr_age_limit = qr_age_limit;
        self
    }

    fn finish(self, answers: impl FnOnce(A) -> Answers) -> Result<Authenticator, Error> {
        let missing = |what| Error::new(Stage::Preparing, ApiMisuse::Missing(what));
        let advertiser = self.advertiser.ok_or_else(|| missing("an advertiser"))?;
        let dialer = self.dialer.ok_or_else(|| missing("a tunnel"))?;
        let domain = self.domain.ok_or_else(|| missing("a tunnel domain"))?;
        let surroundings = Surroundings { advertiser, dialer };
        let (deadlines, qr_age_limit) = (self.deadlines, self.qr_age_limit);
        let answers = answers(self.answers);
        Ok(Authenticator { surroundings, answers, domain, deadlines, qr_age_limit })
    }
}

impl AuthenticatorBuilder {
    /// The authenticator's name, for people. See [`Profile::name`].
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.answers.profile.name = name.into();
        self
    }

    /// The authenticator's model; the one that tells nothing by default.
    #[must_use]
    pub const fn aaguid(mut self, aaguid: Aaguid) -> Self {
        self.answers.profile.aaguid = aaguid;
        self
    }

    /// The attestation of new passkeys; `none` by default.
    #[must_use]
    pub const fn attestation(mut self, attestation: Attestation) -> Self {
        self.answers.profile.attestation = attestation;
        self
    }

    /// Whether the store lets passkeys leave the device; by default not.
    #[must_use]
    pub const fn backup(mut self, backup: Backup) -> Self {
        self.answers.profile.backup = backup;
        self
    }

    /// Where the private keys of new passkeys are made and used: a TPM, a secure
    /// element, a system's key service. Without one they are made and used in this
    /// process.
    ///
    /// Passkeys that the store has already keep their keys: those in this process
    /// sign without the key store.
    #[must_use]
    pub fn key_store(mut self, keys: impl KeyStore + 'static) -> Self {
        self.answers.keys = Some(Arc::new(keys));
        self.answers.profile.new_keys = NewKeys::External;
        self
    }

    /// Replaces the getInfo response: for tests of clients with authenticators that
    /// lack an ability, or claim one that they lack.
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

    /// The authenticator.
    ///
    /// # Errors
    /// [`ApiMisuse::Missing`] without an advertiser, a tunnel or its domain.
    pub fn build(self) -> Result<Authenticator, Error> {
        self.finish(|StoreAndUser { store, user, keys, mut profile }| {
            profile.capability = user.capability();
            let profile = Arc::new(profile);
            Answers::Passkeys {
                parts: Parts { accounts: Arc::default(), store, user, keys },
                profile,
            }
        })
    }
}

impl AuthenticatorBuilder<EngineOnly> {
    /// The authenticator.
    ///
    /// # Errors
    /// [`ApiMisuse::Missing`] without an advertiser, a tunnel or its domain.
    pub fn build(self) -> Result<Authenticator, Error> {
        self.finish(|EngineOnly(engine)| Answers::Engine(engine))
    }
}

impl Authenticator {
    /// Starts building an authenticator that answers from a passkey store after it
    /// asked a user.
    #[must_use]
    pub fn builder(
        store: impl PasskeyStore + 'static,
        user: impl UserCheck + 'static,
    ) -> AuthenticatorBuilder {
        let (store, user) = (Arc::new(store), Arc::new(user));
        let (keys, profile) = (None, Profile::default());
        AuthenticatorBuilder::new(StoreAndUser { store, user, keys, profile })
    }

    /// Starts building an authenticator whose requests `engine` answers. It needs
    /// no passkey store and no user check: the engine has them. Everything else is
    /// the same, also the [`Session`].
    #[must_use]
    pub fn with_engine(engine: impl CtapEngine + 'static) -> AuthenticatorBuilder<EngineOnly> {
        AuthenticatorBuilder::new(EngineOnly(Arc::new(engine)))
    }

    /// Answers a QR code: connects to the client that shows it, and serves it until
    /// it disconnects.
    ///
    /// The caller vouches that the code was read by a camera, or by an equally
    /// deliberate act of the user: never from a link, web content or another
    /// program (CVE-2024-9956).
    ///
    /// # Errors
    /// [`ErrorKind::StaleQrCode`](fido_hybrid_proto::error::ErrorKind::StaleQrCode);
    /// [`Unsupported`](fido_hybrid_proto::error::Unsupported) if the client cannot be met
    /// at this tunnel service; [`ApiMisuse::NoRuntime`] outside a tokio
    /// runtime.
    pub fn answer(&self, code: QrCode) -> Result<Session, Error> {
        let preparing = |fault: ApiMisuse| Error::new(Stage::Preparing, fault);
        let runtime = Handle::try_current().map_err(|_| preparing(ApiMisuse::NoRuntime))?;
        let today = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.qr_age_limit
            .check(&code, today)
            .map_err(|fault| Error::new(Stage::Preparing, fault))?;
        let (domain, mut rng) = (self.domain, UnwrapErr(SysRng));
        match &self.answers {
            Answers::Passkeys { parts, profile } => {
                let mut config = AuthenticatorConfig::new(domain);
                config.profile = Profile::clone(profile);
                config.deadlines = self.deadlines;
                let keys = PhoneSecrets::generate(&mut rng);
                let transaction = Transaction::qr(config, &code, keys, Duration::ZERO)?;
                Ok(self.begin(&runtime, Passkeys::new(transaction, parts.clone())))
            }
            Answers::Engine(engine) => {
                let mut config = link::LinkConfig::new(domain, engine.get_info());
                config.deadlines = self.deadlines;
                let keys = link::LinkSecrets::generate(&mut rng);
                let transaction = link::LinkTransaction::qr(config, &code, keys, Duration::ZERO)?;
                Ok(self.begin(&runtime, Engine::new(transaction, Arc::clone(engine))))
            }
        }
    }

    fn begin(&self, runtime: &Handle, role: impl Role + 'static) -> Session {
        let (to_caller, updates) = mpsc::channel(UPDATES);
        let (ended, outcome) = oneshot::channel();
        let driver = Driver::new(role, self.surroundings.clone(), to_caller);
        let task = Background::spawn(runtime, async move {
            // The caller may have been dropped.
            let _gone = ended.send(driver.run().await);
        });
        Session::new(updates, outcome, task)
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("domain", &self.domain).finish_non_exhaustive()
    }
}

impl<A> fmt::Debug for AuthenticatorBuilder<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticatorBuilder").finish_non_exhaustive()
    }
}
