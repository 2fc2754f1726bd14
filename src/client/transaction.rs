//! The client's side of one transaction, without I/O: CTAP 2.2 section 11.5.
//!
//! A [`Transaction`] takes [`Input`]s with the time at which they happened and
//! gives [`Output`]s. One law, broken only with an
//! [`ApiMisuse`] error:
//!
//! > After each input, take outputs until there is none; then wait for one
//! > more input.
//!
//! ```text
//!  Offering ──advert──▶ Connecting ──opened──▶ Handshaking ──reply──▶ Introducing
//!  Calling ─────advert and opened, in either order────▲                   │
//!                                                                         ▼
//!  Closed ◀──── Lingering ◀───finish─── Ready ◀──response / request──▶ Asking
//! ```
//!
//! Same keys, same inputs, same times: same outputs. Whoever feeds it vouches
//! that an advert was heard by a radio *here and now*: that is what proves the
//! phone is near, and there is no way around it.

use std::collections::VecDeque;
use std::time::Duration;

use rand_core::CryptoRng;

use super::linked::Calling;
use super::state::{End, Offering, Resources, State};
use super::update::Update;
use crate::ctap::{self, Status};
use crate::error::{ApiMisuse, BluetoothFault, Error, Stage, TunnelFault};
use crate::protocol::SecretKey;
use crate::protocol::contact_request::{ClientNonce, ContactHint};
use crate::protocol::linking::Link;
use crate::protocol::qr_code::{QrText, RequestHint};
use crate::protocol::tunnel_domain::TunnelDomain;
use crate::protocol::tunnel_url::TunnelRequest;
use crate::secret::QrSecret;

/// How long each stage may take, counted from its own start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadlines {
    /// From showing the QR code until a phone is heard. None by default: the
    /// code stays on the screen until somebody comes.
    pub offering: Option<Duration>,
    /// Linked transactions: from the call until the phone is heard and the
    /// tunnel is open.
    pub calling: Duration,
    /// DNS, TCP, TLS and upgrade together.
    pub connecting: Duration,
    /// From the first handshake message until its reply.
    pub handshaking: Duration,
    /// From the handshake until the post-handshake message.
    pub introducing: Duration,
    /// From a request to its response, where the request has no timeout of its
    /// own. Long: people unlock the phone, choose, and show their face first.
    pub asking: Duration,
    /// How long a late link is waited for after the client's shutdown.
    pub lingering: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            offering: None,
            calling: Duration::from_secs(60),
            connecting: Duration::from_secs(10),
            handshaking: Duration::from_secs(10),
            introducing: Duration::from_secs(10),
            asking: Duration::from_secs(5 * 60),
            // Chromium's.
            lingering: Duration::from_secs(3 * 60),
        }
    }
}

/// What the caller decides about a transaction.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// What the phone's first screen will be about. Only a hint.
    pub hint: RequestHint,
    /// Whether a link is wanted: the phone may then send one, and the client
    /// waits for it after the last response.
    pub linking: Linking,
    /// How long each stage may take.
    pub deadlines: Deadlines,
}

impl Config {
    /// The defaults for a request of this kind: no linking, as Chromium.
    #[must_use]
    pub fn new(hint: RequestHint) -> Self {
        Self { hint, linking: Linking::NotOffered, deadlines: Deadlines::default() }
    }
}

/// Whether the QR code offers to keep a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linking {
    /// Key 4 of the QR code is `false`; a link that comes anyway is dropped.
    NotOffered,
    /// Key 4 is `true`; a verified link comes out as [`Output::Linked`].
    Offered,
}

/// The secrets of one QR code and its one transaction. Never used twice.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The private key whose public key the QR code holds.
    pub identity: SecretKey,
    /// QR code key 1.
    pub secret: QrSecret,
    /// The client's ephemeral key in the handshake.
    pub ephemeral: SecretKey,
}

impl Keys {
    /// Fresh keys.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self {
            identity: SecretKey::generate(rng),
            secret: QrSecret::generate(rng),
            ephemeral: SecretKey::generate(rng),
        }
    }
}

/// The secrets of one linked transaction. Never used twice.
#[derive(Clone, Debug)]
pub struct LinkedKeys {
    /// Makes the phone's advert unlike any other.
    pub nonce: ClientNonce,
    /// The client's ephemeral key in the handshake.
    pub ephemeral: SecretKey,
}

