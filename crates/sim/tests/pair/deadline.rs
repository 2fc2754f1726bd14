//! Nothing comes any more, at every stage.

use std::time::Duration;

use fido_hybrid_proto::ctap::Status;
use fido_hybrid_proto::error::{Advice, CancelledBy, ErrorKind, Stage};
use fido_hybrid_sim::{Pair, Side};

use super::{SEEDS, STAGES, assert_all_is_off, error, pair_at, setup};

#[test]
fn each_stage_ends_at_its_own_deadline() {
    for seed in SEEDS {
        for (side, stage) in STAGES {
            let mut pair = pair_at(seed, side, stage);
            // The code is shown, and the phone waits, as long as the caller likes.
            if matches!(stage, Stage::ShowingQr | Stage::Ready) {
                assert_eq!(pair.client.deadline(), None);
                continue;
            }
            let began = pair.now();
            pair.stall(side);
            let end = error(&pair, side);
            assert_eq!(end.stage, stage);
            assert!(matches!(end.kind, ErrorKind::Deadline), "{end}");
            let expected = match stage {
                Stage::Connecting | Stage::Handshaking | Stage::AwaitingPostHandshake => 10,
                Stage::Registering => 10,
                Stage::Advertising => 60,
                Stage::Listening => 3 * 60,
                Stage::AwaitingResponse | Stage::Answering => 5 * 60,
                other => panic!("{other}"),
            };
            assert_eq!((pair.now() - began).as_secs(), expected, "{stage}");

            if pair.stage(Side::Client) == Stage::ShowingQr {
                pair.cancel(Side::Client);
            }
            pair.run();
            assert_all_is_off(&pair);
        }
    }
}

#[test]
fn an_offer_has_the_deadline_that_the_caller_gives_it() {
    let mut setup = setup(1);
    setup.client.deadlines.showing_qr = Some(Duration::from_secs(90));
    // Air through which nothing comes.
    setup.conditions.lost_per_thousand = 1000;
    let mut pair = Pair::new(setup).unwrap();
    pair.run();
    let end = error(&pair, Side::Client);
    assert_eq!(end.stage, Stage::ShowingQr);
    assert!(matches!(end.kind, ErrorKind::Deadline));
    let end = error(&pair, Side::Phone);
    assert_eq!(end.stage, Stage::Advertising);
    assert!(matches!(end.kind, ErrorKind::Deadline));
    assert_all_is_off(&pair);
}

/// A registration prompt for a user who does not answer.
fn unanswered(clients_patience: Duration) -> Pair {
    let mut setup = setup(1);
    setup.client.deadlines.awaiting_response = clients_patience;
    let mut pair = Pair::new(setup).unwrap();
    pair.user = Box::new(|_| None);
    pair.run();
    assert_all_is_off(&pair);
    assert!(pair.passkeys.is_empty());
    pair
}

#[test]
fn a_client_that_waits_long_enough_is_told_that_the_user_did_not_answer() {
    let pair = unanswered(Duration::from_secs(10 * 60));
    assert!(matches!(pair.responses[..], [Err(Status::USER_ACTION_TIMEOUT)]));
    let end = error(&pair, Side::Phone);
    assert_eq!(end.stage, Stage::Answering);
    assert!(matches!(end.kind, ErrorKind::Deadline), "{end}");
}

#[test]
fn a_client_that_does_not_wait_so_long_takes_the_prompt_away() {
    let pair = unanswered(Duration::from_secs(60));
    assert!(pair.responses.is_empty());
    let end = error(&pair, Side::Client);
    assert_eq!(end.stage, Stage::AwaitingResponse);
    assert!(matches!(end.kind, ErrorKind::Deadline));
    assert_eq!(end.advice(), Advice::AnswerOnThePhone);
    let end = error(&pair, Side::Phone);
    assert_eq!(end.stage, Stage::Answering);
    assert!(matches!(end.kind, ErrorKind::Cancelled(CancelledBy::Client)), "{end}");
}
