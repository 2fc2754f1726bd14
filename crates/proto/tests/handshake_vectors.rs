//! Known answers through the public API: the handshake, what comes behind it,
//! and the tunnel service it runs through.
//!
//! The vectors count nonces, pad and seal in pieces that this crate keeps
//! inside [`Crypter`]. Here they are laid open by `aes-gcm` itself, which
//! also makes the messages that [`Crypter`] would never seal.
//!
//! Clauses: [CTAP 2.2 §11.5.1.2] [Noise §5, §9].

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers below are tests too, which clippy does not see"
)]

use fido_hybrid_testkit::vectors;
use std::time::Duration;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use fido_hybrid_proto::cbor;
use fido_hybrid_proto::client::{
    ClientDeadlines, ClientUpdate, ContactSecrets, Input, Output, Transaction,
};
use fido_hybrid_proto::crypto::{PublicKey, SecretKey};
use fido_hybrid_proto::ctap::{CtapRequest, RequestError};
use fido_hybrid_proto::secret::{EidKey, LinkSecret, Psk, QrSecret, SecretBytes, TrafficKey};
use fido_hybrid_proto::transport::{
    AdvertKey, ClientNonce, ContactHint, ContactId, Crypter, CrypterError, Established, Features,
    HandshakeHash, Initiator, Link, LinkId, LinkSignatureError, LinkedPhone, MAX_COUNTER, Message,
    MessageError, MessageType, PostHandshake, Responder, Revision, TunnelDomain, TunnelId,
    UnverifiedLink, UpdateMessage, key_schedule, unpadded_length,
};
use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use vectors::{array, bytes, family, list, number, text, unknown};

fn secret_key(scalar: &Value) -> SecretKey {
    SecretKey::from_scalar(&array(scalar)).unwrap()
}

/// The key of the vectors that state none.
const KEY: [u8; 32] = [0x4b; 32];

/// Both ends of a tunnel, with [`KEY`] for what the first one sends.
fn pair() -> (Crypter, Crypter) {
    mirrored(KEY, [0xb4; 32])
}

fn seal_as_is(key: &[u8; 32], nonce: [u8; 12], aad: &[u8], msg: &[u8]) -> Vec<u8> {
    Aes256Gcm::new(&(*key).into()).encrypt(&nonce.into(), Payload { msg, aad }).unwrap()
}

fn open_as_is(key: &[u8; 32], nonce: [u8; 12], aad: &[u8], msg: &[u8]) -> Option<Vec<u8>> {
    Aes256Gcm::new(&(*key).into()).decrypt(&nonce.into(), Payload { msg, aad }).ok()
}

#[test]
fn handshakes() {
    family("noise", 3, |name, inputs, outputs| match name {
        "iphone-full-transcript" => iphone_transcript(inputs, outputs),
        "knpsk0-snow" => {
            assert_eq!(text(&inputs["static_owner"]), "client (initiator)");
            assert_eq!(text(&inputs["prologue"]), "01");
            let client = secret_key(&inputs["static_private"]);
            let psk = Psk::new(array(&inputs["psk"]));
            let phone = Responder::qr(
                *client.public_key(),
                &psk,
                secret_key(&inputs["authenticator_ephemeral_private"]),
            );
            let (client, initial) =
                Initiator::qr(client, &psk, secret_key(&inputs["client_ephemeral_private"]))
                    .unwrap();
            snow_transcript(client, initial, phone, inputs, outputs);
        }
        "nkpsk0-snow" => {
            assert_eq!(text(&inputs["static_owner"]), "authenticator (responder)");
            assert_eq!(text(&inputs["prologue"]), "00");
            let phone = secret_key(&inputs["static_private"]);
            let psk = Psk::new(array(&inputs["psk"]));
            let (client, initial) = Initiator::linked(
                phone.public_key(),
                &psk,
                secret_key(&inputs["client_ephemeral_private"]),
            )
            .unwrap();
            let phone = Responder::linked(
                phone,
                &psk,
                secret_key(&inputs["authenticator_ephemeral_private"]),
            );
            snow_transcript(client, initial, phone, inputs, outputs);
        }
        _ => unknown(name),
    });
}

