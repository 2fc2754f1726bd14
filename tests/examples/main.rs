//! The programs in `examples/`, run as a person runs them: without a radio,
//! without a network, and with both (a BlueZ for tests, a tunnel service on
//! loopback).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[cfg(target_os = "linux")]
#[cfg(target_os = "linux")]
mod ceremonies;
mod command_lines;
mod diagnose;
mod pictures;
mod programs;

use fido_hybrid_examples::runtime;
use fido_hybrid_testkit::{bluez, pem, silent_bus};
#[cfg(target_os = "linux")]
mod screens;
#[cfg(target_os = "linux")]
mod stores;
#[cfg(target_os = "linux")]
mod stuck_bus;
#[cfg(target_os = "linux")]
mod terminals;
mod tunnel_service;
