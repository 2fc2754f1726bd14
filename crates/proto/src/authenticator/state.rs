//! The authenticator's states. Each owns just what it needs and is consumed by
//! the step to the next.

use std::collections::VecDeque;
use std::time::Duration;

use super::config::{Deadlines, Keys};
use super::consent::Asked;
use super::get_assertion::{self, Chosen, SignIn};
use super::interface::{Input, Output};
use super::make_credential;
use super::names::Site;
use super::profile::Profile;
use super::randomness::Randomness;
use super::refusal::Refusal;
use super::update::Update;
use super::user_check::{Account, Decision, Prompt, PromptId, Question, Verification};
use crate::cbor::encode;
use crate::crypto::PublicKey;
use crate::ctap::{self, RawResponse, Request, Response, Status, UserHandle};
use crate::error::{
    ApiMisuse, CancelledBy, Error, Fault, PeerMisbehaved, Stage, StoreFault, TunnelFault,
};
use crate::ports::bluetooth::AdapterState;
use crate::secret::QrSecret;
use crate::state_machine::{End, States};
use crate::transport::advert::{AdvertKey, Eid};
use crate::transport::channel::Channel;
use crate::transport::keys;
use crate::transport::linking;
use crate::transport::message::MessageType;
use crate::transport::noise::Responder;
use crate::transport::post_handshake::PostHandshake;
use crate::transport::qr_code::QrCode;
use crate::transport::tunnel_domain::TunnelDomain;
use crate::transport::tunnel_url::{RoutingId, TunnelRequest, TunnelUrl};

mod messages;
mod touch;

use messages::{besides_requests, unanswerable};
use touch::Touch;

/// How often the user is asked in one transaction. Clients ask once, and once
/// more where a first request must fail; who asks for ever hopes for a mistake.
pub const MAX_PROMPTS: u8 = 8;

type Outputs = VecDeque<Output>;
type Step = Result<State, End>;

/// What is to be stopped when a transaction ends.
#[derive(Clone, Copy)]
pub(super) struct Resources {
    pub(super) advert: bool,
    pub(super) prompt: bool,
    pub(super) tunnel: bool,
}

#[derive(Debug)]
pub(super) enum State {
    Registering(Registering),
    Advertising(Advertising),
    Listening(Session),
    Finding(Finding),
    Asking(Asking),
    Saving(Saving),
    Counting(Counting),
    Closed,
}

impl States for State {
    type Input = Input;
    type Output = Output;
    type Deadlines = Deadlines;
    type Resources = Resources;

    fn closed() -> Self {
        Self::Closed
    }

    fn stage(&self) -> Stage {
        match self {
            Self::Registering(_) => Stage::Registering,
            Self::Advertising(_) => Stage::Advertising,
            Self::Listening(_) => Stage::Listening,
            // One stage, so that store and user share one deadline.
            Self::Finding(_) | Self::Asking(_) | Self::Saving(_) | Self::Counting(_) => {
                Stage::Prompting
            }
            Self::Closed => Stage::Closed,
        }
    }

    fn time_allowed(&self, deadlines: &Deadlines) -> Option<Duration> {
        match self {
            Self::Registering(_) => Some(deadlines.registering),
            Self::Advertising(_) => Some(deadlines.advertising),
            Self::Listening(_) => Some(deadlines.listening),
            Self::Finding(_) | Self::Asking(_) | Self::Saving(_) | Self::Counting(_) => {
                Some(deadlines.prompting)
            }
            Self::Closed => None,
        }
    }

    fn resources(&self, input: &Input) -> Resources {
        let tunnel_gone =
            matches!(input, Input::TunnelClosed | Input::TunnelFailed(_) | Input::SendFailed(_));
        let answered = matches!(input, Input::Decided { .. });
        let advert_gone = matches!(input, Input::AdvertisingFailed(_));
        Resources {
            advert: !advert_gone && matches!(self, Self::Advertising(_)),
            prompt: !answered && matches!(self, Self::Asking(_)),
            tunnel: !tunnel_gone && !matches!(self, Self::Closed),
        }
    }

