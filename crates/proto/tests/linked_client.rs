//! The client's linked transaction (state-assisted), and how a link is made:
//! against a phone put together from the protocol's own steps.
//!
//! Clauses: [CTAP 2.2 §11.5.1.2, §11.5.2].

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use fido_hybrid_proto::ports::bluetooth::{AdvertReport, SERVICE_UUID};
use fido_hybrid_testkit::vectors;
use std::time::Duration;

use fido_hybrid_proto::cbor::encode;
use fido_hybrid_proto::client::{
    ClientConfig, ClientDeadlines, ClientUpdate, ContactSecrets, Input, Linking, Output, QrSecrets,
    Transaction,
};
use fido_hybrid_proto::crypto::SecretKey;
use fido_hybrid_proto::ctap::{Aaguid, CtapRequest, GetAssertionRequest, GetInfoResponse};
use fido_hybrid_proto::error::{Error, ErrorKind, PeerMisbehaved, Stage, TunnelError};
use fido_hybrid_proto::secret::{LinkSecret, SecretBytes};
use fido_hybrid_proto::transport::{
    AdvertKey, Channel, ClientNonce, ContactHint, ContactId, Eid, HandshakeHash, Link, LinkId,
    LinkedPhone, MessageType, PostHandshake, QrCode, RequestHint, Responder, RoutingId,
    TunnelDomain, UpdateMessage, key_schedule,
};
use fido_hybrid_sim::SeededRng;
use vectors::{array, bytes, vector};

const NOW: Duration = Duration::from_secs(1);

fn key(byte: u8) -> SecretKey {
    SecretKey::from_scalar(&[byte; 32]).unwrap()
}

fn link() -> Link {
    Link {
        contact_id: ContactId::new(vec![0xc0; 4]).unwrap(),
        link_id: LinkId([0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88]),
        secret: LinkSecret::new([0x77; 32]),
        identity: *key(4).public_key(),
        name: "Test phone".to_owned(),
    }
}

fn phone(domain: TunnelDomain) -> LinkedPhone {
    LinkedPhone { link: link(), domain }
}

fn nonce() -> ClientNonce {
    ClientNonce([0x22; 16])
}

fn call() -> Transaction {
    let keys = ContactSecrets { nonce: nonce(), ephemeral: key(2) };
    let (hint, deadlines) = (ContactHint::GetAssertion, ClientDeadlines::default());
    Transaction::linked(hint, deadlines, &phone(TunnelDomain::GOOGLE), keys, Duration::ZERO)
}

fn drain(client: &mut Transaction) -> Vec<Output> {
    std::iter::from_fn(|| client.poll_output()).collect()
}

fn step(client: &mut Transaction, input: Input) -> Vec<Output> {
    client.handle(NOW, input).unwrap();
    drain(client)
}

fn sent(outputs: &[Output]) -> Option<Vec<u8>> {
    outputs.iter().find_map(|output| match output {
        Output::Send(message) => Some(message.clone()),
        _ => None,
    })
}

fn closed_with(outputs: &[Output]) -> &Error {
    match outputs.last() {
        Some(Output::Closed(Err(error))) => error,
        other => panic!("{other:?}"),
    }
}

/// An advert as Chromium's phones send it: the domain is random like the rest,
/// here one that no QR transaction would take.
fn advert(eid: &Eid) -> Vec<u8> {
    AdvertKey::new(&key_schedule::eid_key_linked(&link().secret, &nonce())).seal(eid).to_vec()
}

fn eid() -> Eid {
    let mut bytes = [9; 16];
    bytes[0] = 0;
    bytes[14..].copy_from_slice(&200_u16.to_le_bytes());
    Eid::parse_linked(&bytes).unwrap()
}

/// Answers the client's first message as the linked phone.
fn respond(message: &[u8]) -> (Channel, Vec<u8>) {
    let psk = key_schedule::psk_linked(&link().secret, &eid());
    let (established, reply) = Responder::linked(key(4), &psk, key(3)).respond(message).unwrap();
    (Channel::new(established), reply.to_vec())
}

fn introduction() -> Vec<u8> {
    let info = GetInfoResponse::new(vec!["FIDO_2_0".to_owned()], Aaguid([0; 16]));
    encode(&PostHandshake::ctap(encode(&info)))
}

fn finish_handshake(client: &mut Transaction, message: &[u8]) -> Channel {
    let (mut channel, reply) = respond(message);
    assert!(matches!(
        step(client, Input::Message(reply))[..],
        [Output::Update(ClientUpdate::Secured)]
    ));
    let introduction = channel.seal_untyped(&introduction()).unwrap();
    let outputs = step(client, Input::Message(introduction));
    assert!(matches!(outputs[..], [Output::Update(ClientUpdate::PhoneReady { .. })]));
    channel
}

