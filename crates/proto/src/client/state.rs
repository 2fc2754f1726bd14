//! The client's states. Each owns just what it needs and is consumed by the
//! step to the next.

use std::collections::VecDeque;
use std::time::Duration;

use zeroize::Zeroizing;

use super::binding::read_response;
use super::config::{Config, Deadlines, Keys, Linking};
use super::interface::{Input, Output};
use super::linked::Calling;
use super::phone_request::{Demands, PhoneRequest};
use super::update::Update;
use crate::cbor::decode;
use crate::crypto::SecretKey;
use crate::ctap::{self, get_info};
use crate::error::{ApiMisuse, CancelledBy, Fault, PeerMisbehaved, Stage, Unsupported};
use crate::secret::Psk;
use crate::state_machine::{End, States};
use crate::transport::advert::AdvertKey;
use crate::transport::channel::Channel;
use crate::transport::crypter::MAX_PORTABLE_PAYLOAD;
use crate::transport::keys;
use crate::transport::linking::{self, Link, UnverifiedLink};
use crate::transport::message::MessageType;
use crate::transport::noise::{HandshakeHash, Initiator};
use crate::transport::post_handshake::{PostHandshake, Revision};
use crate::transport::qr_code::{QrCode, QrText};
use crate::transport::tunnel_domain::TunnelDomain;
use crate::transport::tunnel_url::TunnelUrl;

/// The longest request sent, in bytes with its command byte. A phone that is
/// built on a Noise library cannot read a longer one.
pub const MAX_REQUEST: usize = MAX_PORTABLE_PAYLOAD;

type Outputs = VecDeque<Output>;
type Step = Result<State, End>;

/// A request as it is sent, if phones take it at all.
pub(super) fn sendable(request: &ctap::Request) -> Result<Zeroizing<Vec<u8>>, Unsupported> {
    // At these a phone would end the transaction; and nothing binds the answer
    // to a getNextAssertion to what was asked before.
    if matches!(request, ctap::Request::Selection | ctap::Request::GetNextAssertion) {
        return Err(Unsupported::Command);
    }
    // It may hold PRF inputs.
    let bytes = Zeroizing::new(request.to_bytes());
    if bytes.len() > MAX_REQUEST {
        return Err(Unsupported::RequestTooLong);
    }
    Ok(bytes)
}

/// What is to be stopped when a transaction ends.
#[derive(Clone, Copy)]
pub(super) struct Resources {
    pub(super) scanning: bool,
    pub(super) tunnel: bool,
}

