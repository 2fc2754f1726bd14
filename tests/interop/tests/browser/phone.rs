//! Our phone, and the person whose it is.

use std::path::PathBuf;
use std::sync::Arc;

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Account, Attestation, Authenticator, AuthenticatorParts, Decision, EngineParts, MemoryStore,
    Passkey, PasskeyStore, Profile, Prompt, UserCheck, UserVerification,
};
use fido_hybrid::bluetooth::Bluetooth;
use fido_hybrid::ctap::{CredentialId, GetInfoResponse};
use fido_hybrid::error::StoreError;
use fido_hybrid::transport::TunnelDomain;
use fido_hybrid::tunnel::WebSocketDialer;
use fido_hybrid_interop::{EngineStore, PasskeyEngine, User};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::screen::Screen;
use crate::scripted_engine::{Script, ScriptedEngine};

/// What the person does when the phone asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Says yes as soon as the code is off the computer's screen.
    Agree,
    /// The same, with the account of this name.
    Choose(&'static str),
    /// Declines, after reading what the computer's screen says next.
    Decline,
    /// Reads that too, and then does not answer in time.
    TimeOut,
    /// Cannot be asked: the phone has no screen.
    NoUi,
    /// Reads that too, and then the phone is switched off.
    PowerOff,
    /// Is asked nothing: the phone is switched off as soon as the connection is secure.
    PowerOffEarly,
}

/// A phone with its passkeys.
pub(crate) struct Phone {
    passkeys: MemoryStore,
    /// Passkeys of passkey-authenticator, if that is the phone's engine.
    engine: Option<EngineStore>,
    /// What that engine is made to answer beside.
    script: Script,
    error: Option<StoreError>,
    attestation: Attestation,
    pub(crate) capability: UserVerification,
    get_info: GetInfoResponse,
    radio: Bluetooth,
    tunnel: WebSocketDialer,
}

/// What the phone asked, and when the person answered or it was switched off.
pub(crate) struct Asked {
    pub(crate) prompt: Option<Prompt>,
    pub(crate) answered: Instant,
}

impl Asked {
    pub(crate) fn now(prompt: Option<Prompt>) -> Self {
        Self { prompt, answered: Instant::now() }
    }
}

/// Who sees the phone's prompt and the computer's screen.
pub(crate) struct Person {
    pub(crate) answer: Answer,
    pub(crate) capability: UserVerification,
    pub(crate) screen: Arc<Screen>,
    /// Where the computer's screen is kept as it is when the person answers.
    pub(crate) picture: PathBuf,
    pub(crate) asked: mpsc::UnboundedSender<Asked>,
}

impl Phone {
    pub(crate) fn new(radio: Bluetooth, tunnel: WebSocketDialer) -> Self {
        let (passkeys, attestation) = (MemoryStore::new(), Attestation::None);
        let profile = Profile::default();
        let (capability, get_info) = (profile.capability, profile.get_info());
        let (engine, script, error) = (None, Script::default(), None);
        Self { passkeys, engine, script, error, attestation, capability, get_info, radio, tunnel }
    }

    /// Puts passkey-authenticator behind the phone's link, without passkeys.
    pub(crate) fn use_passkey_authenticator(&mut self) {
        self.engine = Some(EngineStore::default());
    }

    /// The same, with an engine that is made to answer more. Its passkeys stay.
    pub(crate) fn use_script(&mut self, script: Script) {
        self.engine.get_or_insert_default();
        self.script = script;
    }

    /// Takes its finger sensor away.
    pub(crate) fn cannot_verify(&mut self) {
        self.capability = UserVerification::Present;
        let mut profile = Profile::default();
        profile.capability = self.capability;
        self.get_info = profile.get_info();
    }

    /// Has it say something else of itself than what it can do.
    pub(crate) fn state(&mut self, change: impl FnOnce(&mut GetInfoResponse)) {
        change(&mut self.get_info);
    }

    /// Has its store fail when a passkey is to be kept.
    pub(crate) fn keep_nothing(&mut self, error: StoreError) {
        self.error = Some(error);
    }

    /// Has it attest its passkeys.
    pub(crate) fn attest(&mut self) {
        self.attestation = Attestation::Packed;
    }

    /// Another one with the same passkeys: what either does to them does not
    /// show at the other.
    pub(crate) async fn twin(&self) -> Self {
        let passkeys = MemoryStore::new();
        for passkey in self.passkeys.passkeys() {
            passkeys.insert(passkey).await.unwrap();
        }
        let Self {
            engine, script, error, attestation, capability, get_info, radio, tunnel, ..
        } = self;
        Self {
            passkeys,
            engine: engine.as_ref().map(EngineStore::copy),
            script: script.clone(),
            error: error.clone(),
            attestation: *attestation,
            capability: *capability,
            get_info: get_info.clone(),
            radio: radio.clone(),
            tunnel: tunnel.clone(),
        }
    }

