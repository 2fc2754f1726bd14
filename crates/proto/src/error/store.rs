//! Why a passkey store or a key store failed.

use std::error::Error;
use std::sync::Arc;

use super::source::Source;

/// Why a passkey store could not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no room for another passkey. The client is told.
    #[error("the passkey store has no room for another passkey")]
    Full,
    /// Anything else. The client learns no more than that it failed.
    #[error("the passkey store failed")]
    Failed(#[source] Source),
}

impl StoreError {
    /// A failure with its cause, for logs: an error, or a text.
    #[must_use]
    pub fn failed(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(Arc::from(cause.into()))
    }
}

/// Why a key store could not make a key or sign.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The key store has no such key: it was deleted, or the hardware was reset.
    #[error("the key store has no such key")]
    Missing,
    /// The user cancelled in a prompt of the key store.
    #[error("the user cancelled in the key store's prompt")]
    Cancelled,
    /// The signature that the key store returned is not one of the key over the
    /// message. It was not sent.
    #[error("the key store returned a wrong signature")]
    WrongSignature,
    /// Anything else.
    #[error("the key store failed")]
    Failed(#[source] Source),
}

impl KeyError {
    /// A failure with its cause, for logs: an error, or a text.
    #[must_use]
    pub fn failed(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(Arc::from(cause.into()))
    }
}