/// Both ends of a tunnel: the first one sends with the key `there`.
fn mirrored(there: [u8; 32], back: [u8; 32]) -> (Crypter, Crypter) {
    let [one, other] = [(there, back), (back, there)].map(|(sending, receiving)| {
        Crypter::new(TrafficKey::new(sending), TrafficKey::new(receiving))
    });
    (one, other)
}

/// From the QR code's secret and the advert to the signed answer, with the
/// client's private keys of a session that a real iPhone took part in.
fn iphone_transcript(inputs: &Value, outputs: &Value) {
    let secret = QrSecret::new(array(&inputs["qr_secret"]));
    let eid_key = key_schedule::eid_key(&secret);
    assert_eq!(eid_key, EidKey::new(array(&outputs["eid_key"])));
    assert_eq!(key_schedule::tunnel_id(&secret), TunnelId(array(&outputs["tunnel_id"])));
    let advert = bytes(&inputs["advert"]);
    let received = AdvertKey::new(&eid_key).open(&advert).unwrap().eid;
    assert_eq!(received.expose(), &array(&outputs["eid_plaintext"]));
    let psk = key_schedule::psk(&secret, &received);
    assert_eq!(psk, Psk::new(array(&outputs["psk"])));

    let identity = secret_key(&inputs["client_static_private"]);
    assert_eq!(
        identity.public_key().compressed(),
        array(&outputs["client_static_public_compressed"])
    );
    let ephemeral = secret_key(&inputs["client_ephemeral_private"]);
    assert_eq!(ephemeral.public_key().uncompressed(), array(&outputs["client_ephemeral_public"]));
    assert_eq!(text(&inputs["prologue"]), "01");
    let (client, initial) = Initiator::qr(identity, &psk, ephemeral).unwrap();
    assert_eq!(initial, array(&outputs["handshake_initial"]));
    let established = client.finish(&bytes(&inputs["handshake_response"])).unwrap();
    check_established(&established, outputs);

    // The phone's end is a mirror image: what it sealed, we would have sealed.
    let (mut client, mut phone) =
        mirrored(*established.sending.expose(), *established.receiving.expose());

    let wire = bytes(&inputs["post_handshake_ciphertext"]);
    let opened = client.open(wire.clone()).unwrap();
    let mut padded = bytes(&outputs["post_handshake_padded_plaintext"]);
    let padding = array::<1>(&outputs["post_handshake_padding_byte"]);
    assert_eq!(padded.last(), padding.last());
    padded.truncate(unpadded_length(&padded).unwrap());
    assert_eq!(opened.expose(), padded);
    assert_eq!(phone.seal(&[opened.expose()]), Ok(wire));
    let post_handshake = PostHandshake::parse(opened.expose()).unwrap();
    let features: Vec<&str> = list(&outputs["features"]).iter().map(text).collect();
    assert_eq!(features, ["ctap", "dc"]);
    let expected = PostHandshake {
        get_info: Some(bytes(&outputs["getinfo"])),
        linking: None,
        features: Features { ctap: true, digital_credentials: true },
        revision: Revision::One,
    };
    assert_eq!(post_handshake, expected);
    assert_eq!(cbor::encode(&post_handshake), opened.expose());

    let request = bytes(&inputs["ctap_request_plaintext"]);
    let wire = bytes(&outputs["ctap_request_ciphertext"]);
    assert_eq!(client.seal(&[&request[..1], &request[1..]]).unwrap(), wire);
    assert_eq!(phone.open(wire).unwrap().expose(), request);

    let wire = bytes(&inputs["ctap_response_ciphertext"]);
    let opened = client.open(wire.clone()).unwrap();
    let mut padded = bytes(&outputs["ctap_response_padded_plaintext"]);
    padded.truncate(unpadded_length(&padded).unwrap());
    assert_eq!(opened.expose(), padded);
    assert_eq!(phone.seal(&[opened.expose()]), Ok(wire));
    let message = Message::parse(opened).unwrap();
    assert_eq!([message.kind.byte()], array(&outputs["ctap_response_type_byte"]));
    assert_eq!(message.payload.expose()[..1], array::<1>(&outputs["ctap_status"]));
}

