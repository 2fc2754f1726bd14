//! What the PRF of a passkey must give, worked out without the crate's HMAC.

use std::collections::BTreeMap;

use fido_hybrid::authenticator::Passkey;
use fido_hybrid::crypto::sha256;
use fido_hybrid::ctap::CredentialId;
use fido_hybrid::ctap::extensions::{
    PrfAssertionInput, PrfAssertionOutput, PrfRegistrationInput, PrfRegistrationOutput, PrfValues,
};
use fido_hybrid::secret::{PrfInput, PrfOutput, PrfSecret};

use super::vocabulary::request;

/// What a registration with these bits asks for.
pub(super) fn registration(bits: u8) -> Option<PrfRegistrationInput> {
    let mut input = PrfRegistrationInput::default();
    input.eval = (bits & request::EVALUATE != 0).then(one_value);
    (bits & request::PRF != 0).then_some(input)
}

/// What a sign-in with these bits asks for, `own` being the passkey that has
/// values of its own.
pub(super) fn sign_in(bits: u8, own: Option<&CredentialId>) -> Option<PrfAssertionInput> {
    let mut input = PrfAssertionInput::default();
    input.eval = (bits & request::EVALUATE != 0).then(one_value);
    if let Some(own) = own.filter(|_| bits & request::EVALUATE_BY_PASSKEY != 0) {
        input.eval_by_credential = BTreeMap::from([(own.clone(), two_values())]);
    }
    (bits & request::PRF != 0).then_some(input)
}

fn one_value() -> PrfValues<PrfInput> {
    PrfValues { first: PrfInput::new([1; 32]), second: None }
}

fn two_values() -> PrfValues<PrfInput> {
    PrfValues { first: PrfInput::new([2; 32]), second: Some(PrfInput::new([3; 32])) }
}

/// What is due to who registered `passkey`.
pub(super) fn due_to_new(
    passkey: &Passkey,
    asked: Option<&PrfRegistrationInput>,
    is_verified: bool,
) -> Option<PrfRegistrationOutput> {
    let secret = passkey.prf_secret.as_ref().expect("every new passkey has a PRF");
    let asked = asked.filter(|_| is_verified)?;
    let mut due = PrfRegistrationOutput::new(true);
    due.results = asked.eval.as_ref().map(|inputs| outputs(secret, inputs));
    Some(due)
}

/// What is due to who signed in with `passkey`.
pub(super) fn due(
    passkey: &Passkey,
    asked: Option<&PrfAssertionInput>,
    is_verified: bool,
) -> Option<PrfAssertionOutput> {
    let (secret, asked) = (passkey.prf_secret.as_ref()?, asked.filter(|_| is_verified)?);
    let inputs = asked.eval_by_credential.get(&passkey.id).or(asked.eval.as_ref())?;
    Some(PrfAssertionOutput::new(outputs(secret, inputs)))
}

fn outputs(secret: &PrfSecret, inputs: &PrfValues<PrfInput>) -> PrfValues<PrfOutput> {
    let second = inputs.second.as_ref().map(|input| hmac(secret, input));
    PrfValues { first: hmac(secret, &inputs.first), second }
}

/// RFC 2104, of the hash alone.
fn hmac(key: &PrfSecret, message: &PrfInput) -> PrfOutput {
    let mut block = [0; 64];
    block[..32].copy_from_slice(key.expose());
    let inner = sha256(&[&block.map(|byte| byte ^ 0x36), message.expose()]);
    PrfOutput::new(sha256(&[&block.map(|byte| byte ^ 0x5c), &inner]))
}
