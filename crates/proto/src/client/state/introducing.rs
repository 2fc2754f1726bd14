//! The channel is established; the phone's post-handshake message is awaited.

use super::session::{Session, Terms};
use super::step::{Outputs, Step, StepResult};
use crate::cbor::decode;
use crate::client::interface::{Input, Output};
use crate::client::update::Update;
use crate::ctap::get_info;
use crate::error::{Fault, PeerMisbehaved, Unsupported};
use crate::state_machine::End;
use crate::transport::channel::Channel;
use crate::transport::noise::HandshakeHash;
use crate::transport::post_handshake::PostHandshake;

/// The channel is up, the phone has not said yet what it is.
#[derive(Debug)]
pub(in crate::client) struct Introducing {
    pub(super) channel: Channel,
    pub(super) terms: Terms,
    pub(super) hash: HandshakeHash,
}

impl Introducing {
    pub(super) fn handle(self, input: Input, outputs: &mut Outputs) -> StepResult<Self, Session> {
        match input {
            Input::Message(message) => {
                let Self { mut channel, terms, hash } = self;
                let opened = channel.open_untyped(message)?;
                let introduction =
                    PostHandshake::parse(opened.expose()).map_err(PeerMisbehaved::PostHandshake)?;
                let features = introduction.features;
                // A phone of digital credentials alone has no getInfo.
                let info = match introduction.get_info {
                    Some(info) => Some(decode(&info).map_err(PeerMisbehaved::GetInfo)?),
                    None if features.digital_credentials => None,
                    None => return Err(Fault::from(Unsupported::Ctap).into()),
                };
                let info: Option<Box<get_info::Response>> = info.map(Box::new);
                channel.set_revision(introduction.revision);
                let ready = Update::PhoneReady { features, get_info: info.clone() };
                outputs.push_back(Output::Update(ready));
                let session = Session { channel, terms, hash, features, info, answered: false };
                if let Some(linking) = introduction.linking {
                    session.take_link(linking.expose(), outputs);
                }
                Ok(Step::Enter(session))
            }
            Input::TunnelClosed => Err(Fault::PeerLeft.into()),
            Input::TunnelFailed(fault) => Err(End::lost_tunnel(fault)),
            _ => Ok(Step::Stay(self)),
        }
    }
}
