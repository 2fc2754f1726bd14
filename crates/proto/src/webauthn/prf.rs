//! The `prf` extension on a relying party's side [WebAuthn L3 §10.1.4].
//!
//! ```text
//! registration  {"prf": {"eval"?: {first, second?}}}
//! assertion     {"prf": {"eval"?: {first, second?}, "evalByCredential"?: {id: {first, second?}}}}
//! answer        {"prf": {"enabled"?: bool, "results"?: {first, second?}}}
//! ```
//!
//! All values are base64url. What a relying party gives is hashed here, so that a phone
//! never evaluates what it evaluates for its own login under the same key.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::base64::{self, Base64Url};
use super::json::{self, Dictionary};
use crate::crypto::secret_sha256;
use crate::ctap::CredentialId;
use crate::ctap::bounds::MAX_CREDENTIALS;
use crate::ctap::extensions::{PrfAssertionInput, PrfRegistrationInput, PrfValues};
use crate::error::{OptionsError, PRF_BY_CREDENTIAL};
use crate::secret::{PrfInput, PrfOutput, SecretBytes};

/// The CTAP input for a relying party's `value`: SHA-256 over `WebAuthn PRF`, a zero
/// byte and `value`.
#[must_use]
pub fn prf_input(value: &[u8]) -> PrfInput {
    secret_sha256(&[b"WebAuthn PRF\0", value]).into()
}

/// The inputs of a registration, and what is wrong with them. As in browsers,
/// that is an error of the call and not of reading its JSON.
pub(super) fn registration(
    prf: Dictionary<'_>,
) -> Result<(PrfRegistrationInput, Option<OptionsError>), OptionsError> {
    let by_credential = by_credential(prf)?;
    let invalid = by_credential.map(|_| OptionsError::NothingToEvalBy);
    Ok((PrfRegistrationInput { eval: eval(prf)? }, invalid))
}

/// The same of an assertion; [`check_by_credential`] compares the credentials
/// with the allow list.
pub(super) fn assertion(
    prf: Dictionary<'_>,
) -> Result<(PrfAssertionInput, Option<OptionsError>), OptionsError> {
    let (mut input, mut invalid) = (PrfAssertionInput::default(), None);
    input.eval = eval(prf)?;
    for (id, values) in by_credential(prf)?.unwrap_or_default() {
        match base64::decode(&id).map(CredentialId::new) {
            // The empty text is no credential id. [WebAuthn L3 §10.1.4]
            Some(_) if id.is_empty() => invalid = Some(OptionsError::Base64(PRF_BY_CREDENTIAL)),
            Some(Ok(id)) => {
                input.eval_by_credential.insert(id, values);
            }
            // No passkey that is allowed has such an id.
            Some(Err(_)) => invalid = Some(OptionsError::EvalByCredential),
            None => invalid = Some(OptionsError::Base64(PRF_BY_CREDENTIAL)),
        }
    }
    Ok((input, invalid))
}

type ByCredential<'a> = Vec<(Cow<'a, str>, PrfValues<PrfInput>)>;

fn by_credential(prf: Dictionary<'_>) -> Result<Option<ByCredential<'_>>, OptionsError> {
    let entries = prf.record(PRF_BY_CREDENTIAL, MAX_CREDENTIALS)?;
    let entry = |(id, eval)| Ok((id, values(eval)?));
    entries.map(|entries| entries.into_iter().map(entry).collect()).transpose()
}

fn eval(prf: Dictionary<'_>) -> Result<Option<PrfValues<PrfInput>>, OptionsError> {
    prf.dictionary("extensions.prf.eval")?.map(values).transpose()
}

fn values(eval: Dictionary<'_>) -> Result<PrfValues<PrfInput>, OptionsError> {
    const FIRST: &str = "extensions.prf.eval.first";
    let first = eval.bytes(FIRST)?.map(SecretBytes::new);
    let second = eval.bytes("extensions.prf.eval.second")?.map(SecretBytes::new);
    let first = prf_input(json::required(first, FIRST)?.expose());
    Ok(PrfValues { first, second: second.map(|second| prf_input(second.expose())) })
}

/// Every credential that has an input of its own must be one of the allowed.
/// `invalid` is what [`assertion`] found wrong.
pub(super) fn check_by_credential<'a>(
    by_credential: &BTreeMap<CredentialId, PrfValues<PrfInput>>,
    invalid: Option<OptionsError>,
    allowed: impl Iterator<Item = &'a CredentialId> + Clone,
) -> Result<(), OptionsError> {
    let is_empty = by_credential.is_empty() && invalid.is_none();
    if !is_empty && allowed.clone().next().is_none() {
        return Err(OptionsError::NothingToEvalBy);
    }
    if let Some(error) = invalid {
        return Err(error);
    }
    let is_allowed = |id: &CredentialId| allowed.clone().any(|allowed| allowed == id);
    if by_credential.keys().all(is_allowed) { Ok(()) } else { Err(OptionsError::EvalByCredential) }
}

/// The answer to a relying party.
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) results: Option<Results<'a>>,
}

#[derive(Serialize)]
pub(super) struct Results<'a> {
    first: Base64Url<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    second: Option<Base64Url<'a>>,
}

impl<'a> From<&'a PrfValues<PrfOutput>> for Results<'a> {
    fn from(values: &'a PrfValues<PrfOutput>) -> Self {
        Self {
            first: Base64Url(values.first.expose()),
            second: values.second.as_ref().map(|second| Base64Url(second.expose())),
        }
    }
}
