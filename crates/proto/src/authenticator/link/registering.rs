//! A tunnel is being opened: [CTAP 2.2 §11.5.1], up to the advert.

use super::advertising::Advertising;
use super::config::LinkSecrets;
use super::{LinkInput, LinkOutput, LinkUpdate, Outputs, State, Step};
use crate::crypto::PublicKey;
use crate::ctap::RawCbor;
use crate::error::{ErrorKind, PeerMisbehaved, TunnelError};
use crate::secret::QrSecret;
use crate::transport::{
    AdvertKey, Eid, QrCode, Responder, RoutingId, TunnelDomain, TunnelRequest, TunnelUrl,
    key_schedule,
};

/// A tunnel is being opened.
#[derive(Debug)]
pub(in crate::authenticator) struct Registering {
    client: PublicKey,
    secret: QrSecret,
    domain: TunnelDomain,
    get_info: RawCbor,
    keys: LinkSecrets,
}

impl Registering {
    pub(super) fn new(
        domain: TunnelDomain,
        get_info: RawCbor,
        code: &QrCode,
        keys: LinkSecrets,
    ) -> (Self, TunnelRequest) {
        let (client, secret) = (code.public_key, code.secret.clone());
        let url = TunnelUrl::new_tunnel(domain, key_schedule::tunnel_id(&secret));
        (Self { client, secret, domain, get_info, keys }, url.into())
    }

    pub(super) fn handle(self, input: LinkInput, outputs: &mut Outputs) -> Step {
        match input {
            LinkInput::TunnelOpened { routing_id: Some(routing_id) } => {
                Ok(State::Advertising(self.advertise(routing_id, outputs)))
            }
            LinkInput::TunnelOpened { routing_id: None } => {
                Err(ErrorKind::from(TunnelError::Upgrade("there is no routing id")).into())
            }
            LinkInput::Message(_) => Err(PeerMisbehaved::TooEarly.into()),
            LinkInput::TunnelClosed => Err(ErrorKind::from(TunnelError::Closed(None)).into()),
            LinkInput::TunnelFailed(error) | LinkInput::SendFailed(error) => {
                Err(ErrorKind::from(error).into())
            }
            _ => Ok(State::Registering(self)),
        }
    }

    fn advertise(self, routing_id: RoutingId, outputs: &mut Outputs) -> Advertising {
        let Self { client, secret, domain, get_info, keys } = self;
        let LinkSecrets { nonce, ephemeral } = keys;
        let eid = Eid::with(&nonce, routing_id, domain);
        let advert = AdvertKey::new(&key_schedule::eid_key(&secret)).seal(&eid);
        outputs.push_back(LinkOutput::Advertise(advert.into()));
        outputs.push_back(LinkOutput::Update(LinkUpdate::Advertising));
        let responder = Responder::qr(client, &key_schedule::psk(&secret, &eid), ephemeral);
        Advertising::new(responder, get_info)
    }
}
