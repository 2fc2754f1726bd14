//! The start of a linked transaction (state-assisted, [CTAP 2.2 §11.5.2]):
//! the phone is called through its tunnel service and listened for by radio at
//! the same time. The handshake starts when both are there.
//!
//! If the tunnel service announced a connect signal, a message `00` comes
//! first, before or after the advert; the handshake need not wait for it.

use super::handshaking::{Handshaking, connect_signal};
use super::session::LinkPolicy;
use super::step::{Outputs, Step, StepResult};
use crate::client::config::ContactSecrets;
use crate::client::input::Input;
use crate::client::output::Output;
use crate::client::update::ClientUpdate;
use crate::crypto::{PublicKey, SecretKey};
use crate::error::{ErrorKind, PeerMisbehaved, TunnelError};
use crate::secret::{LinkSecret, Psk};
use crate::transport::{
    AdvertKey, CLIENT_PAYLOAD_HEADER, ContactHint, ContactRequest, Initiator, LinkedPhone,
    SIGNAL_CONNECTION_HEADER, TunnelRequest, TunnelUrl, key_schedule,
};

/// HTTP status of a contact id that is dead for good.
const GONE: u16 = 410;

/// Calling and listening, in parallel.
#[derive(Debug)]
pub(in crate::client) struct Contacting {
    advert_key: AdvertKey,
    secret: LinkSecret,
    phone: PublicKey,
    ephemeral: SecretKey,
    psk: Option<Psk>,
    tunnel: Tunnel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tunnel {
    Dialling,
    Open { signal_due: bool },
}

impl Contacting {
    pub(super) fn new(
        hint: ContactHint,
        phone: &LinkedPhone,
        keys: ContactSecrets,
    ) -> (Self, TunnelRequest) {
        let LinkedPhone { link, domain } = phone;
        let ContactSecrets { nonce, ephemeral } = keys;
        let advert_key = AdvertKey::new(&key_schedule::eid_key_linked(&link.secret, &nonce));
        let payload = ContactRequest { link_id: link.link_id, nonce, hint };
        let request = TunnelRequest {
            url: TunnelUrl::contact(*domain, &link.contact_id),
            headers: vec![
                (CLIENT_PAYLOAD_HEADER, payload.to_header()),
                (SIGNAL_CONNECTION_HEADER, "true".to_owned()),
            ],
        };
        let contacting = Self {
            advert_key,
            secret: link.secret.clone(),
            phone: link.identity,
            ephemeral,
            psk: None,
            tunnel: Tunnel::Dialling,
        };
        (contacting, request)
    }

    pub(super) const fn is_scanning(&self) -> bool {
        self.psk.is_none()
    }

    pub(super) const fn is_open(&self) -> bool {
        matches!(self.tunnel, Tunnel::Open { .. })
    }

    pub(super) fn handle(
        mut self,
        input: Input,
        outputs: &mut Outputs,
    ) -> StepResult<Self, Handshaking> {
        match input {
            Input::Advert(advert) if self.is_scanning() && advert.is_of_a_phone() => {
                // The advert's domain says nothing here: a phone may put random
                // bytes in its place.
                if let Some(received) = self.advert_key.open_linked(&advert.service_data) {
                    self.psk = Some(key_schedule::psk_linked(&self.secret, &received.eid));
                    outputs.push_back(Output::StopScanning);
                    outputs.push_back(Output::Update(ClientUpdate::PhoneFound));
                }
            }
            Input::Adapter(state) if self.is_scanning() => {
                outputs.push_back(Output::Update(ClientUpdate::Adapter(state)));
            }
            Input::BluetoothFailed(error) if self.is_scanning() => {
                return Err(ErrorKind::from(error).into());
            }
            Input::TunnelOpened { connect_signal } => {
                self.tunnel = Tunnel::Open { signal_due: connect_signal };
                outputs.push_back(Output::Update(ClientUpdate::Connected));
            }
            Input::Message(message) => {
                if self.tunnel != (Tunnel::Open { signal_due: true }) {
                    return Err(PeerMisbehaved::TooEarly.into());
                }
                connect_signal(&message, outputs)?;
                self.tunnel = Tunnel::Open { signal_due: false };
            }
            Input::TunnelFailed(error) => {
                if let TunnelError::Status(GONE) = error {
                    outputs.push_back(Output::ForgetLink);
                }
                return Err(ErrorKind::from(error).into());
            }
            Input::TunnelClosed => return Err(ErrorKind::PeerDisconnected.into()),
            _ => {}
        }
        self.next(outputs)
    }

    fn next(self, outputs: &mut Outputs) -> StepResult<Self, Handshaking> {
        match self {
            Self {
                psk: Some(psk), tunnel: Tunnel::Open { signal_due }, phone, ephemeral, ..
            } => {
                let (initiator, message) = Initiator::linked(&phone, &psk, ephemeral)?;
                outputs.push_back(Output::Send(message.into()));
                let link_policy = LinkPolicy::NoLinking;
                Ok(Step::Enter(Handshaking { initiator, link_policy, signal_due }))
            }
            contacting => Ok(Step::Stay(contacting)),
        }
    }
}
