//! The advert was received, and the tunnel of which it told is being opened.

use super::handshaking::Handshaking;
use super::session::Terms;
use super::step::{Outputs, Step, StepResult};
use crate::client::config::Linking;
use crate::client::interface::{Input, Output};
use crate::client::update::Update;
use crate::crypto::SecretKey;
use crate::error::{Fault, PeerMisbehaved};
use crate::secret::Psk;
use crate::transport::noise::Initiator;
use crate::transport::tunnel_domain::TunnelDomain;

/// The tunnel to the phone that was heard is being opened.
#[derive(Debug)]
pub(in crate::client) struct Connecting {
    pub(super) identity: SecretKey,
    pub(super) ephemeral: SecretKey,
    pub(super) psk: Psk,
    pub(super) linking: Linking,
    pub(super) domain: TunnelDomain,
}

impl Connecting {
    pub(super) fn handle(
        self,
        input: Input,
        outputs: &mut Outputs,
    ) -> StepResult<Self, Handshaking> {
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
                Ok(Step::Enter(Handshaking { initiator, terms, signal_due: false }))
            }
            Input::Message(_) => Err(PeerMisbehaved::TooEarly.into()),
            Input::TunnelClosed => Err(Fault::PeerLeft.into()),
            Input::TunnelFailed(fault) => Err(Fault::from(fault).into()),
            _ => Ok(Step::Stay(self)),
        }
    }
}