fn check_established(client: &Established, outputs: &Value) {
    assert_eq!(client.hash.0, array(&outputs["handshake_hash"]));
    assert_eq!(client.sending.expose(), &array(&outputs["client_write_key"]));
    assert_eq!(client.receiving.expose(), &array(&outputs["client_read_key"]));
}

/// A handshake whose other side was once `snow`, both sides ours.
fn snow_transcript(
    client: Initiator,
    initial: [u8; 81],
    phone: Responder,
    inputs: &Value,
    outputs: &Value,
) {
    assert_eq!(initial, array(&outputs["initial"]));
    let (phone, response) = phone.respond(&initial).unwrap();
    assert_eq!(response, array(&outputs["response"]));
    let client = client.finish(&response).unwrap();
    check_established(&client, outputs);
    assert_eq!(phone.hash, client.hash);
    assert_eq!((&phone.sending, &phone.receiving), (&client.receiving, &client.sending));

    let plaintexts = list(&inputs["unpadded_transport_plaintexts_c2a"]);
    let padded = list(&outputs["c2a_padded"]);
    let bare = list(&outputs["c2a_ciphertexts_no_padding"]);
    assert_eq!((plaintexts.len(), plaintexts.len()), (padded.len(), bare.len()));
    let mut sender = Crypter::new(client.sending, client.receiving);
    let mut receiver = Crypter::new(phone.sending, phone.receiving);
    for ((plaintext, padded), bare) in plaintexts.iter().zip(padded).zip(bare) {
        let plaintext = bytes(plaintext);
        assert_eq!(sender.seal(&[&plaintext]).unwrap(), bytes(padded));
        // No message of this protocol is without padding: such a one proves its
        // key and nonce, and is refused for what its last byte then says.
        assert_eq!(receiver.open(bytes(bare)).unwrap_err(), CrypterError::Padding);
        assert_eq!(receiver.open(bytes(padded)).unwrap().expose(), plaintext);
    }

    let plaintexts = list(&inputs["unpadded_transport_plaintexts_a2c"]);
    let bare = list(&outputs["a2c_ciphertexts_no_padding"]);
    assert_eq!((plaintexts.len(), bare.len()), (1, 1));
    assert_eq!(sender.open(bytes(&bare[0])).unwrap_err(), CrypterError::Padding);
    let sealed = receiver.seal(&[&bytes(&plaintexts[0])]).unwrap();
    let (plaintext, bare) = (bytes(&plaintexts[0]), bytes(&bare[0]));
    assert_eq!(sealed[..plaintext.len()], bare[..plaintext.len()], "the same keystream");
}

#[test]
fn the_construction_of_protocol_2_0_is_not_spoken() {
    family("crypter", 1, |name, inputs, outputs| match name {
        "v2.0-old-construction" => {
            let key = array(&inputs["key"]);
            let aad = bytes(&inputs["aad"]);
            let counters: Vec<usize> = list(&inputs["counters"]).iter().map(number).collect();
            assert_eq!(counters, [0, 1]);
            let nonces: Vec<_> = list(&outputs["nonces"]).iter().map(array).collect();
            let old: Vec<_> = list(&outputs["ciphertexts"]).iter().map(bytes).collect();
            let padded = bytes(&outputs["padded"]);
            let mut message = bytes(&inputs["message_no_type_byte"]);
            assert_eq!(padded[..unpadded_length(&padded).unwrap()], message);
            for (nonce, old) in nonces.iter().zip(&old) {
                assert_eq!(open_as_is(&key, *nonce, &aad, old), Some(padded.clone()));
            }

            // Neither this crate nor today's Chromium speaks it: its messages have
            // no type byte, so a phone could not be told that the client is done.
            // With the right key they still do not open: at counter 0 the
            // associated data is another, at counter 1 the nonce as well.
            let (mut phone, mut client) = mirrored(key, key);
            for old in old {
                assert_eq!(client.open(old).unwrap_err(), CrypterError::Authentication);
                let new = phone.seal(&[&message]).unwrap();
                assert_eq!(client.open(new).unwrap().expose(), message);
                message.push(0);
            }
        }
        _ => unknown(name),
    });
}