#[test]
fn the_phone_is_called_as_the_known_answer_says() {
    let setup = vector("state-assisted/setup");
    let outputs = drain(&mut call());
    let [Output::Update(ClientUpdate::Contacting), Output::Dial(request)] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    assert_eq!(request.url.to_string(), setup["outputs"]["contact_url"]);
    let headers: Vec<String> =
        request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(headers[0], setup["outputs"]["header"]);
    assert_eq!(headers[1], "X-caBLE-Signal-Connection: true");
    let eid = Eid::parse_linked(&bytes(&setup["inputs"]["eid_plaintext"])).unwrap();
    assert_eq!(advert(&eid), bytes(&setup["outputs"]["advert"]));
    let psk = key_schedule::psk_linked(&link().secret, &eid);
    assert_eq!(psk.expose(), &array(&setup["outputs"]["psk"]));
}

#[test]
fn advert_and_tunnel_may_come_in_either_order() {
    for advert_first in [true, false] {
        let mut client = call();
        drain(&mut client);
        let inputs = [
            Input::Advert(AdvertReport::new(SERVICE_UUID, advert(&eid()))),
            Input::TunnelOpened { connect_signal: false },
        ];
        let [first, second] = inputs;
        let (first, second) = if advert_first { (first, second) } else { (second, first) };
        assert!(sent(&step(&mut client, first)).is_none());
        let message = sent(&step(&mut client, second)).unwrap();
        finish_handshake(&mut client, &message);
        assert_eq!(client.stage(), Stage::Ready);
    }
}

#[test]
fn the_connect_signal_may_come_before_the_advert_or_after_it() {
    for signal_first in [true, false] {
        let mut client = call();
        drain(&mut client);
        step(&mut client, Input::TunnelOpened { connect_signal: true });
        let signal = Input::Message(vec![0]);
        let received = Input::Advert(AdvertReport::new(SERVICE_UUID, advert(&eid())));
        let (first, second) = if signal_first { (signal, received) } else { (received, signal) };
        let mut outputs = step(&mut client, first);
        outputs.extend(step(&mut client, second));
        let online = |output: &Output| matches!(output, Output::Update(ClientUpdate::PhoneOnline));
        assert!(outputs.iter().any(online));
        finish_handshake(&mut client, &sent(&outputs).unwrap());
    }
}

#[test]
fn anything_but_the_signal_before_the_handshake_is_too_early() {
    let vector = vector("state-assisted/connect-signal");
    let messages = vector["inputs"]["messages"].as_array().unwrap();
    let valid = vector["outputs"]["valid"].as_array().unwrap();
    for (message, valid) in messages.iter().zip(valid) {
        let mut client = call();
        drain(&mut client);
        step(&mut client, Input::TunnelOpened { connect_signal: true });
        let outputs = step(&mut client, Input::Message(bytes(message)));
        if valid == true {
            assert!(matches!(outputs[..], [Output::Update(ClientUpdate::PhoneOnline)]));
        } else {
            let expected = PeerMisbehaved::TooEarly;
            let kind = &closed_with(&outputs).kind;
            assert!(
                matches!(kind, ErrorKind::PeerMisbehaved(misbehaved) if *misbehaved == expected)
            );
        }
    }
    // Not announced: no message is due at all.
    let mut client = call();
    drain(&mut client);
    step(&mut client, Input::TunnelOpened { connect_signal: false });
    let outputs = step(&mut client, Input::Message(vec![0]));
    assert!(matches!(
        closed_with(&outputs).kind,
        ErrorKind::PeerMisbehaved(PeerMisbehaved::TooEarly)
    ));
}

#[test]
fn a_link_is_forgotten_on_410_and_on_nothing_else() {
    for (status, forgotten) in [(410, true), (404, false), (500, false)] {
        let mut client = call();
        drain(&mut client);
        let outputs = step(&mut client, Input::TunnelFailed(TunnelError::Status(status)));
        let forget = |output: &Output| matches!(output, Output::ForgetLink);
        assert_eq!(outputs.iter().any(forget), forgotten, "{status}");
        assert!(outputs.iter().any(|output| matches!(output, Output::StopScanning)));
        assert!(matches!(closed_with(&outputs).kind, ErrorKind::Tunnel(_)));
    }
}

#[test]
fn a_phone_without_the_identity_key_is_refused() {
    let mut client = call();
    drain(&mut client);
    step(&mut client, Input::TunnelOpened { connect_signal: false });
    let message =
        sent(&step(&mut client, Input::Advert(AdvertReport::new(SERVICE_UUID, advert(&eid())))))
            .unwrap();
    let psk = key_schedule::psk_linked(&link().secret, &eid());
    assert!(Responder::linked(key(5), &psk, key(3)).respond(&message).is_err());
    // What such a phone can answer at best.
    let mut reply = key(3).public_key().uncompressed().to_vec();
    reply.extend([0; 16]);
    let outputs = step(&mut client, Input::Message(reply));
    let kind = &closed_with(&outputs).kind;
    assert!(matches!(kind, ErrorKind::PeerMisbehaved(PeerMisbehaved::Handshake(_))));
}

