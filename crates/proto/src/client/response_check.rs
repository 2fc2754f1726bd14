//! Binding a response to its request: what a client checks before it believes
//! that the phone answered what was asked ([CTAP 2.2 §6.1, §6.2],
//! [WebAuthn L3 §5.1.3, §5.1.4]).
//!
//! The signature is the relying party's to check: only it knows the key.
//!
//! ```text
//! both          RP ID hash; UP; UV where it is required; only signed extension
//!               outputs that may come; one answer to one request
//! registration  a new credential with an id, under an algorithm that was offered,
//!               its key of that algorithm's form; the protection that was demanded; a
//!               large blob where it is required
//! sign-in       a passkey of the allow list, by name unless there is just one; a
//!               user handle where there is no list; no new credential; one answer
//! ```
//!
//! AT and ED say what follows them, or the response cannot be read.
//!
//! No check is stricter than Chromium's where phones differ, so that no ceremony is
//! lost that a browser would complete. Two are where phones do not: the algorithm
//! was offered, and ids and user handles of discoverable passkeys are not empty.

use std::collections::BTreeSet;

use super::request::Demands;
use crate::crypto::sha256;
use crate::ctap::extensions::{
    CRED_PROTECT, CredProtect, HMAC_SECRET, LargeBlobSupport, MIN_PIN_LENGTH,
};
use crate::ctap::{
    AuthenticatorData, CtapRequest, CtapResponse, Flags, GetAssertionRequest, GetAssertionResponse,
    MakeCredentialRequest, MakeCredentialResponse, RawCbor, RawResponse, ResponseError, Status,
};
use crate::error::{PeerMisbehaved, ResponseMismatch};
use crate::secret::SecretBytes;

/// Reads the answer to `request` and checks that it is one.
pub(super) fn read_response(
    request: &CtapRequest,
    demands: Demands,
    payload: SecretBytes,
) -> Result<Result<CtapResponse, Status>, PeerMisbehaved> {
    let response = RawResponse::parse(payload.into_exposed()).and_then(|raw| {
        let mut response = raw.decode(request.command())?;
        response.keep(raw);
        Ok(response)
    });
    let response = match response {
        Ok(response) => response,
        Err(ResponseError::Status(status)) => return Ok(Err(status)),
        Err(ResponseError::Answer { error, .. }) => return Err(PeerMisbehaved::Response(error)),
        Err(_) => return Err(PeerMisbehaved::EmptyResponse),
    };
    match (request, &response) {
        (CtapRequest::MakeCredential(request), CtapResponse::MakeCredential(response)) => {
            made(request, demands, response)
        }
        (CtapRequest::GetAssertion(request), CtapResponse::GetAssertion(response)) => {
            asserted(request, demands, response)
        }
        // The rest has nothing to be bound to.
        _ => Ok(()),
    }
    .map_err(PeerMisbehaved::ResponseMismatch)?;
    Ok(Ok(response))
}

fn made(
    request: &MakeCredentialRequest,
    demands: Demands,
    response: &MakeCredentialResponse,
) -> Result<(), ResponseMismatch> {
    let data = &response.auth_data;
    common(data, &request.rp.id, demands)?;
    signed(data, request.extensions.names(), |name, output| match name {
        CRED_PROTECT => is_protection(request, demands, output),
        HMAC_SECRET => demands.prf && is_boolean(output),
        _ => false,
    })?;
    protected(data, request, demands)?;
    let is_required = request.extensions.large_blob == Some(LargeBlobSupport::Required);
    let has_large_blob =
        response.unsigned_extensions.large_blob.is_some_and(|output| output.supported);
    if is_required && !has_large_blob {
        return Err(ResponseMismatch::LargeBlob);
    }
    let credential = data.credential().ok_or(ResponseMismatch::NoCredential)?;
    if credential.id.as_bytes().is_empty() {
        return Err(ResponseMismatch::NoCredential);
    }
    let key = &credential.public_key;
    if !request.parameters.iter().any(|offer| offer.algorithm == key.algorithm()) {
        return Err(ResponseMismatch::Algorithm);
    }
    if key.fits_its_algorithm() { Ok(()) } else { Err(ResponseMismatch::PublicKey) }
}

