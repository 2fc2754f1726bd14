//! The authenticator, without I/O: it reads a QR code, advertises, verifies its
//! user and answers from a passkey store. [`Transaction`] is the whole of it.

mod config;
mod consent;
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
mod state;
mod store;
pub mod transaction;
mod update;
mod user_check;

pub use freshness::Freshness;
pub use names::MAX_NAME;
pub use passkey::{Backup, Passkey};
pub use profile::{Attestation, MAX_MESSAGE_SIZE, Profile};
pub use randomness::CREDENTIAL_ID_LENGTH;
pub use refusal::Refusal;
pub use state::MAX_PROMPTS;
pub use store::{MemoryStore, PasskeyStore};
pub use transaction::{Config, Deadlines, Input, Keys, Output, Transaction};
pub use update::Update;
pub use user_check::{Account, Decision, Prompt, PromptId, Question, UserCheck, Verification};