    fn accepts(&self, input: &Input) -> Result<(), ApiMisuse> {
        if matches!(self, Self::Closed) {
            return Ok(());
        }
        let fits = match input {
            Input::Message(_)
            | Input::TunnelClosed
            | Input::TunnelFailed(_)
            | Input::SendFailed(_)
            | Input::Adapter(_)
            | Input::AdvertisingFailed(_)
            | Input::Cancel
            | Input::TimePassed => true,
            Input::TunnelOpened { .. } => matches!(self, Self::Registering(_)),
            Input::PasskeysFound(_) => matches!(self, Self::Finding(_)),
            Input::Saved(_) => matches!(self, Self::Saving(_)),
            Input::UseCounted(_) => matches!(self, Self::Counting(_)),
            Input::Decided { prompt, decision } => match self {
                Self::Asking(asking) => return asking.pending.fits(*prompt, *decision),
                _ => false,
            },
        };
        if fits { Ok(()) } else { Err(ApiMisuse::WrongStage) }
    }

    fn outranks_deadline(input: &Input) -> bool {
        // A client that has left is not told that time is up.
        matches!(input, Input::TunnelClosed | Input::TunnelFailed(_) | Input::SendFailed(_))
    }

    fn handle(self, input: Input, outputs: &mut Outputs) -> Step {
        if matches!(input, Input::Cancel) {
            return self.cancel(outputs);
        }
        match self {
            Self::Registering(state) => state.handle(input, outputs),
            Self::Advertising(state) => state.handle(input, outputs),
            Self::Listening(session) => session.handle(input, outputs),
            Self::Finding(state) => state.handle(input, outputs),
            Self::Asking(state) => state.handle(input, outputs),
            Self::Saving(state) => state.handle(input, outputs),
            Self::Counting(state) => state.handle(input, outputs),
            Self::Closed => Ok(Self::Closed),
        }
    }

    fn expire(self, outputs: &mut Outputs) -> Step {
        match self {
            Self::Listening(Session { answered: true, .. }) => Err(End::Done),
            // Without an advert, no device had a chance to come.
            Self::Advertising(Advertising { adapter, .. }) => {
                Err(adapter.fault().map_or(Fault::Deadline, Fault::from).into())
            }
            state => {
                state.last_word(Status::USER_ACTION_TIMEOUT, outputs);
                Err(Fault::Deadline.into())
            }
        }
    }

    fn stop(resources: Resources, outputs: &mut Outputs) {
        if resources.advert {
            outputs.push_back(Output::StopAdvertising);
        }
        if resources.prompt {
            outputs.push_back(Output::DismissPrompt);
        }
        if resources.tunnel {
            outputs.push_back(Output::CloseTunnel);
        }
    }

    fn outcome(stage: Stage, end: End) -> Output {
        let stage = match end {
            // The stage between advertising and listening takes one input.
            End::Fault(Fault::PeerMisbehaved(PeerMisbehaved::Handshake(_))) => Stage::Handshaking,
            _ => stage,
        };
        Output::Closed(end.at(stage))
    }
}

impl State {
    /// The account for which a passkey is being registered.
    pub(super) fn registering(&self) -> Option<(&str, &UserHandle)> {
        let (Self::Finding(Finding { session, .. })
        | Self::Asking(Asking { session, .. })
        | Self::Saving(Saving { session, .. })) = self
        else {
            return None;
        };
        session.registering.as_ref().map(|(rp_id, user)| (rp_id.as_str(), user))
    }

    /// The program wants no more: the client is told no, if it waits.
    fn cancel(self, outputs: &mut Outputs) -> Step {
        match self {
            // All that was asked has been answered.
            Self::Listening(Session { answered: true, .. }) => Err(End::Done),
            Self::Closed => Ok(Self::Closed),
            state => {
                state.last_word(Status::OPERATION_DENIED, outputs);
                Err(Fault::Cancelled(CancelledBy::Caller).into())
            }
        }
    }

    fn last_word(self, status: Status, outputs: &mut Outputs) {
        if let Self::Finding(Finding { mut session, .. })
        | Self::Asking(Asking { mut session, .. })
        | Self::Saving(Saving { mut session, .. })
        | Self::Counting(Counting { mut session, .. }) = self
        {
            // The transaction is ending: what cannot be said is not.
            let _unsaid = session.send(&RawResponse::from_status(status), outputs);
        }
    }
}

