//! A client's transaction of either flow, with a phone made of the protocol's
//! pieces on the other side, on a clock moved by hand.

use std::sync::LazyLock;
use std::time::Duration;

use fido_hybrid::bluetooth::{AdvertReport, SERVICE_UUID};
use fido_hybrid::cbor::encode;
use fido_hybrid::client::{
    ClientConfig, ClientDeadlines, ContactSecrets, Input, Output, QrSecrets, Transaction,
};
use fido_hybrid::crypto::{PublicKey, SecretKey};
use fido_hybrid::ctap::{Aaguid, CtapRequest, GetInfoResponse};
use fido_hybrid::error::{Error, Stage};
use fido_hybrid::secret::{EidKey, LinkSecret, Psk, TrafficKey};
use fido_hybrid::transport::{
    AdvertKey, Channel, ContactHint, ContactId, Eid, Established, Link, LinkId, LinkedPhone,
    MessageType, PostHandshake, QrCode, RequestHint, Responder, RoutingId, TunnelDomain,
    key_schedule,
};
use fido_hybrid_sim::SeededRng;

use crate::rig::make_credential;

pub const FLOWS: [Flow; 2] = [Flow::Qr, Flow::Linked];

/// The client in each stage in which sealed messages reach it. The flow makes
/// no difference there.
pub const STAGES: [(Stage, fn() -> ClientRig); 3] = [
    (Stage::AwaitingPostHandshake, || ClientRig::introducing(Flow::Qr)),
    (Stage::Ready, || ClientRig::ready(Flow::Qr)),
    (Stage::AwaitingResponse, || ClientRig::asking(Flow::Qr)),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Qr,
    Linked,
}

/// What both sides have before the handshake. Made once: keys take longest in a
/// debug build.
struct World<K> {
    client: K,
    phone: Phone,
}

/// What the phone has.
struct Phone {
    advert: Vec<u8>,
    psk: Psk,
    ephemeral: SecretKey,
    pattern: Pattern,
}

enum Pattern {
    Qr { client: PublicKey },
    Linked { identity: SecretKey, link: Box<Link> },
}

static QR: LazyLock<World<QrSecrets>> = LazyLock::new(|| {
    let client = QrSecrets::generate(&mut SeededRng::new(1));
    let pattern = Pattern::Qr { client: *client.identity.public_key() };
    let eid_key = key_schedule::eid_key(&client.secret);
    let phone = Phone::new(&eid_key, key_schedule::psk(&client.secret, &eid()), pattern);
    World { client, phone }
});

static LINKED: LazyLock<World<ContactSecrets>> = LazyLock::new(|| {
    let client = ContactSecrets::generate(&mut SeededRng::new(1));
    let identity = SecretKey::from_scalar(&[4; 32]).unwrap();
    let link = Box::new(Link {
        contact_id: ContactId::new(vec![0xc0; 4]).unwrap(),
        link_id: LinkId([7; 8]),
        secret: LinkSecret::new([0x77; 32]),
        identity: *identity.public_key(),
        name: "Test phone".to_owned(),
    });
    let eid_key = key_schedule::eid_key_linked(&link.secret, &client.nonce);
    let psk = key_schedule::psk_linked(&link.secret, &eid());
    let phone = Phone::new(&eid_key, psk, Pattern::Linked { identity, link });
    World { client, phone }
});

fn eid() -> Eid {
    Eid::new([9; 10], RoutingId([1, 2, 3]), TunnelDomain::GOOGLE)
}

impl Phone {
    fn new(eid_key: &EidKey, psk: Psk, pattern: Pattern) -> Self {
        let advert = AdvertKey::new(eid_key).seal(&eid()).to_vec();
        let ephemeral = SecretKey::from_scalar(&[3; 32]).unwrap();
        Self { advert, psk, ephemeral, pattern }
    }

