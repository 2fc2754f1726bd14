//! Both transactions, the air and a tunnel between them, on a clock moved by
//! hand.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use super::air::MIN_INTERVAL;
use super::{RadioConditions, SeededRng};
use fido_hybrid_proto::authenticator::{
    self, Decision, ExternalKey, KeyHandle, Passkey, Prompt, UserVerification,
};
use fido_hybrid_proto::client::{self, PhoneRequest};
use fido_hybrid_proto::crypto::{SecretKey, sha256};
use fido_hybrid_proto::ctap::{self, CredentialId, Status};
use fido_hybrid_proto::error::{Error, KeyError, Stage, TunnelError};
use fido_hybrid_proto::ports::bluetooth::{AdvertReport, SERVICE_UUID};
use fido_hybrid_proto::transport::{QrCode, RoutingId, TunnelDomain};

/// A side of a [`Pair`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The client.
    Client,
    /// The authenticator.
    Phone,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Phone,
            Self::Phone => Self::Client,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Phone => "phone",
        })
    }
}

/// How a [`Pair`] is set up. The fields are there to be changed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Setup {
    /// Decides everything that is random.
    pub seed: u64,
    /// The air.
    pub conditions: RadioConditions,
    /// How long the tunnel takes for a message, or to open.
    pub latency: Duration,
    /// How long the user looks at a prompt.
    pub reaction: Duration,
    /// The client's side.
    pub client: client::ClientConfig,
    /// The authenticator's side.
    pub phone: authenticator::AuthenticatorConfig,
    /// The client's requests, one after another; then it finishes.
    pub requests: Vec<ctap::CtapRequest>,
    /// The passkeys in the phone's store.
    pub passkeys: Vec<Passkey>,
}

impl Setup {
    /// A setup in which everything goes well: clear air, a tunnel of 20 ms, and
    /// a user who agrees after a second.
    #[must_use]
    pub fn new(seed: u64, requests: Vec<ctap::CtapRequest>) -> Self {
        use fido_hybrid_proto::transport::RequestHint;
        Self {
            seed,
            conditions: RadioConditions::default(),
            latency: Duration::from_millis(20),
            reaction: Duration::from_secs(1),
            client: client::ClientConfig::new(RequestHint::GetAssertion),
            phone: authenticator::AuthenticatorConfig::new(TunnelDomain::GOOGLE),
            requests,
            passkeys: Vec::new(),
        }
    }
}

/// A user's decision on a prompt. `None`: the user does not answer.
pub type SimulatedUser = Box<dyn FnMut(&Prompt) -> Option<Decision>>;

/// Replaces a message from one side by those that the tunnel delivers: none, the same,
/// or those of a hostile service.
pub type Tamper = Box<dyn FnMut(Side, Vec<u8>) -> Vec<Vec<u8>>>;

/// How much longer than [`Setup::latency`] the next message from one side is on
/// its way. With unequal delays messages overtake each other, as no honest
/// tunnel lets them.
pub type Delay = Box<dyn FnMut(Side) -> Duration>;

