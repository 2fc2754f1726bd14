//! The client's handshake message was sent; the phone's is awaited.

use super::introducing::Introducing;
use super::session::Terms;
use super::step::{Outputs, Step, StepResult};
use crate::client::interface::{Input, Output};
use crate::client::update::Update;
use crate::error::{Fault, PeerMisbehaved};
use crate::state_machine::End;
use crate::transport::channel::Channel;
use crate::transport::noise::Initiator;

/// The first handshake message is out.
#[derive(Debug)]
pub(in crate::client) struct Handshaking {
    pub(super) initiator: Initiator,
    pub(super) terms: Terms,
    /// The tunnel service will send its connect signal before the phone speaks.
    pub(super) signal_due: bool,
}

impl Handshaking {
    pub(super) fn handle(
        mut self,
        input: Input,
        outputs: &mut Outputs,
    ) -> StepResult<Self, Introducing> {
        match input {
            Input::Message(message) if self.signal_due => {
                connect_signal(&message, outputs)?;
                self.signal_due = false;
                Ok(Step::Stay(self))
            }
            Input::Message(message) => {
                let established = self.initiator.finish(&message)?;
                outputs.push_back(Output::Update(Update::Secured));
                let hash = established.hash;
                let channel = Channel::new(established);
                Ok(Step::Enter(Introducing { channel, terms: self.terms, hash }))
            }
            Input::TunnelClosed => Err(Fault::PeerLeft.into()),
            Input::TunnelFailed(fault) => Err(End::lost_tunnel(fault)),
            _ => Ok(Step::Stay(self)),
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