#[test]
fn padding() {
    family("padding", 2, |name, inputs, outputs| match name {
        "unpad" => {
            let frames = list(&inputs["frames"]);
            let results = list(&outputs["results"]);
            assert_eq!(frames.len(), results.len());
            for (frame, result) in frames.iter().zip(results) {
                let frame = bytes(frame);
                let (_, mut receiver) = pair();
                let opened = receiver.open(seal_as_is(&KEY, [0; 12], &[], &frame));
                if result == "reject" {
                    assert_eq!(opened.unwrap_err(), CrypterError::Padding);
                    assert_eq!(unpadded_length(&frame), None);
                } else {
                    assert_eq!(opened.unwrap().expose(), bytes(result));
                    assert_eq!(unpadded_length(&frame), Some(bytes(result).len()));
                }
            }
        }
        "table" => {
            let messages = list(&inputs["messages"]);
            let lengths = list(&outputs["padded_lengths"]);
            let last = list(&outputs["last_bytes"]);
            assert_eq!((messages.len(), messages.len()), (lengths.len(), last.len()));
            for ((message, length), last) in messages.iter().zip(lengths).zip(last) {
                let message = bytes(message);
                let (mut sender, _) = pair();
                let sealed = sender.seal(&[&message]).unwrap();
                let padded = open_as_is(&KEY, [0; 12], &[], &sealed).unwrap();
                assert_eq!(padded.len(), number(length));
                assert_eq!(padded[padded.len() - 1..], array::<1>(last));
                assert_eq!(padded[..message.len()], message);
                let zeros = &padded[message.len()..padded.len() - 1];
                assert!(zeros.iter().all(|byte| *byte == 0));
                assert_eq!(zeros.len(), usize::from(padded[padded.len() - 1]));
            }
        }
        _ => unknown(name),
    });
}

#[test]
fn nonces() {
    family("nonce", 1, |name, inputs, outputs| match name {
        "transport" => {
            let counters: Vec<usize> = list(&inputs["counters"]).iter().map(number).collect();
            let nonces = list(&outputs["nonces"]);
            assert_eq!(counters.len(), nonces.len());
            let (last, past_it) = (nonces.len() - 2, nonces.len() - 1);
            let (mut sender, _) = pair();
            let mut next = 0;
            for (counter, nonce) in counters[..last].iter().zip(nonces) {
                while next < *counter {
                    sender.seal(&[]).unwrap();
                    next += 1;
                }
                let sealed = sender.seal(&[]).unwrap();
                next += 1;
                assert!(open_as_is(&KEY, array(nonce), &[], &sealed).is_some(), "{counter}");
            }
            // Sixteen million messages take minutes: that the last counter works
            // and the one past it does not, the unit tests of `crypter` show.
            assert_eq!(counters[last], MAX_COUNTER as usize);
            assert_eq!(array::<12>(&nonces[last])[8..], MAX_COUNTER.to_be_bytes());
            assert_eq!(counters[past_it], MAX_COUNTER as usize + 1);
            assert!(text(&nonces[past_it]).starts_with("error"));
        }
        _ => unknown(name),
    });
}

