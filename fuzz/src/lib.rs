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

mod advert;
pub mod authenticator_transaction;
mod cbor;
pub mod client_transaction;
mod contact;
mod ctap;
mod digits;
mod frames;
mod linking;
mod memory;
mod noise;
mod passkey;
mod qr_code;
pub mod relay;
mod script;
mod transaction;
mod upgrade;
mod webauthn;
mod webauthn_conversion;

pub use advert::advert;
pub use authenticator_transaction::authenticator_transaction;
pub use cbor::cbor;
pub use client_transaction::client_transaction;
pub use contact::contact_request;
pub use ctap::{ctap_request, ctap_response};
pub use digits::digits;
pub use frames::{crypter, message, post_handshake};
pub use linking::update_linking;
pub use noise::{noise_initiator, noise_responder};
pub use passkey::{passkey, pkcs8};
pub use qr_code::qr_url;
pub use relay::relay;
pub use upgrade::upgrade;
pub use webauthn::webauthn_options;
pub use webauthn_conversion::webauthn_conversion;

/// A target: takes any bytes and panics if they show a fault of the library.
pub type Target = fn(&[u8]);

/// Every target by name: that of its binary and of its folder of seeds.
pub const TARGETS: &[(&str, Target)] = &[
    ("advert", advert),
    ("authenticator_transaction", authenticator_transaction),
    ("cbor", cbor),
    ("client_transaction", client_transaction),
    ("contact_request", contact_request),
    ("crypter", crypter),
    ("ctap_request", ctap_request),
    ("ctap_response", ctap_response),
    ("digits", digits),
    ("message", message),
    ("noise_initiator", noise_initiator),
    ("noise_responder", noise_responder),
    ("passkey", passkey),
    ("pkcs8", pkcs8),
    ("post_handshake", post_handshake),
    ("qr_url", qr_url),
    ("relay", relay),
    ("update_linking", update_linking),
    ("upgrade", upgrade),
    ("webauthn_conversion", webauthn_conversion),
    ("webauthn_options", webauthn_options),
];

/// Marks where unauthenticated bytes were accepted: only a build without security
/// may come here.
fn forgery_taken() {
    if cfg!(not(fuzzing)) {
        panic!("a forgery was taken");
    }
}