fn asserted(
    request: &GetAssertionRequest,
    demands: Demands,
    response: &GetAssertionResponse,
) -> Result<(), ResponseMismatch> {
    let data = &response.auth_data;
    common(data, &request.rp_id, demands)?;
    signed(data, request.extensions.names(), |name, _| name == HMAC_SECRET && demands.prf)?;
    if data.credential().is_some() {
        return Err(ResponseMismatch::NewCredential);
    }
    let allowed = &request.allow_list;
    match &response.credential {
        Some(used) => {
            if used.id.as_bytes().is_empty() {
                return Err(ResponseMismatch::Credential);
            }
            if !allowed.is_empty() && !allowed.iter().any(|allowed| allowed.id == used.id) {
                return Err(ResponseMismatch::Credential);
            }
        }
        // CTAP lets a phone leave it out where there is no choice.
        None if allowed.len() == 1 => {}
        None => return Err(ResponseMismatch::Credential),
    }
    let named = response.user.as_ref().is_some_and(|user| !user.id.as_bytes().is_empty());
    if allowed.is_empty() && !named {
        return Err(ResponseMismatch::UserHandle);
    }
    one_answer(request, response)
}

/// Checks that the response is the one answer. `userSelected: false` and one
/// credential are what their absence means.
///
/// **Deviation** where any passkey will do: Chromium gets the others with
/// getNextAssertion and lets its user choose. Phones let theirs choose and do not
/// know that command, so the first is the answer. [CTAP 2.2 §6.2.2, §6.3]
fn one_answer(
    request: &GetAssertionRequest,
    response: &GetAssertionResponse,
) -> Result<(), ResponseMismatch> {
    match response.number_of_credentials {
        None | Some(1) => Ok(()),
        Some(2..) if !request.allow_list.is_empty() => Err(ResponseMismatch::NumberOfAnswers),
        Some(2..) if response.user_selected == Some(true) => Err(ResponseMismatch::Contradiction),
        Some(2..) => Ok(()),
        Some(0) => Err(ResponseMismatch::NumberOfAnswers),
    }
}

/// Checks that each signed extension output was asked for, or is `fine` without.
fn signed<'a>(
    data: &AuthenticatorData,
    asked: impl Iterator<Item = &'a str>,
    fine: impl Fn(&str, &RawCbor) -> bool,
) -> Result<(), ResponseMismatch> {
    let asked: BTreeSet<&str> = asked.filter(|name| *name != CRED_PROTECT).collect();
    let is_fine = |(name, output): (&String, &RawCbor)| match name.as_str() {
        MIN_PIN_LENGTH => asked.contains(MIN_PIN_LENGTH) && is_unsigned(output),
        name => asked.contains(name) || fine(name, output),
    };
    if data.extensions().iter().all(is_fine) { Ok(()) } else { Err(ResponseMismatch::Extensions) }
}

/// Whether an item is `true` or `false` [RFC 8949 §3.3].
fn is_boolean(output: &RawCbor) -> bool {
    matches!(output.as_bytes(), [0xf4 | 0xf5])
}

/// Whether an item is an unsigned number: major type 0 [RFC 8949 §3.1].
fn is_unsigned(output: &RawCbor) -> bool {
    output.as_bytes().first().is_some_and(|head| head >> 5 == 0)
}

/// Whether `output` is a protection that may come. A phone that lists the
/// extension may also protect a passkey unasked. [CTAP 2.2 §12.1]
fn is_protection(request: &MakeCredentialRequest, demands: Demands, output: &RawCbor) -> bool {
    let is_asked = request.extensions.other.get(CRED_PROTECT).is_some();
    output.read_as::<CredProtect>().is_ok() && (is_asked || demands.may_protect)
}

/// Checks that the passkey is protected as is demanded, and no less than was
/// asked for if the phone says how. [WebAuthn L3 §10.1.6] [CTAP 2.2 §12.1]
fn protected(
    data: &AuthenticatorData,
    request: &MakeCredentialRequest,
    demands: Demands,
) -> Result<(), ResponseMismatch> {
    let level = |value: &RawCbor| value.read_as::<CredProtect>().ok();
    let done = data.extensions().get(CRED_PROTECT).and_then(level);
    let asked = request.extensions.other.get(CRED_PROTECT).and_then(level);
    let is_less = done.is_some_and(|done| asked.is_some_and(|asked| done < asked));
    // Nothing is less than any level.
    if is_less || done < demands.protection { Err(ResponseMismatch::Protection) } else { Ok(()) }
}

fn common(data: &AuthenticatorData, rp_id: &str, demands: Demands) -> Result<(), ResponseMismatch> {
    if *data.rp_id_hash() != sha256(&[rp_id.as_bytes()]) {
        return Err(ResponseMismatch::RelyingParty);
    }
    let flags = data.flags();
    if !flags.contains(Flags::USER_PRESENT) {
        return Err(ResponseMismatch::UserPresence);
    }
    if demands.verification && !flags.contains(Flags::USER_VERIFIED) {
        return Err(ResponseMismatch::UserVerification);
    }
    Ok(())
}