    /// Answers the client's first message.
    fn respond(&self, message: &[u8]) -> (Established, Vec<u8>) {
        let ephemeral = self.ephemeral.clone();
        let responder = match &self.pattern {
            Pattern::Qr { client } => Responder::qr(*client, &self.psk, ephemeral),
            Pattern::Linked { identity, .. } => {
                Responder::linked(identity.clone(), &self.psk, ephemeral)
            }
        };
        let (established, reply) = responder.respond(message).unwrap();
        (established, reply.to_vec())
    }
}

/// A transaction, its clock, and what the phone has of it.
pub struct ClientRig {
    pub transaction: Transaction,
    pub now: Duration,
    pub advert: Vec<u8>,
    phone: &'static Phone,
    /// What it sent first.
    pub first: Vec<u8>,
    /// The phone's end, once there is a handshake.
    pub channel: Option<Channel>,
    /// The key of that end, for what no channel would seal.
    pub key: Option<TrafficKey>,
}

impl ClientRig {
    /// Waits for a phone. In the linked flow its tunnel is open already, so that
    /// the advert is all that is missing in either.
    pub fn offering(flow: Flow) -> Self {
        let (mut transaction, phone) = match flow {
            Flow::Qr => {
                let World { client, phone } = &*QR;
                let config = ClientConfig::new(RequestHint::MakeCredential);
                let QrSecrets { identity, secret, ephemeral } = client;
                let keys = QrSecrets {
                    identity: identity.clone(),
                    secret: secret.clone(),
                    ephemeral: ephemeral.clone(),
                };
                (Transaction::qr(config, keys, Duration::ZERO, 0), phone)
            }
            Flow::Linked => {
                let World { client, phone } = &*LINKED;
                let Pattern::Linked { link, .. } = &phone.pattern else { unreachable!() };
                let (hint, deadlines) = (ContactHint::MakeCredential, ClientDeadlines::default());
                let linked = LinkedPhone { link: (**link).clone(), domain: TunnelDomain::GOOGLE };
                let keys =
                    ContactSecrets { nonce: client.nonce, ephemeral: client.ephemeral.clone() };
                let called = Transaction::linked(hint, deadlines, &linked, keys, Duration::ZERO);
                (called, phone)
            }
        };
        drain(&mut transaction);
        let (now, first, advert) = (Duration::ZERO, Vec::new(), phone.advert.clone());
        let mut rig = Self { transaction, now, advert, phone, first, channel: None, key: None };
        if flow == Flow::Linked {
            rig.step(Input::TunnelOpened { connect_signal: false });
        }
        assert_eq!(rig.transaction.stage(), Stage::ShowingQr);
        rig
    }

    /// Has received the phone's advert, and dials. (In the linked flow it has dialled long
    /// before.)
    pub fn connecting() -> Self {
        let mut rig = Self::offering(Flow::Qr);
        rig.step(Input::Advert(AdvertReport::new(SERVICE_UUID, rig.advert.clone())));
        assert_eq!(rig.transaction.stage(), Stage::Connecting);
        rig
    }

    /// Has sent its first message, which the phone has not seen.
    pub fn unanswered(flow: Flow) -> Self {
        let mut rig = Self::offering(flow);
        let mut outputs =
            rig.step(Input::Advert(AdvertReport::new(SERVICE_UUID, rig.advert.clone())));
        if flow == Flow::Qr {
            outputs = rig.step(Input::TunnelOpened { connect_signal: false });
        }
        [rig.first] = sent(outputs).try_into().unwrap();
        assert_eq!(rig.transaction.stage(), Stage::Handshaking);
        rig
    }

    /// Has sent its first message; the phone's reply is the second value.
    pub fn handshaking(flow: Flow) -> (Self, Vec<u8>) {
        let mut rig = Self::unanswered(flow);
        let (established, reply) = rig.phone.respond(&rig.first);
        rig.key = Some(TrafficKey::new(*established.sending.expose()));
        rig.channel = Some(Channel::new(established));
        (rig, reply)
    }

