//! Whole ceremonies of both transactions, by seed, on a clock moved by hand.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cancel;
mod deadline;
mod disconnect;
mod lingering;
mod new_code;
mod observer;
mod success;

use fido_hybrid_proto::ctap::{
    Algorithm, CredentialParameters, CtapRequest, CtapResponse, GetAssertionRequest,
    MakeCredentialRequest, MakeCredentialResponse, RelyingParty, User, UserHandle,
};
use fido_hybrid_proto::error::{Error, Stage};
use fido_hybrid_sim::{Pair, STAGES, Setup, Side};

const RP_ID: &str = "example.com";

/// Enough seeds to meet adverts lost, late and among strangers.
const SEEDS: std::ops::Range<u64> = 0..50;

fn registration(user: u8) -> CtapRequest {
    let handle = UserHandle::new([user]).unwrap();
    let mut request = MakeCredentialRequest::new(
        [1; 32],
        RelyingParty::new(RP_ID, "Example"),
        User::new(handle, format!("user{user}"), format!("User {user}")),
        vec![CredentialParameters::new(Algorithm::ES256)],
    );
    request.options.rk = Some(true);
    request.options.uv = Some(true);
    CtapRequest::MakeCredential(request)
}

fn sign_in() -> CtapRequest {
    let mut request = GetAssertionRequest::new(RP_ID, [2; 32]);
    request.options.uv = Some(true);
    CtapRequest::GetAssertion(request)
}

/// Bad air, and a registration.
fn setup(seed: u64) -> Setup {
    let mut setup = Setup::new(seed, vec![registration(1)]);
    setup.conditions.lost_per_thousand = 300;
    setup.conditions.delay = std::time::Duration::from_millis(30);
    setup.conditions.foreign = 5;
    setup
}

fn pair(seed: u64) -> Pair {
    Pair::new(setup(seed)).unwrap()
}

/// A pair brought to a stage of one side.
fn pair_at(seed: u64, side: Side, stage: Stage) -> Pair {
    let mut pair = pair(seed);
    // Its caller would have its turn at once.
    pair.is_paused = stage == Stage::Ready;
    pair.run_until(|pair| pair.stage(side) == stage);
    assert_eq!(pair.stage(side), stage, "{:#?}", pair.transcript());
    pair
}

fn error(pair: &Pair, side: Side) -> &Error {
    match pair.result(side) {
        Some(Err(error)) => error,
        other => panic!("{side}: {other:?}\n{:#?}", pair.transcript()),
    }
}

/// Both sides have ended, and nothing is left on: no radio, no tunnel.
fn assert_all_is_off(pair: &Pair) {
    assert!(pair.is_over(), "{:#?}", pair.transcript());
    assert!(!pair.is_scanning());
    assert!(!pair.is_advertising());
    assert!(!pair.is_open(Side::Client));
    assert!(!pair.is_open(Side::Phone));
}

fn made(pair: &Pair) -> &MakeCredentialResponse {
    match &pair.responses[..] {
        [Ok(CtapResponse::MakeCredential(response)), ..] => response,
        other => panic!("{other:?}\n{:#?}", pair.transcript()),
    }
}
