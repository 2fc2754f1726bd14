//! Outputs of the engine.

use std::collections::VecDeque;

use super::key::KeyHandle;
use super::passkey::Passkey;
use super::refusal::Refusal;
use super::user_check::Prompt;
use crate::ctap::{CredentialId, RawResponse};
use crate::error::{KeyError, StoreError};

pub(in crate::authenticator) type Outputs = VecDeque<Output>;

/// An action for the caller, or a report.
#[derive(Debug)]
pub(in crate::authenticator) enum Output {
    FindPasskeys {
        rp_id: String,
        ids: Option<Vec<CredentialId>>,
    },
    Prompt(Prompt),
    SavePasskey(Passkey),
    CountUse {
        rp_id: String,
        id: CredentialId,
    },
    CreateKey {
        rp_id: String,
    },
    Sign {
        rp_id: String,
        key: KeyHandle,
        message: Vec<u8>,
    },
    DeleteKey(KeyHandle),
    /// The request is answered. `settled`: a request for a passkey or a signature
    /// has been answered in this transaction, if only by a refusal.
    Answer {
        response: RawResponse,
        settled: bool,
    },
    Report(Report),
}

/// A step that was taken.
#[derive(Debug)]
pub(in crate::authenticator) enum Report {
    Answering,
    Registered,
    SignedIn,
    Refused(Refusal),
    Unsupported,
    StoreFailed(StoreError),
    KeyStoreFailed(KeyError),
}