/// A tunnel is being opened.
#[derive(Debug)]
pub(super) struct Registering {
    client: PublicKey,
    secret: QrSecret,
    domain: TunnelDomain,
    profile: Profile,
    keys: Keys,
}

impl Registering {
    pub(super) fn new(
        domain: TunnelDomain,
        profile: Profile,
        code: &QrCode,
        keys: Keys,
    ) -> (Self, TunnelRequest) {
        let (client, secret) = (code.public_key, code.secret.clone());
        let url = TunnelUrl::new_tunnel(domain, keys::tunnel_id(&secret));
        (Self { client, secret, domain, profile, keys }, url.into())
    }

    fn handle(self, input: Input, outputs: &mut Outputs) -> Step {
        match input {
            Input::TunnelOpened { routing_id: Some(routing_id) } => {
                Ok(State::Advertising(self.advertise(routing_id, outputs)))
            }
            Input::TunnelOpened { routing_id: None } => {
                Err(Fault::from(TunnelFault::Upgrade("there is no routing id")).into())
            }
            Input::Message(_) => Err(PeerMisbehaved::TooEarly.into()),
            Input::TunnelClosed => Err(Fault::from(TunnelFault::Closed(None)).into()),
            Input::TunnelFailed(fault) | Input::SendFailed(fault) => Err(Fault::from(fault).into()),
            _ => Ok(State::Registering(self)),
        }
    }

    fn advertise(self, routing_id: RoutingId, outputs: &mut Outputs) -> Advertising {
        let Self { client, secret, domain, profile, keys } = self;
        let Keys { nonce, ephemeral, seed } = keys;
        let eid = Eid::with(&nonce, routing_id, domain);
        let advert = AdvertKey::new(&keys::eid_key(&secret)).seal(&eid);
        outputs.push_back(Output::Advertise(advert.into()));
        outputs.push_back(Output::Update(Update::Advertising));
        let responder = Responder::qr(client, &keys::psk(&secret, &eid), ephemeral);
        Advertising {
            responder,
            profile,
            randomness: Randomness::new(seed),
            adapter: AdapterState::On,
        }
    }
}

/// Advertising: a client that receives the advert can start the handshake.
#[derive(Debug)]
pub(super) struct Advertising {
    responder: Responder,
    profile: Profile,
    randomness: Randomness,
    /// The advert is on the air while it is on.
    adapter: AdapterState,
}

impl Advertising {
    fn handle(self, input: Input, outputs: &mut Outputs) -> Step {
        match input {
            // One attempt: the responder is consumed.
            Input::Message(message) => Ok(State::Listening(self.respond(&message, outputs)?)),
            Input::Adapter(state) => {
                outputs.push_back(Output::Update(Update::Adapter(state)));
                Ok(State::Advertising(Self { adapter: state, ..self }))
            }
            Input::AdvertisingFailed(fault) => Err(Fault::from(fault).into()),
            // No client has spoken yet: this was the service.
            Input::TunnelClosed => Err(Fault::from(TunnelFault::Closed(None)).into()),
            Input::TunnelFailed(fault) | Input::SendFailed(fault) => Err(Fault::from(fault).into()),
            _ => Ok(State::Advertising(self)),
        }
    }

    fn respond(self, message: &[u8], outputs: &mut Outputs) -> Result<Session, End> {
        let Self { responder, profile, randomness, adapter: _ } = self;
        let (established, reply) = responder.respond(message)?;
        let mut channel = Channel::new(established);
        let introduction = PostHandshake::ctap(encode(&profile.get_info()));
        let introduction = channel.seal_untyped(&encode(&introduction)).map_err(unanswerable)?;
        // Always, and always of one length: an observer of the tunnel cannot
        // tell whether a link is in it (as Chromium's phone).
        let update = linking::Update::default().to_bytes();
        let update = channel.seal(MessageType::Update, update.expose()).map_err(unanswerable)?;
        outputs.push_back(Output::StopAdvertising);
        outputs.extend([reply.into(), introduction, update].map(Output::Send));
        outputs.push_back(Output::Update(Update::Secured));
        let registering = None;
        Ok(Session { channel, profile, randomness, prompts: 0, answered: false, registering })
    }
}