#[derive(Debug)]
pub(super) enum State {
    Offering(Offering),
    Calling(Calling),
    Connecting(Connecting),
    Handshaking(Handshaking),
    Introducing(Introducing),
    Ready(Session),
    Asking(Asking),
    Lingering(Session),
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
            Self::Offering(_) | Self::Calling(_) => Stage::Offering,
            Self::Connecting(_) => Stage::Connecting,
            Self::Handshaking(_) => Stage::Handshaking,
            Self::Introducing(_) => Stage::Introducing,
            Self::Ready(_) => Stage::Ready,
            Self::Asking(_) => Stage::Asking,
            Self::Lingering(_) => Stage::Lingering,
            Self::Closed => Stage::Closed,
        }
    }

    fn time_allowed(&self, deadlines: &Deadlines) -> Option<Duration> {
        match self {
            Self::Offering(_) => deadlines.offering,
            Self::Calling(_) => Some(deadlines.calling),
            Self::Connecting(_) => Some(deadlines.connecting),
            Self::Handshaking(_) => Some(deadlines.handshaking),
            Self::Introducing(_) => Some(deadlines.introducing),
            Self::Asking(asking) => Some(asking.timeout.unwrap_or(deadlines.asking)),
            Self::Lingering(_) => Some(deadlines.lingering),
            // Nobody is waited for: the caller has its turn.
            Self::Ready(_) | Self::Closed => None,
        }
    }

    fn resources(&self, input: &Input) -> Resources {
        let tunnel_gone = matches!(input, Input::TunnelClosed | Input::TunnelFailed(_));
        Resources {
            scanning: match self {
                Self::Offering(_) => true,
                Self::Calling(calling) => calling.is_scanning(),
                _ => false,
            },
            tunnel: !tunnel_gone && !matches!(self, Self::Offering(_) | Self::Closed),
        }
    }

    fn accepts(&self, input: &Input) -> Result<(), ApiMisuse> {
        let fits = match input {
            Input::ServiceData(_)
            | Input::Adapter(_)
            | Input::BluetoothFailed(_)
            | Input::Cancel
            | Input::TimePassed => true,
            Input::TunnelOpened { .. } => match self {
                Self::Connecting(_) | Self::Closed => true,
                Self::Calling(calling) => !calling.is_open(),
                _ => false,
            },
            Input::Message(_) | Input::TunnelClosed | Input::TunnelFailed(_) => {
                !matches!(self, Self::Offering(_))
            }
            Input::Request { .. } | Input::Finish => match self {
                Self::Ready(_) => true,
                Self::Closed => return Err(ApiMisuse::Closed),
                _ => false,
            },
        };
        if fits { Ok(()) } else { Err(ApiMisuse::WrongStage) }
    }

    /// A tunnel that has ended says more than the clock does.
    fn outranks_deadline(input: &Input) -> bool {
        matches!(input, Input::TunnelClosed | Input::TunnelFailed(_))
    }

    fn handle(self, input: Input, outputs: &mut Outputs) -> Step {
        if matches!(input, Input::Cancel) {
            return self.cancel(outputs);
        }
        match self {
            Self::Offering(state) => state.handle(input, outputs),
            Self::Calling(state) => state.handle(input, outputs),
            Self::Connecting(state) => state.handle(input, outputs),
            Self::Handshaking(state) => state.handle(input, outputs),
            Self::Introducing(state) => state.handle(input, outputs),
            Self::Ready(session) => session.handle(input, outputs),
            Self::Asking(state) => state.handle(input, outputs),
            Self::Lingering(session) => session.linger(input, outputs),
            Self::Closed => Ok(Self::Closed),
        }
    }

    fn expire(self, outputs: &mut Outputs) -> Step {
        match self {
            Self::Lingering(_) => Err(End::Done),
            Self::Asking(Asking { mut session, .. }) => {
                session.shut_down(outputs);
                Err(Fault::Deadline.into())
            }
            _ => Err(Fault::Deadline.into()),
        }
    }

    fn stop(resources: Resources, outputs: &mut Outputs) {
        if resources.scanning {
            outputs.push_back(Output::StopScanning);
        }
        if resources.tunnel {
            outputs.push_back(Output::CloseTunnel);
        }
    }

    fn outcome(stage: Stage, end: End) -> Output {
        Output::Closed(end.at(stage))
    }
}

impl State {
    pub(super) fn get_info(&self) -> Option<&get_info::Response> {
        match self {
            Self::Ready(session)
            | Self::Asking(Asking { session, .. })
            | Self::Lingering(session) => Some(&session.info),
            _ => None,
        }
    }

    /// The caller wants no more: say so to the phone if it can be said.
    fn cancel(self, outputs: &mut Outputs) -> Step {
        match self {
            Self::Ready(mut session) | Self::Asking(Asking { mut session, .. }) => {
                session.shut_down(outputs);
                Err(Fault::Cancelled(CancelledBy::Caller).into())
            }
            // All that was asked has been answered.
            Self::Lingering(_) => Err(End::Done),
            Self::Closed => Ok(Self::Closed),
            _ => Err(Fault::Cancelled(CancelledBy::Caller).into()),
        }
    }
}

/// The QR code is shown, the radio listens.
#[derive(Debug)]
pub(super) struct Offering {
    keys: Keys,
    advert_key: AdvertKey,
    linking: Linking,
}

