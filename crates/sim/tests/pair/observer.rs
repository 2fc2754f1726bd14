//! An observer who saw the QR code, over a shoulder or through a camera, and did
//! not receive the advert.

use fido_hybrid_proto::client::{Input, Output};
use fido_hybrid_proto::crypto::SecretKey;
use fido_hybrid_proto::error::{ErrorKind, PeerMisbehaved, Stage};
use fido_hybrid_proto::secret::QrSecret;
use fido_hybrid_proto::transport::{
    Eid, HandshakeError, Initiator, QrCode, Responder, RoutingId, TunnelDomain, key_schedule,
};
use fido_hybrid_sim::{SeededRng, Side};

use super::{assert_all_is_off, error, pair, pair_at};

/// The EID that an observer can make up: it may know the routing id and the domain,
/// and it does not know the 80 bits of the nonce.
fn guessed(rng: &mut SeededRng) -> Eid {
    Eid::generate(RoutingId([1, 2, 3]), TunnelDomain::GOOGLE, rng)
}

#[test]
fn cannot_answer_the_client() {
    let mut rng = SeededRng::new(1);
    let mut pair = pair(1);
    let code: QrCode = pair.client.qr_text().unwrap().expose().parse().unwrap();
    // It sits at the tunnel service, and answers in the phone's place.
    pair.run_until(|pair| pair.stage(Side::Client) == Stage::Handshaking);
    let psk = key_schedule::psk(&code.secret, &guessed(&mut rng));
    let ephemeral = SecretKey::generate(&mut rng);
    // Without the PSK it cannot even open what the client sent; whatever it
    // answers does not authenticate.
    let mut forged = ephemeral.public_key().uncompressed().to_vec();
    forged.extend([0; 16]);
    let initiator = SecretKey::generate(&mut rng);
    let (_, message) = Initiator::qr(initiator, &psk, SecretKey::generate(&mut rng)).unwrap();
    let refused = Responder::qr(code.public_key, &psk, ephemeral).respond(&message);
    assert_eq!(refused.unwrap_err(), HandshakeError::Authentication);

    let now = pair.now();
    pair.client.handle(now, Input::Message(forged)).unwrap();
    let outputs: Vec<Output> = std::iter::from_fn(|| pair.client.poll_output()).collect();
    let Some(Output::Closed(Err(end))) = outputs.last() else { panic!("{outputs:?}") };
    assert_eq!(end.stage, Stage::Handshaking);
    let expected = PeerMisbehaved::Handshake(HandshakeError::Authentication);
    assert!(matches!(end.kind, ErrorKind::PeerMisbehaved(error) if error == expected));
}

#[test]
fn cannot_speak_to_the_phone() {
    let mut pair = pair_at(2, Side::Phone, Stage::Advertising);
    let code: QrCode = match pair.client.qr_text() {
        Some(text) => text.expose().parse().unwrap(),
        None => panic!("still on the screen"),
    };
    let mut rng = SeededRng::new(2);
    let psk = key_schedule::psk(&code.secret, &guessed(&mut rng));
    // It lacks the client's private key as well, which takes it no further.
    let own_key = SecretKey::generate(&mut rng);
    let (_, message) = Initiator::qr(own_key, &psk, SecretKey::generate(&mut rng)).unwrap();
    pair.tamper = Box::new(move |from, honest| match from {
        Side::Client => vec![message.to_vec()],
        Side::Phone => vec![honest],
    });
    pair.run();
    let end = error(&pair, Side::Phone);
    assert_eq!(end.stage, Stage::Handshaking);
    assert!(matches!(end.kind, ErrorKind::PeerMisbehaved(PeerMisbehaved::Handshake(_))));
    assert!(pair.responses.is_empty());
    assert_all_is_off(&pair);
}

#[test]
fn an_observer_of_the_advert_without_the_clients_key_reads_nothing_either() {
    // A phone-side relay that received every advert. It lacks the client's static
    // key, and KN binds the channel to that key.
    let mut rng = SeededRng::new(3);
    let client = SecretKey::generate(&mut rng);
    let eid = guessed(&mut rng);
    let secret = QrSecret::generate(&mut rng);
    let psk = key_schedule::psk(&secret, &eid);
    let impostor = SecretKey::generate(&mut rng);
    let (_, message) = Initiator::qr(impostor, &psk, SecretKey::generate(&mut rng)).unwrap();
    let responder = Responder::qr(*client.public_key(), &psk, SecretKey::generate(&mut rng));
    assert_eq!(responder.respond(&message).unwrap_err(), HandshakeError::Authentication);
}
