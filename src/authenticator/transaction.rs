//! The authenticator's side of one transaction, without I/O: CTAP 2.2 section
//! 11.5.1.
//!
//! A [`Transaction`] takes [`Input`]s with the time at which they happened and
//! gives [`Output`]s. One law, broken only with an
//! [`ApiMisuse`] error:
//!
//! > After each input, take outputs until there is none; then wait for one
//! > more input.
//!
//! ```text
//!  Registering ──opened──▶ Advertising ──handshake──▶ Listening ◀──answered──┐
//!                                                         │                  │
//!  Closed ◀── shutdown, close, cancel, deadline, fault ───┴──request──▶ Prompting
//! ```
//!
//! Same keys, same inputs, same times: same outputs. Whoever feeds it vouches
//! that the QR code was read by a camera, or by an equally deliberate act of
//! the user (CVE-2024-9956), and that a [`Decision`] is the user's own.
//!
//! Messages that are no CTAP request that can be served are answered with a
//! CTAP status and cost nothing more; phones in the field hang up instead. What
//! no client does (a second request before the first is answered, an unknown
//! message type, JSON that was not offered) ends the transaction.

use std::collections::VecDeque;
use std::time::Duration;

use rand_core::CryptoRng;

use super::passkey::Passkey;
use super::profile::Profile;
use super::state::{End, Registering, Resources, State};
use super::update::Update;
use super::user_check::{Decision, Prompt, PromptId};
use crate::ctap::CredentialId;
use crate::error::{
    ApiMisuse, BluetoothFault, Error, Fault, PeerMisbehaved, Stage, StoreFault, TunnelFault,
    Unsupported,
};
use crate::protocol::SecretKey;
use crate::protocol::qr_code::QrCode;
use crate::protocol::tunnel_domain::TunnelDomain;
use crate::protocol::tunnel_url::{RoutingId, TunnelRequest};
use crate::secret::{AdvertNonce, TransactionSeed};

/// How long each stage may take, counted from its own start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadlines {
    /// DNS, TCP, TLS and upgrade together.
    pub registering: Duration,
    /// From the advert until the client's handshake message, which comes at
    /// once when the client has heard the advert. Short: as long as it is on
    /// the air it can be relayed.
    pub advertising: Duration,
    /// From the handshake, or an answer, until the next request or the end.
    pub listening: Duration,
    /// From a request to its answer: people unlock the phone, choose, and show
    /// their face first.
    pub prompting: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            registering: Duration::from_secs(10),
            advertising: Duration::from_secs(60),
            listening: Duration::from_secs(3 * 60),
            prompting: Duration::from_secs(5 * 60),
        }
    }
}

/// What the program decides about a transaction.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The tunnel service at which this authenticator meets clients.
    pub domain: TunnelDomain,
    /// What the authenticator is.
    pub profile: Profile,
    /// How long each stage may take.
    pub deadlines: Deadlines,
}

impl Config {
    /// The defaults, at this tunnel service. There is no default service: the
    /// assigned ones are Google's and Apple's, for their own phones.
    #[must_use]
    pub fn new(domain: TunnelDomain) -> Self {
        Self { domain, profile: Profile::default(), deadlines: Deadlines::default() }
    }
}

/// The secrets of one transaction. Never used twice.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Makes the advert unlike any other.
    pub nonce: AdvertNonce,
    /// The authenticator's ephemeral key in the handshake.
    pub ephemeral: SecretKey,
    /// What new passkeys are derived from.
    pub seed: TransactionSeed,
}

impl Keys {
    /// Fresh keys.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self {
            nonce: AdvertNonce::generate(rng),
            ephemeral: SecretKey::generate(rng),
            seed: TransactionSeed::generate(rng),
        }
    }
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input {
    /// The tunnel of [`Output::Dial`] is open.
    TunnelOpened {
        /// Where the service says the client will connect; a service that does
        /// not say is none.
        routing_id: Option<RoutingId>,
    },
    /// A message came through the tunnel.
    Message(Vec<u8>),
    /// The tunnel was closed in good order.
    TunnelClosed,
    /// The tunnel could not be opened, or broke.
    TunnelFailed(TunnelFault),
    /// A message of [`Output::Send`] did not get into the tunnel, which is of
    /// no use any more.
    SendFailed(TunnelFault),
    /// The advert cannot go on the air, or not stay there.
    AdvertisingFailed(BluetoothFault),
    /// The store's answer to [`Output::FindPasskeys`].
    PasskeysFound(Result<Vec<Passkey>, StoreFault>),
    /// The store's answer to [`Output::SavePasskey`].
    Saved(Result<(), StoreFault>),
    /// The store's answer to [`Output::CountUse`]: the passkey's counter with
    /// this use.
    UseCounted(Result<u32, StoreFault>),
    /// The user's answer to [`Output::Prompt`].
    Decided {
        /// Which prompt.
        prompt: PromptId,
        /// What the user said.
        decision: Decision,
    },
    /// The program or its user wants no more of it, in any stage.
    Cancel,
    /// Time has passed; [`Transaction::deadline`] says when this is due.
    TimePassed,
}

