//! What comes through the tunnel after the handshake and is no message: too
//! short, too long, not sealed; or sealed, with nothing in it, with padding of
//! the sender's own making, with a type that does not exist.

use aes_gcm::aead::{Aead, KeyInit};
use fido_hybrid_proto::authenticator::Input;
use fido_hybrid_proto::cbor;
use fido_hybrid_proto::client::{self, ClientUpdate};
use fido_hybrid_proto::error::{PeerMisbehaved, Stage};
use fido_hybrid_proto::secret::TrafficKey;
use fido_hybrid_proto::transport::{
    ChannelError, CrypterError, MAX_CIPHERTEXT, MessageError, MessageType,
};

use super::client_rig::{self, ClientRig, Flow, info, introduction};
use super::{INTRODUCTION_PEAK, SHORT_PEAK, misbehaviour, phone_rig, rig, within};

/// The longest frame tried that is not sealed: twice a tag.
const LONGEST: usize = 32;

const UNAUTHENTICATED: PeerMisbehaved =
    PeerMisbehaved::Channel(ChannelError::Crypter(CrypterError::Authentication));
const PADDING: PeerMisbehaved =
    PeerMisbehaved::Channel(ChannelError::Crypter(CrypterError::Padding));
const TOO_LONG: PeerMisbehaved =
    PeerMisbehaved::Channel(ChannelError::Crypter(CrypterError::TooLong));
const EMPTY: PeerMisbehaved = PeerMisbehaved::Channel(ChannelError::Message(MessageError::Empty));

const fn unknown_type(byte: u8) -> PeerMisbehaved {
    PeerMisbehaved::Channel(ChannelError::Message(MessageError::UnknownType(byte)))
}

/// Seals a plaintext as it is, as no channel does: by AES-GCM alone.
fn sealed_as_is(key: &TrafficKey, counter: u32, plaintext: &[u8]) -> Vec<u8> {
    let cipher = aes_gcm::Aes256Gcm::new(key.expose().into());
    let mut nonce = [0; 12];
    nonce[8..].copy_from_slice(&counter.to_be_bytes());
    cipher.encrypt(&nonce.into(), plaintext).unwrap()
}

/// Zeros, and what a true message starts with.
fn fragments(truth: &[u8]) -> Vec<Vec<u8>> {
    (0..=LONGEST).flat_map(|length| [vec![0; length], truth[..length].to_vec()]).collect()
}

#[test]
fn a_phone_sends_0_to_32_bytes_that_are_not_sealed() {
    for (stage, client) in client_rig::STAGES {
        let truth = client().channel.unwrap().seal_untyped(&[0; 32]).unwrap();
        for fragment in fragments(&truth) {
            let (mut rig, length) = (client(), fragment.len());
            let outputs = within(SHORT_PEAK, || rig.receive(fragment));
            let end = misbehaviour(client_rig::failed(&outputs));
            assert_eq!(end, (stage, UNAUTHENTICATED), "{length} bytes");
        }
    }
}

#[test]
fn a_client_sends_0_to_32_bytes_that_are_not_sealed() {
    for (stage, phone) in phone_rig::STAGES {
        let truth = phone().channel.unwrap().seal_untyped(&[0; 32]).unwrap();
        for fragment in fragments(&truth) {
            let (mut rig, length) = (phone(), fragment.len());
            let outputs = within(SHORT_PEAK, || rig.step(Input::Message(fragment)));
            let end = misbehaviour(&rig::failed(&outputs));
            assert_eq!(end, (stage, UNAUTHENTICATED), "{length} bytes");
            assert!(rig::sent(outputs).is_empty(), "no word after the end");
        }
    }
}

#[test]
fn a_peer_sends_more_than_any_message_may_have() {
    for (length, error) in [(MAX_CIPHERTEXT, UNAUTHENTICATED), (MAX_CIPHERTEXT + 1, TOO_LONG)] {
        for (stage, client) in client_rig::STAGES {
            let (mut rig, frame) = (client(), vec![7; length]);
            let outputs = within(SHORT_PEAK, || rig.receive(frame));
            assert_eq!(misbehaviour(client_rig::failed(&outputs)), (stage, error));
        }
        for (stage, phone) in phone_rig::STAGES {
            let (mut rig, frame) = (phone(), vec![7; length]);
            let outputs = within(SHORT_PEAK, || rig.step(Input::Message(frame)));
            assert_eq!(misbehaviour(&rig::failed(&outputs)), (stage, error));
        }
    }
}

#[test]
fn a_peer_seals_nothing_at_all() {
    // What the counter stands at in each stage: the introduction was one.
    for ((stage, client), counter) in client_rig::STAGES.into_iter().zip([0, 1, 1]) {
        let mut rig = client();
        let frame = sealed_as_is(rig.key.as_ref().unwrap(), counter, &[]);
        let outputs = within(SHORT_PEAK, || rig.receive(frame));
        assert_eq!(misbehaviour(client_rig::failed(&outputs)), (stage, PADDING));
    }
    let (mut rig, key) = phone_rig::listening();
    let frame = sealed_as_is(&key, 0, &[]);
    let outputs = within(SHORT_PEAK, || rig.step(Input::Message(frame)));
    assert_eq!(misbehaviour(&rig::failed(&outputs)), (Stage::Listening, PADDING));
}

/// An update without a link, and padding of which the last byte says how much
/// there is.
fn padded(zeros: u8) -> Vec<u8> {
    let mut plaintext = vec![0; PADDED];
    plaintext[..2].copy_from_slice(&[MessageType::Update.byte(), 0xa0]);
    plaintext[PADDED - 1] = zeros;
    plaintext
}

