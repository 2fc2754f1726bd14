//! The `prf` extension on a site's side (WebAuthn section 10.1.4).
//!
//! ```text
//! registration  {"prf": {"eval"?: {first, second?}}}
//! assertion     {"prf": {"eval"?: {first, second?}, "evalByCredential"?: {id: {first, second?}}}}
//! answer        {"prf": {"enabled"?: bool, "results"?: {first, second?}}}
//! ```
//!
//! All values are base64url. What a site gives is hashed here, so that a phone
//! never evaluates what it evaluates for its own login under the same key.
//!
//! A phone that has no PRF ignores the request: it is sent to every phone,
//! since the request is made before a phone is there to say what it can do.

use std::collections::BTreeMap;

use serde::Serialize;

use super::base64::{self, Base64Url};
use super::json::{self, Object};
use super::options_error::OptionsError;
use crate::ctap::CredentialId;
use crate::ctap::bounds::MAX_CREDENTIALS;
use crate::ctap::extensions::prf::{AssertionInput, RegistrationInput, Values};
use crate::protocol::primitives::sha256;
use crate::secret::{PrfInput, PrfOutput};

/// The member whose keys are credential ids in base64.
pub(super) const BY_CREDENTIAL: &str = "extensions.prf.evalByCredential";

/// What a phone evaluates for what a site gave: SHA-256 over `WebAuthn PRF`, a
/// zero byte and `value`.
#[must_use]
pub fn prf_input(value: &[u8]) -> PrfInput {
    PrfInput::new(sha256(&[b"WebAuthn PRF\0", value]))
}

/// The inputs of a registration.
pub(super) fn registration(prf: &Object) -> Result<RegistrationInput, OptionsError> {
    if json::object(prf, BY_CREDENTIAL)?.is_some() {
        return Err(OptionsError::NothingToEvalBy);
    }
    Ok(RegistrationInput { eval: eval(prf)? })
}

/// The inputs of an assertion; whether credentials fit the allow list is
/// looked at later.
pub(super) fn assertion(prf: &Object) -> Result<AssertionInput, OptionsError> {
    const MEMBER: &str = BY_CREDENTIAL;
    let mut input = AssertionInput { eval: eval(prf)?, ..AssertionInput::default() };
    let by_credential = json::object(prf, MEMBER)?;
    if by_credential.is_some_and(|map| map.len() > MAX_CREDENTIALS) {
        return Err(OptionsError::TooMany(MEMBER));
    }
    for (id, eval) in by_credential.into_iter().flatten() {
        let id = base64::decode(id).map_err(|_| OptionsError::Base64(MEMBER))?;
        let id = CredentialId::new(id).ok_or(OptionsError::Length(MEMBER))?;
        let expected = OptionsError::Type { member: MEMBER, expected: "an object of objects" };
        input.eval_by_credential.insert(id, values(eval.as_object().ok_or(expected)?)?);
    }
    Ok(input)
}

fn eval(prf: &Object) -> Result<Option<Values<PrfInput>>, OptionsError> {
    json::object(prf, "extensions.prf.eval")?.map(values).transpose()
}

fn values(eval: &Object) -> Result<Values<PrfInput>, OptionsError> {
    const FIRST: &str = "extensions.prf.eval.first";
    let first = json::required(json::bytes(eval, FIRST)?, FIRST)?;
    let second = json::bytes(eval, "extensions.prf.eval.second")?;
    Ok(Values { first: prf_input(&first), second: second.as_deref().map(prf_input) })
}

/// Every credential that has an input of its own must be one of the allowed.
pub(super) fn check_by_credential<'a>(
    by_credential: &BTreeMap<CredentialId, Values<PrfInput>>,
    allowed: impl Iterator<Item = &'a CredentialId> + Clone,
) -> Result<(), OptionsError> {
    if !by_credential.is_empty() && allowed.clone().next().is_none() {
        return Err(OptionsError::NothingToEvalBy);
    }
    let is_allowed = |id: &CredentialId| allowed.clone().any(|allowed| allowed == id);
    if by_credential.keys().all(is_allowed) { Ok(()) } else { Err(OptionsError::EvalByCredential) }
}

/// The answer to a site.
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

impl<'a> From<&'a Values<PrfOutput>> for Results<'a> {
    fn from(values: &'a Values<PrfOutput>) -> Self {
        Self {
            first: Base64Url(values.first.expose()),
            second: values.second.as_ref().map(|second| Base64Url(second.expose())),
        }
    }
}
