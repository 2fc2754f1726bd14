//! The channel is established; the phone's post-handshake message is awaited.

use super::phone_info::PhoneInfo;
use super::session::{ClientChannel, LinkPolicy};
use super::step::{Outputs, Step, StepResult};
use crate::client::input::Input;
use crate::client::output::Output;
use crate::client::update::ClientUpdate;
use crate::error::{ErrorKind, PeerMisbehaved, Unsupported};
use crate::state_machine::End;
use crate::transport::{Channel, HandshakeHash, PostHandshake};

/// The channel is up, the phone has not said yet what it is.
#[derive(Debug)]
pub(in crate::client) struct AwaitingPostHandshake {
    pub(super) channel: Channel,
    pub(super) link_policy: LinkPolicy,
    pub(super) hash: HandshakeHash,
}

impl AwaitingPostHandshake {
    pub(super) fn handle(
        self,
        input: Input,
        outputs: &mut Outputs,
    ) -> StepResult<Self, ClientChannel> {
        match input {
            Input::Message(message) => {
                let Self { mut channel, link_policy, hash } = self;
                let opened = channel.open_untyped(message)?;
                let introduction =
                    PostHandshake::parse(opened.expose()).map_err(PeerMisbehaved::PostHandshake)?;
                let features = introduction.features;
                // A phone of digital credentials alone has no getInfo.
                let info = match introduction.get_info {
                    Some(info) => Some(PhoneInfo::new(info).map_err(PeerMisbehaved::GetInfo)?),
                    None if features.digital_credentials => None,
                    None => return Err(ErrorKind::from(Unsupported::Ctap).into()),
                };
                channel.set_revision(introduction.revision);
                let get_info = info.as_ref().map(|info| info.read.clone());
                let ready = ClientUpdate::PhoneReady { features, get_info };
                outputs.push_back(Output::Update(ready));
                let session =
                    ClientChannel { channel, link_policy, hash, features, info, answered: false };
                if let Some(linking) = introduction.linking {
                    session.take_link(linking.expose(), outputs);
                }
                Ok(Step::Enter(session))
            }
            Input::TunnelClosed => Err(ErrorKind::PeerDisconnected.into()),
            Input::TunnelFailed(error) => Err(End::lost_tunnel(error)),
            _ => Ok(Step::Stay(self)),
        }
    }
}
