//! The first message in each direction: of every length, and of every content
//! that a sender without the key can produce; and what comes before it.
//!
//! Clauses: [CTAP 2.2 §11.5.1.2] [Noise §5].

use fido_hybrid_proto::authenticator::Input;
use fido_hybrid_proto::error::{PeerMisbehaved, Stage};
use fido_hybrid_proto::transport::{
    ChannelError, CrypterError, HANDSHAKE_MESSAGE_LENGTH, HandshakeError,
};

use super::client_rig::{self, ClientRig, FLOWS};
use super::rig::{self, Rig, config};
use super::{SHORT_PEAK, misbehaviour, within};

/// The longest message tried.
const LONGEST: usize = 200;

/// Zeros, ones, and the true message cut or extended.
fn bodies(truth: &[u8], length: usize) -> [Vec<u8>; 3] {
    let mut resized = truth.to_vec();
    resized.resize(length, 0);
    [vec![0; length], vec![0xff; length], resized]
}

/// What a body that is not the true message must end in.
fn expected(body: &[u8]) -> HandshakeError {
    match body.len() {
        HANDSHAKE_MESSAGE_LENGTH => HandshakeError::Point,
        length => HandshakeError::Length(length),
    }
}

#[test]
fn a_phone_replies_with_0_to_200_bytes_of_anything() {
    for flow in FLOWS {
        let truth = ClientRig::handshaking(flow).1;
        for length in 0..=LONGEST {
            for body in bodies(&truth, length).into_iter().filter(|body| *body != truth) {
                let error = PeerMisbehaved::Handshake(expected(&body));
                let mut rig = ClientRig::unanswered(flow);
                let outputs = within(SHORT_PEAK, || rig.receive(body));
                assert_eq!(
                    misbehaviour(client_rig::failed(&outputs)),
                    (Stage::Handshaking, error),
                    "{flow:?}, {length} bytes"
                );
                // One attempt: the true reply comes too late.
                assert!(rig.receive(truth.clone()).is_empty());
            }
        }
    }
}

#[test]
fn a_client_starts_with_0_to_200_bytes_of_anything() {
    let (rig, advert) = Rig::advertising(config(), 1);
    let truth = rig.handshake(&advert).1;
    for length in 0..=LONGEST {
        for body in bodies(&truth, length).into_iter().filter(|body| *body != truth) {
            let error = PeerMisbehaved::Handshake(expected(&body));
            let (mut rig, _) = Rig::advertising(config(), 1);
            let outputs = within(SHORT_PEAK, || rig.step(Input::Message(body)));
            assert_eq!(
                misbehaviour(&rig::failed(&outputs)),
                (Stage::Handshaking, error),
                "{length} bytes"
            );
            assert!(rig.step(Input::Message(truth.clone())).is_empty());
        }
    }
}

/// A point of an attacker's choosing with every tag that costs nothing.
#[test]
fn a_peer_without_the_keys_sends_a_valid_point_and_a_made_up_tag() {
    let unauthenticated = PeerMisbehaved::Handshake(HandshakeError::Authentication);
    for tag in [0, 0xff] {
        for flow in FLOWS {
            let (mut rig, mut reply) = ClientRig::handshaking(flow);
            reply[65..].fill(tag);
            let outputs = within(SHORT_PEAK, || rig.receive(reply));
            let end = misbehaviour(client_rig::failed(&outputs));
            assert_eq!(end, (Stage::Handshaking, unauthenticated));
        }
        let (mut rig, advert) = Rig::advertising(config(), 1);
        let mut first = rig.handshake(&advert).1;
        first[65..].fill(tag);
        let outputs = within(SHORT_PEAK, || rig.step(Input::Message(first)));
        let end = misbehaviour(&rig::failed(&outputs));
        assert_eq!(end, (Stage::Handshaking, unauthenticated));
    }
}

/// A message before the tunnel is open, when the peer cannot have sent one.
#[test]
fn a_tunnel_speaks_before_it_is_open() {
    let early = |stage| (stage, PeerMisbehaved::TooEarly);
    for length in 0..=LONGEST {
        let mut rig = ClientRig::connecting();
        let outputs = within(SHORT_PEAK, || rig.receive(vec![4; length]));
        let end = misbehaviour(client_rig::failed(&outputs));
        assert_eq!(end, early(Stage::Connecting), "{length} bytes");

        let mut rig = Rig::registering(config(), 1);
        let outputs = within(SHORT_PEAK, || rig.step(Input::Message(vec![4; length])));
        let end = misbehaviour(&rig::failed(&outputs));
        assert_eq!(end, early(Stage::Registering), "{length} bytes");
    }
}

/// An attacker at the tunnel service sends each side its own message back.
#[test]
fn the_tunnel_sends_back_what_it_was_given() {
    for flow in FLOWS {
        let mut rig = ClientRig::unanswered(flow);
        let first = rig.first.clone();
        let outputs = within(SHORT_PEAK, || rig.receive(first));
        let error = PeerMisbehaved::Handshake(HandshakeError::Authentication);
        assert_eq!(misbehaviour(client_rig::failed(&outputs)), (Stage::Handshaking, error));
    }
    for at in 0..3 {
        let (mut rig, advert) = Rig::advertising(config(), 1);
        let (_, first) = rig.handshake(&advert);
        let own = rig::sent(rig.step(Input::Message(first)));
        let message = own[at].clone();
        let outputs = within(SHORT_PEAK, || rig.step(Input::Message(message)));
        let error = ChannelError::Crypter(CrypterError::Authentication);
        assert_eq!(
            misbehaviour(&rig::failed(&outputs)),
            (Stage::Listening, PeerMisbehaved::Channel(error))
        );
    }
}
