//! What a program can see of a ceremony, in traces at level trace and by
//! printing whatever it gets hold of: stages and lengths, and no secret in any
//! encoding.
//!
//! Whole ceremonies of both roles, those that succeed and those that fail at
//! each stage, with everything printed by `Debug` (on one line and on many) and
//! `Display`:
//!
//! * [`machines`]: both transactions, with each input, output and state;
//! * [`phone_by_hand`]: a client with a phone that does what ours does not:
//!   links, large blob keys, answers that cannot be read;
//! * `async_objects`: the async objects, over air and tunnel in memory;
//! * `loopback`: the same over sockets and the crate's own tunnel service;
//! * `webauthn_json`: WebAuthn options and answers;
//! * `contract`: the events themselves, against the list in `src/traces.md`.
//!
//! What the WebSocket crate says is not here: it writes to `log`, which
//! SECURITY.md tells embedders to keep off.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod finder_tests;

use fido_hybrid_testkit::{finder, rig};
mod async_objects;
mod contract;
mod loopback;
mod machines;
mod phone_by_hand;
mod trace_recorder;
mod webauthn_json;
