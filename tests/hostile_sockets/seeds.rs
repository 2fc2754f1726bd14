//! Whole ceremonies through a service that fails at random, by seed. Nothing
//! that happens leaves a side waiting or advertising, and what is merely slow
//! succeeds.
//!
//! A seed decides what becomes of each message, and so repeats; which of two
//! things at one moment a side receives first is for the sockets to say.

use std::time::Duration;

use fido_hybrid::ctap::CtapResponse;
use fido_hybrid::error::{CancelledBy, Error, ErrorKind, Stage};
use fido_hybrid_sim::SeededRng;

use crate::clock::hold;
use crate::intercepting_service::{Ended, Fate, ceremony};
use crate::roles_under_test::Role;

const SEEDS: std::ops::Range<u64> = 0..100;

/// After so much silence one of the two has always given up.
const SILENCE: Duration = Duration::from_secs(3 * 60);

/// More than either side ever sends.
const MESSAGES: usize = 8;

/// What becomes of one side's messages.
fn fates(seed: u64, side: &str) -> [Fate; MESSAGES] {
    let mut rng = SeededRng::new(seed).fork(side);
    std::array::from_fn(|_| match rng.below(60) {
        0 => Fate::Lost(SILENCE),
        1 => Fate::Repeated,
        2 => Fate::Overtaken(SILENCE),
        3 => Fate::Halved,
        4 => Fate::Bent,
        5 => Fate::Reset,
        6 => Fate::Closed([1000, 1001, 1008, 1011][usize::try_from(rng.below(4)).unwrap()]),
        7 => Fate::GivenUp,
        8 => Fate::Delayed(Duration::from_secs(5 + rng.below(200))),
        // At the most three of them are within one stage's ten seconds.
        9..20 => Fate::Delayed(Duration::from_millis(rng.below(3000))),
        20..30 => Fate::InPieces,
        _ => Fate::Passed,
    })
}

const fn is_harmless(fate: Fate) -> bool {
    match fate {
        Fate::Passed | Fate::InPieces => true,
        Fate::Delayed(time) => time.as_secs() < 3,
        _ => false,
    }
}

/// Runs a ceremony on a clock that stands still; whether it met with anything worse than slowness.
async fn run(seed: u64) -> (Ended, bool) {
    let _clock = hold();
    let (client, phone) = (fates(seed, "client"), fates(seed, "phone"));
    let mut harmed = false;
    let ended = ceremony(|from, number| {
        let fate = match from {
            Role::Client => client[number],
            Role::Phone => phone[number],
        };
        harmed |= !is_harmless(fate);
        fate
    });
    (ended.await, harmed)
}

/// What a network and the other side's owner can bring about; all else would
/// be a fault of ours.
fn is_explained(error: &Error) -> bool {
    let is_possible = match &error.kind {
        ErrorKind::Deadline
        | ErrorKind::PeerDisconnected
        | ErrorKind::EndedOnPhone
        | ErrorKind::Tunnel(_)
        | ErrorKind::PeerMisbehaved(_) => true,
        ErrorKind::Cancelled(by) => matches!(by, CancelledBy::Client),
        _ => false,
    };
    is_possible && !matches!(error.stage, Stage::Preparing | Stage::ShowingQr | Stage::Closed)
}

#[tokio::test(start_paused = true)]
async fn whatever_the_network_does_both_sides_end_in_success_or_a_typed_error() {
    let (mut well, mut ill) = (0, 0);
    for seed in SEEDS {
        let (Ended { client, phone, adverts }, harmed) = run(seed).await;
        assert_eq!(adverts, 0, "seed {seed}");
        match &client {
            Some(Ok(CtapResponse::MakeCredential(_))) => well += 1,
            Some(Err(error)) if harmed && is_explained(error) => ill += 1,
            None if harmed => ill += 1,
            client => panic!("seed {seed}: {client:?}"),
        }
        match &phone {
            Some(Ok(())) => {}
            Some(Err(error)) if harmed && is_explained(error) => {}
            None if harmed => {}
            phone => panic!("seed {seed}: {phone:?}"),
        }
    }
    assert!(well > 10 && ill > 10, "the seeds do not show both: {well} {ill}");
}

#[test]
fn the_same_seed_draws_the_same_faults_and_another_seed_others() {
    for seed in SEEDS {
        assert_eq!(fates(seed, "client"), fates(seed, "client"));
        assert_ne!(fates(seed, "client"), fates(seed, "phone"));
        assert_ne!(fates(seed, "client"), fates(seed + 1, "client"));
    }
}