#[test]
fn post_handshake_messages() {
    family("posthandshake", 4, |name, inputs, outputs| match name {
        "rev0-padding16" => {
            let maps = list(&inputs["maps"]);
            let lengths = list(&outputs["padded_lengths"]);
            let trailers = list(&outputs["trailers"]);
            assert_eq!((maps.len(), maps.len()), (lengths.len(), trailers.len()));
            for ((map, length), trailer) in maps.iter().zip(lengths).zip(trailers) {
                check_rev0(&bytes(map), number(length), &bytes(trailer));
            }
        }
        "rev0-padding8" => check_rev0(
            &bytes(&inputs["map"]),
            number(&outputs["padded_length"]),
            &bytes(&outputs["last_byte"]),
        ),
        "ios16" => {
            // What is inside its getInfo, the tests of `ctap` read.
            let map = bytes(&inputs["map"]);
            let message = PostHandshake::parse(&map).unwrap();
            let get_info = message.get_info.clone().unwrap();
            assert_eq!(map[map.len() - get_info.len()..], get_info);
            assert_eq!(message, PostHandshake::ctap(get_info));
        }
        "chromium-phone-current" => {
            let message = PostHandshake::ctap(bytes(&inputs["getinfo"]));
            let map = bytes(&outputs["map"]);
            assert_eq!(PostHandshake::parse(&map).as_ref(), Ok(&message));
            assert_eq!(cbor::encode(&message), map);
        }
        _ => unknown(name),
    });
}

/// `map`, zeros and how many they were, as phones of revision 0 send it.
fn check_rev0(map: &[u8], length: usize, trailer: &[u8]) {
    let padded = |map: &[u8]| {
        let zeros = length - map.len() - trailer.len();
        let mut padded = map.to_vec();
        padded.resize(map.len() + zeros, 0);
        padded.extend_from_slice(&zeros.to_le_bytes()[..trailer.len()]);
        assert_eq!(padded.len(), length);
        padded
    };
    let of_revision_zero = |map: &[u8]| PostHandshake {
        revision: Revision::Zero,
        ..PostHandshake::parse(map).unwrap()
    };

    let rev0 = padded(map);
    assert_eq!(rev0[length - trailer.len()..], *trailer);
    if map == [0xa0] {
        // A phone that says nothing cannot be asked anything, padded or not; the
        // smallest map that can takes its place.
        let smallest = [0xa1, 0x01, 0x41, 0x00];
        assert!(PostHandshake::parse(map).is_err());
        assert!(PostHandshake::parse(&rev0).is_err());
        assert_eq!(PostHandshake::parse(&padded(&smallest)), Ok(of_revision_zero(&smallest)));
    } else {
        assert_eq!(PostHandshake::parse(&rev0), Ok(of_revision_zero(map)));
    }
    let mut changed = rev0;
    changed[length - trailer.len()] ^= 1;
    assert!(PostHandshake::parse(&changed).is_err(), "a wrong count of zeros");
}