impl Offering {
    pub(super) fn new(config: &Config, keys: Keys, created: u64) -> (Self, QrText) {
        let advert_key = AdvertKey::new(&keys::eid_key(&keys.secret));
        let public_key = *keys.identity.public_key();
        let mut code = QrCode::new(public_key, keys.secret.clone(), created, config.hint);
        code.supports_linking = Some(config.linking == Linking::Offered);
        (Self { keys, advert_key, linking: config.linking }, code.to_text())
    }

    fn handle(self, input: Input, outputs: &mut Outputs) -> Step {
        match input {
            Input::ServiceData(data) => {
                let heard = self.advert_key.open(&data);
                // Most adverts are of other people's transactions.
                let Some((heard, domain)) =
                    heard.and_then(|heard| heard.eid.domain().map(|domain| (heard, domain)))
                else {
                    return Ok(State::Offering(self));
                };
                let Self { keys: Keys { identity, secret, ephemeral }, linking, .. } = self;
                let tunnel = keys::tunnel_id(&secret);
                let url = TunnelUrl::connect(domain, heard.eid.routing_id(), tunnel);
                outputs.push_back(Output::StopScanning);
                outputs.push_back(Output::Update(Update::PhoneHeard));
                outputs.push_back(Output::Dial(url.into()));
                let psk = keys::psk(&secret, &heard.eid);
                Ok(State::Connecting(Connecting { identity, ephemeral, psk, linking, domain }))
            }
            Input::Adapter(state) => {
                outputs.push_back(Output::Update(Update::Adapter(state)));
                Ok(State::Offering(self))
            }
            Input::BluetoothFailed(fault) => Err(Fault::from(fault).into()),
            _ => Ok(State::Offering(self)),
        }
    }
}

/// The tunnel to the phone that was heard is being opened.
#[derive(Debug)]
pub(super) struct Connecting {
    identity: SecretKey,
    ephemeral: SecretKey,
    psk: Psk,
    linking: Linking,
    domain: TunnelDomain,
}

impl Connecting {
    fn handle(self, input: Input, outputs: &mut Outputs) -> Step {
        match input {
            Input::TunnelOpened { .. } => {
                let Self { identity, ephemeral, psk, linking, domain } = self;
                let (initiator, message) = Initiator::qr(identity.clone(), &psk, ephemeral)?;
                outputs.push_back(Output::Update(Update::Connected));
                outputs.push_back(Output::Send(message.into()));
                let terms = match linking {
                    Linking::Offered => Terms::Linking { identity, domain },
                    Linking::NotOffered => Terms::NoLinking,
                };
                Ok(State::Handshaking(Handshaking { initiator, terms, signal_due: false }))
            }
            Input::Message(_) => Err(PeerMisbehaved::TooEarly.into()),
            Input::TunnelClosed => Err(Fault::PeerLeft.into()),
            Input::TunnelFailed(fault) => Err(Fault::from(fault).into()),
            _ => Ok(State::Connecting(self)),
        }
    }
}

/// How this transaction was set up, as far as it matters for links.
#[derive(Debug)]
pub(super) enum Terms {
    /// A link is checked with the QR code's private key, which is not kept for
    /// anything else, and is one to the service where the phone was met.
    Linking { identity: SecretKey, domain: TunnelDomain },
    /// A link that comes is not looked at: it was not offered, or this is a
    /// linked transaction, without a QR code's key to check it with.
    NoLinking,
}

/// The first handshake message is out.
#[derive(Debug)]
pub(super) struct Handshaking {
    pub(super) initiator: Initiator,
    pub(super) terms: Terms,
    /// The tunnel service will send its connect signal before the phone speaks.
    pub(super) signal_due: bool,
}

impl Handshaking {
    fn handle(mut self, input: Input, outputs: &mut Outputs) -> Step {
        match input {
            Input::Message(message) if self.signal_due => {
                connect_signal(&message, outputs)?;
                self.signal_due = false;
                Ok(State::Handshaking(self))
            }
            Input::Message(message) => {
                let established = self.initiator.finish(&message)?;
                outputs.push_back(Output::Update(Update::Secured));
                let hash = established.hash;
                let channel = Channel::new(established);
                Ok(State::Introducing(Introducing { channel, terms: self.terms, hash }))
            }
            Input::TunnelClosed => Err(Fault::PeerLeft.into()),
            Input::TunnelFailed(fault) => Err(End::lost_tunnel(fault)),
            _ => Ok(State::Handshaking(self)),
        }
    }
}

