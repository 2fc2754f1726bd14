//! The authenticator: answers one QR code from a list of passkeys.

// An output that a wildcard drops is a ceremony that hangs.
#![deny(clippy::wildcard_enum_match_arm)]

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::mpsc::SyncSender;

use fido_hybrid_proto::authenticator::{
    AuthenticatorConfig, AuthenticatorUpdate, Decision, Input, Output, Passkey, PhoneSecrets,
    Prompt, PromptId, QrAgeLimit, Transaction,
};
use fido_hybrid_proto::ctap::CredentialId;
use fido_hybrid_proto::error::{Error, KeyError, Stage, StoreError};
use fido_hybrid_proto::transport::QrCode;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

use crate::inputs::{Inputs, unix_time};
use crate::radio::Air;
use crate::tunnel::{Event, Tunnel};

/// An authenticator that has read a QR code.
pub struct Phone {
    transaction: Transaction,
    inputs: Inputs<Input>,
}

/// What the user interface does.
#[derive(Debug)]
pub enum Screen {
    /// Ask the user, and give the answer to [`Remote::decide`].
    Prompt(Prompt),
    /// Take the prompt off the screen.
    Dismiss,
    /// Tell the user.
    Update(AuthenticatorUpdate),
}

/// The user interface's end of a running transaction, for any thread.
#[derive(Clone, Debug)]
pub struct Remote(SyncSender<Input>);

impl Remote {
    /// The user's answer to [`Screen::Prompt`]. An answer to a prompt that is not shown
    /// any more is ignored.
    pub fn decide(&self, prompt: PromptId, decision: Decision) {
        // An error means that the transaction is over, here and below.
        let _over = self.0.send(Input::Decided { prompt, decision });
    }

    /// Ends the transaction.
    pub fn cancel(&self) {
        let _over = self.0.send(Input::Cancel);
    }
}

impl Phone {
    /// Takes a QR code that the user scanned on purpose. The deadlines start now.
    ///
    /// # Errors
    /// If the code is old, or its client and this authenticator cannot meet.
    ///
    /// # Panics
    /// If the system has no random numbers.
    pub fn new(config: AuthenticatorConfig, code: &QrCode) -> Result<Self, Error> {
        let fresh = QrAgeLimit::default().check(code, unix_time());
        fresh.map_err(|error| Error::new(Stage::Preparing, error))?;
        let keys = PhoneSecrets::generate(&mut UnwrapErr(SysRng));
        let inputs = Inputs::new();
        let transaction = Transaction::qr(config, code, keys, inputs.now())?;
        Ok(Self { transaction, inputs })
    }

    /// A way to answer prompts and to cancel.
    #[must_use]
    pub fn remote(&self) -> Remote {
        Remote(self.inputs.sender())
    }

    /// Runs the transaction. `show` must not block: it hands prompts to the user interface.
    ///
    /// The passkeys are borrowed for the whole transaction, so that another one cannot
    /// register for the same account meanwhile ([`Transaction::registering`]).
    ///
    /// # Errors
    /// Why no request was answered.
    pub fn run(
        self,
        passkeys: &mut Vec<Passkey>,
        air: &Air,
        service: SocketAddr,
        mut show: impl FnMut(Screen),
    ) -> Result<(), Error> {
        let Self { mut transaction, inputs } = self;
        let mut advert = None;
        let mut tunnel = None::<Tunnel>;
        let mut shown = None;
        // What this thread answers itself: a transaction takes no input before its outputs
        // are taken.
        let mut answers = VecDeque::new();
        loop {
            while let Some(output) = transaction.poll_output() {
                match output {
                    Output::Dial(request) => {
                        tunnel = Some(Tunnel::dial(service, request, inputs.sender()));
                    }
                    Output::Advertise(service_data) => advert = Some(air.advertise(service_data)),
                    Output::StopAdvertising => advert = None,
                    Output::Send(message) => {
                        if let Some(tunnel) = &mut tunnel {
                            tunnel.queue(message);
                        }
                    }
                    Output::FindPasskeys { rp_id, ids } => {
                        let found = find(passkeys, &rp_id, ids.as_deref());
                        answers.push_back(Input::PasskeysFound(Ok(found)));
                    }
                    Output::SavePasskey(passkey) => {
                        save(passkeys, passkey);
                        answers.push_back(Input::Saved(Ok(())));
                    }
                    Output::CountUse { rp_id, id } => {
                        answers.push_back(Input::UseCounted(count_use(passkeys, &rp_id, &id)));
                    }
                    // This program has no key store: its passkeys have their keys.
                    Output::CreateKey { .. } => {
                        answers.push_back(Input::KeyCreated(Err(no_key_store())));
                    }
                    Output::Sign { .. } => answers.push_back(Input::Signed(Err(no_key_store()))),
                    Output::CancelKeyOperation | Output::DeleteKey(_) => {}
                    Output::Prompt(prompt) => {
                        shown = Some(prompt.id);
                        show(Screen::Prompt(prompt));
                    }
                    Output::DismissPrompt => {
                        shown = None;
                        show(Screen::Dismiss);
                    }
                    Output::CloseTunnel => {
                        if let Some(tunnel) = tunnel.take() {
                            tunnel.close();
                        }
                    }
                    Output::Update(update) => show(Screen::Update(update)),
                    Output::Closed(end) => {
                        drop(advert);
                        return end;
                    }
                }
            }
            if let Some(Err(error)) = tunnel.as_mut().map(Tunnel::flush) {
                answers.push_front(Input::SendFailed(error));
            }
            let input = match answers.pop_front() {
                Some(answer) => answer,
                None => inputs.next(transaction.deadline(), Input::TimePassed),
            };
            if let Input::Decided { prompt, .. } = &input {
                // The user may answer just when the prompt is dismissed, or twice.
                if shown.take_if(|shown| shown == prompt).is_none() {
                    continue;
                }
            }
            let stage = transaction.stage();
            let handled = transaction.handle(inputs.now(), input);
            handled.map_err(|misuse| Error::new(stage, misuse))?;
        }
    }
}

/// The passkeys of a relying party, the latest first; with `ids`, only those among them.
fn find(passkeys: &[Passkey], rp_id: &str, ids: Option<&[CredentialId]>) -> Vec<Passkey> {
    let found = passkeys.iter().rev();
    found.filter(|passkey| passkey.matches(rp_id, ids)).cloned().collect()
}

fn no_key_store() -> KeyError {
    KeyError::failed("there is no key store")
}

/// Keeps a passkey in place of any of the same account.
fn save(passkeys: &mut Vec<Passkey>, new: Passkey) {
    passkeys.retain(|kept| (&kept.rp_id, &kept.user.id) != (&new.rp_id, &new.user.id));
    passkeys.push(new);
}

fn count_use(passkeys: &mut [Passkey], rp_id: &str, id: &CredentialId) -> Result<u32, StoreError> {
    let passkey = passkeys.iter_mut().find(|passkey| passkey.rp_id == rp_id && passkey.id == *id);
    let missing = || StoreError::failed("there is no such passkey");
    passkey.map(Passkey::count_use).ok_or_else(missing)
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Phone").field("transaction", &self.transaction).finish_non_exhaustive()
    }
}

impl From<Event> for Input {
    fn from(event: Event) -> Self {
        match event {
            Event::Opened { routing_id, .. } => Self::TunnelOpened { routing_id },
            Event::Message(message) => Self::Message(message),
            Event::Closed => Self::TunnelClosed,
            Event::Failed(error) => Self::TunnelFailed(error),
        }
    }
}
