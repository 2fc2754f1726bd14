//! A tunnel service that meddles with one message of a whole ceremony, with
//! each message in each way. Whatever it does, both sides end in an error that
//! says what they saw, or well: never with an answer that the phone did not
//! give, and never waiting beyond their deadline.
//!
//! ```text
//! client                                phone
//!   0 handshake ───────────────────────►
//!     ◄─────────────────────── handshake 0
//!     ◄───────────────── post-handshake 1
//!     ◄───────────────────────── update 2
//!   1 request ─────────────────────────►
//!     ◄─────────────────────── response 3
//!   2 shutdown ────────────────────────►
//! ```

use std::time::Duration;

use fido_hybrid::ctap::CtapResponse;
use fido_hybrid::error::{PeerMisbehaved, Stage};
use fido_hybrid::transport::{ChannelError, CrypterError, HandshakeError};

use crate::clock::hold;
use crate::intercepting_service::{Ended, Fate, ceremony};
use crate::roles_under_test::{Role, Why, told};

/// In the order of the picture above.
const MESSAGES: [(Role, usize); 7] = [
    (Role::Client, 0),
    (Role::Phone, 0),
    (Role::Phone, 1),
    (Role::Phone, 2),
    (Role::Client, 1),
    (Role::Phone, 3),
    (Role::Client, 2),
];

/// The longest that the phone waits for the client once they have met: after
/// so much silence one of the two has always given up.
const SILENCE: Duration = Duration::from_secs(3 * 60);

type Observation = Result<(), (Stage, Why)>;

const WELL: Observation = Ok(());

/// Not what the other side sealed, at this point of the conversation.
const FORGED: Why =
    Why::Misbehaved(PeerMisbehaved::Channel(ChannelError::Crypter(CrypterError::Authentication)));

/// What a phone sees whose client disconnects with its request on the way: how far
/// it gets is a matter of moments.
const LEFT_MEANWHILE: &[Observation] = &[
    Err((Stage::Listening, Why::PeerDisconnected)),
    Err((Stage::Answering, Why::PeerDisconnected)),
    WELL,
];

const DISCONNECTED: &[Observation] = &[Err((Stage::Listening, Why::PeerDisconnected))];

const fn seen(stage: Stage, why: Why) -> Observation {
    Err((stage, why))
}

const fn handshake(error: HandshakeError) -> Why {
    Why::Misbehaved(PeerMisbehaved::Handshake(error))
}

/// What the two sides see for each message of which this becomes; `None` of a
/// side that is switched off.
async fn meddle(fate: Fate, expected: [(Option<Observation>, &[Observation]); 7]) {
    let _clock = hold();
    for (message, (client, phone)) in MESSAGES.into_iter().zip(expected) {
        let ended =
            ceremony(|from, number| if (from, number) == message { fate } else { Fate::Passed });
        let Ended { client: by_client, phone: by_phone, adverts } = ended.await;
        let by_client = by_client.map(|outcome| match outcome {
            Ok(CtapResponse::MakeCredential(_)) => WELL,
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(told(&error)),
        });
        let by_phone = by_phone.map(|outcome| outcome.map_err(|error| told(&error)));
        assert_eq!(by_client, client, "{fate:?}: {message:?}");
        match by_phone {
            None => assert!(phone.is_empty(), "{fate:?}: {message:?}"),
            Some(seen) => assert!(phone.contains(&seen), "{fate:?}: {message:?}: {seen:?}"),
        }
        assert_eq!(adverts, 0, "{fate:?}: {message:?}");
    }
}

const ALL_WELL: [(Option<Observation>, &[Observation]); 7] = [(Some(WELL), &[WELL]); 7];

