//! The authenticator's side of one transaction, without I/O:
//! [CTAP 2.2 §11.5.1].
//!
//! A [`Transaction`] takes [`Input`]s with the time at which they happened and
//! gives [`Output`]s. One law, broken only with an
//! [`ApiMisuse`] error:
//!
//! > After each input, take all outputs; then wait for one more input.
//!
//! ```text
//!  Registering ──opened──▶ Advertising ──handshake──▶ Listening ◀──answered──┐
//!                                                         │                  │
//!  Closed ◀── shutdown, close, cancel, deadline, fault ───┴──request──▶ Prompting
//! ```
//!
//! Same keys, same inputs, same times: same outputs. The caller must ensure
//! that the QR code was read by a camera, or by an equally deliberate act of
//! the user (CVE-2024-9956), and that a [`Decision`](super::Decision) is the
//! user's own.
//!
//! Messages that are no CTAP request that can be served are answered with a
//! CTAP status and cost nothing more; phones in the field close the tunnel instead. What
//! no client does (a second request before the first is answered, an unknown
//! message type, JSON that was not offered) ends the transaction.

use std::time::Duration;

pub use super::config::{AuthenticatorConfig, PhoneSecrets};
use super::engine::{Decision, ExternalKey, KeyHandle, Passkey, Prompt, PromptId};
pub use super::link::AuthenticatorDeadlines;
use super::link::can_meet;
use super::state::State;
use super::update::AuthenticatorUpdate;
use crate::ctap::{CredentialId, UserHandle};
use crate::error::{ApiMisuse, BluetoothError, Error, KeyError, Stage, StoreError, TunnelError};
use crate::ports::bluetooth::AdapterState;
use crate::state_machine::Runner;
use crate::transport::qr_code::QrCode;
use crate::transport::tunnel_url::{RoutingId, TunnelRequest};

/// The authenticator's side of one transaction. See the [module](self).
#[derive(Debug)]
pub struct Transaction(Runner<State>);

impl Transaction {
    /// Starts with a QR code that was read: the first output is a dial.
    ///
    /// `now` is the time since an origin of the caller's choosing, by a clock
    /// that never goes back.
    ///
    /// # Errors
    /// [`Unsupported::TunnelDomain`] if the code's client does not know this
    /// authenticator's tunnel service, [`Unsupported::DataChannel`] if it uses no
    /// tunnel service at all.
    ///
    /// [`Unsupported::TunnelDomain`]: crate::error::Unsupported::TunnelDomain
    /// [`Unsupported::DataChannel`]: crate::error::Unsupported::DataChannel
    pub fn qr(
        config: AuthenticatorConfig,
        code: &QrCode,
        keys: PhoneSecrets,
        now: Duration,
    ) -> Result<Self, Error> {
        can_meet(code, config.domain)?;
        let deadlines = config.deadlines;
        let (state, outputs) = State::new(config, code, keys);
        Ok(Self(Runner::new(state, deadlines, now, outputs)))
    }

    /// Where the transaction is.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.0.stage()
    }

    /// The account for which a passkey is being registered, by RP ID and user
    /// handle: from [`Output::FindPasskeys`] until the answer; `None` otherwise.
    ///
    /// Several transactions may share a store. While one is registering for an
    /// account, the store's answer to another that registers for the same must
    /// wait: its prompt would not say that a passkey is replaced.
    #[must_use]
    pub fn registering(&self) -> Option<(&str, &UserHandle)> {
        self.0.state().registering()
    }

    /// When [`Input::TimePassed`] is due.
    #[must_use]
    pub const fn deadline(&self) -> Option<Duration> {
        self.0.deadline()
    }

    /// The next thing to do, if there is one.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.0.poll_output()
    }

    /// Takes one input. Faults of the world and of the client end the
    /// transaction with [`Output::Closed`]; they are no errors of this call.
    ///
    /// A deadline that has passed by `now` counts before the input, unless that
    /// is the tunnel's end. What radio, tunnel, store and user still report
    /// after the end is ignored.
    ///
    /// # Errors
    /// [`ApiMisuse`] if the law is broken or the input does not belong to the
    /// stage, such as a decision on a prompt that is not shown. The transaction
    /// is unchanged.
    pub fn handle(&mut self, now: Duration, input: Input) -> Result<(), ApiMisuse> {
        self.0.handle(now, input)
    }
}