    /// How many passkeys it has.
    pub(crate) fn passkeys(&self) -> usize {
        self.engine.as_ref().map_or_else(|| self.passkeys.passkeys().len(), EngineStore::count)
    }

    /// Answers the codes that its camera sees.
    pub(crate) async fn authenticator(
        &self,
        person: impl UserCheck + User + 'static,
    ) -> Authenticator {
        let (advertiser, dialer) = (self.radio.clone(), self.tunnel.clone());
        let domain = TunnelDomain::GOOGLE;
        match &self.engine {
            Some(passkeys) => {
                let engine = PasskeyEngine::new(passkeys.clone(), person).await;
                let engine = ScriptedEngine { engine, script: self.script.clone() };
                Authenticator::with_engine(EngineParts { engine, advertiser, dialer, domain })
            }
            None => {
                let store = Store { passkeys: self.passkeys.clone(), error: self.error.clone() };
                let parts = AuthenticatorParts { store, user: person, advertiser, dialer, domain };
                Authenticator::builder(parts)
                    .attestation(self.attestation)
                    .get_info_for_testing_only(self.get_info.clone())
                    .build()
            }
        }
    }
}

impl Answer {
    /// What the phone is told, if it lives to receive it.
    fn decision(self, prompt: &Prompt) -> Option<Decision> {
        let account = match self {
            Self::Agree => 0,
            Self::Choose(name) => {
                let named = |account: &Account| account.user.name.as_deref() == Some(name);
                prompt.accounts().iter().position(named).unwrap()
            }
            Self::Decline => return Some(Decision::Declined),
            Self::TimeOut => return Some(Decision::TimedOut),
            Self::NoUi => return Some(Decision::NoUi),
            Self::PowerOff | Self::PowerOffEarly => return None,
        };
        Some(Decision::Approved { verification: prompt.demanded, account })
    }

    /// The same for an engine whose question has no accounts.
    fn is_yes(self) -> bool {
        match self {
            Self::Agree => true,
            Self::Decline => false,
            other => panic!("passkey-authenticator cannot be told: {other:?}"),
        }
    }
}

impl Person {
    /// Keeps what the computer's screen says before the person answers.
    async fn looks_at_the_screen(&self) {
        let seen = match self.answer {
            Answer::Agree | Answer::Choose(_) => self.screen.without_code().await,
            _ => self.screen.at_rest().await,
        };
        seen.save(&self.picture);
    }
}

impl UserCheck for Person {
    fn check(&self, prompt: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async move {
            self.looks_at_the_screen().await;
            let decision = self.answer.decision(&prompt);
            self.asked.send(Asked::now(Some(prompt))).unwrap();
            match decision {
                Some(decision) => decision,
                None => std::future::pending().await,
            }
        })
    }

    fn capability(&self) -> UserVerification {
        self.capability
    }
}

/// The same person, asked by passkey-authenticator, which has no [`Prompt`].
impl User for Person {
    fn agrees(&self) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            self.looks_at_the_screen().await;
            let agrees = self.answer.is_yes();
            self.asked.send(Asked::now(None)).unwrap();
            agrees
        })
    }
}

/// A store in memory that may fail.
struct Store {
    passkeys: MemoryStore,
    error: Option<StoreError>,
}

impl PasskeyStore for Store {
    fn candidates<'a>(
        &'a self,
        rp_id: &'a str,
        ids: Option<&'a [CredentialId]>,
    ) -> BoxFuture<'a, Result<Vec<Passkey>, StoreError>> {
        self.passkeys.candidates(rp_id, ids)
    }

    fn insert(&self, passkey: Passkey) -> BoxFuture<'_, Result<(), StoreError>> {
        match self.error.clone() {
            Some(error) => Box::pin(std::future::ready(Err(error))),
            None => self.passkeys.insert(passkey),
        }
    }

    fn count_use<'a>(
        &'a self,
        rp_id: &'a str,
        id: &'a CredentialId,
    ) -> BoxFuture<'a, Result<u32, StoreError>> {
        self.passkeys.count_use(rp_id, id)
    }
}

/// Who looks at no screen.
impl UserCheck for Answer {
    fn check(&self, prompt: Prompt) -> BoxFuture<'_, Decision> {
        let decision = self.decision(&prompt).unwrap();
        Box::pin(std::future::ready(decision))
    }
}

impl User for Answer {
    fn agrees(&self) -> BoxFuture<'_, bool> {
        Box::pin(std::future::ready(self.is_yes()))
    }
}