/// A QR transaction up to stage ready, and what the phone has of it.
fn introduced(linking: Linking) -> (Transaction, Channel, QrCode, HandshakeHash) {
    let mut config = ClientConfig::new(RequestHint::GetAssertion);
    config.linking = linking;
    let keys = QrSecrets::generate(&mut SeededRng::new(1));
    let mut client = Transaction::qr(config, keys, Duration::ZERO, 0);
    let code: QrCode = client.qr_text().unwrap().expose().parse().unwrap();
    drain(&mut client);
    let eid = Eid::new([7; 10], RoutingId([1, 2, 3]), TunnelDomain::APPLE);
    let advert = AdvertKey::new(&key_schedule::eid_key(&code.secret)).seal(&eid);
    step(&mut client, Input::Advert(AdvertReport::new(SERVICE_UUID, advert.to_vec())));
    let outputs = step(&mut client, Input::TunnelOpened { connect_signal: false });
    let psk = key_schedule::psk(&code.secret, &eid);
    let responder = Responder::qr(code.public_key, &psk, key(3));
    let (established, reply) = responder.respond(&sent(&outputs).unwrap()).unwrap();
    let hash = established.hash;
    let mut channel = Channel::new(established);
    step(&mut client, Input::Message(reply.to_vec()));
    let introduction = channel.seal_untyped(&introduction()).unwrap();
    step(&mut client, Input::Message(introduction));
    (client, channel, code, hash)
}

fn update(channel: &mut Channel, linking: Option<SecretBytes>) -> Input {
    let payload = UpdateMessage { linking }.to_bytes();
    Input::Message(channel.seal(MessageType::Update, payload.expose()).unwrap())
}

#[test]
fn a_link_with_the_right_signature_is_kept_even_when_it_comes_late() {
    for late in [false, true] {
        let (mut client, mut channel, code, hash) = introduced(Linking::Offered);
        assert_eq!(code.supports_linking, Some(true));
        if late {
            let outputs = step(&mut client, Input::Finish);
            let shutdown = channel.open(sent(&outputs).unwrap()).unwrap();
            assert_eq!(shutdown.kind, MessageType::Shutdown);
            assert_eq!(client.stage(), Stage::Lingering);
        }
        let map = link().sign(&key(4), &code.public_key, &hash).unwrap();
        let outputs = step(&mut client, update(&mut channel, Some(map)));
        let [Output::Linked(kept)] = &outputs[..] else { panic!("{outputs:?}") };
        assert_eq!(*kept, phone(TunnelDomain::APPLE));
    }
}

#[test]
fn a_link_with_a_wrong_signature_is_dropped_and_costs_nothing_else() {
    let (mut client, mut channel, code, _) = introduced(Linking::Offered);
    let other = HandshakeHash([0; 32]);
    let map = link().sign(&key(4), &code.public_key, &other).unwrap();
    let outputs = step(&mut client, update(&mut channel, Some(map)));
    assert!(matches!(outputs[..], [Output::Update(ClientUpdate::LinkDropped)]));
    let request = CtapRequest::GetInfo;
    let outputs =
        step(&mut client, Input::Request { request: request.try_into().unwrap(), timeout: None });
    assert!(matches!(outputs[..], [Output::Response(Ok(_))]));
}

#[test]
fn a_link_that_was_not_offered_is_dropped() {
    let (mut client, mut channel, code, hash) = introduced(Linking::NotOffered);
    assert_eq!(code.supports_linking, Some(false));
    let map = link().sign(&key(4), &code.public_key, &hash).unwrap();
    let outputs = step(&mut client, update(&mut channel, Some(map)));
    assert!(matches!(outputs[..], [Output::Update(ClientUpdate::LinkDropped)]));
}

#[test]
fn androids_empty_update_is_nothing_to_tell() {
    let (mut client, mut channel, ..) = introduced(Linking::NotOffered);
    let outputs = step(&mut client, update(&mut channel, None));
    assert!(outputs.is_empty());
    assert_eq!(client.stage(), Stage::Ready);
}

#[test]
fn lingering_ends_by_itself_and_in_success() {
    let (mut client, ..) = introduced(Linking::Offered);
    step(&mut client, Input::Finish);
    let deadline = client.deadline().unwrap();
    assert_eq!(deadline, NOW + Duration::from_secs(180));
    client.handle(deadline, Input::TimePassed).unwrap();
    assert!(matches!(drain(&mut client).last(), Some(Output::Closed(Ok(())))));
}

#[test]
fn a_tunnel_that_ended_is_told_even_when_the_deadline_has_passed() {
    let (mut client, ..) = introduced(Linking::NotOffered);
    let request = CtapRequest::GetAssertion(GetAssertionRequest::new("example.com", [0; 32]));
    step(&mut client, Input::Request { request: request.try_into().unwrap(), timeout: None });
    let late = client.deadline().unwrap() + Duration::from_secs(1);
    client.handle(late, Input::TunnelClosed).unwrap();
    let outputs = drain(&mut client);
    let [Output::Closed(Err(end))] = &outputs[..] else { panic!("{outputs:?}") };
    assert!(matches!(end.kind, ErrorKind::EndedOnPhone), "{end}");
}
