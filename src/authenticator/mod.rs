//! Role 2: the authenticator, which reads the QR code and answers for its user.
//!
//! [`Transaction`] is the whole of it without I/O. On top of it, with feature
//! `authenticator`, `Authenticator` and `Session` bring it together with an
//! advertiser, a tunnel, a passkey store, a user and a clock on tokio.

#[cfg(feature = "authenticator")]
mod accounts;
#[cfg(feature = "authenticator")]
mod builder;
mod config;
mod consent;
#[cfg(feature = "authenticator")]
mod driver;
mod freshness;
mod get_assertion;
mod interface;
mod make_credential;
mod names;
mod passkey;
mod prf;
mod profile;
mod randomness;
mod refusal;
#[cfg(feature = "authenticator")]
mod session;
mod state;
#[cfg(feature = "authenticator")]
mod store;
pub mod transaction;
mod update;
mod user_check;

#[cfg(feature = "authenticator")]
pub use crate::background::CLOSE_DEADLINE;
#[cfg(feature = "authenticator")]
pub use builder::{Authenticator, AuthenticatorBuilder};
pub use freshness::Freshness;
pub use names::MAX_NAME;
pub use passkey::{Backup, Passkey};
pub use profile::{Attestation, MAX_MESSAGE_SIZE, Profile};
pub use randomness::CREDENTIAL_ID_LENGTH;
pub use refusal::Refusal;
#[cfg(feature = "authenticator")]
pub use session::Session;
pub use state::MAX_PROMPTS;
#[cfg(feature = "authenticator")]
pub use store::{MemoryStore, PasskeyStore};
pub use transaction::{Config, Deadlines, Input, Keys, Output, Transaction};
pub use update::Update;
#[cfg(feature = "authenticator")]
pub use user_check::UserCheck;
pub use user_check::{Account, Decision, Prompt, PromptId, Question, Verification};
