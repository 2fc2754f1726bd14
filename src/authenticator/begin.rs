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
    AuthenticatorConfig, AuthenticatorDeadlines, CtapEngine, PhoneSecrets, Profile, QrAgeLimit,
    Transaction, link,
};
use fido_hybrid_proto::error::{ApiMisuse, Error, Stage};
use fido_hybrid_proto::transport::{QrCode, TunnelDomain};

/// The parts of an [`Authenticator`] whose requests a CTAP engine answers.
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
/// It answers from a passkey store after it asked a user ([`Authenticator::new`]), or a
/// [`CtapEngine`] answers ([`Authenticator::with_engine`]).
///
/// Of the sessions of one authenticator and its clones, one at a time registers a
/// passkey for an account: another one waits before it asks the user.
/// Authenticators that were made separately do not wait for each other, even with
/// one store. With a [`CtapEngine`], that is up to the engine.
#[derive(Clone)]
pub struct Authenticator {
    answers: Answers,
    ports: Ports,
    domain: TunnelDomain,
    deadlines: AuthenticatorDeadlines,
    qr_age_limit: QrAgeLimit,
}

/// What answers requests.
#[derive(Clone)]
pub(super) enum Answers {
    StoreAndUser(Arc<StoreAndUser>),
    Engine(Arc<dyn CtapEngine>),
}

/// A passkey store and a user check, and what clients are told of them.
pub(super) struct StoreAndUser {
    pub(super) parts: Parts,
    pub(super) profile: Profile,
}

impl Authenticator {
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
        let ports = Ports::new(advertiser, dialer);
        Self::with(Answers::Engine(Arc::new(engine)), ports, domain)
    }

    pub(super) fn with(answers: Answers, ports: Ports, domain: TunnelDomain) -> Self {
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
        let runtime = Handle::try_current()
            .map_err(|_| Error::new(Stage::Preparing, ApiMisuse::NoRuntime))?;
        let today = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let fresh = self.qr_age_limit.check(&code, today);
        fresh.map_err(|kind| Error::new(Stage::Preparing, kind))?;
        match &self.answers {
            Answers::StoreAndUser(answers) => {
                let StoreAndUser { parts, profile } = &**answers;
                let mut config = AuthenticatorConfig::new(self.domain);
                config.profile = profile.clone();
                config.deadlines = self.deadlines;
                let keys = PhoneSecrets::generate(&mut UnwrapErr(SysRng));
                let transaction = Transaction::qr(config, &code, keys, Duration::ZERO)?;
                Ok(self.start(&runtime, Passkeys::new(transaction, parts.clone())))
            }
            Answers::Engine(engine) => {
                let mut config = link::LinkConfig::new(self.domain, engine.get_info());
                config.deadlines = self.deadlines;
                let keys = link::LinkSecrets::generate(&mut UnwrapErr(SysRng));
                let transaction = link::LinkTransaction::qr(config, &code, keys, Duration::ZERO)?;
                Ok(self.start(&runtime, Engine::new(transaction, Arc::clone(engine))))
            }
        }
    }

    fn start(&self, runtime: &Handle, role: impl Role + 'static) -> Session {
        let (progress, Reports { updates, outcome }) = Progress::new();
        let cancel = CancelHandle::default();
        let driver = Driver::new(role, self.ports.clone(), updates, cancel.clone());
        let task = Background::spawn(runtime, async move {
            // The caller may have dropped the session.
            let _dropped = outcome.send(driver.run().await);
        });
        Session::new(progress, cancel, task)
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("domain", &self.domain).finish_non_exhaustive()
    }
}