/// The client is there, and nothing of it is unanswered.
#[derive(Debug)]
pub(super) struct Session {
    channel: Channel,
    profile: Profile,
    randomness: Randomness,
    prompts: u8,
    /// Whether a request for a passkey or a signature has been answered, if
    /// only with a no: clients leave then.
    answered: bool,
    /// The account of a registration that is not answered yet.
    registering: Option<(String, UserHandle)>,
}

impl Session {
    fn handle(mut self, input: Input, outputs: &mut Outputs) -> Step {
        match input {
            Input::Message(message) => {
                let message = self.channel.open(message)?;
                match message.kind {
                    MessageType::Ctap => match Request::parse(message.payload.expose()) {
                        Ok(request) => self.take(request, outputs),
                        Err(error) => self.refuse(error.into(), outputs),
                    },
                    MessageType::Shutdown if self.answered => Err(End::Done),
                    kind => {
                        besides_requests(kind, message.payload.expose())?;
                        Ok(State::Listening(self))
                    }
                }
            }
            Input::TunnelClosed | Input::TunnelFailed(_) if self.answered => Err(End::Done),
            Input::TunnelClosed => Err(Fault::PeerLeft.into()),
            // Be it the answer that was lost: the client does not have it.
            Input::TunnelFailed(fault) | Input::SendFailed(fault) => Err(End::lost_tunnel(fault)),
            _ => Ok(State::Listening(self)),
        }
    }

    fn take(mut self, request: Request, outputs: &mut Outputs) -> Step {
        match request {
            Request::GetInfo => {
                let info = self.profile.get_info();
                self.send(&Response::GetInfo(info).to_raw(), outputs)?;
                Ok(State::Listening(self))
            }
            Request::Selection => self.ask_for_touch(Touch::Selection, outputs),
            Request::MakeCredential(request) if touch::is_dummy(&request) => {
                self.ask_for_touch(Touch::Dummy, outputs)
            }
            Request::MakeCredential(request) => {
                self.answered = true;
                match make_credential::check(&request, self.profile.ability) {
                    Ok(()) => self.begin(Errand::Register(request), outputs),
                    Err(refusal) => self.refuse(refusal, outputs),
                }
            }
            Request::GetAssertion(request) => {
                self.answered = true;
                match get_assertion::check(&request, self.profile.ability) {
                    Ok(()) => self.begin(Errand::SignIn(request), outputs),
                    Err(refusal) => self.refuse(refusal, outputs),
                }
            }
            // The user picks the account: there is never a next one.
            Request::GetNextAssertion => {
                self.refuse(Refusal::Unsupported(Status::NOT_ALLOWED), outputs)
            }
        }
    }

    fn count_prompt(&mut self) -> Result<(), End> {
        if self.prompts == MAX_PROMPTS {
            return Err(PeerMisbehaved::TooManyRequests.into());
        }
        self.prompts += 1;
        Ok(())
    }

    fn begin(mut self, errand: Errand, outputs: &mut Outputs) -> Step {
        self.count_prompt()?;
        let (rp_id, ids) = match &errand {
            // All of the site, for the one that the new one would replace too.
            Errand::Register(request) => {
                self.registering = Some((request.rp.id.clone(), request.user.id.clone()));
                (request.rp.id.clone(), None)
            }
            Errand::SignIn(request) => (request.rp_id.clone(), get_assertion::allowed(request)),
        };
        outputs.push_back(Output::FindPasskeys { rp_id, ids });
        Ok(State::Finding(Finding { session: self, errand }))
    }

    /// Sends the refusal's status, and goes on listening.
    fn refuse(self, refusal: Refusal, outputs: &mut Outputs) -> Step {
        let response = RawResponse::from_status(refusal.status());
        self.answer(&response, Update::Refused(refusal), outputs)
    }

    fn store_failed(self, fault: StoreFault, outputs: &mut Outputs) -> Step {
        let refusal = match fault {
            StoreFault::Full => Refusal::StoreFull,
            StoreFault::Failed(_) => Refusal::StoreFailed,
        };
        let error = Error::new(Stage::Prompting, fault);
        outputs.push_back(Output::Update(Update::StoreFailed(error)));
        self.refuse(refusal, outputs)
    }

