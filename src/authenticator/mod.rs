//! The authenticator: it reads a QR code, advertises, verifies its user and
//! answers from a passkey store.
//!
//! [`Transaction`] is the whole of it without I/O. [`Authenticator`] and
//! [`Session`] bring it together with an advertiser, a tunnel, a passkey store, a
//! user and a clock on tokio.
//!
//! A program that has a CTAP2 authenticator of its own, such as a platform's
//! credential manager, plugs it in as a [`CtapEngine`]:
//! [`Authenticator::with_engine`].

mod accounts;
mod builder;
mod driver;
mod engine;
mod passkeys;
mod session;

pub use crate::background::CLOSE_DEADLINE;
pub use builder::{Authenticator, AuthenticatorBuilder, EngineOnly, StoreAndUser};
pub use fido_hybrid_proto::authenticator::{
    Account, Attestation, Backup, CREDENTIAL_ID_LENGTH, Config, CtapEngine, Deadlines, Decision,
    ExternalKey, Freshness, Input, Key, KeyHandle, KeyStore, Keys, MAX_MESSAGE_SIZE, MAX_NAME,
    MAX_PROMPTS, MemoryStore, NewKeys, Output, Passkey, PasskeyStore, Profile, Prompt, PromptId,
    Question, Refusal, Transaction, Update, UserCheck, Verification, link, transaction,
};
pub use session::Session;
