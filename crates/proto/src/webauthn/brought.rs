//! Client data that a program brings: written by another client, as JSON of any form, or
//! its hash alone.

use std::fmt;

use serde::Deserialize;

use crate::crypto::sha256;
use crate::error::{MAX_OPTIONS, OptionsError};

/// The `type` of client data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `webauthn.create`.
    Create,
    /// `webauthn.get`.
    Get,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

/// Client data of another client. `Debug` prints its length only, as that of
/// [`ClientData`](super::ClientData): it contains the challenge.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct BroughtData {
    /// Empty if only the hash is known.
    pub(super) json: String,
    pub(super) hash: [u8; 32],
    /// The origin that it names. Empty if only the hash is known.
    pub(super) origin: String,
    kind: Option<Kind>,
}

impl fmt::Debug for BroughtData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BroughtData({} bytes)", self.json.len())
    }
}

/// The members that client data must have. What else it has is not read.
#[derive(Deserialize)]
struct Members {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "challenge")]
    _challenge: String,
    origin: String,
}

impl BroughtData {
    pub(super) fn from_json(json: &str) -> Result<Self, OptionsError> {
        if json.len() > MAX_OPTIONS {
            return Err(OptionsError::TooLong);
        }
        // An array would be read as the members in order.
        let is_object = json.trim_start().starts_with('{');
        let members = serde_json::from_str(json).ok().filter(|_| is_object);
        let Members { kind, origin, .. } = members.ok_or(OptionsError::ClientData)?;
        let kind = [Kind::Create, Kind::Get].into_iter().find(|known| known.name() == kind);
        let kind = Some(kind.ok_or(OptionsError::ClientData)?);
        Ok(Self { hash: sha256(&[json.as_bytes()]), json: json.to_owned(), origin, kind })
    }

    pub(super) const fn from_hash(hash: [u8; 32]) -> Self {
        Self { json: String::new(), hash, origin: String::new(), kind: None }
    }

    /// Whether it may be of this operation.
    pub(super) fn may_be(&self, kind: Kind) -> bool {
        self.kind.is_none_or(|known| known == kind)
    }
}
