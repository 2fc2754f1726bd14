//! A tunnel service that drops, repeats, reorders, exchanges, cuts, lengthens
//! and changes messages: each message of a whole ceremony, at each byte.
//!
//! Whatever it does, both sides end by their deadlines with everything off; the
//! client has the phone's true answer or none; and nothing is signed twice. One
//! thing no phone can know: whether the answer that it signed got through.

use std::time::Duration;

use fido_hybrid_proto::client::ClientDeadlines;
use fido_hybrid_proto::crypto::UNCOMPRESSED_POINT_LENGTH;
use fido_hybrid_proto::ctap::{CtapResponse, Status};
use fido_hybrid_proto::error::{Error, ErrorKind, PeerMisbehaved, Stage, TunnelError};
use fido_hybrid_proto::transport::{
    ChannelError, CrypterError, HandshakeError, MessageType, UpdateMessage,
};
use fido_hybrid_sim::{Pair, Setup, Side};

use super::client_rig::{self, ClientRig, Flow};
use super::rig::{RP_ID, get_assertion, passkey};
use super::{SHORT_PEAK, STRIDE, misbehaviour, within};

const SEED: u64 = 1;

/// The number of the phone's update among [`MESSAGES`].
const UPDATE: usize = 3;

/// What a whole ceremony may hold at one time, both sides and the world between
/// them, in bytes.
const CEREMONY_PEAK: u64 = 256 << 10;

/// The messages of a sign-in in the order in which they are sent: the stage in
/// which each reaches the other side, and how its sender ends if it is refused
/// there.
const MESSAGES: [(Side, Stage, End); 7] = [
    // The client's handshake message; the phone's, its introduction and its
    // update, which it sends together.
    (Side::Client, Stage::Handshaking, End::Left(Stage::Handshaking)),
    (Side::Phone, Stage::Handshaking, End::Left(Stage::Listening)),
    (Side::Phone, Stage::AwaitingPostHandshake, End::Left(Stage::Listening)),
    // The client has asked as soon as it was introduced.
    (Side::Phone, Stage::AwaitingResponse, End::Left(Stage::Answering)),
    // The request, the answer, the shutdown.
    (Side::Client, Stage::Listening, End::Left(Stage::AwaitingResponse)),
    (Side::Phone, Stage::AwaitingResponse, End::Well),
    (Side::Client, Stage::Listening, End::Well),
];

/// How client and phone end if a message is refused.
fn refused(number: usize, error: PeerMisbehaved) -> (End, End) {
    let (from, stage, sender) = MESSAGES[number];
    let receiver = End::Misbehaved(stage, error);
    match from {
        Side::Client => (sender, receiver),
        Side::Phone => (receiver, sender),
    }
}

const fn handshake(error: HandshakeError) -> PeerMisbehaved {
    PeerMisbehaved::Handshake(error)
}

/// What a message that was not made for its place is refused with.
fn not_authentic(number: usize) -> PeerMisbehaved {
    if number < 2 { handshake(HandshakeError::Authentication) } else { UNAUTHENTICATED }
}

/// What a message of another length is refused with.
fn resized(number: usize, length: usize) -> PeerMisbehaved {
    if number < 2 { handshake(HandshakeError::Length(length)) } else { UNAUTHENTICATED }
}

/// What a message with this byte changed is refused with: a coordinate leaves
/// the curve.
fn changed(number: usize, at: usize) -> PeerMisbehaved {
    match at {
        0..UNCOMPRESSED_POINT_LENGTH if number < 2 => handshake(HandshakeError::Point),
        _ => not_authentic(number),
    }
}

const UNAUTHENTICATED: PeerMisbehaved =
    PeerMisbehaved::Channel(ChannelError::Crypter(CrypterError::Authentication));

/// How one side ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Well,
    Misbehaved(Stage, PeerMisbehaved),
    /// The other side left, or the tunnel was closed before it came.
    Left(Stage),
    Late(Stage),
}

impl From<&Result<(), Error>> for End {
    fn from(result: &Result<(), Error>) -> Self {
        let Err(error) = result else { return Self::Well };
        match &error.kind {
            ErrorKind::PeerMisbehaved(misbehaviour) => Self::Misbehaved(error.stage, *misbehaviour),
            ErrorKind::PeerDisconnected
            | ErrorKind::EndedOnPhone
            | ErrorKind::Tunnel(TunnelError::Closed(None)) => Self::Left(error.stage),
            ErrorKind::Deadline => Self::Late(error.stage),
            other => panic!("{other:?}"),
        }
    }
}

/// How a ceremony ended.
#[derive(Debug)]
struct Outcome {
    client: End,
    phone: End,
    answers: Vec<Result<CtapResponse, Status>>,
    /// How often the passkey signed, by its counter.
    signed: u32,
    took: Duration,
}