#[test]
fn typed_messages() {
    family("framing", 3, |name, inputs, outputs| match name {
        "makecredential-request" => {
            let frame = bytes(&inputs["v2.1_frame"]);
            let message = Message::parse(frame.as_slice().into()).unwrap();
            assert_eq!(usize::from(message.kind.byte()), number(&outputs["message_type"]));
            assert_eq!(message.payload.expose(), bytes(&outputs["v2.0_frame"]));
            assert_eq!(usize::from(message.payload.expose()[0]), number(&outputs["ctap_command"]));
        }
        "makecredential-response-no-status" => {
            // At this layer nothing shows that the status byte is not there.
            let frame = bytes(&inputs["frame"]);
            let message = Message::parse(frame.as_slice().into()).unwrap();
            assert_eq!(usize::from(message.kind.byte()), number(&outputs["message_type"]));
            assert_eq!(message.payload.expose(), &frame[1..]);
        }
        "control" => {
            let frames = list(&inputs["frames"]);
            let verdicts = list(&outputs["libwebauthn_newer"]);
            assert_eq!(frames.len(), verdicts.len());
            for (frame, verdict) in frames.iter().zip(verdicts) {
                let frame = bytes(frame);
                let parsed = Message::parse(frame.as_slice().into());
                let parsed = parsed.map(|message| (message.kind, message.payload));
                let expected = match text(verdict) {
                    "shutdown" => Ok((MessageType::Shutdown, frame[1..].into())),
                    "update" => Ok((MessageType::Update, frame[1..].into())),
                    "invalid" => Err(match frame.first() {
                        None => MessageError::Empty,
                        Some(byte) => MessageError::UnknownType(*byte),
                    }),
                    // Here each reader refuses its own: an authenticator answers a
                    // request without a command byte by a status.
                    "invalid (empty CTAP)" => {
                        assert_eq!(CtapRequest::parse(&frame[1..]), Err(RequestError::Empty));
                        Ok((MessageType::Ctap, SecretBytes::default()))
                    }
                    "invalid (empty update)" => {
                        assert!(UpdateMessage::parse(&frame[1..]).is_err());
                        Ok((MessageType::Update, SecretBytes::default()))
                    }
                    // Here a JSON message is read; whether one may come, the
                    // client knows from the phone's features.
                    "invalid (JSON type 3 unsupported)" => {
                        Ok((MessageType::Json, frame[1..].into()))
                    }
                    other => unknown(other),
                };
                assert_eq!(parsed, expected, "{frame:02x?}");
            }
        }
        _ => unknown(name),
    });
}

#[test]
fn linking_signatures() {
    family("linking", 1, |name, inputs, outputs| match name {
        "signature" => {
            let qr_key = secret_key(&inputs["client_qr_private"]);
            let identity = secret_key(&inputs["authenticator_identity_private"]);
            let hash = HandshakeHash(array(&inputs["handshake_hash"]));
            let public = array::<65>(&outputs["authenticator_identity_public"]);
            assert_eq!(identity.public_key().uncompressed(), public);
            let mut mac = Hmac::<Sha256>::new_from_slice(&bytes(&outputs["ecdh_x"])).unwrap();
            mac.update(&hash.0);
            mac.verify_slice(&bytes(&outputs["signature"])).unwrap();

            let map = |frame: &Value| {
                let message = Message::parse(bytes(frame).into()).unwrap();
                assert_eq!(message.kind, MessageType::Update);
                UpdateMessage::parse(message.payload.expose()).unwrap().linking.unwrap()
            };
            let plain = map(&outputs["update_frame"]);
            let of_play_services = map(&outputs["update_frame_with_key_999"]);
            assert_ne!(plain, of_play_services);
            assert!(plain.expose().ends_with(&bytes(&outputs["signature"])));

            for received in [&plain, &of_play_services] {
                let unverified: UnverifiedLink = cbor::decode(received.expose()).unwrap();
                let link = unverified.clone().verify(&qr_key, &hash).unwrap();
                assert_eq!(link.contact_id.as_bytes(), bytes(&inputs["contact_id"]));
                assert_eq!(link.link_id.0, array(&inputs["link_id"]));
                assert_eq!(link.secret, LinkSecret::new(array(&inputs["link_secret"])));
                assert_eq!(Ok(link.identity), PublicKey::from_uncompressed(&public));
                assert_eq!(link.name, text(&inputs["name"]));
                let signed = link.sign(&identity, qr_key.public_key(), &hash).unwrap();
                assert_eq!(signed, plain);

                let mut other = hash;
                other.0[31] ^= 1;
                assert_eq!(unverified.verify(&qr_key, &other), Err(LinkSignatureError));
            }
        }
        _ => unknown(name),
    });
}

#[test]
fn connect_signals() {
    family("state-assisted", 2, |name, inputs, outputs| match name {
        "connect-signal" => {
            let messages = list(&inputs["messages"]);
            let verdicts = list(&outputs["valid"]);
            assert_eq!(messages.len(), verdicts.len());
            for (message, valid) in messages.iter().zip(verdicts) {
                let outputs = after_connect_signal(bytes(message));
                let online = matches!(&outputs[..], [Output::Update(ClientUpdate::PhoneOnline)]);
                let refused = matches!(outputs.last(), Some(Output::Closed(Err(_))));
                assert_eq!((online, refused), (valid == true, valid == false), "{message}");
            }
        }
        // Before the handshake: see `protocol_vectors.rs`.
        "setup" => {}
        _ => unknown(name),
    });
}