#[tokio::test(start_paused = true)]
async fn messages_in_pieces_between_pings_make_no_difference() {
    meddle(Fate::InPieces, ALL_WELL).await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_service_makes_no_difference_within_the_deadlines() {
    meddle(Fate::Delayed(Duration::from_secs(9)), ALL_WELL).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_too_slow_is_given_up_by_the_side_that_waits() {
    let expected: [(Option<Observation>, &[Observation]); 7] = [
        (Some(seen(Stage::Handshaking, Why::Deadline)), DISCONNECTED),
        (Some(seen(Stage::Handshaking, Why::Deadline)), DISCONNECTED),
        (Some(seen(Stage::AwaitingPostHandshake, Why::Deadline)), DISCONNECTED),
        // From here on people are waited for, and ten seconds are nothing.
        (Some(WELL), &[WELL]),
        (Some(WELL), &[WELL]),
        (Some(WELL), &[WELL]),
        (Some(WELL), &[WELL]),
    ];
    meddle(Fate::Delayed(Duration::from_secs(10)), expected).await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_message_is_missed_by_the_next_or_by_the_deadline() {
    let expected: [(Option<Observation>, &[Observation]); 7] = [
        (Some(seen(Stage::Handshaking, Why::Deadline)), &[seen(Stage::Advertising, Why::Deadline)]),
        (Some(seen(Stage::Handshaking, handshake(HandshakeError::Length(144)))), DISCONNECTED),
        (Some(seen(Stage::AwaitingPostHandshake, FORGED)), DISCONNECTED),
        (Some(seen(Stage::AwaitingResponse, FORGED)), &[WELL]),
        (
            Some(seen(Stage::AwaitingResponse, Why::EndedOnPhone)),
            &[seen(Stage::Listening, Why::Deadline)],
        ),
        // The phone has answered, and its wait for a further request times out.
        (Some(seen(Stage::AwaitingResponse, Why::EndedOnPhone)), &[WELL]),
        (Some(WELL), &[WELL]),
    ];
    meddle(Fate::Lost(SILENCE), expected).await;
}

#[tokio::test(start_paused = true)]
async fn two_messages_that_change_places_are_no_messages() {
    let expected: [(Option<Observation>, &[Observation]); 7] = [
        (Some(seen(Stage::Handshaking, Why::Deadline)), &[seen(Stage::Advertising, Why::Deadline)]),
        (Some(seen(Stage::Handshaking, handshake(HandshakeError::Length(144)))), DISCONNECTED),
        (Some(seen(Stage::AwaitingPostHandshake, FORGED)), DISCONNECTED),
        (Some(seen(Stage::AwaitingResponse, FORGED)), &[WELL]),
        (
            Some(seen(Stage::AwaitingResponse, Why::EndedOnPhone)),
            &[seen(Stage::Listening, Why::Deadline)],
        ),
        // Nothing follows: it is only late.
        (Some(WELL), &[WELL]),
        (Some(WELL), &[WELL]),
    ];
    meddle(Fate::Overtaken(SILENCE), expected).await;
}

#[tokio::test(start_paused = true)]
async fn a_repeated_message_is_no_second_one() {
    let expected: [(Option<Observation>, &[Observation]); 7] = [
        (Some(seen(Stage::AwaitingResponse, Why::EndedOnPhone)), &[seen(Stage::Listening, FORGED)]),
        (Some(seen(Stage::AwaitingPostHandshake, FORGED)), DISCONNECTED),
        (Some(seen(Stage::AwaitingResponse, FORGED)), LEFT_MEANWHILE),
        (Some(seen(Stage::AwaitingResponse, FORGED)), LEFT_MEANWHILE),
        (Some(seen(Stage::AwaitingResponse, Why::EndedOnPhone)), &[seen(Stage::Answering, FORGED)]),
        // The side that has the answer receives nothing more.
        (Some(WELL), &[WELL]),
        (Some(WELL), &[WELL]),
    ];
    meddle(Fate::Repeated, expected).await;
}

/// What all do who meddle with the bytes, but for the handshake's messages.
fn forged(
    first: HandshakeError,
    reply: HandshakeError,
) -> [(Option<Observation>, &'static [Observation]); 7] {
    const LISTENING: &[Observation] = &[seen(Stage::Listening, FORGED)];
    const AUTHENTICATION: &[Observation] =
        &[seen(Stage::Handshaking, handshake(HandshakeError::Authentication))];
    const HALF: &[Observation] = &[seen(Stage::Handshaking, handshake(HandshakeError::Length(40)))];
    const NOTHING: &[Observation] =
        &[seen(Stage::Handshaking, handshake(HandshakeError::Length(0)))];
    let first = match first {
        HandshakeError::Authentication => AUTHENTICATION,
        HandshakeError::Length(0) => NOTHING,
        _ => HALF,
    };
    [
        (Some(seen(Stage::Handshaking, Why::PeerDisconnected)), first),
        (Some(seen(Stage::Handshaking, handshake(reply))), DISCONNECTED),
        (Some(seen(Stage::AwaitingPostHandshake, FORGED)), DISCONNECTED),
        (Some(seen(Stage::AwaitingResponse, FORGED)), LEFT_MEANWHILE),
        (Some(seen(Stage::AwaitingResponse, Why::EndedOnPhone)), LISTENING),
        (Some(seen(Stage::AwaitingResponse, FORGED)), &[WELL]),
        (Some(WELL), LISTENING),
    ]
}

#[tokio::test(start_paused = true)]
async fn half_a_message_is_no_message() {
    let half = HandshakeError::Length(40);
    meddle(Fate::Halved, forged(half, half)).await;
}

#[tokio::test(start_paused = true)]
async fn one_wrong_bit_is_noticed_in_every_message() {
    let wrong = HandshakeError::Authentication;
    meddle(Fate::Bent, forged(wrong, wrong)).await;
}

#[tokio::test(start_paused = true)]
async fn no_side_takes_its_own_message_for_the_others() {
    let (nothing, own) = (HandshakeError::Length(0), HandshakeError::Authentication);
    meddle(Fate::Reflected, forged(nothing, own)).await;
}

/// How it looks to both when the service ends it in this way; `asked`: when the phone
/// has the request.
fn ended<'a>(
    why: Why,
    asked: Why,
    unmet: &'a [Observation],
    met: &'a [Observation],
) -> [(Option<Observation>, &'a [Observation]); 7] {
    [
        (Some(seen(Stage::Handshaking, why)), unmet),
        (Some(seen(Stage::Handshaking, why)), met),
        (Some(seen(Stage::AwaitingPostHandshake, why)), met),
        (Some(seen(Stage::AwaitingResponse, asked)), met),
        (Some(seen(Stage::AwaitingResponse, asked)), met),
        (Some(seen(Stage::AwaitingResponse, asked)), &[WELL]),
        (Some(WELL), &[WELL]),
    ]
}

#[tokio::test(start_paused = true)]
async fn connections_that_break_before_any_message_leave_both_alone() {
    let unmet = &[seen(Stage::Advertising, Why::Closed(None))];
    let lost = Why::PeerDisconnected;
    meddle(Fate::Reset, ended(lost, lost, unmet, DISCONNECTED)).await;
    // To the client that looks as if the phone had closed.
    meddle(Fate::Closed(1000), ended(lost, Why::EndedOnPhone, unmet, DISCONNECTED)).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_service_is_told_from_a_peer_that_disconnected() {
    let unmet = &[seen(Stage::Advertising, Why::Closed(Some(1011)))];
    let failed = &[seen(Stage::Listening, Why::Closed(Some(1011)))];
    let why = Why::Closed(Some(1011));
    meddle(Fate::Closed(1011), ended(why, why, unmet, failed)).await;
}

#[tokio::test(start_paused = true)]
async fn a_side_that_is_given_up_before_any_message_does_not_end_the_other() {
    let expected: [(Option<Observation>, &[Observation]); 7] = [
        (Some(seen(Stage::Handshaking, Why::PeerDisconnected)), &[]),
        (None, DISCONNECTED),
        (None, DISCONNECTED),
        // It has the request, and is told in time or not.
        (None, &[seen(Stage::Answering, Why::CancelledByClient), WELL]),
        (Some(seen(Stage::AwaitingResponse, Why::EndedOnPhone)), &[]),
        (None, &[WELL]),
        (Some(WELL), &[]),
    ];
    meddle(Fate::GivenUp, expected).await;
}
