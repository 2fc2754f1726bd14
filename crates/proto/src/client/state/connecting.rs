//! The advert was received, and the tunnel of which it told is being opened.

use super::handshaking::Handshaking;
use super::session::LinkPolicy;
use super::step::{Outputs, Step, StepResult};
use crate::client::config::Linking;
use crate::client::input::Input;
use crate::client::output::Output;
use crate::client::update::ClientUpdate;
use crate::crypto::SecretKey;
use crate::error::{ErrorKind, PeerMisbehaved};
use crate::secret::Psk;
use crate::transport::{Initiator, TunnelDomain};

/// The tunnel to the phone whose advert was received is being opened.
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
                outputs.push_back(Output::Update(ClientUpdate::Connected));
                outputs.push_back(Output::Send(message.into()));
                let link_policy = match linking {
                    Linking::Offered => LinkPolicy::Linking { identity, domain },
                    Linking::NotOffered => LinkPolicy::NoLinking,
                };
                Ok(Step::Enter(Handshaking { initiator, link_policy, signal_due: false }))
            }
            Input::Message(_) => Err(PeerMisbehaved::TooEarly.into()),
            Input::TunnelClosed => Err(ErrorKind::PeerDisconnected.into()),
            Input::TunnelFailed(error) => Err(ErrorKind::from(error).into()),
            _ => Ok(Step::Stay(self)),
        }
    }
}
