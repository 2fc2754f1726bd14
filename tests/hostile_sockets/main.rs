//! Hostile peers and a hostile network, over real TCP on loopback: a tunnel
//! service that lies to both roles, visitors who abuse ours, and a service in
//! the middle of whole ceremonies that loses, repeats and mends messages.
//!
//! Every fault has to end in the error that names it, at the stage where it
//! happened, within that stage's deadline and within bounded memory. Deadlines
//! pass on tokio's clock, moved by hand (`clock.rs`): no test waits for one.
//!
//! The WebSocket's own rules, and what happens at each byte of a message, are
//! proven without sockets elsewhere; here is what depends on both ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod abusive_connections;
mod failed_dials;
mod frames;
mod intercepting_service;
mod memory;
mod roles_under_test;
mod seeds;
mod service;
mod tampered_messages;

use fido_hybrid_testkit::{paused_clock as clock, rig};