    fn signed_in(self, response: ctap::get_assertion::Response, outputs: &mut Outputs) -> Step {
        self.answer(&Response::GetAssertion(response).to_raw(), Update::SignedIn, outputs)
    }

    fn answer(mut self, answer: &RawResponse, update: Update, outputs: &mut Outputs) -> Step {
        self.send(answer, outputs)?;
        self.registering = None;
        outputs.push_back(Output::Update(update));
        Ok(State::Listening(self))
    }

    fn send(&mut self, response: &RawResponse, outputs: &mut Outputs) -> Result<(), End> {
        let bytes = response.to_bytes();
        let sealed = self.channel.seal(MessageType::Ctap, bytes.expose()).map_err(unanswerable)?;
        outputs.push_back(Output::Send(sealed));
        Ok(())
    }

    /// What may happen while a request is being answered, besides the answer.
    fn meanwhile(&mut self, input: Input) -> Result<(), End> {
        match input {
            Input::Message(message) => {
                let message = self.channel.open(message)?;
                besides_requests(message.kind, message.payload.expose())
            }
            Input::TunnelClosed => Err(Fault::PeerLeft.into()),
            Input::TunnelFailed(fault) | Input::SendFailed(fault) => Err(End::lost_tunnel(fault)),
            _ => Ok(()),
        }
    }
}

/// What a request is for.
#[derive(Debug)]
enum Errand {
    Register(ctap::make_credential::Request),
    SignIn(ctap::get_assertion::Request),
}

/// The store is being asked.
#[derive(Debug)]
pub(super) struct Finding {
    session: Session,
    errand: Errand,
}

impl Finding {
    fn handle(mut self, input: Input, outputs: &mut Outputs) -> Step {
        match input {
            Input::PasskeysFound(Ok(found)) => Ok(self.found(found, outputs)),
            Input::PasskeysFound(Err(fault)) => self.session.store_failed(fault, outputs),
            input => {
                self.session.meanwhile(input)?;
                Ok(State::Finding(self))
            }
        }
    }

    fn found(self, found: Vec<super::Passkey>, outputs: &mut Outputs) -> State {
        let Self { session, errand } = self;
        // Whatever the request says: a phone that somebody found unlocked is not
        // its user (as phones do).
        let demanded = session.profile.ability;
        match errand {
            Errand::Register(request) => match make_credential::excluded(&request, &found) {
                Some(passkey) => {
                    let question = Question::AlreadyRegistered(Account::of(passkey));
                    let site = Site::of(&request.rp);
                    session.tell(site, question, Refusal::AlreadyRegistered, outputs)
                }
                None => {
                    let replaced = make_credential::replaced(&request, &found);
                    let question = Question::Register(Account::new(&request.user, replaced));
                    let site = Site::of(&request.rp);
                    session.ask(site, question, demanded, request, Pending::Register, outputs)
                }
            },
            Errand::SignIn(request) => {
                let site = Site::named(&request.rp_id);
                match SignIn::new(request, found) {
                    Some(sign_in) => {
                        let accounts = sign_in.passkeys().iter().map(Account::of).collect();
                        let question = Question::SignIn(accounts);
                        session.ask(site, question, demanded, sign_in, Pending::SignIn, outputs)
                    }
                    None => {
                        let question = Question::NothingHere;
                        session.tell(site, question, Refusal::NoPasskey, outputs)
                    }
                }
            }
        }
    }
}

impl Session {
    /// Asks the user about `subject`.
    fn ask<S>(
        mut self,
        Site { rp_id, rp_name }: Site,
        question: Question,
        demanded: Verification,
        subject: S,
        pending: impl FnOnce(Asked<S>) -> Pending,
        outputs: &mut Outputs,
    ) -> State {
        let id = self.randomness.prompt();
        let prompt = Prompt { id, rp_id, rp_name, question, demanded };
        let pending = pending(Asked::new(&prompt, subject));
        outputs.push_back(Output::Update(Update::Prompting));
        outputs.push_back(Output::Prompt(prompt));
        State::Asking(Asking { session: self, pending })
    }

