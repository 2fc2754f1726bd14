//! The authenticator, without I/O: it reads a QR code, advertises, verifies its
//! user and answers from a passkey store. [`Transaction`] is the whole of it.
//!
//! It has two halves. [`link`] is the way to a client: tunnel, advert, handshake,
//! messages. The engine is CTAP2: it finds passkeys, asks the user, makes passkeys
//! and signs. A program that has an engine of its own takes the link alone:
//! [`link::Transaction`], or a [`CtapEngine`] for an async authenticator.

mod config;
mod ctap_engine;
mod engine;
mod freshness;
mod interface;
pub mod link;
mod state;
pub mod transaction;
mod update;

pub use ctap_engine::CtapEngine;
pub use engine::{
    Account, Attestation, Backup, CREDENTIAL_ID_LENGTH, Decision, ExternalKey, Key, KeyHandle,
    KeyStore, MAX_MESSAGE_SIZE, MAX_NAME, MAX_PROMPTS, MemoryStore, NewKeys, Passkey, PasskeyStore,
    Profile, Prompt, PromptId, Question, Refusal, UserCheck, Verification,
};
pub use freshness::Freshness;
pub use transaction::{Config, Deadlines, Input, Keys, Output, Transaction};
pub use update::Update;
