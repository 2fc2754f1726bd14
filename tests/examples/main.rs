//! The programs in `examples/`, run as a person runs them: without a radio,
//! without a network, and with both (a BlueZ for tests, a tunnel service on
//! loopback).

#![cfg(all(
    feature = "client",
    feature = "authenticator",
    feature = "webauthn",
    feature = "qr-render",
    feature = "tunnel",
    feature = "bluetooth",
    feature = "aws-lc-rs",
    feature = "relay"
))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[cfg(target_os = "linux")]
#[path = "../support/bluez/mod.rs"]
mod bluez;
#[cfg(target_os = "linux")]
mod ceremonies;
mod command_lines;
mod diagnose;
#[path = "../support/pem.rs"]
mod pem;
mod pictures;
mod programs;
#[path = "../../examples/shared/runtime.rs"]
mod runtime;
#[cfg(target_os = "linux")]
mod screens;
#[cfg(target_os = "linux")]
#[path = "../support/silent_bus.rs"]
mod silent_bus;
mod stores;
#[cfg(target_os = "linux")]
mod stuck_bus;
#[cfg(target_os = "linux")]
mod terminals;
mod tunnel_service;
