//! Inputs of the engine.

use super::key::ExternalKey;
use super::passkey::Passkey;
use super::user_check::{Decision, PromptId};
use crate::error::{KeyError, StoreError};

/// An event that the engine takes.
#[derive(Debug)]
pub(in crate::authenticator) enum Input {
    PasskeysFound(Result<Vec<Passkey>, StoreError>),
    Decided { prompt: PromptId, decision: Decision },
    Saved(Result<(), StoreError>),
    UseCounted(Result<u32, StoreError>),
    KeyCreated(Result<ExternalKey, KeyError>),
    Signed(Result<Vec<u8>, KeyError>),
}

/// The input that an engine waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::authenticator) enum Awaits {
    Request,
    Passkeys,
    Decision,
    Saved,
    UseCounted,
    Key,
    Signature,
}
