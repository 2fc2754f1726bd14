//! The authenticator, without I/O: it reads a QR code, advertises, verifies its
//! user and answers from a passkey store. [`Transaction`] is the whole of it.
//!
//! It has two halves. [`link`] is the way to a client: tunnel, advert, handshake,
//! messages. The engine is CTAP2: it finds passkeys, asks the user, makes passkeys
//! and signs. A program that has an engine of its own takes the link alone:
//! [`link::LinkTransaction`], or a [`CtapEngine`] for an async authenticator.

mod config;
mod ctap_engine;
mod engine;
mod input;
pub mod link;
mod output;
mod qr_age;
mod state;
mod transaction;
mod update;

pub use ctap_engine::CtapEngine;
pub use engine::{
    Account, Attestation, Backup, CREDENTIAL_ID_LENGTH, Decision, ExternalKey, KeyHandle, KeyStore,
    MAX_DISPLAY_NAME_BYTES, MAX_MESSAGE_SIZE, MAX_PROMPTS, MemoryStore, NewKeys, Passkey,
    PasskeyError, PasskeyStore, PrivateKey, Profile, Prompt, PromptId, Question, Refusal,
    UserCheck, UserVerification,
};
pub use qr_age::QrAgeLimit;
pub use transaction::{
    AuthenticatorConfig, AuthenticatorDeadlines, Input, Output, PhoneSecrets, Transaction,
};
pub use update::AuthenticatorUpdate;
