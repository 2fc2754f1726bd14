//! The advert is being transmitted, and the handshake:
//! [CTAP 2.2 §11.5.1, §11.5.1.1].

use super::messages::unanswerable;
use super::session::PhoneChannel;
use super::{LinkInput, LinkOutput, LinkUpdate, Outputs, State, Step};
use crate::cbor::encode;
use crate::ctap::RawCbor;
use crate::error::{ErrorKind, TunnelError};
use crate::ports::bluetooth::AdapterState;
use crate::state_machine::End;
use crate::transport::{Channel, MessageType, PostHandshake, Responder, UpdateMessage};

/// Advertising: a client that receives the advert can start the
/// handshake.
#[derive(Debug)]
pub(in crate::authenticator) struct Advertising {
    responder: Responder,
    get_info: RawCbor,
    /// The advert is transmitted while it is on.
    adapter: AdapterState,
}

impl Advertising {
    pub(super) const fn new(responder: Responder, get_info: RawCbor) -> Self {
        Self { responder, get_info, adapter: AdapterState::On }
    }

    pub(super) fn handle(self, input: LinkInput, outputs: &mut Outputs) -> Step {
        match input {
            // One attempt: the responder is consumed.
            LinkInput::Message(message) => Ok(State::Listening(self.respond(&message, outputs)?)),
            LinkInput::Adapter(state) => {
                outputs.push_back(LinkOutput::Update(LinkUpdate::Adapter(state)));
                Ok(State::Advertising(Self { adapter: state, ..self }))
            }
            LinkInput::AdvertisingFailed(error) => Err(ErrorKind::from(error).into()),
            // No client has spoken yet: this was the service.
            LinkInput::TunnelClosed => Err(ErrorKind::from(TunnelError::Closed(None)).into()),
            LinkInput::TunnelFailed(error) | LinkInput::SendFailed(error) => {
                Err(ErrorKind::from(error).into())
            }
            _ => Ok(State::Advertising(self)),
        }
    }

    /// Without an advert, no device had a chance to come.
    pub(super) fn expire(self) -> End {
        self.adapter.error().map_or(ErrorKind::Deadline, ErrorKind::from).into()
    }

    fn respond(self, message: &[u8], outputs: &mut Outputs) -> Result<PhoneChannel, End> {
        let Self { responder, get_info, adapter: _ } = self;
        let (established, reply) = responder.respond(message)?;
        let mut channel = Channel::new(established);
        let introduction = PostHandshake::ctap(get_info.as_bytes().to_vec());
        let introduction = channel.seal_untyped(&encode(&introduction)).map_err(unanswerable)?;
        // Always, and always of one length: an observer of the tunnel cannot
        // tell whether a link is in it (as Chromium's phone).
        let update = UpdateMessage::default().to_bytes();
        let update = channel.seal(MessageType::Update, update.expose()).map_err(unanswerable)?;
        outputs.push_back(LinkOutput::StopAdvertising);
        outputs.extend([reply.into(), introduction, update].map(LinkOutput::Send));
        outputs.push_back(LinkOutput::Update(LinkUpdate::Secured));
        Ok(PhoneChannel::new(channel, get_info))
    }
}
