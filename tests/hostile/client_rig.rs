//! A client's transaction of either flow, with a phone made of the protocol's
//! pieces on the other side, on a clock moved by hand.

use std::time::Duration;

use fido_hybrid::cbor::encode;
use fido_hybrid::client::{Config, Deadlines, Input, Keys, LinkedKeys, Output, Transaction};
use fido_hybrid::ctap::{Aaguid, Request, get_info};
use fido_hybrid::error::{Error, Stage};
use fido_hybrid::protocol::SecretKey;
use fido_hybrid::protocol::advert::{AdvertKey, Eid};
use fido_hybrid::protocol::channel::Channel;
use fido_hybrid::protocol::contact_request::{ContactHint, LinkId};
use fido_hybrid::protocol::keys;
use fido_hybrid::protocol::linking::Link;
use fido_hybrid::protocol::message::MessageType;
use fido_hybrid::protocol::noise::{Established, Responder};
use fido_hybrid::protocol::post_handshake::PostHandshake;
use fido_hybrid::protocol::qr_code::{QrCode, RequestHint};
use fido_hybrid::protocol::tunnel_domain::TunnelDomain;
use fido_hybrid::protocol::tunnel_url::{ContactId, RoutingId};
use fido_hybrid::secret::{LinkSecret, Psk, TrafficKey};
use fido_hybrid::sim::SeededRng;

use super::rig::make_credential;

pub(crate) const FLOWS: [Flow; 2] = [Flow::Qr, Flow::Linked];

/// The client in each stage in which sealed messages reach it. The flow makes
/// no difference there.
pub(crate) const STAGES: [(Stage, fn() -> ClientRig); 3] = [
    (Stage::Introducing, || ClientRig::introducing(Flow::Qr)),
    (Stage::Ready, || ClientRig::ready(Flow::Qr)),
    (Stage::Asking, || ClientRig::asking(Flow::Qr)),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Qr,
    Linked,
}

fn key(byte: u8) -> SecretKey {
    SecretKey::from_scalar(&[byte; 32]).unwrap()
}

fn link() -> Link {
    Link {
        contact_id: ContactId::new(vec![0xc0; 4]).unwrap(),
        link_id: LinkId([7; 8]),
        secret: LinkSecret::new([0x77; 32]),
        identity: *key(4).public_key(),
        name: "Test phone".to_owned(),
    }
}

/// What the phone knows before the handshake.
struct Phone {
    advert: Vec<u8>,
    psk: Psk,
    client: Option<QrCode>,
}

impl Phone {
    /// Consumes the client's first message.
    fn respond(&self, message: &[u8]) -> (Established, Vec<u8>) {
        let responder = match &self.client {
            Some(code) => Responder::qr(code.public_key, &self.psk, key(3)),
            None => Responder::linked(key(4), &self.psk, key(3)),
        };
        let (established, reply) = responder.respond(message).unwrap();
        (established, reply.to_vec())
    }
}

/// A transaction, its clock, and what the phone has of it.
pub(crate) struct ClientRig {
    pub(crate) transaction: Transaction,
    pub(crate) now: Duration,
    pub(crate) advert: Vec<u8>,
    phone: Phone,
    /// What it sent first.
    pub(crate) first: Vec<u8>,
    /// The phone's end, once there is a handshake.
    pub(crate) channel: Option<Channel>,
    /// The key of that end, for what no channel would seal.
    pub(crate) key: Option<TrafficKey>,
}

impl ClientRig {
    /// Waits for a phone. In the linked flow its tunnel is open already, so that
    /// the advert is all that is missing in either.
    pub(crate) fn offering(flow: Flow) -> Self {
        let eid = Eid::new([9; 10], RoutingId([1, 2, 3]), TunnelDomain::GOOGLE);
        let (mut transaction, phone) = match flow {
            Flow::Qr => {
                let keys = Keys::generate(&mut SeededRng::new(1));
                let config = Config::new(RequestHint::MakeCredential);
                let transaction = Transaction::qr(config, keys, Duration::ZERO, 0);
                let code: QrCode = transaction.qr_text().unwrap().expose().parse().unwrap();
                let advert = AdvertKey::new(&keys::eid_key(&code.secret)).seal(&eid);
                let psk = keys::psk(&code.secret, &eid);
                (transaction, Phone { advert: advert.to_vec(), psk, client: Some(code) })
            }
            Flow::Linked => {
                let keys = LinkedKeys::generate(&mut SeededRng::new(1));
                let eid_key = keys::eid_key_linked(&link().secret, &keys.nonce);
                let (hint, deadlines) = (ContactHint::MakeCredential, Deadlines::default());
                let domain = TunnelDomain::GOOGLE;
                let transaction =
                    Transaction::linked(hint, deadlines, &link(), domain, keys, Duration::ZERO);
                let advert = AdvertKey::new(&eid_key).seal(&eid).to_vec();
                let psk = keys::psk_linked(&link().secret, &eid);
                (transaction, Phone { advert, psk, client: None })
            }
        };
        drain(&mut transaction);
        let advert = phone.advert.clone();
        let (now, first) = (Duration::ZERO, Vec::new());
        let mut rig = Self { transaction, now, advert, phone, first, channel: None, key: None };
        if flow == Flow::Linked {
            rig.step(Input::TunnelOpened { connect_signal: false });
        }
        assert_eq!(rig.transaction.stage(), Stage::Offering);
        rig
    }

