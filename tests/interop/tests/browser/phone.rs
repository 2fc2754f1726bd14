//! Our phone, and the person whose it is.

use std::path::PathBuf;
use std::sync::Arc;

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Account, Attestation, Authenticator, Decision, MemoryStore, PasskeyStore, Prompt, Session,
    UserCheck, Verification,
};
use fido_hybrid::bluetooth::Bluetooth;
use fido_hybrid::protocol::qr_code::QrCode;
use fido_hybrid::protocol::tunnel_domain::TunnelDomain;
use fido_hybrid::tunnel::WebSocketTunnel;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::screen::Screen;

/// What the person does when the phone asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Says yes as soon as the code is off the computer's screen.
    Agree,
    /// The same, with the account of this name.
    Choose(&'static str),
    /// Says no, after reading what the computer's screen says next.
    Decline,
    /// Reads that too, and then the phone is gone.
    Vanish,
    /// Is asked nothing: the phone is gone as soon as the connection is secure.
    Leave,
}

/// A phone with its passkeys.
pub(crate) struct Phone {
    passkeys: MemoryStore,
    attestation: Attestation,
    radio: Bluetooth,
    tunnel: WebSocketTunnel,
}

/// What the phone asked, and when the person answered or it was gone.
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
    pub(crate) screen: Arc<Screen>,
    /// Where the computer's screen is kept as it is when the person answers.
    pub(crate) picture: PathBuf,
    pub(crate) asked: mpsc::UnboundedSender<Asked>,
}

impl Phone {
    pub(crate) fn new(radio: Bluetooth, tunnel: WebSocketTunnel) -> Self {
        let passkeys = MemoryStore::new();
        Self { passkeys, attestation: Attestation::None, radio, tunnel }
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
        let (radio, tunnel) = (self.radio.clone(), self.tunnel.clone());
        Self { passkeys, attestation: self.attestation, radio, tunnel }
    }

    /// How many passkeys it has.
    pub(crate) fn passkeys(&self) -> usize {
        self.passkeys.passkeys().len()
    }

    /// Answers the code that its camera saw.
    pub(crate) fn answer(&self, code: QrCode, person: impl UserCheck + 'static) -> Session {
        let phone = Authenticator::builder(self.passkeys.clone(), person)
            .attestation(self.attestation)
            .advertiser(self.radio.clone())
            .tunnel(self.tunnel.clone())
            .domain(TunnelDomain::GOOGLE)
            .build()
            .unwrap();
        phone.answer(code).unwrap()
    }
}

impl Answer {
    /// What the phone is told, if it lives to hear it.
    fn decision(self, prompt: &Prompt) -> Option<Decision> {
        let account = match self {
            Self::Agree => 0,
            Self::Choose(name) => {
                let named = |account: &Account| account.user.name.as_deref() == Some(name);
                prompt.accounts().iter().position(named).unwrap()
            }
            Self::Decline => return Some(Decision::Declined),
            Self::Vanish | Self::Leave => return None,
        };
        Some(Decision::Approved { verification: Verification::Verified, account })
    }
}

impl UserCheck for Person {
    fn check(&self, prompt: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async move {
            let seen = match self.answer {
                Answer::Agree | Answer::Choose(_) => self.screen.without_code().await,
                Answer::Decline | Answer::Vanish | Answer::Leave => self.screen.at_rest().await,
            };
            seen.save(&self.picture);
            let decision = self.answer.decision(&prompt);
            self.asked.send(Asked::now(Some(prompt))).unwrap();
            match decision {
                Some(decision) => decision,
                None => std::future::pending().await,
            }
        })
    }
}

/// Who looks at no screen.
impl UserCheck for Answer {
    fn check(&self, prompt: Prompt) -> BoxFuture<'_, Decision> {
        let decision = self.decision(&prompt).unwrap();
        Box::pin(std::future::ready(decision))
    }
}
