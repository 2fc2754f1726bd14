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
mod begin;
mod builder;
mod driver;
mod engine;
mod passkeys;
mod session;

pub use begin::{Authenticator, EngineParts};
pub use builder::{AuthenticatorBuilder, AuthenticatorParts};
pub use fido_hybrid_proto::authenticator::{
    Account, Attestation, AuthenticatorConfig, AuthenticatorDeadlines, AuthenticatorUpdate, Backup,
    CREDENTIAL_ID_LENGTH, CtapEngine, Decision, ExternalKey, Input, KeyHandle, KeyStore,
    MAX_DISPLAY_NAME_BYTES, MAX_MESSAGE_SIZE, MAX_PROMPTS, MemoryStore, NewKeys, Output, Passkey,
    PasskeyError, PasskeyStore, PhoneSecrets, PrivateKey, Profile, Prompt, PromptId, QrAgeLimit,
    Question, Refusal, Transaction, UserCheck, UserVerification,
};
pub use session::Session;
