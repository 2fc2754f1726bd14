//! The exceptions that a web page gets: names of `DOMException`
//! ([Web IDL §2.8.1]; [WebAuthn L3 §5.1.3.1, §5.1.4.3]).
//!
//! For programs that answer a web view's `navigator.credentials`. A page learns
//! little on purpose: most of what can go wrong is `NotAllowedError`, so that
//! a page cannot find out which passkeys a person has.
//!
//! **Deviation**, as in Chromium. WebAuthn has `ConstraintError` for a registration whose
//! `residentKey` or `userVerification` no authenticator fulfils, and `NotSupportedError`
//! where none has an algorithm that was offered. They would tell a page what a phone can do
//! before its user agreed to anything: both are `NotAllowedError` here. A list that is too
//! long is a `TypeError`, where Chromium has `RangeError` for more than 64 elements.

use std::fmt;

use super::options::{OptionsError, PRF_BY_CREDENTIAL};
use crate::ctap::Status;

/// The name of an exception that a web page gets. `Display` is that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DomException {
    /// The page's program cancelled.
    Abort,
    /// Options that are not in base64.
    Encoding,
    /// There is a passkey for this account already.
    InvalidState,
    /// Anything that a page is not told.
    NotAllowed,
    /// Nothing that a client knows was asked for, or what does not belong in the request.
    NotSupported,
    /// The RP ID, or an application id, is not the origin's to use.
    Security,
    /// Options that contradict themselves.
    Syntax,
    /// Options that are not of the right types (JavaScript's own `TypeError`).
    Type,
}

impl DomException {
    /// The name, as in `exception.name`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Abort => "AbortError",
            Self::Encoding => "EncodingError",
            Self::InvalidState => "InvalidStateError",
            Self::NotAllowed => "NotAllowedError",
            Self::NotSupported => "NotSupportedError",
            Self::Security => "SecurityError",
            Self::Syntax => "SyntaxError",
            Self::Type => "TypeError",
        }
    }
}

impl From<Status> for DomException {
    /// A phone says that a passkey is excluded only once its user has agreed;
    /// all other statuses stay behind one name.
    fn from(status: Status) -> Self {
        match status {
            Status::CREDENTIAL_EXCLUDED => Self::InvalidState,
            _ => Self::NotAllowed,
        }
    }
}

impl From<&OptionsError> for DomException {
    fn from(error: &OptionsError) -> Self {
        match error {
            OptionsError::RpId(_) | OptionsError::AppId(_) => Self::Security,
            OptionsError::NothingKnown(_)
            | OptionsError::NothingToEvalBy
            | OptionsError::NotOnPhones(_)
            | OptionsError::OtherCeremony(_)
            | OptionsError::LargeBlobReadAndWrite
            | OptionsError::LargeBlobCredentials => Self::NotSupported,
            // As if a phone had none of the passkeys, or could not do it.
            OptionsError::NoPossibleId(_) | OptionsError::Unsupported(_) => Self::NotAllowed,
            // An id there that is invalid counts as one that is not allowed.
            // [WebAuthn L3 §10.1.4]
            OptionsError::EvalByCredential
            | OptionsError::Base64(PRF_BY_CREDENTIAL)
            | OptionsError::Url(_) => Self::Syntax,
            OptionsError::Base64(_) | OptionsError::ClientData => Self::Encoding,
            OptionsError::TooLong
            | OptionsError::Json
            | OptionsError::Missing(_)
            | OptionsError::Type { .. }
            | OptionsError::Length(_)
            | OptionsError::TooMany(_) => Self::Type,
        }
    }
}

impl fmt::Display for DomException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
