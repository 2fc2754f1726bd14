//! A tunnel is being opened: CTAP 2.2 section 11.5.1, up to the advert.

use super::advertising::Advertising;
use super::config::Keys;
use super::{Input, Output, Outputs, State, Step, Update};
use crate::crypto::PublicKey;
use crate::ctap::RawCbor;
use crate::error::{Fault, PeerMisbehaved, TunnelFault};
use crate::secret::QrSecret;
use crate::transport::advert::{AdvertKey, Eid};
use crate::transport::keys;
use crate::transport::noise::Responder;
use crate::transport::qr_code::QrCode;
use crate::transport::tunnel_domain::TunnelDomain;
use crate::transport::tunnel_url::{RoutingId, TunnelRequest, TunnelUrl};

/// A tunnel is being opened.
#[derive(Debug)]
pub(in crate::authenticator) struct Registering {
    client: PublicKey,
    secret: QrSecret,
    domain: TunnelDomain,
    get_info: RawCbor,
    keys: Keys,
}

impl Registering {
    pub(super) fn new(
        domain: TunnelDomain,
        get_info: RawCbor,
        code: &QrCode,
        keys: Keys,
    ) -> (Self, TunnelRequest) {
        let (client, secret) = (code.public_key, code.secret.clone());
        let url = TunnelUrl::new_tunnel(domain, keys::tunnel_id(&secret));
        (Self { client, secret, domain, get_info, keys }, url.into())
    }

    pub(super) fn handle(self, input: Input, outputs: &mut Outputs) -> Step {
        match input {
            Input::TunnelOpened { routing_id: Some(routing_id) } => {
                Ok(State::Advertising(self.advertise(routing_id, outputs)))
            }
            Input::TunnelOpened { routing_id: None } => {
                Err(Fault::from(TunnelFault::Upgrade("there is no routing id")).into())
            }
            Input::Message(_) => Err(PeerMisbehaved::TooEarly.into()),
            Input::TunnelClosed => Err(Fault::from(TunnelFault::Closed(None)).into()),
            Input::TunnelFailed(fault) | Input::SendFailed(fault) => Err(Fault::from(fault).into()),
            _ => Ok(State::Registering(self)),
        }
    }

    fn advertise(self, routing_id: RoutingId, outputs: &mut Outputs) -> Advertising {
        let Self { client, secret, domain, get_info, keys } = self;
        let Keys { nonce, ephemeral } = keys;
        let eid = Eid::with(&nonce, routing_id, domain);
        let advert = AdvertKey::new(&keys::eid_key(&secret)).seal(&eid);
        outputs.push_back(Output::Advertise(advert.into()));
        outputs.push_back(Output::Update(Update::Advertising));
        let responder = Responder::qr(client, &keys::psk(&secret, &eid), ephemeral);
        Advertising::new(responder, get_info)
    }
}
