//! The system's Bluetooth on Linux.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(all(target_os = "linux", feature = "bluetooth"))]

#[path = "../support/bluez/mod.rs"]
mod bluez;

mod the_test_bluez;