/// An event that an observer of a [`Pair`] sees.
#[derive(Clone, Copy, Debug)]
pub enum Observation<'a> {
    /// The client is about to be given this.
    ToClient(&'a client::Input),
    /// The client wants this done.
    ByClient(&'a client::Output),
    /// The authenticator is about to be given this.
    ToPhone(&'a authenticator::Input),
    /// The authenticator wants this done.
    ByPhone(&'a authenticator::Output),
}

/// Sees every input and every output, in the order in which they come.
pub type Observer = Box<dyn FnMut(Observation<'_>)>;

/// A client and an authenticator, and the world between them.
///
/// Nothing happens by itself: [`step`](Self::step) brings the next thing that
/// is due and moves the clock to it.
pub struct Pair {
    /// The client's transaction.
    pub client: client::Transaction,
    /// The authenticator's.
    pub phone: authenticator::Transaction,
    /// While set, the client's caller sends no request and does not finish: the
    /// phone waits for a request.
    pub is_paused: bool,
    /// The simulated user. By default a verified user who approves with the first
    /// account.
    pub user: SimulatedUser,
    /// Changes messages in the tunnel. By default it delivers them unchanged.
    pub tamper: Tamper,
    /// How the tunnel holds messages up. By default it does not.
    pub delay: Delay,
    /// The records of an observer. By default none.
    pub watch: Observer,
    /// The passkeys in the phone's store.
    pub passkeys: Vec<Passkey>,
    /// The keys in the phone's key store.
    pub keys: BTreeMap<KeyHandle, SecretKey>,
    /// The phone's responses.
    pub responses: Vec<Result<ctap::CtapResponse, Status>>,
    conditions: RadioConditions,
    latency: Duration,
    reaction: Duration,
    requests: VecDeque<PhoneRequest>,
    rng: SeededRng,
    now: Duration,
    due: BTreeMap<(Duration, u64), Scheduled>,
    numbers: u64,
    advert: Option<Vec<u8>>,
    scanning: bool,
    tunnel: BTreeMap<Side, End>,
    results: BTreeMap<Side, Result<(), Error>>,
    transcript: Vec<String>,
}

/// One side's end of the tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    Closed,
}

/// An event that is on its way.
enum Scheduled {
    Client(client::Input),
    Phone(authenticator::Input),
    Transmission,
}

impl Pair {
    /// The client shows its code, the phone has read it, and nothing more has
    /// happened.
    ///
    /// # Errors
    /// A request that phones do not take; whatever
    /// [`authenticator::Transaction::qr`] says of this setup.
    pub fn new(setup: Setup) -> Result<Self, Error> {
        let rng = SeededRng::new(setup.seed);
        let requests: Result<VecDeque<_>, _> =
            setup.requests.into_iter().map(PhoneRequest::try_from).collect();
        let requests = requests.map_err(|error| Error::new(Stage::Preparing, error))?;
        let keys = client::QrSecrets::generate(&mut rng.fork("client"));
        let client = client::Transaction::qr(setup.client, keys, Duration::ZERO, 0);
        let text = client.qr_text().map_or("", |text| text.expose());
        let code: QrCode =
            text.parse().map_err(|error: fido_hybrid_proto::transport::QrCodeError| {
                Error::new(Stage::Preparing, error)
            })?;
        let keys = authenticator::PhoneSecrets::generate(&mut rng.fork("phone"));
        let phone = authenticator::Transaction::qr(setup.phone, &code, keys, Duration::ZERO)?;
        let mut pair = Self {
            client,
            phone,
            is_paused: false,
            user: Box::new(|_| {
                Some(Decision::Approved { verification: UserVerification::Verified, account: 0 })
            }),
            tamper: Box::new(|_, message| vec![message]),
            delay: Box::new(|_| Duration::ZERO),
            watch: Box::new(|_| ()),
            passkeys: setup.passkeys,
            keys: BTreeMap::new(),
            responses: Vec::new(),
            conditions: setup.conditions,
            latency: setup.latency,
            reaction: setup.reaction,
            requests,
            rng: rng.fork("world"),
            now: Duration::ZERO,
            due: BTreeMap::new(),
            numbers: 0,
            advert: None,
            scanning: true,
            tunnel: BTreeMap::new(),
            results: BTreeMap::new(),
            transcript: Vec::new(),
        };
        pair.settle();
        Ok(pair)
    }

    /// The time since the code was shown.
    #[must_use]
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// The stage of one side.
    #[must_use]
    pub const fn stage(&self, side: Side) -> Stage {
        match side {
            Side::Client => self.client.stage(),
            Side::Phone => self.phone.stage(),
        }
    }

    /// How one side's transaction ended, if it has.
    #[must_use]
    pub fn result(&self, side: Side) -> Option<&Result<(), Error>> {
        self.results.get(&side)
    }

    /// Whether both sides have ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.results.len() == 2
    }

    /// Whether the client's radio listens.
    #[must_use]
    pub const fn is_scanning(&self) -> bool {
        self.scanning
    }

    /// Whether the phone advertises.
    #[must_use]
    pub const fn is_advertising(&self) -> bool {
        self.advert.is_some()
    }

    /// Whether one side has its end of the tunnel open.
    #[must_use]
    pub fn is_open(&self, side: Side) -> bool {
        self.tunnel.get(&side) == Some(&End::Open)
    }

    /// Everything that happened, a line each: when, to whom, what; messages by
    /// their length and a part of their hash.
    #[must_use]
    pub fn transcript(&self) -> &[String] {
        &self.transcript
    }

    /// Does the next thing that is due. `false` if nothing is, ever.
    pub fn step(&mut self) -> bool {
        let next = self.due.keys().next().copied();
        let deadlines = [self.client.deadline(), self.phone.deadline()];
        let deadline = deadlines.into_iter().flatten().min();
        match (next, deadline) {
            // A message at the very time of a deadline is too late.
            (Some(key), deadline) if deadline.is_none_or(|deadline| key.0 < deadline) => {
                self.now = key.0;
                match self.due.remove(&key) {
                    Some(Scheduled::Client(input)) => self.feed_client(input),
                    Some(Scheduled::Phone(input)) => self.feed_phone(input),
                    Some(Scheduled::Transmission) => self.transmit(),
                    None => {}
                }
            }
            (_, Some(deadline)) => {
                self.now = deadline;
                if self.client.deadline() == Some(deadline) {
                    self.feed_client(client::Input::TimePassed);
                } else {
                    self.feed_phone(authenticator::Input::TimePassed);
                }
            }
            _ => return false,
        }
        self.settle();
        true
    }

    /// Goes on until `enough`, both sides have ended, or nothing is due.
    pub fn run_until(&mut self, mut enough: impl FnMut(&Self) -> bool) {
        while !enough(self) && !self.is_over() && self.step() {}
    }

    /// Goes on to the end.
    pub fn run(&mut self) {
        self.run_until(|_| false);
    }

    /// Lets time pass with nothing delivered, to the first deadline of one
    /// side: everything on its way is lost.
    pub fn stall(&mut self, side: Side) {
        self.due.clear();
        let deadline = match side {
            Side::Client => self.client.deadline(),
            Side::Phone => self.phone.deadline(),
        };
        if let Some(deadline) = deadline {
            self.now = deadline;
            match side {
                Side::Client => self.feed_client(client::Input::TimePassed),
                Side::Phone => self.feed_phone(authenticator::Input::TimePassed),
            }
            self.settle();
        }
    }

    /// One side's caller wants no more of it.
    pub fn cancel(&mut self, side: Side) {
        match side {
            Side::Client => self.tell_client(client::Input::Cancel),
            Side::Phone => self.tell_phone(authenticator::Input::Cancel),
        }
    }

    /// Injects an input, for example a radio failure. The simulated resource that the
    /// input names is marked as lost.
    pub fn tell_client(&mut self, input: client::Input) {
        match input {
            client::Input::BluetoothFailed(_) => self.scanning = false,
            client::Input::TunnelFailed(_) | client::Input::TunnelClosed => {
                self.tunnel.insert(Side::Client, End::Closed);
            }
            client::Input::Advert(_)
            | client::Input::NewCode { .. }
            | client::Input::Adapter(_)
            | client::Input::TunnelOpened { .. }
            | client::Input::Message(_)
            | client::Input::Request { .. }
            | client::Input::Finish
            | client::Input::Cancel
            | client::Input::TimePassed => {}
        }
        self.feed_client(input);
        self.settle();
    }

    /// The same for the phone, such as a store that is full.
    pub fn tell_phone(&mut self, input: authenticator::Input) {
        use authenticator::Input;
        match input {
            Input::AdvertisingFailed(_) => self.advert = None,
            Input::TunnelFailed(_) | Input::SendFailed(_) | Input::TunnelClosed => {
                self.tunnel.insert(Side::Phone, End::Closed);
            }
            _ => {}
        }
        self.feed_phone(input);
        self.settle();
    }

    /// One side's machine is switched off: its advertising stops, and the tunnel
    /// service closes the other side's end with the code of a lost peer, 1001.
    pub fn power_off(&mut self, side: Side) {
        self.note(side, "is switched off");
        if side == Side::Phone {
            self.advert = None;
        } else {
            self.scanning = false;
        }
        let was_open = self.is_open(side);
        self.tunnel.insert(side, End::Closed);
        self.due.retain(|_, due| match due {
            Scheduled::Client(_) => side != Side::Client,
            Scheduled::Phone(_) => side != Side::Phone,
            Scheduled::Transmission => true,
        });
        let other = side.other();
        if was_open && self.is_open(other) {
            self.tunnel.insert(other, End::Closed);
            self.fail_tunnel(other);
        }
    }

    /// The tunnel breaks for both sides.
    pub fn break_tunnel(&mut self) {
        for side in [Side::Client, Side::Phone] {
            if self.is_open(side) {
                self.tunnel.insert(side, End::Closed);
                self.fail_tunnel(side);
            }
        }
    }

    fn fail_tunnel(&mut self, side: Side) {
        let error = TunnelError::Closed(Some(1001));
        self.schedule(
            self.latency,
            match side {
                Side::Client => Scheduled::Client(client::Input::TunnelFailed(error)),
                Side::Phone => Scheduled::Phone(authenticator::Input::TunnelFailed(error)),
            },
        );
    }

    fn disconnect(&mut self, side: Side) {
        if self.is_open(side) {
            self.tunnel.insert(side, End::Closed);
            self.schedule(
                self.latency,
                match side {
                    Side::Client => Scheduled::Client(client::Input::TunnelClosed),
                    Side::Phone => Scheduled::Phone(authenticator::Input::TunnelClosed),
                },
            );
        }
    }

    fn schedule(&mut self, after: Duration, due: Scheduled) {
        self.due.insert((self.now + after, self.numbers), due);
        self.numbers += 1;
    }

    fn note(&mut self, side: Side, what: impl fmt::Display) {
        self.transcript.push(format!("{:?} {side}: {what}", self.now));
    }

    fn feed_client(&mut self, input: client::Input) {
        (self.watch)(Observation::ToClient(&input));
        self.note(Side::Client, describe_client_input(&input));
        if let Err(misuse) = self.client.handle(self.now, input) {
            self.note(Side::Client, format_args!("input refused: {misuse}"));
        }
    }

    fn feed_phone(&mut self, input: authenticator::Input) {
        (self.watch)(Observation::ToPhone(&input));
        self.note(Side::Phone, describe_phone_input(&input));
        if let Err(misuse) = self.phone.handle(self.now, input) {
            self.note(Side::Phone, format_args!("input refused: {misuse}"));
        }
    }

    /// Takes outputs, and lets the caller ask, until neither side has anything to do.
    fn settle(&mut self) {
        loop {
            if let Some(output) = self.client.poll_output() {
                self.client_output(output);
            } else if let Some(output) = self.phone.poll_output() {
                self.phone_output(output);
            } else if self.client.stage() == Stage::Ready && !self.is_paused {
                let input = match self.requests.pop_front() {
                    Some(request) => client::Input::Request { request, timeout: None },
                    None => client::Input::Finish,
                };
                self.feed_client(input);
            } else {
                return;
            }
        }
    }

    fn client_output(&mut self, output: client::Output) {
        (self.watch)(Observation::ByClient(&output));
        match output {
            client::Output::Dial(_) => {
                // A client that knows the routing id has received the phone's advert,
                // so the phone's tunnel is open; or it closed, and the service answers 404.
                let input = if self.is_open(Side::Phone) {
                    self.tunnel.insert(Side::Client, End::Open);
                    client::Input::TunnelOpened { connect_signal: false }
                } else {
                    client::Input::TunnelFailed(TunnelError::Status(404))
                };
                self.schedule(self.latency, Scheduled::Client(input));
            }
            client::Output::Send(message) => self.send(Side::Client, message),
            client::Output::StopScanning => self.scanning = false,
            client::Output::CloseTunnel => {
                self.tunnel.insert(Side::Client, End::Closed);
                self.disconnect(Side::Phone);
            }
            client::Output::Update(update) => self.note(Side::Client, update),
            client::Output::Response(response) => self.responses.push(response),
            client::Output::RawResponse(response) => {
                self.note(Side::Client, fingerprint(response.expose()));
            }
            client::Output::JsonResponse(text) => {
                self.note(Side::Client, fingerprint(text.expose().as_bytes()));
            }
            client::Output::Linked(_) => self.note(Side::Client, "keeps a link"),
            client::Output::ForgetLink => self.note(Side::Client, "forgets its link"),
            client::Output::Closed(result) => self.end(Side::Client, result),
        }
    }

    fn phone_output(&mut self, output: authenticator::Output) {
        use authenticator::{Input, Output};
        (self.watch)(Observation::ByPhone(&output));
        match output {
            Output::Dial(_) => {
                self.tunnel.insert(Side::Phone, End::Open);
                let routing_id = Some(RoutingId([1, 2, 3]));
                self.schedule(self.latency, Scheduled::Phone(Input::TunnelOpened { routing_id }));
            }
            Output::Advertise(advert) => {
                self.advert = Some(advert);
                self.schedule(Duration::ZERO, Scheduled::Transmission);
            }
            Output::StopAdvertising => self.advert = None,
            Output::Send(message) => self.send(Side::Phone, message),
            Output::FindPasskeys { rp_id, ids } => {
                let found = self.find(&rp_id, ids.as_deref());
                self.schedule(Duration::ZERO, Scheduled::Phone(Input::PasskeysFound(Ok(found))));
            }
            Output::Prompt(prompt) => {
                self.note(Side::Phone, &prompt);
                if let Some(decision) = (self.user)(&prompt) {
                    let input = Input::Decided { prompt: prompt.id, decision };
                    self.schedule(self.reaction, Scheduled::Phone(input));
                }
            }
            Output::DismissPrompt => self.note(Side::Phone, "takes the prompt off the screen"),
            Output::SavePasskey(passkey) => {
                self.passkeys.retain(|kept| {
                    (&kept.rp_id, &kept.user.id) != (&passkey.rp_id, &passkey.user.id)
                });
                self.passkeys.push(passkey);
                self.schedule(Duration::ZERO, Scheduled::Phone(Input::Saved(Ok(()))));
            }
            Output::CountUse { rp_id, id } => {
                let of = |passkey: &&mut Passkey| passkey.rp_id == rp_id && passkey.id == id;
                let counter = self.passkeys.iter_mut().find(of).map_or(0, Passkey::count_use);
                self.schedule(Duration::ZERO, Scheduled::Phone(Input::UseCounted(Ok(counter))));
            }
            Output::CreateKey { rp_id: _ } => {
                let key = SecretKey::generate(&mut self.rng);
                let public_key = *key.public_key();
                // Unlike any other, as the keys are.
                let handle = KeyHandle::new(public_key.compressed());
                let created = handle.map(|handle| {
                    self.keys.insert(handle.clone(), key);
                    ExternalKey { handle, public_key }
                });
                let created = created.map_err(|_| KeyError::Missing);
                self.schedule(Duration::ZERO, Scheduled::Phone(Input::KeyCreated(created)));
            }
            Output::Sign { rp_id: _, key, message } => {
                let signed = self.keys.get(&key).map(|key| key.sign(&message));
                let signed = signed.ok_or(KeyError::Missing);
                self.schedule(Duration::ZERO, Scheduled::Phone(Input::Signed(signed)));
            }
            Output::CancelKeyOperation => {
                self.note(Side::Phone, "cancels what the key store does");
            }
            Output::DeleteKey(key) => {
                self.keys.remove(&key);
            }
            Output::CloseTunnel => {
                self.tunnel.insert(Side::Phone, End::Closed);
                self.disconnect(Side::Client);
            }
            Output::Update(update) => self.note(Side::Phone, update),
            Output::Closed(result) => self.end(Side::Phone, result),
        }
    }

    fn end(&mut self, side: Side, result: Result<(), Error>) {
        match &result {
            Ok(()) => self.note(side, "ends well"),
            Err(error) => self.note(side, format_args!("ends: {error}")),
        }
        self.results.insert(side, result);
    }

    fn find(&self, rp_id: &str, ids: Option<&[CredentialId]>) -> Vec<Passkey> {
        let found = self.passkeys.iter().rev();
        found.filter(|passkey| passkey.matches(rp_id, ids)).cloned().collect()
    }

    fn send(&mut self, from: Side, message: Vec<u8>) {
        if !self.is_open(from) {
            return;
        }
        for message in (self.tamper)(from, message) {
            let after = self.latency + (self.delay)(from);
            self.schedule(
                after,
                match from {
                    Side::Client => Scheduled::Phone(authenticator::Input::Message(message)),
                    Side::Phone => Scheduled::Client(client::Input::Message(message)),
                },
            );
        }
    }

    /// The advert is transmitted once, and again after the interval.
    fn transmit(&mut self) {
        let Some(advert) = self.advert.clone() else { return };
        if self.scanning {
            for (delay, data) in self.conditions.receive(&advert, &mut self.rng) {
                self.schedule(
                    delay,
                    Scheduled::Client(client::Input::Advert(AdvertReport::new(SERVICE_UUID, data))),
                );
            }
        }
        self.schedule(self.conditions.interval.max(MIN_INTERVAL), Scheduled::Transmission);
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("now", &self.now)
            .field("client", &self.stage(Side::Client))
            .field("phone", &self.stage(Side::Phone))
            .finish_non_exhaustive()
    }
}

fn describe_client_input(input: &client::Input) -> String {
    use client::Input;
    match input {
        Input::Advert(advert) => format!("receives advert {}", fingerprint(&advert.service_data)),
        Input::Message(message) => format!("receives {}", fingerprint(message)),
        Input::Request { request: PhoneRequest::Ctap(request), .. } => {
            format!("asks {}", request.command())
        }
        Input::Request { request: PhoneRequest::Raw(_), .. } => "asks in raw CTAP".to_owned(),
        Input::Request { request: PhoneRequest::Json(_), .. } => "asks in JSON".to_owned(),
        Input::NewCode { .. } => "shows a new code".to_owned(),
        Input::Adapter(state) => state.to_string(),
        Input::BluetoothFailed(error) => error.to_string(),
        Input::TunnelFailed(error) => error.to_string(),
        Input::TunnelOpened { .. } => "tunnel opened".to_owned(),
        Input::TunnelClosed => "tunnel closed".to_owned(),
        Input::Finish => "finishes".to_owned(),
        Input::Cancel => "cancels".to_owned(),
        Input::TimePassed => "time is up".to_owned(),
    }
}

fn describe_phone_input(input: &authenticator::Input) -> String {
    use authenticator::Input;
    match input {
        Input::Message(message) => format!("receives {}", fingerprint(message)),
        Input::PasskeysFound(Ok(found)) => format!("finds {} passkeys", found.len()),
        Input::PasskeysFound(Err(error))
        | Input::Saved(Err(error))
        | Input::UseCounted(Err(error)) => error.to_string(),
        Input::UseCounted(Ok(counter)) => format!("counts to {counter}"),
        Input::Saved(Ok(())) => "saved".to_owned(),
        Input::KeyCreated(Ok(_)) => "key created".to_owned(),
        Input::Signed(Ok(signature)) => format!("signed {}", fingerprint(signature)),
        Input::KeyCreated(Err(error)) | Input::Signed(Err(error)) => error.to_string(),
        Input::Decided { decision, .. } => format!("{decision:?}"),
        Input::Adapter(state) => format!("{state:?}"),
        Input::AdvertisingFailed(error) => error.to_string(),
        Input::TunnelFailed(error) | Input::SendFailed(error) => error.to_string(),
        Input::TunnelOpened { .. } => "tunnel opened".to_owned(),
        Input::TunnelClosed => "tunnel closed".to_owned(),
        Input::Cancel => "cancels".to_owned(),
        Input::TimePassed => "time is up".to_owned(),
    }
}

/// A length and a part of the hash: enough to tell two transcripts apart.
fn fingerprint(bytes: &[u8]) -> String {
    let hash = sha256(&[bytes]);
    let part = hash.first_chunk::<4>().copied().unwrap_or_default();
    format!("{} bytes {}", bytes.len(), data_encoding::HEXLOWER.encode(&part))
}