/// A whole sign-in through a tunnel that makes of each message, by its number,
/// what `tamper` says.
fn ceremony(
    seed: u64,
    mut tamper: impl FnMut(usize, Vec<u8>) -> Vec<Vec<u8>> + 'static,
) -> Outcome {
    let mut setup = Setup::new(seed, vec![get_assertion(&[]).into()]);
    setup.passkeys = vec![passkey(1, RP_ID, "ada")];
    let mut pair = Pair::new(setup).unwrap();
    let mut sent = 0;
    pair.tamper = Box::new(move |_, message| {
        sent += 1;
        tamper(sent - 1, message)
    });
    within(CEREMONY_PEAK, || pair.run());
    assert!(pair.is_over(), "{:#?}", pair.transcript());
    assert!(!pair.is_scanning() && !pair.is_advertising());
    assert!(!pair.is_open(Side::Client) && !pair.is_open(Side::Phone));
    let end = |side| End::from(pair.result(side).unwrap());
    Outcome {
        client: end(Side::Client),
        phone: end(Side::Phone),
        signed: pair.passkeys[0].counter.unwrap(),
        took: pair.now(),
        answers: pair.responses,
    }
}

/// The messages of a ceremony in which nothing happens, and its outcome.
fn honest(seed: u64) -> (Vec<Vec<u8>>, Outcome) {
    let (tell, told) = std::sync::mpsc::channel();
    let outcome = ceremony(seed, move |_, message| {
        tell.send(message.clone()).unwrap();
        vec![message]
    });
    assert_eq!((outcome.client, outcome.phone), (End::Well, End::Well));
    assert_eq!((outcome.answers.len(), outcome.signed), (1, 1));
    let messages: Vec<_> = told.into_iter().collect();
    assert_eq!(messages.len(), MESSAGES.len());
    (messages, outcome)
}

/// A ceremony with one message changed; what must hold of any is checked.
fn tampered(
    truth: &Outcome,
    number: usize,
    mut change: impl FnMut(Vec<u8>) -> Vec<Vec<u8>> + 'static,
) -> (End, End) {
    let outcome = ceremony(
        SEED,
        move |at, message| if at == number { change(message) } else { vec![message] },
    );
    hold(truth, &outcome);
    (outcome.client, outcome.phone)
}

/// The true answer or none, signed once if at all, and in time.
fn hold(truth: &Outcome, outcome: &Outcome) {
    assert!(truth.answers.starts_with(&outcome.answers), "{outcome:?}");
    assert!((outcome.answers.len()..=1).contains(&(outcome.signed as usize)), "{outcome:?}");
    assert!(outcome.answers.len() == 1 || outcome.client != End::Well, "{outcome:?}");
    // No stage of either side is allowed longer than an answer.
    assert!(
        outcome.took <= truth.took + ClientDeadlines::default().awaiting_response,
        "{outcome:?}"
    );
}

#[test]
fn drops_a_message() {
    let truth = honest(SEED).1;
    let late = handshake(HandshakeError::Length(144));
    let expected = [
        (End::Late(Stage::Handshaking), End::Left(Stage::Advertising)),
        // The next message is taken for it.
        refused(1, late),
        refused(2, UNAUTHENTICATED),
        (End::Misbehaved(Stage::AwaitingResponse, UNAUTHENTICATED), End::Well),
        // The phone's patience is the shorter.
        (End::Left(Stage::AwaitingResponse), End::Late(Stage::Listening)),
        (End::Left(Stage::AwaitingResponse), End::Well),
        (End::Well, End::Well),
    ];
    for (number, expected) in expected.into_iter().enumerate() {
        assert_eq!(tampered(&truth, number, |_| Vec::new()), expected, "message {number}");
    }
}

#[test]
fn repeats_a_message() {
    let truth = honest(SEED).1;
    let expected = [
        // The true reply was on its way.
        (End::Left(Stage::AwaitingResponse), End::Misbehaved(Stage::Listening, UNAUTHENTICATED)),
        refused(2, UNAUTHENTICATED),
        refused(3, UNAUTHENTICATED),
        refused(3, UNAUTHENTICATED),
        (End::Left(Stage::AwaitingResponse), End::Misbehaved(Stage::Answering, UNAUTHENTICATED)),
        // They have ended before the second comes.
        (End::Well, End::Well),
        (End::Well, End::Well),
    ];
    for (number, expected) in expected.into_iter().enumerate() {
        let ends = tampered(&truth, number, |message| vec![message.clone(), message]);
        assert_eq!(ends, expected, "message {number}");
    }
}

/// Each side's message is held back until it sends another.
#[test]
fn reorders_two_messages() {
    let truth = honest(SEED).1;
    for (number, next, expected) in [
        (0, 4, (End::Late(Stage::Handshaking), End::Left(Stage::Advertising))),
        (1, 2, refused(1, handshake(HandshakeError::Length(144)))),
        (2, 3, refused(2, UNAUTHENTICATED)),
        (3, 5, (End::Misbehaved(Stage::AwaitingResponse, UNAUTHENTICATED), End::Well)),
        (4, 6, (End::Left(Stage::AwaitingResponse), End::Late(Stage::Listening))),
    ] {
        let mut held = None;
        let outcome = ceremony(SEED, move |at, message| {
            if at == number {
                held = Some(message);
                Vec::new()
            } else if at == next {
                [Some(message), held.take()].into_iter().flatten().collect()
            } else {
                vec![message]
            }
        });
        hold(&truth, &outcome);
        assert_eq!((outcome.client, outcome.phone), expected, "message {number}");
    }
}