/// What is to be done.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// Open a tunnel.
    Dial(TunnelRequest),
    /// Advertise this service data under the FIDO service.
    Advertise(Vec<u8>),
    /// Take the advert off the air.
    StopAdvertising,
    /// Send a message through the tunnel. Several in a row go into one write.
    Send(Vec<u8>),
    /// Ask the store for the passkeys of a site; with `ids`, for those among
    /// them.
    FindPasskeys {
        /// The site.
        rp_id: String,
        /// Which would do, if not all.
        ids: Option<Vec<CredentialId>>,
    },
    /// Ask the user.
    Prompt(Prompt),
    /// Take the prompt off the screen: its decision is of no use any more.
    DismissPrompt,
    /// Keep a new passkey, in place of any of the same account.
    SavePasskey(Passkey),
    /// Count a use of a passkey; it signs only then.
    CountUse {
        /// The passkey's site.
        rp_id: String,
        /// Which passkey.
        id: CredentialId,
    },
    /// Close the tunnel, or stop opening it.
    CloseTunnel,
    /// Tell the person.
    Update(Update),
    /// Over. Nothing follows.
    Closed(Result<(), Error>),
}

/// The authenticator's side of one transaction. See the [module](self).
#[derive(Debug)]
pub struct Transaction {
    state: State,
    outputs: VecDeque<Output>,
    deadlines: Deadlines,
    deadline: Option<Duration>,
    now: Duration,
}

impl Transaction {
    /// Starts with a QR code that was read: the first output is a dial.
    ///
    /// `now` is the time since an origin of the caller's choosing, by a clock
    /// that never goes back.
    ///
    /// # Errors
    /// [`Unsupported::TunnelDomain`] if the code's client does not know this
    /// authenticator's tunnel service, [`Unsupported::DataChannel`] if it uses
    /// none at all.
    pub fn qr(config: Config, code: &QrCode, keys: Keys, now: Duration) -> Result<Self, Error> {
        let Config { domain, profile, deadlines } = config;
        let unsupported = |what: Unsupported| Err(Error::new(Stage::Preparing, what));
        if !code.channels.has_web_socket() {
            return unsupported(Unsupported::DataChannel);
        }
        if !code.knows(domain) {
            return unsupported(Unsupported::TunnelDomain);
        }
        let (registering, request) = Registering::new(domain, profile, code, keys);
        let state = State::Registering(registering);
        let deadline = state.time_allowed(&deadlines).map(|after| now.saturating_add(after));
        let outputs = VecDeque::from([Output::Update(Update::Registering), Output::Dial(request)]);
        Ok(Self { state, outputs, deadlines, deadline, now })
    }

    /// Where the transaction is.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.state.stage()
    }

    /// When [`Input::TimePassed`] is due.
    #[must_use]
    pub const fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// The next thing to do, if there is one.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
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
        if !self.outputs.is_empty() {
            return Err(ApiMisuse::OutputsPending);
        }
        if now < self.now {
            return Err(ApiMisuse::TimeWentBackwards);
        }
        self.state.accepts(&input)?;
        self.now = now;
        let stage = self.stage();
        let resources = self.state.resources(&input);
        let state = std::mem::replace(&mut self.state, State::Closed);
        let expired = self.deadline.is_some_and(|deadline| deadline <= now);
        let step = match input {
            input @ (Input::TunnelClosed | Input::TunnelFailed(_) | Input::SendFailed(_)) => {
                state.handle(input, &mut self.outputs)
            }
            _ if expired => state.expire(&mut self.outputs),
            Input::Cancel => state.cancel(&mut self.outputs),
            input => state.handle(input, &mut self.outputs),
        };
        match step {
            Ok(next) => {
                self.state = next;
                if self.stage() != stage {
                    let after = self.state.time_allowed(&self.deadlines);
                    self.deadline = after.map(|after| now.saturating_add(after));
                }
            }
            Err(end) => self.close(stage, resources, end),
        }
        Ok(())
    }

    fn close(&mut self, stage: Stage, resources: Resources, end: End) {
        self.deadline = None;
        if resources.advert {
            self.outputs.push_back(Output::StopAdvertising);
        }
        if resources.prompt {
            self.outputs.push_back(Output::DismissPrompt);
        }
        if resources.tunnel {
            self.outputs.push_back(Output::CloseTunnel);
        }
        self.outputs.push_back(Output::Closed(match end {
            End::Done => Ok(()),
            // The stage between advertising and listening takes one input.
            End::Fault(fault @ Fault::PeerMisbehaved(PeerMisbehaved::Handshake(_))) => {
                Err(Error::new(Stage::Handshaking, fault))
            }
            End::Fault(fault) => Err(Error::new(stage, fault)),
        }));
    }
}