/// The length of [`padded`]: less than a byte can count, and no whole unit.
const PADDED: usize = 201;

/// What is left of so many bytes of plaintext, if the last of them does not say
/// more than is there.
fn left(length: usize, zeros: u8) -> Option<usize> {
    (length - 1).checked_sub(zeros.into())
}

#[test]
fn a_phone_pads_with_every_value() {
    for zeros in 0..=255 {
        let mut rig = ClientRig::ready(Flow::Qr);
        let frame = sealed_as_is(rig.key.as_ref().unwrap(), 1, &padded(zeros));
        let outputs = within(SHORT_PEAK, || rig.receive(frame));
        let error = match left(PADDED, zeros) {
            Some(2) => {
                assert!(outputs.is_empty(), "what every phone sends");
                continue;
            }
            // Half an update, or one with zeros behind it: a link may be lost,
            // the sign-in is not.
            Some(1 | 3..) => {
                assert!(matches!(outputs[..], [client::Output::Update(ClientUpdate::LinkDropped)]));
                assert_eq!(rig.transaction.stage(), Stage::Ready);
                continue;
            }
            Some(0) => EMPTY,
            None => PADDING,
        };
        assert_eq!(misbehaviour(client_rig::failed(&outputs)), (Stage::Ready, error));
    }
}

#[test]
fn a_client_pads_with_every_value() {
    for zeros in 0..=255 {
        let (mut rig, key) = phone_rig::listening();
        let frame = sealed_as_is(&key, 0, &padded(zeros));
        let outputs = within(SHORT_PEAK, || rig.step(Input::Message(frame)));
        let error = match left(PADDED, zeros) {
            Some(2) => {
                assert!(outputs.is_empty());
                continue;
            }
            Some(0) => EMPTY,
            Some(1) => PeerMisbehaved::Update(cbor::CborError::UnexpectedEnd),
            Some(3..) => PeerMisbehaved::Update(cbor::CborError::TrailingBytes),
            None => PADDING,
        };
        assert_eq!(misbehaviour(&rig::failed(&outputs)), (Stage::Listening, error));
    }
}

#[test]
fn an_introduction_is_padded_with_every_value() {
    let introduction = introduction(&info());
    let map = introduction.len();
    for zeros in 0..=255 {
        // What is left of the zeros is read as the padding of revision 0.
        let mut plaintext = [&introduction[..], &[0; 100]].concat();
        plaintext.push(zeros);
        let mut rig = ClientRig::introducing(Flow::Qr);
        let frame = sealed_as_is(rig.key.as_ref().unwrap(), 0, &plaintext);
        let outputs = within(INTRODUCTION_PEAK, || rig.receive(frame));
        let error = match left(plaintext.len(), zeros).map(|left| left.checked_sub(map)) {
            // Up to two zeros say of themselves that no padding is before them.
            Some(Some(0..=2)) => {
                assert!(matches!(
                    outputs[..],
                    [client::Output::Update(ClientUpdate::PhoneReady { .. })]
                ));
                continue;
            }
            Some(Some(_)) => PeerMisbehaved::PostHandshake(cbor::CborError::TrailingBytes),
            Some(None) => PeerMisbehaved::PostHandshake(cbor::CborError::UnexpectedEnd),
            None => PADDING,
        };
        assert_eq!(
            misbehaviour(client_rig::failed(&outputs)),
            (Stage::AwaitingPostHandshake, error)
        );
    }
}

#[test]
fn a_peer_sends_types_that_do_not_exist() {
    for byte in [4, 5, 0x7f, 0x80, 0xa0, 0xff] {
        // The introduction has no type.
        for (stage, client) in client_rig::STAGES.into_iter().skip(1) {
            let mut rig = client();
            let frame = rig.channel.as_mut().unwrap().seal_untyped(&[byte, 0xa0]).unwrap();
            let outputs = within(SHORT_PEAK, || rig.receive(frame));
            let end = misbehaviour(client_rig::failed(&outputs));
            assert_eq!(end, (stage, unknown_type(byte)));
        }
        for (stage, phone) in phone_rig::STAGES {
            let mut rig = phone();
            let frame = rig.channel.as_mut().unwrap().seal_untyped(&[byte, 0xa0]).unwrap();
            let outputs = within(SHORT_PEAK, || rig.step(Input::Message(frame)));
            assert_eq!(misbehaviour(&rig::failed(&outputs)), (stage, unknown_type(byte)));
            assert!(rig::sent(outputs).is_empty(), "no word after the end");
        }
    }
}

#[test]
fn a_peer_seals_a_message_without_even_a_type() {
    for (stage, client) in client_rig::STAGES.into_iter().skip(1) {
        let mut rig = client();
        let frame = rig.channel.as_mut().unwrap().seal_untyped(&[]).unwrap();
        let outputs = within(SHORT_PEAK, || rig.receive(frame));
        assert_eq!(misbehaviour(client_rig::failed(&outputs)), (stage, EMPTY));
    }
    for (stage, phone) in phone_rig::STAGES {
        let mut rig = phone();
        let frame = rig.channel.as_mut().unwrap().seal_untyped(&[]).unwrap();
        let outputs = within(SHORT_PEAK, || rig.step(Input::Message(frame)));
        assert_eq!(misbehaviour(&rig::failed(&outputs)), (stage, EMPTY));
    }
}
