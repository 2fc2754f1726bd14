//! Hostile peers, one module for what each does, against both roles'
//! transactions: without I/O, on a clock moved by hand.
//!
//! Each attack ends in the typed error that names who is at fault, at the stage
//! where it came, with everything off that was on; and the heap that it made a
//! role use is measured against a named bound.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod adverts;
mod cbor;
mod frames;
mod handshakes;
mod malformed;
mod messages;
mod phone_rig;
mod qr_codes;
mod tunnel_in_the_middle;

use fido_hybrid_proto::error::{Error, ErrorKind, PeerMisbehaved, Stage};
use fido_hybrid_testkit::{client_rig, rig};

/// How far apart the bytes are at which messages are cut and changed: with the
/// pure-Rust provider, which takes long in a debug build, not one, and still at
/// each place in a byte and in a cipher's block.
const STRIDE: usize = if cfg!(feature = "aws-lc-rs") { 1 } else { 7 };

/// What a short hostile message may make a role hold at one time, in bytes,
/// beyond the message itself: queued outputs and the error.
const SHORT_PEAK: u64 = 4 << 10;

/// What an introduction of ordinary length may make a client hold: the getInfo
/// response as bytes and as values.
const INTRODUCTION_PEAK: u64 = 8 << 10;

/// Runs `work` and gives what it gave. It must not have held more than `bound`
/// bytes of heap at one time.
fn within<T>(bound: u64, work: impl FnOnce() -> T) -> T {
    let mut result = None;
    let heap = allocation_counter::measure(|| result = Some(work()));
    assert!(heap.bytes_max <= bound, "{} bytes of heap at one time", heap.bytes_max);
    result.unwrap()
}

/// In which stage the other side did what.
fn misbehaviour(error: &Error) -> (Stage, PeerMisbehaved) {
    match &error.kind {
        ErrorKind::PeerMisbehaved(misbehaviour) => (error.stage, *misbehaviour),
        other => panic!("{other:?}"),
    }
}
