//! A link that is made in a QR transaction, and the linked phone that is called,
//! with a phone put together from the protocol's own steps.

use std::time::Duration;

use fido_hybrid::bluetooth::{AdvertReport, SERVICE_UUID};
use fido_hybrid::cbor::encode;
use fido_hybrid::client::{
    ClientConfig, ClientDeadlines, ContactSecrets, Input, Linking, Output, QrSecrets, Transaction,
};
use fido_hybrid::crypto::sha256;
use fido_hybrid::ctap::extensions::{PrfAssertionInput, PrfAssertionOutput, PrfValues};
use fido_hybrid::ctap::{
    Aaguid, AuthenticatorData, CredentialDescriptor, CredentialId, CtapResponse, Flags,
    GetAssertionRequest, GetAssertionResponse, GetInfoResponse,
};
use fido_hybrid::secret::{PrfInput, PrfOutput, RootSecret, SecretBytes};
use fido_hybrid::transport::{
    AdvertKey, Channel, ContactHint, ContactId, Eid, HandshakeHash, Link, LinkId, LinkedPhone,
    MessageType, PostHandshake, QrCode, RequestHint, Responder, RoutingId, TunnelDomain,
    UpdateMessage, key_schedule,
};
use fido_hybrid_heap::{record, unrecorded};
use fido_hybrid_sim::SeededRng;
use rand_core::Rng as _;

use super::known::Known;

const NOW: Duration = Duration::from_secs(1);
const RP_ID: &str = "example.com";
const LINK_ID: LinkId = LinkId([1, 2, 3, 4, 5, 6, 7, 8]);

/// Where in the transaction the link comes.
#[derive(Clone, Copy, Debug)]
enum Comes {
    /// In the introduction, where early phones put it.
    WithTheIntroduction,
    InAnUpdate,
}

fn rng(part: &str) -> SeededRng {
    SeededRng::new(1).fork(part)
}

fn bytes<const N: usize>(part: &str) -> [u8; N] {
    let mut bytes = [0; N];
    rng(part).fill_bytes(&mut bytes);
    bytes
}

fn contact() -> ContactId {
    ContactId::new(vec![0xc0; 20]).unwrap()
}

/// What the phone keeps of its links.
fn root() -> RootSecret {
    RootSecret::generate(&mut rng("root"))
}

fn link() -> Link {
    let root = root();
    Link {
        contact_id: contact(),
        link_id: LINK_ID,
        secret: key_schedule::link_secret(
            &key_schedule::contact_secret(&root, &contact()),
            &LINK_ID,
        ),
        identity: *key_schedule::identity_key(&root).public_key(),
        name: "The phone of Ada Lovelace".to_owned(),
    }
}

fn known() -> Known {
    let mut known = Known::default();
    let root = root();
    let contact_secret = key_schedule::contact_secret(&root, &contact());
    known.secrets.bytes("the root of all links", root.expose());
    known.secrets.bytes("the secret of a contact", contact_secret.expose());
    known.secrets.bytes("the link's secret", link().secret.expose());
    known.secrets.bytes("the phone's identity key", &*key_schedule::identity_key(&root).expose());
    known.secrets.bytes("an assertion's signature", &bytes::<70>("signature"));
    known.secrets.bytes("a PRF input", &bytes::<32>("input"));
    known.secrets.bytes("a PRF output", &bytes::<32>("output"));
    known
}

/// A client's transaction, and the phone's end of its channel.
struct Walk<'a> {
    client: Transaction,
    channel: Option<Channel>,
    hash: HandshakeHash,
    known: &'a mut Known,
}

