//! Either side's caller gives up, at every stage.

use fido_hybrid_proto::error::{CancelledBy, ErrorKind, Stage};
use fido_hybrid_sim::Side;

use super::{SEEDS, STAGES, assert_all_is_off, error, pair_at};

#[test]
fn a_cancelled_side_reports_it_and_the_other_side_ends_too() {
    for seed in SEEDS {
        for (side, stage) in STAGES {
            let mut pair = pair_at(seed, side, stage);
            pair.cancel(side);
            let cancelled = error(&pair, side);
            assert_eq!(cancelled.stage, stage);
            assert!(matches!(cancelled.kind, ErrorKind::Cancelled(CancelledBy::Caller)));
            assert!(cancelled.is_cancelled());
            assert!(pair.responses.is_empty());

            // The code was scanned, and cannot be used again.
            if pair.stage(Side::Client) == Stage::ShowingQr {
                pair.cancel(Side::Client);
            }
            pair.run();
            assert_all_is_off(&pair);
            assert!(pair.passkeys.is_empty(), "nothing was made");
        }
    }
}

#[test]
fn a_client_that_cancels_while_the_user_is_asked_takes_the_prompt_away() {
    let mut pair = pair_at(1, Side::Phone, Stage::Answering);
    pair.cancel(Side::Client);
    pair.run();
    let end = error(&pair, Side::Phone);
    assert!(matches!(end.kind, ErrorKind::Cancelled(CancelledBy::Client)), "{end}");
    let dismissed = |line: &String| line.contains("takes the prompt off the screen");
    assert!(pair.transcript().iter().any(dismissed));
    assert!(pair.passkeys.is_empty());
}

#[test]
fn a_phone_that_cancels_has_ended_the_request() {
    let mut pair = pair_at(1, Side::Client, Stage::AwaitingResponse);
    pair.cancel(Side::Phone);
    pair.run();
    let end = error(&pair, Side::Client);
    assert_eq!(end.stage, Stage::AwaitingResponse);
    assert!(matches!(end.kind, ErrorKind::EndedOnPhone));
    assert!(end.can_retry());
}