/// Checks the message that a tunnel service sends when the phone has connected.
pub(super) fn connect_signal(message: &[u8], outputs: &mut Outputs) -> Result<(), End> {
    if message != [0] {
        return Err(PeerMisbehaved::TooEarly.into());
    }
    outputs.push_back(Output::Update(Update::PhoneOnline));
    Ok(())
}

/// The channel is up, the phone has not said yet what it is.
#[derive(Debug)]
pub(super) struct Introducing {
    channel: Channel,
    terms: Terms,
    hash: HandshakeHash,
}

impl Introducing {
    fn handle(self, input: Input, outputs: &mut Outputs) -> Step {
        match input {
            Input::Message(message) => {
                let Self { mut channel, terms, hash } = self;
                let opened = channel.open_untyped(message)?;
                let introduction =
                    PostHandshake::parse(opened.expose()).map_err(PeerMisbehaved::PostHandshake)?;
                let Some(raw_info) = introduction.get_info else {
                    return Err(Fault::from(Unsupported::Ctap).into());
                };
                let info: get_info::Response =
                    decode(&raw_info).map_err(PeerMisbehaved::GetInfo)?;
                channel.set_revision(introduction.revision);
                let info = Box::new(info);
                outputs.push_back(Output::Update(Update::PhoneReady(info.clone())));
                let session = Session { channel, terms, hash, info, answered: false };
                if let Some(linking) = introduction.linking {
                    session.take_link(linking.expose(), outputs);
                }
                Ok(State::Ready(session))
            }
            Input::TunnelClosed => Err(Fault::PeerLeft.into()),
            Input::TunnelFailed(fault) => Err(End::lost_tunnel(fault)),
            _ => Ok(State::Introducing(self)),
        }
    }
}

/// The phone is there: nothing is asked of it, or nothing any more.
#[derive(Debug)]
pub(super) struct Session {
    channel: Channel,
    terms: Terms,
    hash: HandshakeHash,
    info: Box<get_info::Response>,
    /// Whether the phone has answered a request: phones' apps leave after one.
    answered: bool,
}

impl Session {
    fn handle(mut self, input: Input, outputs: &mut Outputs) -> Step {
        match input {
            Input::Request { request: PhoneRequest::Ctap(ctap::Request::GetInfo), .. } => {
                // From the post-handshake copy: iOS does not answer a getInfo.
                let info = (*self.info).clone();
                outputs.push_back(Output::Response(Ok(ctap::Response::GetInfo(info))));
                Ok(State::Ready(self))
            }
            Input::Request { request, timeout } => {
                let (request, demands) = match request.decide(&self.info) {
                    Ok(decided) => decided,
                    Err(unsupported) => {
                        self.shut_down(outputs);
                        return Err(Fault::from(unsupported).into());
                    }
                };
                self.send_request(&request, outputs)?;
                outputs.push_back(Output::Update(Update::Asked));
                let request = Box::new(request);
                Ok(State::Asking(Asking { session: self, request, demands, timeout }))
            }
            Input::Finish => {
                self.shut_down(outputs);
                match self.terms {
                    Terms::Linking { .. } => Ok(State::Lingering(self)),
                    Terms::NoLinking => Err(End::Done),
                }
            }
            Input::Message(message) => {
                let message = self.channel.open(message)?;
                match message.kind {
                    MessageType::Update => {
                        self.take_update(message.payload.expose(), outputs);
                        Ok(State::Ready(self))
                    }
                    kind => Err(PeerMisbehaved::UnexpectedMessage(kind).into()),
                }
            }
            Input::TunnelClosed | Input::TunnelFailed(_) if self.answered => Err(End::Done),
            Input::TunnelClosed => Err(Fault::PeerLeft.into()),
            Input::TunnelFailed(fault) => Err(End::lost_tunnel(fault)),
            _ => Ok(State::Ready(self)),
        }
    }