/// Of either side, sent back or on.
#[test]
fn exchanges_a_message_for_an_earlier_one() {
    let (messages, truth) = honest(SEED);
    for (number, earlier) in (0..messages.len()).flat_map(|at| (0..at).map(move |to| (at, to))) {
        let earlier = messages[earlier].clone();
        let ends = tampered(&truth, number, move |_| vec![earlier.clone()]);
        assert_eq!(ends, refused(number, not_authentic(number)), "message {number}");
    }
}

#[test]
fn exchanges_a_message_for_another_ceremonys() {
    let truth = honest(SEED).1;
    for (number, other) in honest(SEED + 1).0.into_iter().enumerate() {
        let ends = tampered(&truth, number, move |_| vec![other.clone()]);
        assert_eq!(ends, refused(number, not_authentic(number)), "message {number}");
    }
}

/// The update is long, and cut [elsewhere](cuts_what_a_linked_phone_sends_at_each_byte).
#[test]
fn cuts_each_message_at_each_byte() {
    let (messages, truth) = honest(SEED);
    for (number, message) in messages.iter().enumerate().filter(|(number, _)| *number != UPDATE) {
        for length in (0..message.len()).step_by(STRIDE) {
            let ends = tampered(&truth, number, move |message| vec![message[..length].into()]);
            assert_eq!(ends, refused(number, resized(number, length)), "{number}: {length} bytes");
        }
    }
}

#[test]
fn lengthens_each_message() {
    let (messages, truth) = honest(SEED);
    for (number, message) in messages.iter().enumerate() {
        let ends = tampered(&truth, number, |message| vec![[message, vec![0]].concat()]);
        let length = message.len() + 1;
        assert_eq!(ends, refused(number, resized(number, length)), "message {number}");
    }
}

fn changes(numbers: std::ops::Range<usize>) {
    let (messages, truth) = honest(SEED);
    for number in numbers {
        for at in (0..messages[number].len()).step_by(STRIDE) {
            let ends = tampered(&truth, number, move |mut message| {
                message[at] ^= 1 << (at % 8);
                vec![message]
            });
            assert_eq!(ends, refused(number, changed(number, at)), "{number}: byte {at}");
        }
    }
}

#[test]
fn changes_each_byte_of_handshake_and_introduction() {
    changes(0..UPDATE);
}

#[test]
fn changes_each_byte_of_update_request_answer_and_shutdown() {
    changes(UPDATE..MESSAGES.len());
}

type NewClient = fn() -> ClientRig;

/// A linked phone's messages, in order, each with what the client is about to
/// receive it.
fn linked() -> [(NewClient, Vec<u8>, Stage); 4] {
    let introduction = client_rig::introduction(&client_rig::info());
    let introduction = ClientRig::introducing(Flow::Linked).seal_untyped(&introduction);
    let update = UpdateMessage::default().to_bytes();
    let update = ClientRig::ready(Flow::Linked).seal(MessageType::Update, update.expose());
    let answer = ClientRig::asking(Flow::Linked).seal(MessageType::Ctap, &[0x27]);
    [
        (
            || ClientRig::unanswered(Flow::Linked),
            ClientRig::handshaking(Flow::Linked).1,
            Stage::Handshaking,
        ),
        (|| ClientRig::introducing(Flow::Linked), introduction, Stage::AwaitingPostHandshake),
        (|| ClientRig::ready(Flow::Linked), update, Stage::Ready),
        (|| ClientRig::asking(Flow::Linked), answer, Stage::AwaitingResponse),
    ]
}

/// The client's end upon one message.
fn upon(mut client: ClientRig, message: Vec<u8>) -> (Stage, PeerMisbehaved) {
    let outputs = within(SHORT_PEAK, || client.receive(message));
    misbehaviour(client_rig::failed(&outputs))
}

#[test]
fn cuts_what_a_linked_phone_sends_at_each_byte() {
    for (number, (client, message, stage)) in linked().into_iter().enumerate() {
        for length in (0..message.len()).step_by(STRIDE) {
            let end = upon(client(), message[..length].into());
            assert_eq!(end, (stage, resized(number + 1, length)), "{length} bytes");
        }
    }
}

#[test]
fn changes_each_byte_of_what_a_linked_phone_sends() {
    for (number, (client, message, stage)) in linked().into_iter().enumerate() {
        for at in (0..message.len()).step_by(STRIDE) {
            let mut message = message.clone();
            message[at] ^= 1 << (at % 8);
            assert_eq!(upon(client(), message), (stage, changed(number + 1, at)), "byte {at}");
        }
    }
}