    /// Asks the user whether the client may be told `refusal`, which says
    /// something of what is in the store.
    fn tell(
        self,
        site: Site,
        question: Question,
        refusal: Refusal,
        outputs: &mut Outputs,
    ) -> State {
        self.ask(site, question, Verification::Present, refusal, Pending::Tell, outputs)
    }
}

/// What the user is being asked.
#[derive(Debug)]
enum Pending {
    Register(Asked<ctap::make_credential::Request>),
    SignIn(Asked<SignIn>),
    Tell(Asked<Refusal>),
    Touch(Asked<Touch>),
}

impl Pending {
    fn fits(&self, prompt: PromptId, decision: Decision) -> Result<(), ApiMisuse> {
        match self {
            Self::Register(asked) => asked.fits(prompt, decision),
            Self::SignIn(asked) => asked.fits(prompt, decision),
            Self::Tell(asked) => asked.fits(prompt, decision),
            Self::Touch(asked) => asked.fits(prompt, decision),
        }
    }
}

/// The user is being asked.
#[derive(Debug)]
pub(super) struct Asking {
    session: Session,
    pending: Pending,
}

impl Asking {
    fn handle(mut self, input: Input, outputs: &mut Outputs) -> Step {
        match input {
            Input::Decided { prompt, decision } => self.decided(prompt, decision, outputs),
            input => {
                self.session.meanwhile(input)?;
                Ok(State::Asking(self))
            }
        }
    }

    fn decided(self, prompt: PromptId, decision: Decision, outputs: &mut Outputs) -> Step {
        let Self { mut session, pending } = self;
        match pending {
            Pending::Register(asked) => match asked.decide(prompt, decision) {
                Ok(consent) => {
                    let Session { profile, randomness, .. } = &mut session;
                    let (passkey, response) = make_credential::make(consent, profile, randomness);
                    outputs.push_back(Output::SavePasskey(passkey));
                    Ok(State::Saving(Saving { session, response }))
                }
                Err(refusal) => session.refuse(refusal, outputs),
            },
            Pending::SignIn(asked) => match asked.decide(prompt, decision).and_then(Chosen::new) {
                Ok(chosen) => match chosen.counted() {
                    Some((rp_id, id)) => {
                        outputs.push_back(Output::CountUse { rp_id, id });
                        Ok(State::Counting(Counting { session, chosen }))
                    }
                    None => session.signed_in(chosen.sign(0), outputs),
                },
                Err(refusal) => session.refuse(refusal, outputs),
            },
            Pending::Tell(asked) => {
                let refusal = match asked.decide(prompt, decision) {
                    Ok(consent) => consent.spend().subject,
                    Err(refusal) => refusal,
                };
                session.refuse(refusal, outputs)
            }
            Pending::Touch(asked) => session.touched(asked.acknowledge(prompt, decision), outputs),
        }
    }
}

/// The store is saving a new passkey, and the answer waits for it.
#[derive(Debug)]
pub(super) struct Saving {
    session: Session,
    response: ctap::make_credential::Response,
}

impl Saving {
    fn handle(mut self, input: Input, outputs: &mut Outputs) -> Step {
        match input {
            Input::Saved(Ok(())) => {
                let response = Response::MakeCredential(self.response).to_raw();
                self.session.answer(&response, Update::Registered, outputs)
            }
            Input::Saved(Err(fault)) => self.session.store_failed(fault, outputs),
            input => {
                self.session.meanwhile(input)?;
                Ok(State::Saving(self))
            }
        }
    }
}

/// The store is counting a use, and the signature waits for it.
#[derive(Debug)]
pub(super) struct Counting {
    session: Session,
    chosen: Chosen,
}

impl Counting {
    fn handle(mut self, input: Input, outputs: &mut Outputs) -> Step {
        match input {
            Input::UseCounted(Ok(counter)) => {
                self.session.signed_in(self.chosen.sign(counter), outputs)
            }
            Input::UseCounted(Err(fault)) => self.session.store_failed(fault, outputs),
            input => {
                self.session.meanwhile(input)?;
                Ok(State::Counting(self))
            }
        }
    }
}

#[cfg(test)]
mod tests;
