//! The FIDO hybrid transport (caBLE v2, CTAP 2.2 and 2.3), the CTAP2 messages, and
//! both roles as state machines: no I/O, no clock, no randomness of its own, no async
//! runtime.
//!
//! Most programs want `fido-hybrid`, which runs this on tokio. This crate is for those
//! with another runtime, or with none; it builds for `wasm32-unknown-unknown` too.
//!
//! # The law
//!
//! [`client::Transaction`] and [`authenticator::Transaction`] take inputs, with the
//! time at which they happened, and give outputs. *After each input, take all outputs;
//! then wait for one more input*, or until
//! [`deadline`](client::Transaction::deadline), which is an input too. The enums of
//! outputs are exhaustive: each is an action, and one that is dropped is a ceremony
//! that hangs.
//!
//! ```
//! # use std::time::Duration;
//! # use fido_hybrid_proto::client::{Input, Output, Transaction};
//! # fn drive(
//! #     mut transaction: Transaction,
//! #     mut next_input: impl FnMut() -> (Duration, Input),
//! #     perform: impl Fn(Output),
//! # ) {
//! loop {
//!     // After each input, take all outputs ...
//!     while let Some(output) = transaction.poll_output() {
//!         perform(output); // an exhaustive enum: each is something to do
//!     }
//!     // ... then wait for one more input, or for the deadline.
//!     let (now, input) = next_input();
//!     if transaction.handle(now, input).is_err() {
//!         break;
//!     }
//! }
//! # }
//! ```
//!
//! # The map
//!
//! | module | what it is | stands on |
//! |---|---|---|
//! | [`client`], [`authenticator`] | the roles | all below |
//! | [`ports`] | traits for a radio, a tunnel and related origins | `error` |
//! | `webauthn` | WebAuthn JSON to CTAP and back | `error`, `ctap` |
//! | [`error`] | stage, kind and advice | `ctap`, `transport` |
//! | [`transport`] | [CTAP 2.2 §11.5], one file for each object | `cbor`, `crypto` |
//! | [`ctap`] | getInfo, makeCredential, getAssertion | `cbor`, `crypto` |
//! | [`cbor`] | canonical CBOR | `secret` |
//! | [`crypto`] | P-256, AES, HKDF, HMAC, SHA-256, by one of two providers | `secret` |
//! | [`secret`] | types that wipe themselves and print nothing | |
//!
//! # Providers of cryptography
//!
//! One of the features `rust-crypto` (the default here) and `aws-lc-rs` must be
//! enabled. With both, P-256 key agreement and AES-GCM come from aws-lc-rs:
//! [`crypto::PROVIDER`] says which one it is. Both give the same bytes.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod authenticator;
pub mod cbor;
pub mod client;
pub mod crypto;
pub mod ctap;
pub mod error;
#[cfg(test)]
mod plain_text;
pub mod ports;
pub mod secret;
mod state_machine;
mod too_long;
pub mod transport;
#[cfg(feature = "webauthn")]
pub mod webauthn;