    /// Waits for the phone's introduction.
    pub fn introducing(flow: Flow) -> Self {
        let (mut rig, reply) = Self::handshaking(flow);
        rig.step(Input::Message(reply));
        assert_eq!(rig.transaction.stage(), Stage::AwaitingPostHandshake);
        rig
    }

    /// Nothing has been asked of the phone.
    pub fn ready(flow: Flow) -> Self {
        let mut rig = Self::introducing(flow);
        rig.introduce(&introduction(&info()));
        assert_eq!(rig.transaction.stage(), Stage::Ready);
        rig
    }

    /// The phone has a registration to answer.
    pub fn asking(flow: Flow) -> Self {
        Self::asking_for(flow, make_credential("ada").into())
    }

    /// The phone has this request to answer.
    pub fn asking_for(flow: Flow, request: CtapRequest) -> Self {
        let mut rig = Self::ready(flow);
        rig.ask(request);
        rig
    }

    /// The caller asks, and the phone reads it.
    pub fn ask(&mut self, request: CtapRequest) {
        let bytes = request.to_bytes();
        let outputs =
            self.step(Input::Request { request: request.try_into().unwrap(), timeout: None });
        let [message] = sent(outputs).try_into().unwrap();
        let message = self.channel.as_mut().unwrap().open(message).unwrap();
        assert_eq!((message.kind, message.payload.expose()), (MessageType::Ctap, &bytes[..]));
        assert_eq!(self.transaction.stage(), Stage::AwaitingResponse);
    }

    /// What the QR code on its screen says.
    pub fn code(&self) -> QrCode {
        self.transaction.qr_text().unwrap().expose().parse().unwrap()
    }

    /// One input, and all that comes of it.
    pub fn step(&mut self, input: Input) -> Vec<Output> {
        self.transaction.handle(self.now, input).unwrap();
        drain(&mut self.transaction)
    }

    pub fn receive(&mut self, message: Vec<u8>) -> Vec<Output> {
        self.step(Input::Message(message))
    }

    /// A message of the phone's without a type.
    pub fn seal_untyped(&mut self, plaintext: &[u8]) -> Vec<u8> {
        self.channel.as_mut().unwrap().seal_untyped(plaintext).unwrap()
    }

    /// A message of the phone's.
    pub fn seal(&mut self, kind: MessageType, payload: &[u8]) -> Vec<u8> {
        self.channel.as_mut().unwrap().seal(kind, payload).unwrap()
    }

    /// The phone introduces itself with these bytes.
    pub fn introduce(&mut self, plaintext: &[u8]) -> Vec<Output> {
        let message = self.seal_untyped(plaintext);
        self.receive(message)
    }

    /// The phone sends a message.
    pub fn send(&mut self, kind: MessageType, payload: &[u8]) -> Vec<Output> {
        let message = self.seal(kind, payload);
        self.receive(message)
    }
}

pub fn info() -> Vec<u8> {
    encode(&GetInfoResponse::new(vec!["FIDO_2_0".to_owned()], Aaguid([0; 16])))
}

/// An introduction around a getInfo response.
pub fn introduction(info: &[u8]) -> Vec<u8> {
    encode(&PostHandshake::ctap(info.to_vec()))
}

fn drain(transaction: &mut Transaction) -> Vec<Output> {
    std::iter::from_fn(|| transaction.poll_output()).collect()
}

pub fn sent(outputs: Vec<Output>) -> Vec<Vec<u8>> {
    let message = |output| match output {
        Output::Send(message) => Some(message),
        _ => None,
    };
    outputs.into_iter().filter_map(message).collect()
}

/// Why it failed. Its last two outputs are that the tunnel is closed, and this.
pub fn failed(outputs: &[Output]) -> &Error {
    match outputs {
        [.., Output::CloseTunnel, Output::Closed(Err(error))] => error,
        other => panic!("{other:?}"),
    }
}
