//! The client's handshake message was sent; the phone's is awaited.

use super::awaiting_post_handshake::AwaitingPostHandshake;
use super::session::LinkPolicy;
use super::step::{Outputs, Step, StepResult};
use crate::client::input::Input;
use crate::client::output::Output;
use crate::client::update::ClientUpdate;
use crate::error::{ErrorKind, PeerMisbehaved};
use crate::state_machine::End;
use crate::transport::{Channel, Initiator};

/// The first handshake message is out.
#[derive(Debug)]
pub(in crate::client) struct Handshaking {
    pub(super) initiator: Initiator,
    pub(super) link_policy: LinkPolicy,
    /// The tunnel service will send its connect signal before the phone speaks.
    pub(super) signal_due: bool,
}

impl Handshaking {
    pub(super) fn handle(
        mut self,
        input: Input,
        outputs: &mut Outputs,
    ) -> StepResult<Self, AwaitingPostHandshake> {
        match input {
            Input::Message(message) if self.signal_due => {
                connect_signal(&message, outputs)?;
                self.signal_due = false;
                Ok(Step::Stay(self))
            }
            Input::Message(message) => {
                let established = self.initiator.finish(&message)?;
                outputs.push_back(Output::Update(ClientUpdate::Secured));
                let hash = established.hash;
                let channel = Channel::new(established);
                Ok(Step::Enter(AwaitingPostHandshake {
                    channel,
                    link_policy: self.link_policy,
                    hash,
                }))
            }
            Input::TunnelClosed => Err(ErrorKind::PeerDisconnected.into()),
            Input::TunnelFailed(error) => Err(End::lost_tunnel(error)),
            _ => Ok(Step::Stay(self)),
        }
    }
}

/// Checks the message that a tunnel service sends when the phone has connected.
pub(super) fn connect_signal(message: &[u8], outputs: &mut Outputs) -> Result<(), End> {
    if message != [0] {
        return Err(PeerMisbehaved::TooEarly.into());
    }
    outputs.push_back(Output::Update(ClientUpdate::PhoneOnline));
    Ok(())
}
