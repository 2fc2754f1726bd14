//! The authenticator as a program holds it: built once, answers QR codes.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::driver::{Driver, Surroundings};
use super::session::Session;
use crate::background::Background;
use crate::bluetooth::Advertiser;
use crate::tunnel::Dial;
use fido_hybrid_proto::authenticator::Backup;
use fido_hybrid_proto::authenticator::Freshness;
use fido_hybrid_proto::authenticator::PasskeyStore;
use fido_hybrid_proto::authenticator::UserCheck;
use fido_hybrid_proto::authenticator::{Attestation, Profile};
use fido_hybrid_proto::authenticator::{Config, Deadlines, Keys, Transaction};
use fido_hybrid_proto::ctap::Aaguid;
use fido_hybrid_proto::error::{ApiMisuse, Error, Stage};
use fido_hybrid_proto::transport::qr_code::QrCode;
use fido_hybrid_proto::transport::tunnel_domain::TunnelDomain;

/// Room for the updates of one session whose program reads them late.
const UPDATES: usize = 32;

/// A phone-like program's passkeys and user, and its way to clients. Cheap to
/// clone.
///
/// Of its sessions, and those of its clones, one at a time registers a passkey
/// for an account: another one waits before it asks the user. Authenticators that
/// were built separately do not wait for each other, even with one store.
#[derive(Clone)]
pub struct Authenticator {
    surroundings: Surroundings,
    config: Config,
    freshness: Freshness,
}

/// Builds an [`Authenticator`].
pub struct AuthenticatorBuilder {
    store: Arc<dyn PasskeyStore>,
    user: Arc<dyn UserCheck>,
    advertiser: Option<Arc<dyn Advertiser>>,
    dialer: Option<Arc<dyn Dial>>,
    domain: Option<TunnelDomain>,
    profile: Profile,
    deadlines: Deadlines,
    freshness: Freshness,
}

impl AuthenticatorBuilder {
    /// The radio that puts adverts on the air.
    #[must_use]
    pub fn advertiser(mut self, advertiser: impl Advertiser + 'static) -> Self {
        self.advertiser = Some(Arc::new(advertiser));
        self
    }

    /// The way to the tunnel service.
    #[must_use]
    pub fn tunnel(mut self, dialer: impl Dial + 'static) -> Self {
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

    /// The authenticator's name, for people. See [`Profile::name`].
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.profile.name = name.into();
        self
    }

    /// The authenticator's model; the one that tells nothing by default.
    #[must_use]
    pub const fn aaguid(mut self, aaguid: Aaguid) -> Self {
        self.profile.aaguid = aaguid;
        self
    }

    /// The attestation of new passkeys; `none` by default.
    #[must_use]
    pub const fn attestation(mut self, attestation: Attestation) -> Self {
        self.profile.attestation = attestation;
        self
    }

    /// Whether the store lets passkeys leave the device; by default not.
    #[must_use]
    pub const fn backup(mut self, backup: Backup) -> Self {
        self.profile.backup = backup;
        self
    }

    /// What getInfo says, whatever the authenticator can do: for tests of clients
    /// with authenticators that lack something, or that say what is not true.
    /// Needs the feature `stated-get-info`, which no program should enable.
    #[cfg(feature = "stated-get-info")]
    #[must_use]
    pub fn get_info_for_testing_only(
        mut self,
        info: fido_hybrid_proto::ctap::get_info::Response,
    ) -> Self {
        self.profile.state_get_info_for_testing_only(info);
        self
    }

    /// How long each stage may take.
    #[must_use]
    pub const fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// How old a QR code may be.
    #[must_use]
    pub const fn freshness(mut self, freshness: Freshness) -> Self {
        self.freshness = freshness;
        self
    }

    /// The authenticator.
    ///
    /// # Errors
    /// [`ApiMisuse::Missing`] without an advertiser, a tunnel or its domain.
    pub fn build(self) -> Result<Authenticator, Error> {
        let Self { store, user, advertiser, dialer, domain, profile, deadlines, freshness } = self;
        let missing = |what| Error::new(Stage::Preparing, ApiMisuse::Missing(what));
        let advertiser = advertiser.ok_or_else(|| missing("an advertiser"))?;
        let dialer = dialer.ok_or_else(|| missing("a tunnel"))?;
        let mut config = Config::new(domain.ok_or_else(|| missing("a tunnel domain"))?);
        config.profile = profile;
        config.profile.ability = user.ability();
        config.deadlines = deadlines;
        let accounts = Arc::default();
        let surroundings = Surroundings { accounts, store, user, advertiser, dialer };
        Ok(Authenticator { surroundings, config, freshness })
    }
}

impl Authenticator {
    /// Starts building.
    #[must_use]
    pub fn builder(
        store: impl PasskeyStore + 'static,
        user: impl UserCheck + 'static,
    ) -> AuthenticatorBuilder {
        AuthenticatorBuilder {
            store: Arc::new(store),
            user: Arc::new(user),
            advertiser: None,
            dialer: None,
            domain: None,
            profile: Profile::default(),
            deadlines: Deadlines::default(),
            freshness: Freshness::default(),
        }
    }

    /// Answers a QR code: meets the client that shows it, and serves it until
    /// it leaves.
    ///
    /// The caller vouches that the code was read by a camera, or by an equally
    /// deliberate act of the user: never from a link, web content or another
    /// program (CVE-2024-9956).
    ///
    /// # Errors
    /// [`Fault::StaleQrCode`](fido_hybrid_proto::error::Fault::StaleQrCode);
    /// [`Unsupported`](fido_hybrid_proto::error::Unsupported) if the client cannot be met
    /// at this tunnel service; [`ApiMisuse::NoRuntime`] outside a tokio
    /// runtime.
    pub fn answer(&self, code: QrCode) -> Result<Session, Error> {
        let preparing = |fault: ApiMisuse| Error::new(Stage::Preparing, fault);
        let runtime = Handle::try_current().map_err(|_| preparing(ApiMisuse::NoRuntime))?;
        let today = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.freshness.check(&code, today).map_err(|fault| Error::new(Stage::Preparing, fault))?;
        let keys = Keys::generate(&mut UnwrapErr(SysRng));
        let transaction = Transaction::qr(self.config.clone(), &code, keys, Duration::ZERO)?;
        let (to_caller, updates) = mpsc::channel(UPDATES);
        let (ended, outcome) = oneshot::channel();
        let driver = Driver::new(transaction, self.surroundings.clone(), to_caller);
        let task = Background::spawn(&runtime, async move {
            // The caller may have gone.
            let _gone = ended.send(driver.run().await);
        });
        Ok(Session::new(updates, outcome, task))
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("config", &self.config).finish_non_exhaustive()
    }
}

impl fmt::Debug for AuthenticatorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticatorBuilder").finish_non_exhaustive()
    }
}