impl Walk<'_> {
    fn step(&mut self, input: Input) -> Vec<Output> {
        self.client.handle(NOW, input).unwrap();
        let outputs = std::iter::from_fn(|| self.client.poll_output()).collect();
        self.known.look();
        outputs
    }

    /// The phone answers the handshake.
    fn respond(&mut self, responder: Responder, outputs: &[Output]) {
        let (established, reply) = responder.respond(&sent(outputs)).unwrap();
        unrecorded(|| self.known.traffic_keys(&established));
        self.hash = established.hash;
        self.channel = Some(Channel::new(established));
        self.step(Input::Message(reply.to_vec()));
    }

    fn introduce(&mut self, linking: Option<SecretBytes>) -> Vec<Output> {
        let info = GetInfoResponse::new(vec!["FIDO_2_0".to_owned()], Aaguid([0; 16]));
        let introduction = PostHandshake { linking, ..PostHandshake::ctap(encode(&info)) };
        let introduction = SecretBytes::new(encode(&introduction));
        let sealed = self.channel.as_mut().unwrap().seal_untyped(introduction.expose()).unwrap();
        self.step(Input::Message(sealed))
    }

    fn tell(&mut self, kind: MessageType, payload: &[u8]) -> Vec<Output> {
        let sealed = self.channel.as_mut().unwrap().seal(kind, payload).unwrap();
        self.step(Input::Message(sealed))
    }

    /// The client asks, and has its answer.
    fn ask(&mut self) {
        let mut request = GetAssertionRequest::new(RP_ID, [0x5a; 32]);
        let values =
            unrecorded(|| PrfValues { first: PrfInput::new(bytes("input")), second: None });
        request.extensions.prf = Some(PrfAssertionInput::new(values));
        let outputs =
            self.step(Input::Request { request: request.try_into().unwrap(), timeout: None });
        let asked = self.channel.as_mut().unwrap().open(sent(&outputs)).unwrap();
        assert_eq!(asked.kind, MessageType::Ctap);

        let flags = Flags::USER_PRESENT | Flags::USER_VERIFIED;
        let data = AuthenticatorData::new(sha256(&[RP_ID.as_bytes()]), flags, 7);
        let id = CredentialDescriptor::new(CredentialId::new([7; 16]).unwrap());
        let signature = unrecorded(|| SecretBytes::new(bytes::<70>("signature").to_vec()));
        let mut response = GetAssertionResponse::new(id, data, signature);
        let user = fido_hybrid::ctap::UserHandle::new([7; 8]).unwrap();
        response.user = Some(fido_hybrid::ctap::User::new(user, "", ""));
        let values =
            unrecorded(|| PrfValues { first: PrfOutput::new(bytes("output")), second: None });
        response.unsigned_extensions.prf = Some(PrfAssertionOutput::new(values));
        let response = CtapResponse::GetAssertion(response).to_raw().to_bytes();
        let outputs = self.tell(MessageType::Ctap, response.expose());
        assert!(matches!(outputs[..], [Output::Response(Ok(_))]), "{outputs:?}");
    }
}

fn sent(outputs: &[Output]) -> Vec<u8> {
    let message = outputs.iter().find_map(|output| match output {
        Output::Send(message) => Some(message.clone()),
        _ => None,
    });
    message.unwrap()
}

fn is_linked(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Linked(_)))
}

/// A QR transaction in which the phone gives a link; whether it was kept.
fn perform_and_link(known: &mut Known, comes: Comes, signs: bool) -> bool {
    let mut config = ClientConfig::new(RequestHint::GetAssertion);
    config.linking = Linking::Offered;
    let keys = QrSecrets::generate(&mut rng("client"));
    let mut client = Transaction::qr(config, keys, Duration::ZERO, 0);
    while client.poll_output().is_some() {}
    let code: QrCode = client.qr_text().unwrap().expose().parse().unwrap();
    let eid = Eid::new([7; 10], RoutingId([1, 2, 3]), TunnelDomain::GOOGLE);
    let advert = AdvertKey::new(&key_schedule::eid_key(&code.secret)).seal(&eid);
    unrecorded(|| {
        known.qr_code(client.qr_text().unwrap());
        known.advert(&code.secret, &advert);
    });
    let mut walk = Walk { client, channel: None, hash: HandshakeHash([0; 32]), known };
    walk.step(Input::Advert(AdvertReport::new(SERVICE_UUID, advert.to_vec())));
    let outputs = walk.step(Input::TunnelOpened { connect_signal: false });
    let psk = key_schedule::psk(&code.secret, &eid);
    let ephemeral = fido_hybrid::crypto::SecretKey::generate(&mut rng("phone"));
    walk.respond(Responder::qr(code.public_key, &psk, ephemeral), &outputs);

    let hash = if signs { walk.hash } else { HandshakeHash([0; 32]) };
    let map = link().sign(&key_schedule::identity_key(&root()), &code.public_key, &hash).unwrap();
    let outputs = match comes {
        Comes::WithTheIntroduction => walk.introduce(Some(map)),
        Comes::InAnUpdate => {
            walk.introduce(None);
            let update = UpdateMessage { linking: Some(map) }.to_bytes();
            walk.tell(MessageType::Update, update.expose())
        }
    };
    walk.ask();
    walk.step(Input::Finish);
    is_linked(&outputs)
}