impl LinkedKeys {
    /// Fresh keys.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self { nonce: ClientNonce::generate(rng), ephemeral: SecretKey::generate(rng) }
    }
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, moved once")]
pub enum Input {
    /// The radio heard service data under FFF9 or FDE2. It is normal that most
    /// of it is not for this transaction.
    ServiceData(Vec<u8>),
    /// The radio cannot go on.
    BluetoothFailed(BluetoothFault),
    /// The tunnel of [`Output::Dial`] is open.
    TunnelOpened {
        /// The tunnel service announced a connect signal.
        connect_signal: bool,
    },
    /// A message came through the tunnel.
    Message(Vec<u8>),
    /// The tunnel was closed in good order.
    TunnelClosed,
    /// The tunnel could not be opened, or broke.
    TunnelFailed(TunnelFault),
    /// The caller asks something of the phone, in stage [`Stage::Ready`].
    Request {
        /// What is asked.
        request: ctap::Request,
        /// How long the response may take, if not [`Deadlines::asking`].
        timeout: Option<Duration>,
    },
    /// The caller has what it wants, in stage [`Stage::Ready`].
    Finish,
    /// The caller wants no more of it, in any stage.
    Cancel,
    /// Time has passed; [`Transaction::deadline`] says when this is due.
    TimePassed,
}

/// What is to be done.
#[derive(Debug)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "there are a handful at a time, moved once")]
pub enum Output {
    /// Open a tunnel.
    Dial(TunnelRequest),
    /// Send a message through the tunnel.
    Send(Vec<u8>),
    /// Stop listening with the radio.
    StopScanning,
    /// Close the tunnel, or stop opening it.
    CloseTunnel,
    /// Tell the person.
    Update(Update),
    /// The phone's response to the last request, checked to answer it; or the
    /// status with which the phone refused.
    Response(Result<ctap::Response, Status>),
    /// A link to keep, its signature verified, and the tunnel service at which
    /// this phone is called. It replaces any with the same identity key.
    Linked {
        /// What to keep.
        link: Link,
        /// Where to call the phone.
        domain: TunnelDomain,
    },
    /// The link of this linked transaction is dead: delete it.
    ForgetLink,
    /// Over. Nothing follows.
    Closed(Result<(), Error>),
}

/// The client's side of one transaction. See the [module](self).
#[derive(Debug)]
pub struct Transaction {
    state: State,
    outputs: VecDeque<Output>,
    deadlines: Deadlines,
    deadline: Option<Duration>,
    now: Duration,
    qr_text: Option<QrText>,
}

impl Transaction {
    /// Starts with a QR code to show.
    ///
    /// `now` is the time since an origin of the caller's choosing, by a clock
    /// that never goes back; `created` goes into the QR code, in seconds since
    /// 1970.
    #[must_use]
    pub fn qr(config: Config, keys: Keys, now: Duration, created: u64) -> Self {
        let (offering, qr_text) = Offering::new(&config, keys, created);
        let mut transaction =
            Self::start(State::Offering(offering), config.deadlines, now, Some(qr_text));
        transaction.outputs.push_back(Output::Update(Update::WaitingForScan));
        transaction
    }

    /// Starts by calling a linked phone: the first output is a dial, and the
    /// radio listens at the same time.
    #[must_use]
    pub fn linked(
        hint: ContactHint,
        deadlines: Deadlines,
        link: &Link,
        domain: TunnelDomain,
        keys: LinkedKeys,
        now: Duration,
    ) -> Self {
        let (calling, request) = Calling::new(hint, link, domain, keys);
        let mut transaction = Self::start(State::Calling(calling), deadlines, now, None);
        transaction.outputs.push_back(Output::Update(Update::Calling));
        transaction.outputs.push_back(Output::Dial(request));
        transaction
    }

    fn start(state: State, deadlines: Deadlines, now: Duration, qr_text: Option<QrText>) -> Self {
        let deadline = state.time_allowed(&deadlines).map(|after| now.saturating_add(after));
        Self { state, outputs: VecDeque::new(), deadlines, deadline, now, qr_text }
    }

    /// What the QR code says, until a phone has been heard: a code that was
    /// used must not stay on the screen.
    #[must_use]
    pub fn qr_text(&self) -> Option<&QrText> {
        self.qr_text.as_ref()
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

    /// Takes one input. Faults of the world and of the phone end the
    /// transaction with [`Output::Closed`]; they are no errors of this call.
    ///
    /// A deadline that has passed by `now` counts before the input. What the
    /// radio and the tunnel still report after the end is ignored.
    ///
    /// # Errors
    /// [`ApiMisuse`] if the law is broken or the input does not belong to the
    /// stage. The transaction is unchanged.
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
        if self.stage() != Stage::Offering {
            self.qr_text = None;
        }
        Ok(())
    }

    fn close(&mut self, stage: Stage, resources: Resources, end: End) {
        self.deadline = None;
        if resources.scanning {
            self.outputs.push_back(Output::StopScanning);
        }
        if resources.tunnel {
            self.outputs.push_back(Output::CloseTunnel);
        }
        self.outputs.push_back(Output::Closed(match end {
            End::Done => Ok(()),
            End::Fault(fault) => Err(Error::new(stage, fault)),
        }));
    }
}
