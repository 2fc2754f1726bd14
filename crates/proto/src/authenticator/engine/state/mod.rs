//! The engine's states, one file for each part of a request. A state owns just what
//! it needs and is consumed by the step to the next.
//!
//! | file | states |
//! |---|---|
//! | `idle.rs` | none: a request is checked |
//! | `finding.rs` | *Finding*: the passkeys that fit |
//! | `asking.rs` | *Asking*: the user |
//! | `saving.rs` | *Creating*, *Attesting*, *Saving*: a new passkey |
//! | `signing.rs` | *Counting*, *Signing*: a sign-in |

mod asking;
mod finding;
mod idle;
mod saving;
mod signature;
mod signing;

use asking::Asking;
use finding::Finding;
use saving::{Attesting, Creating, Saving};
use signing::{Counting, Signing};

use super::input::{Awaits, Input};
use super::key::{ExternalKey, KeyHandle};
use super::output::Outputs;
use super::session::Session;
use crate::ctap::{CtapRequest, RequestError};
use crate::state_machine::End;

type Step = Result<State, End>;

/// How far a request is.
#[derive(Debug)]
pub(super) enum State {
    /// There is no request.
    Idle,
    /// The store is finding passkeys.
    Finding(Finding),
    /// The user is being asked.
    Asking(Asking),
    /// The key store is making a key for a new passkey.
    Creating(Creating),
    /// The key store is signing the attestation of a new passkey.
    Attesting(Attesting),
    /// The store is saving a new passkey, and the answer waits for it.
    Saving(Saving),
    /// The store is counting a use, and the signature waits for it.
    Counting(Counting),
    /// The key store is signing.
    Signing(Signing),
}

impl State {
    /// Takes a request while there is no other one.
    pub(super) fn request(
        request: Result<CtapRequest, RequestError>,
        session: &mut Session,
        outputs: &mut Outputs,
    ) -> Step {
        match request {
            Ok(request) => idle::take(request, session, outputs),
            Err(error) => {
                session.refuse(error.into(), outputs);
                Ok(Self::Idle)
            }
        }
    }

    pub(super) const fn awaits(&self) -> Awaits {
        match self {
            Self::Idle => Awaits::Request,
            Self::Finding(_) => Awaits::Passkeys,
            Self::Asking(_) => Awaits::Decision,
            Self::Saving(_) => Awaits::Saved,
            Self::Counting(_) => Awaits::UseCounted,
            Self::Creating(_) => Awaits::Key,
            Self::Attesting(_) | Self::Signing(_) => Awaits::Signature,
        }
    }

    /// See [`Engine::key_without_passkey`](super::Engine::key_without_passkey).
    pub(super) fn key_without_passkey<'a>(
        &'a self,
        created: Option<&'a ExternalKey>,
        unsaved: bool,
    ) -> Option<&'a KeyHandle> {
        match self {
            Self::Creating(_) => created.map(|key| &key.handle),
            Self::Attesting(attesting) => attesting.key(),
            Self::Saving(saving) if unsaved => saving.key(),
            _ => None,
        }
    }

    /// Takes an input that the state [`awaits`](Self::awaits); any other changes
    /// nothing.
    pub(super) fn handle(self, input: Input, session: &mut Session, outputs: &mut Outputs) -> Step {
        Ok(match (self, input) {
            (Self::Finding(state), Input::PasskeysFound(found)) => {
                state.found(found, session, outputs)
            }
            (Self::Asking(state), Input::Decided { prompt, decision }) => {
                state.decided(prompt, decision, session, outputs)?
            }
            (Self::Creating(state), Input::KeyCreated(created)) => {
                state.created(created, session, outputs)
            }
            (Self::Attesting(state), Input::Signed(signed)) => {
                state.signed(signed, session, outputs)
            }
            (Self::Saving(state), Input::Saved(saved)) => state.saved(saved, session, outputs),
            (Self::Counting(state), Input::UseCounted(counted)) => {
                state.counted(counted, session, outputs)
            }
            (Self::Signing(state), Input::Signed(signed)) => state.signed(signed, session, outputs),
            (state, _) => state,
        })
    }
}