    /// Has sent its first message, which the phone has not seen.
    pub(crate) fn unanswered(flow: Flow) -> Self {
        let mut rig = Self::offering(flow);
        let mut outputs = rig.step(Input::ServiceData(rig.advert.clone()));
        if flow == Flow::Qr {
            outputs = rig.step(Input::TunnelOpened { connect_signal: false });
        }
        [rig.first] = sent(outputs).try_into().unwrap();
        assert_eq!(rig.transaction.stage(), Stage::Handshaking);
        rig
    }

    /// Has sent its first message; the phone's reply is the second value.
    pub(crate) fn handshaking(flow: Flow) -> (Self, Vec<u8>) {
        let mut rig = Self::unanswered(flow);
        let (established, reply) = rig.phone.respond(&rig.first);
        rig.channel = Some(Channel::new(&established));
        rig.key = Some(established.sending);
        (rig, reply)
    }

    /// Waits for the phone's introduction.
    pub(crate) fn introducing(flow: Flow) -> Self {
        let (mut rig, reply) = Self::handshaking(flow);
        rig.step(Input::Message(reply));
        assert_eq!(rig.transaction.stage(), Stage::Introducing);
        rig
    }

    /// Nothing has been asked of the phone.
    pub(crate) fn ready(flow: Flow) -> Self {
        let mut rig = Self::introducing(flow);
        rig.introduce(&introduction(&info()));
        assert_eq!(rig.transaction.stage(), Stage::Ready);
        rig
    }

    /// The phone has a registration to answer.
    pub(crate) fn asking(flow: Flow) -> Self {
        Self::asking_for(flow, make_credential("ada").into())
    }

    /// The phone has this request to answer.
    pub(crate) fn asking_for(flow: Flow, request: Request) -> Self {
        let mut rig = Self::ready(flow);
        let bytes = request.to_bytes();
        let outputs = rig.step(Input::Request { request, timeout: None });
        let [message] = sent(outputs).try_into().unwrap();
        let message = rig.channel.as_mut().unwrap().open(message).unwrap();
        assert_eq!((message.kind, message.payload.expose()), (MessageType::Ctap, &bytes[..]));
        assert_eq!(rig.transaction.stage(), Stage::Asking);
        rig
    }

    /// What the QR code on its screen says.
    pub(crate) fn code(&self) -> QrCode {
        self.transaction.qr_text().unwrap().expose().parse().unwrap()
    }

    /// One input, and all that comes of it.
    pub(crate) fn step(&mut self, input: Input) -> Vec<Output> {
        self.transaction.handle(self.now, input).unwrap();
        drain(&mut self.transaction)
    }

    pub(crate) fn receive(&mut self, message: Vec<u8>) -> Vec<Output> {
        self.step(Input::Message(message))
    }

    /// A message of the phone's without a type.
    pub(crate) fn seal_untyped(&mut self, plaintext: &[u8]) -> Vec<u8> {
        self.channel.as_mut().unwrap().seal_untyped(plaintext).unwrap()
    }

    /// A message of the phone's.
    pub(crate) fn seal(&mut self, kind: MessageType, payload: &[u8]) -> Vec<u8> {
        self.channel.as_mut().unwrap().seal(kind, payload).unwrap()
    }

    /// The phone introduces itself with these bytes.
    pub(crate) fn introduce(&mut self, plaintext: &[u8]) -> Vec<Output> {
        let message = self.seal_untyped(plaintext);
        self.receive(message)
    }

    /// The phone sends a message.
    pub(crate) fn send(&mut self, kind: MessageType, payload: &[u8]) -> Vec<Output> {
        let message = self.seal(kind, payload);
        self.receive(message)
    }
}

pub(crate) fn info() -> Vec<u8> {
    encode(&get_info::Response::new(vec!["FIDO_2_0".to_owned()], Aaguid([0; 16])))
}

/// An introduction around a getInfo response.
pub(crate) fn introduction(info: &[u8]) -> Vec<u8> {
    encode(&PostHandshake::ctap(info.to_vec()))
}

fn drain(transaction: &mut Transaction) -> Vec<Output> {
    std::iter::from_fn(|| transaction.poll_output()).collect()
}

pub(crate) fn sent(outputs: Vec<Output>) -> Vec<Vec<u8>> {
    let message = |output| match output {
        Output::Send(message) => Some(message),
        _ => None,
    };
    outputs.into_iter().filter_map(message).collect()
}

/// Why it failed. Its last two outputs are that the tunnel is closed, and this.
pub(crate) fn failed(outputs: &[Output]) -> &Error {
    match outputs {
        [.., Output::CloseTunnel, Output::Closed(Err(error))] => error,
        other => panic!("{other:?}"),
    }
}
