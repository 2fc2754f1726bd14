//! The phone is ready: requests, responses, links that come, and the wait for a
//! late link after the last of them. [CTAP 2.2 §11.5.1.2]

use std::sync::Arc;
use std::time::Duration;

use super::phone_info::PhoneInfo;
use super::step::{Outputs, Step, StepResult};
use crate::cbor::decode;
use crate::client::input::Input;
use crate::client::output::Output;
use crate::client::raw_request::RawRequest;
use crate::client::request::{Demands, Encoded, EncodedRequest, JsonRequest, PhoneRequest};
use crate::client::response_check::read_response;
use crate::client::update::ClientUpdate;
use crate::crypto::SecretKey;
use crate::ctap;
use crate::error::{ApiMisuse, ErrorKind, PeerMisbehaved, TunnelError, Unsupported};
use crate::secret::{SecretBytes, SecretText};
use crate::state_machine::End;
use crate::transport::{
    Channel, Features, HandshakeHash, LinkedPhone, MessageType, Revision, TunnelDomain,
    UnverifiedLink, UpdateMessage,
};

/// How this transaction was set up, as far as it matters for links.
#[derive(Debug)]
pub(super) enum LinkPolicy {
    /// A link is checked with the QR code's private key, which is not kept for
    /// anything else, and is one to the service where the phone was met.
    Linking { identity: SecretKey, domain: TunnelDomain },
    /// A link that comes is not looked at: it was not offered, or this is a
    /// linked transaction, without a QR code's key to check it with.
    NoLinking,
}

/// The phone is there: nothing is asked of it, or nothing any more.
#[derive(Debug)]
pub(in crate::client) struct ClientChannel {
    pub(super) channel: Channel,
    pub(super) link_policy: LinkPolicy,
    pub(super) hash: HandshakeHash,
    /// The kinds of requests that the phone accepts, and for CTAP its getInfo.
    pub(super) features: Features,
    pub(super) info: Option<PhoneInfo>,
    /// Whether the phone has answered a request: phones' apps leave after one.
    pub(super) answered: bool,
}

/// The next state after an input to a [`ClientChannel`] that is ready.
pub(super) enum Turn {
    Ready(ClientChannel),
    AwaitingResponse(AwaitingResponse),
    Lingering(ClientChannel),
}

impl ClientChannel {
    pub(super) fn handle(mut self, input: Input, outputs: &mut Outputs) -> Result<Turn, End> {
        match input {
            Input::Request { request, timeout } => {
                let asked = match request {
                    PhoneRequest::Ctap(request) => self.ask_ctap(request, outputs),
                    PhoneRequest::Raw(request) => self.ask_raw(&request, outputs),
                    PhoneRequest::Json(request) => self.ask_json(&request, outputs),
                };
                match asked {
                    Ok(Some(asked)) => {
                        outputs.push_back(Output::Update(ClientUpdate::Asked));
                        Ok(Turn::AwaitingResponse(AwaitingResponse {
                            session: self,
                            asked,
                            timeout,
                        }))
                    }
                    Ok(None) => Ok(Turn::Ready(self)),
                    Err(error) => {
                        if let ErrorKind::Unsupported(_) = error {
                            self.shut_down(outputs);
                        }
                        Err(error.into())
                    }
                }
            }
            Input::Finish => {
                self.shut_down(outputs);
                match self.link_policy {
                    LinkPolicy::Linking { .. } => Ok(Turn::Lingering(self)),
                    LinkPolicy::NoLinking => Err(End::Done),
                }
            }
            Input::Message(message) => {
                let message = self.channel.open(message)?;
                match message.kind {
                    MessageType::Update => {
                        self.take_update(message.payload.expose(), outputs);
                        Ok(Turn::Ready(self))
                    }
                    // webauthn-authenticator-rs sends one behind its answer.
                    MessageType::Shutdown if self.answered => Err(End::Done),
                    kind => Err(PeerMisbehaved::UnexpectedMessage(kind).into()),
                }
            }
            Input::TunnelClosed | Input::TunnelFailed(_) if self.answered => Err(End::Done),
            Input::TunnelClosed => Err(ErrorKind::PeerDisconnected.into()),
            Input::TunnelFailed(error) => Err(End::lost_tunnel(error)),
            _ => Ok(Turn::Ready(self)),
        }
    }