    /// After the client's own shutdown: late replies are dropped, links taken,
    /// and whatever ends the tunnel ends the wait.
    fn linger(mut self, input: Input, outputs: &mut Outputs) -> Step {
        match input {
            Input::Message(message) => {
                let message = self.channel.open(message).map_err(|_| End::Done)?;
                if message.kind == MessageType::Update {
                    self.take_update(message.payload.expose(), outputs);
                }
                Ok(State::Lingering(self))
            }
            Input::TunnelClosed | Input::TunnelFailed(_) => Err(End::Done),
            _ => Ok(State::Lingering(self)),
        }
    }

    fn send_request(&mut self, request: &ctap::Request, outputs: &mut Outputs) -> Result<(), End> {
        let bytes = sendable(request).map_err(Fault::from)?;
        // It is short enough, so that what it lacks is a counter.
        let sealed = self.channel.seal(MessageType::Ctap, &bytes);
        let sealed = sealed.map_err(|_| Fault::from(ApiMisuse::TooManyRequests))?;
        outputs.push_back(Output::Send(sealed));
        Ok(())
    }

    fn shut_down(&mut self, outputs: &mut Outputs) {
        // Revision 0 has no shutdown.
        if self.channel.revision() == Revision::One
            && let Ok(message) = self.channel.seal(MessageType::Shutdown, &[])
        {
            outputs.push_back(Output::Send(message));
        }
    }

    /// A bad update costs the link, not the sign-in (Chromium ends both).
    fn take_update(&self, payload: &[u8], outputs: &mut Outputs) {
        match linking::Update::parse(payload) {
            // Android sends an empty update always.
            Ok(linking::Update { linking: None }) => {}
            Ok(linking::Update { linking: Some(linking) }) => {
                self.take_link(linking.expose(), outputs)
            }
            Err(_) => outputs.push_back(Output::Update(Update::LinkDropped)),
        }
    }

    fn take_link(&self, linking: &[u8], outputs: &mut Outputs) {
        outputs.push_back(match self.verified_link(linking) {
            Some((link, domain)) => Output::Linked { link, domain },
            None => Output::Update(Update::LinkDropped),
        });
    }

    fn verified_link(&self, linking: &[u8]) -> Option<(Link, TunnelDomain)> {
        let Terms::Linking { identity, domain } = &self.terms else {
            return None;
        };
        let link = decode::<UnverifiedLink>(linking).ok()?;
        Some((link.verify(identity, &self.hash).ok()?, *domain))
    }
}

/// The phone has a request.
#[derive(Debug)]
pub(super) struct Asking {
    session: Session,
    /// In a box: it may be large, and no other state has it.
    request: Box<ctap::Request>,
    demands: Demands,
    timeout: Option<Duration>,
}

impl Asking {
    fn handle(mut self, input: Input, outputs: &mut Outputs) -> Step {
        match input {
            Input::Message(message) => {
                let message = self.session.channel.open(message)?;
                match message.kind {
                    MessageType::Ctap => {
                        let response = read_response(
                            &self.request,
                            self.demands,
                            &self.session.info,
                            message.payload,
                        )?;
                        self.session.answered = true;
                        outputs.push_back(Output::Response(response));
                        Ok(State::Ready(self.session))
                    }
                    MessageType::Update => {
                        self.session.take_update(message.payload.expose(), outputs);
                        Ok(State::Asking(self))
                    }
                    kind => Err(PeerMisbehaved::UnexpectedMessage(kind).into()),
                }
            }
            // iOS says "cancelled" like this, Android "I cannot read that".
            Input::TunnelClosed => Err(Fault::PeerLeft.into()),
            Input::TunnelFailed(fault) => Err(End::lost_tunnel(fault)),
            _ => Ok(State::Asking(self)),
        }
    }
}

#[cfg(test)]
mod tests;