/// What a client does with the first message of a tunnel that announced a
/// connect signal, while the radio still listens.
fn after_connect_signal(message: Vec<u8>) -> Vec<Output> {
    let key = |byte| SecretKey::from_scalar(&[byte; 32]).unwrap();
    let link = Link {
        contact_id: ContactId::new(vec![0xc0; 4]).unwrap(),
        link_id: LinkId([1; 8]),
        secret: LinkSecret::new([2; 32]),
        identity: *key(3).public_key(),
        name: String::new(),
    };
    let mut client = Transaction::linked(
        ContactHint::GetAssertion,
        ClientDeadlines::default(),
        &LinkedPhone { link, domain: TunnelDomain::GOOGLE },
        ContactSecrets { nonce: ClientNonce([4; 16]), ephemeral: key(5) },
        Duration::ZERO,
    );
    let opened = Input::TunnelOpened { connect_signal: true };
    for input in [opened, Input::Message(message)] {
        while client.poll_output().is_some() {}
        client.handle(Duration::ZERO, input).unwrap();
    }
    std::iter::from_fn(|| client.poll_output()).collect()
}

/// Where each vector is checked: a family, or one vector, and the file that
/// names it.
const CHECKED: &[(&str, &str)] = &[
    ("digits", "protocol_vectors.rs"),
    ("qr", "protocol_vectors.rs"),
    ("hkdf", "protocol_vectors.rs"),
    ("eid", "protocol_vectors.rs"),
    ("domains", "protocol_vectors.rs"),
    ("suffix", "protocol_vectors.rs"),
    ("state-assisted/setup", "protocol_vectors.rs"),
    ("noise", "handshake_vectors.rs"),
    ("crypter", "handshake_vectors.rs"),
    ("padding", "handshake_vectors.rs"),
    ("nonce", "handshake_vectors.rs"),
    ("posthandshake", "handshake_vectors.rs"),
    ("framing", "handshake_vectors.rs"),
    ("linking", "handshake_vectors.rs"),
    ("state-assisted/connect-signal", "handshake_vectors.rs"),
    ("prf/ctap-messages", "ctap_vectors.rs"),
    ("prf/salt-hash", "webauthn/main.rs"),
    ("tunnel-server", "../../relay/tests/vectors.rs"),
];

/// Vectors that no public test checks, and why.
const NOT_CHECKED: &[(&str, &str)] = &[
    ("l2cap", "the Bluetooth data channel is not built yet"),
    ("json", "JSON messages are not built yet"),
];

#[test]
fn every_vector_is_checked_somewhere_or_has_a_reason_not_to_be() {
    let vectors = vectors::all();
    let covers = |entry: &str, name: &str| {
        name.strip_prefix(entry).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    for vector in &vectors {
        let name = vectors::name(vector);
        let entries = CHECKED.iter().chain(NOT_CHECKED).filter(|(entry, _)| covers(entry, name));
        assert_eq!(entries.count(), 1, "{name}");
    }
    for (entry, _) in CHECKED.iter().chain(NOT_CHECKED) {
        let covered = vectors.iter().any(|vector| covers(entry, vectors::name(vector)));
        assert!(covered, "{entry} covers no vector");
    }
    for (entry, file) in CHECKED {
        let path = format!("{}/tests/{file}", env!("CARGO_MANIFEST_DIR"));
        let source = std::fs::read_to_string(path).unwrap();
        let family = entry.split('/').next().unwrap();
        let named = source.contains(&format!("family(\"{family}\""));
        assert!(named || source.contains(&format!("\"{entry}\"")), "{entry} in {file}");
    }
}
