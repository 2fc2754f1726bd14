//! The authenticator's engine: CTAP2 without a transport. It finds passkeys,
//! asks the user, makes passkeys and signs.
//!
//! ```text
//!       request          found          decided
//!  Idle ───────▶ Finding ─────▶ Asking ─────────▶ Creating ▶ Attesting ▶ Saving ───▶ Idle
//!   │                             │   └─────────▶ Counting ▶ Signing ──────────────▶ Idle
//!   └── refused, not asked        └── declined                                answer
//! ```
//!
//! *Creating*, *attesting* and *signing* are for keys in a key store. A key in this
//! process is made and used within the step. The states are in `state/`; what lasts
//! from one request to the next is in `session.rs`.
//!
//! | CTAP 2.2 | file |
//! |---|---|
//! | 6.1 authenticatorMakeCredential | `make_credential.rs` |
//! | 6.2 authenticatorGetAssertion | `get_assertion.rs` |
//! | 6.4 authenticatorGetInfo | `profile.rs` |
//! | 6.9 authenticatorSelection, and other requests for a touch | `touch.rs` |
//! | 8.2 statuses | `refusal.rs` |
//! | user presence and verification | `user_check.rs`, `consent.rs` |
//! | keys in this process, and in a key store | `key.rs`, `key_store.rs` |
//! | passkeys as bytes, for stores | `stored_passkey.rs` |
//! | WebAuthn `prf` (hmac-secret) | `prf.rs` |

use crate::ctap::{CtapRequest, RequestError, UserHandle};
use crate::error::ApiMisuse;
use crate::secret::TransactionSeed;
use crate::state_machine::End;

mod consent;
mod get_assertion;
mod input;
mod key;
mod key_store;
mod make_credential;
mod names;
mod output;
mod passkey;
mod prf;
mod profile;
mod randomness;
mod refusal;
mod session;
mod state;
mod store;
mod stored_passkey;
mod touch;
mod user_check;

use session::Session;
use state::State;

pub(super) use input::{Awaits, Input};
pub use key::{ExternalKey, KeyHandle, NewKeys, PrivateKey};
pub use key_store::KeyStore;
pub use names::MAX_DISPLAY_NAME_BYTES;
pub(super) use output::{Output, Outputs, Report};
pub use passkey::{Backup, Passkey};
pub use profile::{Attestation, MAX_MESSAGE_SIZE, Profile};
pub use randomness::CREDENTIAL_ID_LENGTH;
pub use refusal::Refusal;
pub use session::MAX_PROMPTS;
pub use store::{MemoryStore, PasskeyStore};
pub use stored_passkey::PasskeyError;
pub use user_check::{Account, Decision, Prompt, PromptId, Question, UserCheck, UserVerification};

/// The engine of one transaction.
#[derive(Debug)]
pub(super) struct Engine {
    session: Session,
    state: State,
}

impl Engine {
    pub(super) const fn new(profile: Profile, seed: TransactionSeed) -> Self {
        Self { session: Session::new(profile, seed), state: State::Idle }
    }

    /// The account for which a passkey is being registered.
    pub(super) fn registering(&self) -> Option<(&str, &UserHandle)> {
        self.session.registering.as_ref().map(|(rp_id, user)| (rp_id.as_str(), user))
    }

    pub(super) const fn awaits(&self) -> Awaits {
        self.state.awaits()
    }

    /// The key that no passkey would have if the transaction ended with this key,
    /// or with the store's answer that it `saved` nothing.
    ///
    /// Whether a passkey is saved is not known while the store is saving: its key is
    /// kept then.
    pub(super) fn key_without_passkey<'a>(
        &'a self,
        created: Option<&'a ExternalKey>,
        unsaved: bool,
    ) -> Option<&'a KeyHandle> {
        self.state.key_without_passkey(created, unsaved)
    }

    /// Whether this is a decision on the prompt that is shown.
    pub(super) fn fits(&self, prompt: PromptId, decision: Decision) -> Result<(), ApiMisuse> {
        match &self.state {
            State::Asking(asking) => asking.fits(prompt, decision),
            _ => Err(ApiMisuse::WrongStage),
        }
    }

    /// Takes a request; there is no other one.
    pub(super) fn request(
        mut self,
        request: Result<CtapRequest, RequestError>,
        outputs: &mut Outputs,
    ) -> Result<Self, End> {
        let state = State::request(request, &mut self.session, outputs)?;
        Ok(Self { state, ..self })
    }

    /// Takes an input that it [`awaits`](Self::awaits); any other changes nothing.
    pub(super) fn handle(self, input: Input, outputs: &mut Outputs) -> Result<Self, End> {
        let Self { mut session, state } = self;
        let state = state.handle(input, &mut session, outputs)?;
        Ok(Self { session, state })
    }
}