#[test]
fn nothing_of_a_link_that_is_made() {
    for comes in [Comes::WithTheIntroduction, Comes::InAnUpdate] {
        let mut known = known();
        let (is_linked, record) = record(|| perform_and_link(&mut known, comes, true));
        assert!(is_linked, "{comes:?}");
        known.assert_seen(&["the link's secret", "the QR secret", "the PSK", "a PRF output"]);
        known.assert_none_is_left_in(&record);
    }
}

#[test]
fn nothing_of_a_link_with_a_wrong_signature() {
    for comes in [Comes::WithTheIntroduction, Comes::InAnUpdate] {
        let mut known = known();
        let (is_linked, record) = record(|| perform_and_link(&mut known, comes, false));
        assert!(!is_linked, "{comes:?}");
        known.assert_none_is_left_in(&record);
    }
}

/// A linked phone is called, and answers.
fn call(known: &mut Known) {
    let (hint, deadlines) = (ContactHint::GetAssertion, ClientDeadlines::default());
    let own = ContactSecrets::generate(&mut rng("client"));
    // As a program keeps it: written, and read before each call.
    let written = LinkedPhone { link: link(), domain: TunnelDomain::GOOGLE }.to_bytes();
    let phone = LinkedPhone::from_bytes(written.expose()).unwrap();
    let kept = &phone.link;
    let nonce = own.nonce;
    unrecorded(|| {
        let eid_key = key_schedule::eid_key_linked(&kept.secret, &nonce);
        known.secrets.bytes("the EID key", eid_key.expose());
        known.secrets.bytes("the client's ephemeral key", &*own.ephemeral.expose());
    });
    let client = Transaction::linked(hint, deadlines, &phone, own, Duration::ZERO);
    let mut walk = Walk { client, channel: None, hash: HandshakeHash([0; 32]), known };
    while walk.client.poll_output().is_some() {}
    let eid = Eid::new([7; 10], RoutingId([1, 2, 3]), TunnelDomain::GOOGLE);
    let advert = AdvertKey::new(&key_schedule::eid_key_linked(&kept.secret, &nonce)).seal(&eid);
    let psk = key_schedule::psk_linked(&kept.secret, &eid);
    unrecorded(|| walk.known.secrets.bytes("the PSK", psk.expose()));
    walk.step(Input::Advert(AdvertReport::new(SERVICE_UUID, advert.to_vec())));
    let outputs = walk.step(Input::TunnelOpened { connect_signal: false });
    let ephemeral = fido_hybrid::crypto::SecretKey::generate(&mut rng("phone"));
    let responder = Responder::linked(key_schedule::identity_key(&root()), &psk, ephemeral);
    walk.respond(responder, &outputs);
    walk.introduce(None);
    walk.ask();
    walk.step(Input::Finish);
}

#[test]
fn nothing_of_a_linked_phone_that_answers() {
    let mut known = known();
    let ((), record) = record(|| call(&mut known));
    known.assert_seen(&["the link's secret", "the PSK", "a PRF input", "a PRF output"]);
    known.assert_none_is_left_in(&record);
}
