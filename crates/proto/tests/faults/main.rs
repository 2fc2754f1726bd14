//! Whole ceremonies in which things go wrong, each drawn from one number: bad
//! air, a tunnel that loses, repeats, reorders, cuts short, forges and breaks,
//! radios, stores and services that fail, people who refuse, hesitate or leave,
//! callers who give up, devices that are switched off; and the same for a linked phone that
//! is called ([`linked`]). What must hold of every one is in
//! [`ledger`] (at every moment) and [`trial`] (step by step, and of the end).
//!
//! `FAULT_SEEDS=2000..1000000 cargo test --test faults --release` goes through
//! other seeds than the usual ones, for a night. A failure names its seed, which
//! goes into [`REGRESSIONS`].

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation, clippy::format_push_string, reason = "tests")]

mod ledger;
mod linked;
mod plan;
mod trial;

use fido_hybrid_testkit::finder;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use fido_hybrid_proto::error::{ErrorKind, Stage};

use trial::Trial;

/// Other seeds than [`USUAL`], as `first..behind_the_last`.
const VARIABLE: &str = "FAULT_SEEDS";
/// Without its tables, P-256 takes five times as long.
const USUAL: Range<u64> = if cfg!(feature = "precomputed-tables") { 0..2000 } else { 0..400 };

/// Seeds that once failed, and what they showed. What a seed draws must not
/// change then: new draws go behind the old ones, or come from a fork.
const REGRESSIONS: &[(u64, &str)] =
    &[(1124, "the advert of a radio that failed stayed on the simulated air for ever")];

/// A part of the seeds, so that the parts can go on side by side.
fn seeds(part: u64) -> impl Iterator<Item = u64> {
    const PARTS: u64 = 4;
    let range = std::env::var_os(VARIABLE).map_or(USUAL, |given| {
        let given = given.to_str().and_then(range);
        given.unwrap_or_else(|| panic!("{VARIABLE} must be two numbers with .. between them"))
    });
    range.filter(move |seed| seed % PARTS == part)
}

fn range(text: &str) -> Option<Range<u64>> {
    let (first, end) = text.split_once("..")?;
    let range = first.parse().ok()?..end.parse().ok()?;
    (!range.is_empty()).then_some(range)
}

fn trial(seed: u64) -> Trial {
    catch_unwind(AssertUnwindSafe(|| trial::run(seed))).unwrap_or_else(|why| {
        let what = why.downcast_ref::<String>().map(String::as_str);
        let what = what.or_else(|| why.downcast_ref::<&str>().copied());
        match what {
            Some(what) => panic!("seed {seed}: {what}"),
            None => resume_unwind(why),
        }
    })
}

fn run_part(part: u64) {
    for seed in seeds(part) {
        let trial = trial(seed);
        if seed % 32 < 4 {
            let again = trial::run(seed);
            assert_eq!(trial.transcript, again.transcript, "seed {seed} is not repeatable");
            assert_eq!(format!("{:?}", trial.results), format!("{:?}", again.results));
        }
    }
}

#[test]
fn a_first_quarter_of_the_seeds_holds() {
    run_part(0);
}

#[test]
fn a_second_quarter_of_the_seeds_holds() {
    run_part(1);
}

#[test]
fn a_third_quarter_of_the_seeds_holds() {
    run_part(2);
}

#[test]
fn a_fourth_quarter_of_the_seeds_holds() {
    run_part(3);
}

/// An eighth of the seeds: fewer things can happen here.
#[test]
fn calls_of_a_linked_phone_hold() {
    let (mut succeeded, mut failed) = (0, 0);
    for seed in (0..4).flat_map(seeds).filter(|seed| seed.is_multiple_of(8)) {
        let call =
            || catch_unwind(|| linked::call(seed)).unwrap_or_else(|_| panic!("linked seed {seed}"));
        let (transcript, end) = call();
        *if end.is_ok() { &mut succeeded } else { &mut failed } += 1;
        if seed.is_multiple_of(64) {
            assert_eq!(transcript, call().0, "linked seed {seed} is not repeatable");
        }
    }
    assert!(succeeded > 0 && failed > 0, "{succeeded} succeeded, {failed} failed");
}

#[test]
fn seeds_that_once_failed_hold() {
    for (seed, showed) in REGRESSIONS {
        let held = catch_unwind(|| {
            trial(*seed);
            drop(linked::call(*seed));
        });
        assert!(held.is_ok(), "seed {seed} again: {showed}");
    }
}

#[test]
fn an_invalid_range_is_refused() {
    assert_eq!(range("3..5"), Some(3..5));
    for text in ["", "5", "5..", "..5", "5..5", "5..3", "a..b", "1...2", "-1..2", "1..=2"] {
        assert_eq!(range(text), None, "{text:?}");
    }
}

/// Seeds that met only a few ends would prove little.
#[test]
fn two_hundred_seeds_meet_every_kind_of_end() {
    let ends: Vec<Trial> = (0..200).map(trial).collect();
    let client = |fits: &dyn Fn(Stage, &ErrorKind) -> bool| {
        let failed = ends.iter().filter_map(|trial| trial.results[0].as_ref().err());
        failed.filter(|error| fits(error.stage, &error.kind)).count()
    };
    let phone = |fits: &dyn Fn(Stage, &ErrorKind) -> bool| {
        let failed = ends.iter().filter_map(|trial| trial.results[1].as_ref().err());
        failed.filter(|error| fits(error.stage, &error.kind)).count()
    };
    let succeeded = ends.iter().filter(|trial| trial.results.iter().all(Result::is_ok)).count();
    assert!(succeeded > 30, "{succeeded}");
    assert!(ends.iter().any(|trial| trial.answered > 1));
    for side in [&client as &dyn Fn(&dyn Fn(Stage, &ErrorKind) -> bool) -> usize, &phone] {
        assert!(side(&|_, kind| matches!(kind, ErrorKind::Cancelled(_))) > 0);
        assert!(side(&|_, kind| matches!(kind, ErrorKind::Deadline)) > 0);
        assert!(side(&|_, kind| matches!(kind, ErrorKind::PeerMisbehaved(_))) > 0);
        assert!(side(&|_, kind| matches!(kind, ErrorKind::PeerDisconnected)) > 0);
        assert!(side(&|_, kind| matches!(kind, ErrorKind::Tunnel(_))) > 0);
        assert!(side(&|_, kind| matches!(kind, ErrorKind::Bluetooth(_))) > 0);
    }
    use Stage::{AwaitingPostHandshake, AwaitingResponse, Connecting, Handshaking, ShowingQr};
    for stage in [ShowingQr, Connecting, Handshaking, AwaitingPostHandshake, AwaitingResponse] {
        assert!(client(&|at, _| at == stage) > 0, "{stage}");
    }
    use Stage::{Advertising, Answering, Listening, Registering};
    for stage in [Registering, Advertising, Handshaking, Listening, Answering] {
        assert!(phone(&|at, _| at == stage) > 0, "{stage}");
    }
}
