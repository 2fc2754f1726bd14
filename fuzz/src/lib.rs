//! The bodies of the fuzz targets: each a function of bytes that asserts what
//! must hold for any bytes at all.
//!
//! They use the library's public interface alone, so that any fuzzer can call
//! them and a plain test can replay what was found (`tests/fuzz_seeds.rs`
//! includes this file as a module). Under `--cfg fuzzing` the library's AEAD
//! hides and protects nothing, and bytes reach the code behind the handshake
//! unhindered; without it the same assertions hold with the real one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a fuzz target tells by panicking"
)]

mod memory;
mod qr_code;

pub use qr_code::qr_url;

/// A target: takes any bytes and panics if they show a fault of the library.
pub type Target = fn(&[u8]);

/// Every target by name: that of its binary and of its folder of seeds.
pub const TARGETS: &[(&str, Target)] = &[("qr_url", qr_url)];
