//! The client is connected: CTAP messages both ways, one request at a time
//! [CTAP 2.2 §11.5.1.2].

use super::messages::{besides_requests, unanswerable};
use super::{LinkInput, LinkOutput, LinkUpdate, Outputs, State, Step, response};
use crate::ctap::{Command, RawCbor, RawResponse, Status};
use crate::error::ErrorKind;
use crate::secret::SecretBytes;
use crate::state_machine::End;
use crate::transport::{Channel, MessageType};

/// The client is connected, and every request of it is answered.
#[derive(Debug)]
pub(in crate::authenticator) struct PhoneChannel {
    channel: Channel,
    get_info: RawCbor,
    /// Whether a request for a passkey or a signature was answered, if only by a
    /// refusal: clients leave then.
    settled: bool,
}

impl PhoneChannel {
    pub(in crate::authenticator) const fn new(channel: Channel, get_info: RawCbor) -> Self {
        Self { channel, get_info, settled: false }
    }

    pub(super) const fn is_settled(&self) -> bool {
        self.settled
    }

    pub(super) fn handle(mut self, input: LinkInput, outputs: &mut Outputs) -> Step {
        match input {
            LinkInput::Message(message) => {
                let message = self.channel.open(message)?;
                match message.kind {
                    MessageType::Ctap => self.take(message.payload, outputs),
                    MessageType::Shutdown if self.settled => Err(End::Done),
                    kind => {
                        besides_requests(kind, message.payload.expose())?;
                        Ok(State::Listening(self))
                    }
                }
            }
            LinkInput::TunnelClosed | LinkInput::TunnelFailed(_) if self.settled => Err(End::Done),
            LinkInput::TunnelClosed => Err(ErrorKind::PeerDisconnected.into()),
            // Also if the answer was lost: the client does not have it.
            LinkInput::TunnelFailed(error) | LinkInput::SendFailed(error) => {
                Err(End::lost_tunnel(error))
            }
            _ => Ok(State::Listening(self)),
        }
    }

    /// GetInfo is answered here, in the words of the post-handshake message.
    fn take(mut self, request: SecretBytes, outputs: &mut Outputs) -> Step {
        if request.expose() == [Command::GetInfo.byte()] {
            let info = [&[Status::OK.0], self.get_info.as_bytes()].concat();
            self.send(&info, outputs)?;
            return Ok(State::Listening(self));
        }
        let command = request.expose().first().and_then(|byte| Command::from_byte(*byte));
        outputs.push_back(LinkOutput::Update(LinkUpdate::Requested));
        outputs.push_back(LinkOutput::Request(request));
        Ok(State::Answering(Answering { session: self, command }))
    }

    fn send(&mut self, response: &[u8], outputs: &mut Outputs) -> Result<(), End> {
        let sealed = self.channel.seal(MessageType::Ctap, response).map_err(unanswerable)?;
        outputs.push_back(LinkOutput::Send(sealed));
        Ok(())
    }
}

/// The engine has a request.
#[derive(Debug)]
pub(in crate::authenticator) struct Answering {
    session: PhoneChannel,
    command: Option<Command>,
}

impl Answering {
    pub(super) fn handle(mut self, input: LinkInput, outputs: &mut Outputs) -> Step {
        match input {
            LinkInput::Response(response) => return self.respond(response, outputs),
            LinkInput::Message(message) => {
                let message = self.session.channel.open(message)?;
                besides_requests(message.kind, message.payload.expose())?;
            }
            LinkInput::TunnelClosed => return Err(ErrorKind::PeerDisconnected.into()),
            LinkInput::TunnelFailed(error) | LinkInput::SendFailed(error) => {
                return Err(End::lost_tunnel(error));
            }
            _ => {}
        }
        Ok(State::Answering(self))
    }

    /// An engine answered. What it answered goes to the client as it is, if a
    /// client can read it.
    fn respond(self, response: SecretBytes, outputs: &mut Outputs) -> Step {
        let settles = matches!(
            self.command,
            Some(Command::MakeCredential | Command::GetAssertion | Command::Selection)
        );
        let (response, update) = match response::check(&response) {
            Ok(status) => (response, LinkUpdate::Answered(status)),
            Err(error) => {
                let other = RawResponse::from_status(Status::OTHER);
                (other.to_bytes(), LinkUpdate::EngineFailed(error))
            }
        };
        let session = self.answer(&response, settles, outputs)?;
        outputs.push_back(LinkOutput::Update(update));
        Ok(State::Listening(session))
    }

    /// Sends a response. `settles`: the client may leave now.
    pub(in crate::authenticator) fn answer(
        self,
        response: &SecretBytes,
        settles: bool,
        outputs: &mut Outputs,
    ) -> Result<PhoneChannel, End> {
        let mut session = self.session;
        session.send(response.expose(), outputs)?;
        session.settled |= settles;
        Ok(session)
    }

    /// Sends a status before the transaction ends. What cannot be sent is not.
    pub(super) fn last_word(mut self, status: Status, outputs: &mut Outputs) {
        let response = RawResponse::from_status(status).to_bytes();
        let _unsent = self.session.send(response.expose(), outputs);
    }
}
