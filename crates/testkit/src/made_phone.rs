//! A phone made of the protocol's pieces, with a real data channel: it introduces
//! itself as told, and sends and ends as told.

use fido_hybrid::bluetooth::{Advertisement, Advertiser as _};
use fido_hybrid::cbor::encode;
use fido_hybrid::crypto::SecretKey;
use fido_hybrid::ctap::GetInfoResponse;
use fido_hybrid::error::TunnelError;
use fido_hybrid::transport::{
    AdvertKey, Channel, Eid, Message, MessageType, PostHandshake, QrCode, Responder, TunnelDomain,
    TunnelUrl, key_schedule,
};
use fido_hybrid::tunnel::{DataChannel, OpenedTunnel, TunnelDialer};
use fido_hybrid_sim::{Air, SeededRng};

/// A phone that has read a code and said what it can do.
pub struct MadePhone {
    tunnel: Box<dyn DataChannel>,
    channel: Channel,
    _advert: Box<dyn Advertisement>,
}

impl MadePhone {
    /// Reads `code`, advertises, meets the client and introduces itself as a phone with CTAP.
    pub async fn connect(
        code: &QrCode,
        air: &Air,
        dialer: &dyn TunnelDialer,
        get_info: &GetInfoResponse,
    ) -> Self {
        let introduction = PostHandshake::ctap(encode(get_info));
        Self::connect_as(code, air, dialer, &introduction).await
    }

    /// Reads `code`, advertises, meets the client and introduces itself.
    pub async fn connect_as(
        code: &QrCode,
        air: &Air,
        dialer: &dyn TunnelDialer,
        introduction: &PostHandshake,
    ) -> Self {
        let id = key_schedule::tunnel_id(&code.secret);
        let url = TunnelUrl::new_tunnel(TunnelDomain::GOOGLE, id);
        let OpenedTunnel { mut tunnel, routing_id, .. } = dialer.dial(url.into()).await.unwrap();
        let eid = Eid::new([7; 10], routing_id.unwrap(), TunnelDomain::GOOGLE);
        let sealed = AdvertKey::new(&key_schedule::eid_key(&code.secret)).seal(&eid);
        let advert = air.advertise(sealed.to_vec()).await.unwrap();
        let psk = key_schedule::psk(&code.secret, &eid);
        let ephemeral = SecretKey::generate(&mut SeededRng::new(9));
        let responder = Responder::qr(code.public_key, &psk, ephemeral);
        let hello = tunnel.receive().await.unwrap().unwrap();
        let (established, reply) = responder.respond(&hello).unwrap();
        let mut channel = Channel::new(established);
        let introduction = channel.seal_untyped(&encode(introduction)).unwrap();
        tunnel.send(vec![reply.to_vec(), introduction]).await.unwrap();
        Self { tunnel, channel, _advert: advert }
    }

    /// The client's next message; `None` if it has closed.
    pub async fn receive(&mut self) -> Option<Message> {
        let message = self.tunnel.receive().await.ok()??;
        Some(self.channel.open(message).unwrap())
    }

    /// Sends messages in one write.
    ///
    /// # Errors
    /// The tunnel's.
    pub async fn send(&mut self, messages: &[(MessageType, &[u8])]) -> Result<(), TunnelError> {
        let sealed = messages.iter().map(|(kind, payload)| self.channel.seal(*kind, payload));
        self.tunnel.send(sealed.map(Result::unwrap).collect()).await
    }

    /// Closes the tunnel in good order, as a phone does whose user declines.
    pub async fn close(mut self) {
        self.tunnel.close().await;
    }
}