    /// After the client's own shutdown: late replies are dropped, links taken,
    /// and whatever ends the tunnel ends the wait.
    pub(super) fn linger(mut self, input: Input, outputs: &mut Outputs) -> Result<Self, End> {
        match input {
            Input::Message(message) => {
                let message = self.channel.open(message).map_err(|_| End::Done)?;
                if message.kind == MessageType::Update {
                    self.take_update(message.payload.expose(), outputs);
                }
                Ok(self)
            }
            Input::TunnelClosed | Input::TunnelFailed(_) => Err(End::Done),
            _ => Ok(self),
        }
    }

    /// Sends a CTAP request, or answers it here.
    fn ask_ctap(
        &mut self,
        request: EncodedRequest,
        outputs: &mut Outputs,
    ) -> Result<Option<Asked>, ErrorKind> {
        let info = &*self.info.as_ref().ok_or(Unsupported::Ctap)?.read;
        if request.command() == ctap::Command::GetInfo {
            // From the post-handshake copy: iOS does not answer a getInfo.
            let response = ctap::CtapResponse::GetInfo(info.clone());
            outputs.push_back(Output::Response(Ok(response)));
            return Ok(None);
        }
        let (Encoded { request, bytes }, demands) = request.decide(info)?;
        self.send(MessageType::Ctap, bytes.expose(), outputs)?;
        Ok(Some(Asked::Ctap { request, demands }))
    }

    /// Sends a CTAP request as it is, or answers it here.
    fn ask_raw(
        &mut self,
        request: &RawRequest,
        outputs: &mut Outputs,
    ) -> Result<Option<Asked>, ErrorKind> {
        let info = self.info.as_ref().ok_or(Unsupported::Ctap)?;
        if request.is_get_info() {
            outputs.push_back(Output::RawResponse(info.response()));
            return Ok(None);
        }
        self.send(MessageType::Ctap, request.bytes(), outputs)?;
        Ok(Some(Asked::Raw))
    }

    fn ask_json(
        &mut self,
        request: &JsonRequest,
        outputs: &mut Outputs,
    ) -> Result<Option<Asked>, ErrorKind> {
        // Revision 0 has no type byte: the phone would read it as CTAP.
        if !self.features.digital_credentials || self.channel.revision() == Revision::Zero {
            return Err(Unsupported::Json.into());
        }
        self.send(MessageType::Json, request.bytes(), outputs)?;
        Ok(Some(Asked::Json))
    }

    fn send(
        &mut self,
        kind: MessageType,
        payload: &[u8],
        outputs: &mut Outputs,
    ) -> Result<(), ApiMisuse> {
        // It is short enough, so that what it lacks is a counter.
        let sealed = self.channel.seal(kind, payload).map_err(|_| ApiMisuse::TooManyRequests)?;
        outputs.push_back(Output::Send(sealed));
        Ok(())
    }

    pub(super) fn shut_down(&mut self, outputs: &mut Outputs) {
        // Revision 0 has no shutdown.
        if self.channel.revision() == Revision::One
            && let Ok(message) = self.channel.seal(MessageType::Shutdown, &[])
        {
            outputs.push_back(Output::Send(message));
        }
    }

    /// A bad update costs the link, not the sign-in (Chromium ends both).
    fn take_update(&self, payload: &[u8], outputs: &mut Outputs) {
        match UpdateMessage::parse(payload) {
            // Android sends an empty update always.
            Ok(UpdateMessage { linking: None }) => {}
            Ok(UpdateMessage { linking: Some(linking) }) => {
                self.take_link(linking.expose(), outputs)
            }
            Err(_) => outputs.push_back(Output::Update(ClientUpdate::LinkDropped)),
        }
    }