/// An event that the transaction takes.
#[derive(Debug)]
pub enum Input {
    /// The tunnel of [`Output::Dial`] is open.
    TunnelOpened {
        /// Routing id sent by the tunnel service. `None` ends the transaction
        /// with an error.
        routing_id: Option<RoutingId>,
    },
    /// A message came through the tunnel.
    Message(Vec<u8>),
    /// The tunnel was closed in good order.
    TunnelClosed,
    /// The tunnel could not be opened, or broke.
    TunnelFailed(TunnelError),
    /// Sending an [`Output::Send`] message failed. The tunnel cannot be used any
    /// more.
    SendFailed(TunnelError),
    /// The radio changed, or cannot be used yet: it advertises while it is on.
    Adapter(AdapterState),
    /// Advertising could not start, or stopped.
    AdvertisingFailed(BluetoothError),
    /// The store's answer to [`Output::FindPasskeys`].
    PasskeysFound(Result<Vec<Passkey>, StoreError>),
    /// The store's answer to [`Output::SavePasskey`].
    Saved(Result<(), StoreError>),
    /// The store's answer to [`Output::CountUse`]: the passkey's counter with
    /// this use.
    UseCounted(Result<u32, StoreError>),
    /// The key store's answer to [`Output::CreateKey`].
    KeyCreated(Result<ExternalKey, KeyError>),
    /// The key store's answer to [`Output::Sign`]: an ECDSA signature in ASN.1 DER.
    Signed(Result<Vec<u8>, KeyError>),
    /// The user's answer to [`Output::Prompt`].
    Decided {
        /// Which prompt.
        prompt: PromptId,
        /// What the user said.
        decision: Decision,
    },
    /// The program or its user wants no more of it, in any stage.
    Cancel,
    /// Time has passed; [`Transaction::deadline`]
    /// says when this is due.
    TimePassed,
}

/// An action for the driver.
#[derive(Debug)]
pub enum Output {
    /// Open a tunnel.
    Dial(TunnelRequest),
    /// Advertise this service data under the FIDO service.
    Advertise(Vec<u8>),
    /// Take the advert off the air.
    StopAdvertising,
    /// Send a message through the tunnel. Several in a row go into one write.
    Send(Vec<u8>),
    /// Ask the store for the passkeys of an RP ID; with `ids`, for those among
    /// them. See [`Transaction::registering`]
    /// where several transactions share a store.
    FindPasskeys {
        /// The RP ID.
        rp_id: String,
        /// The ids that are allowed. `None`: all.
        ids: Option<Vec<CredentialId>>,
    },
    /// Ask the user.
    Prompt(Prompt),
    /// Take the prompt off the screen: a decision is not needed any more.
    DismissPrompt,
    /// Keep a new passkey, in place of any of the same account.
    SavePasskey(Passkey),
    /// Count a use of a passkey; it signs only then.
    CountUse {
        /// The passkey's RP ID.
        rp_id: String,
        /// Which passkey.
        id: CredentialId,
    },
    /// Have the key store make a key for a new passkey. Only with
    /// [`NewKeys::External`](super::NewKeys::External).
    CreateKey {
        /// The relying party, for prompts.
        rp_id: String,
    },
    /// Have the key store sign. Only for passkeys with a
    /// [`PrivateKey::External`](super::PrivateKey::External).
    Sign {
        /// The relying party, for prompts.
        rp_id: String,
        /// Which key.
        key: KeyHandle,
        /// What to sign, with ECDSA over its SHA-256 hash.
        message: Vec<u8>,
    },
    /// Cancel what the key store was asked: its answer is not needed any more. A key
    /// that it makes nevertheless must be deleted.
    CancelKeyOperation,
    /// Have the key store delete a key that no passkey has. There is no answer.
    DeleteKey(KeyHandle),
    /// Close the tunnel, or stop opening it.
    CloseTunnel,
    /// Tell the person.
    Update(AuthenticatorUpdate),
    /// Over. Nothing follows.
    Closed(Result<(), Error>),
}