    pub(super) fn take_link(&self, linking: &[u8], outputs: &mut Outputs) {
        outputs.push_back(match self.verified_link(linking) {
            Some(phone) => Output::Linked(phone),
            None => Output::Update(ClientUpdate::LinkDropped),
        });
    }

    fn verified_link(&self, linking: &[u8]) -> Option<LinkedPhone> {
        let LinkPolicy::Linking { identity, domain } = &self.link_policy else {
            return None;
        };
        let link = decode::<UnverifiedLink>(linking).ok()?;
        Some(LinkedPhone { link: link.verify(identity, &self.hash).ok()?, domain: *domain })
    }
}

/// The phone has a request.
#[derive(Debug)]
pub(in crate::client) struct AwaitingResponse {
    pub(super) session: ClientChannel,
    asked: Asked,
    pub(super) timeout: Option<Duration>,
}

/// The request that the phone has to answer.
#[derive(Debug)]
enum Asked {
    Ctap { request: Arc<ctap::CtapRequest>, demands: Demands },
    Raw,
    Json,
}

impl AwaitingResponse {
    pub(super) fn handle(
        mut self,
        input: Input,
        outputs: &mut Outputs,
    ) -> StepResult<Self, ClientChannel> {
        match input {
            Input::Message(message) => {
                let message = self.session.channel.open(message)?;
                match (message.kind, &self.asked) {
                    (MessageType::Ctap, Asked::Ctap { request, demands }) => {
                        let response = read_response(request, *demands, message.payload)?;
                        Ok(self.answered(Output::Response(response), outputs))
                    }
                    (MessageType::Ctap, Asked::Raw) if message.payload.is_empty() => {
                        Err(PeerMisbehaved::EmptyResponse.into())
                    }
                    (MessageType::Ctap, Asked::Raw) => {
                        Ok(self.answered(Output::RawResponse(message.payload), outputs))
                    }
                    (MessageType::Json, Asked::Json) => {
                        let text = read_text(message.payload)?;
                        Ok(self.answered(Output::JsonResponse(text), outputs))
                    }
                    (MessageType::Update, _) => {
                        self.session.take_update(message.payload.expose(), outputs);
                        Ok(Step::Stay(self))
                    }
                    // Only clients send one, and this phone has nothing more to say.
                    (MessageType::Shutdown, _) if message.payload.is_empty() => {
                        Err(ErrorKind::EndedOnPhone.into())
                    }
                    (kind, _) => Err(PeerMisbehaved::UnexpectedMessage(kind).into()),
                }
            }
            // iOS says "cancelled" like this, Android "no passkey" and "I cannot read that".
            // A phone that was lost is not closed in good order: services say 1001, or
            // nothing comes at all.
            Input::TunnelClosed | Input::TunnelFailed(TunnelError::Closed(Some(1000))) => {
                Err(ErrorKind::EndedOnPhone.into())
            }
            Input::TunnelFailed(error) => Err(End::lost_tunnel(error)),
            _ => Ok(Step::Stay(self)),
        }
    }

    fn answered(mut self, response: Output, outputs: &mut Outputs) -> Step<Self, ClientChannel> {
        self.session.answered = true;
        outputs.push_back(response);
        Step::Enter(self.session)
    }
}

/// Reads a JSON response. It is no longer than the channel lets a message be.
fn read_text(payload: SecretBytes) -> Result<SecretText, PeerMisbehaved> {
    match String::from_utf8(payload.into_exposed()) {
        Ok(text) => Ok(SecretText::new(text)),
        Err(error) => {
            drop(SecretBytes::new(error.into_bytes()));
            Err(PeerMisbehaved::NotUtf8)
        }
    }
}
