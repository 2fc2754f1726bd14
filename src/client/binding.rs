//! Binding a response to its request: what a client checks before it believes
//! that the phone answered what was asked (CTAP 2.2 sections 6.1 and 6.2,
//! WebAuthn Level 3 sections 5.1.3 and 5.1.4).
//!
//! The signature is the relying party's to check: only it knows the key.

use std::collections::BTreeSet;

use super::phone_request::Demands;
use crate::ctap::{
    AuthenticatorData, Flags, RawResponse, Request, Response, ResponseError, Status, get_assertion,
    make_credential,
};
use crate::error::{Mismatch, PeerMisbehaved};
use crate::protocol::primitives::sha256;
use crate::secret::SecretBytes;

/// Reads the answer to `request` and checks that it is one.
pub(super) fn read_response(
    request: &Request,
    demands: Demands,
    payload: SecretBytes,
) -> Result<Result<Response, Status>, PeerMisbehaved> {
    let response = RawResponse::parse(payload.into_exposed())
        .and_then(|response| response.decode(request.command()));
    let response = match response {
        Ok(response) => response,
        Err(ResponseError::Status(status)) => return Ok(Err(status)),
        Err(ResponseError::Answer { error, .. }) => return Err(PeerMisbehaved::Response(error)),
        Err(_) => return Err(PeerMisbehaved::EmptyResponse),
    };
    match (request, &response) {
        (Request::MakeCredential(request), Response::MakeCredential(response)) => {
            made(request, demands, response)
        }
        (Request::GetAssertion(request), Response::GetAssertion(response)) => {
            asserted(request, demands, response)
        }
        // The rest has nothing to be bound to.
        _ => Ok(()),
    }
    .map_err(PeerMisbehaved::Mismatch)?;
    Ok(Ok(response))
}

fn made(
    request: &make_credential::Request,
    demands: Demands,
    response: &make_credential::Response,
) -> Result<(), Mismatch> {
    let data = &response.auth_data;
    common(data, &request.rp.id, demands, request.extensions.names())?;
    let credential = data.credential().ok_or(Mismatch::NoCredential)?;
    let algorithm = credential.public_key.algorithm();
    let offered = request.parameters.iter().any(|offer| offer.algorithm == algorithm);
    if offered { Ok(()) } else { Err(Mismatch::Algorithm) }
}

fn asserted(
    request: &get_assertion::Request,
    demands: Demands,
    response: &get_assertion::Response,
) -> Result<(), Mismatch> {
    common(&response.auth_data, &request.rp_id, demands, request.extensions.names())?;
    let allowed = &request.allow_list;
    match &response.credential {
        Some(used) => {
            if !allowed.is_empty() && !allowed.iter().any(|allowed| allowed.id == used.id) {
                return Err(Mismatch::Credential);
            }
        }
        // CTAP lets a phone leave it out where there is no choice.
        None if allowed.len() == 1 => {}
        None => return Err(Mismatch::Credential),
    }
    let named = response.user.as_ref().is_some_and(|user| !user.id.as_bytes().is_empty());
    if allowed.is_empty() && !named {
        return Err(Mismatch::UserHandle);
    }
    if response.user_selected.is_some()
        && (!allowed.is_empty() || response.number_of_credentials.is_some())
    {
        return Err(Mismatch::Contradiction);
    }
    Ok(())
}

fn common<'a>(
    data: &AuthenticatorData,
    rp_id: &str,
    demands: Demands,
    asked: impl Iterator<Item = &'a str>,
) -> Result<(), Mismatch> {
    if *data.rp_id_hash() != sha256(&[rp_id.as_bytes()]) {
        return Err(Mismatch::RelyingParty);
    }
    let flags = data.flags();
    if !flags.contains(Flags::USER_PRESENT) {
        return Err(Mismatch::UserPresence);
    }
    if demands.verification && !flags.contains(Flags::USER_VERIFIED) {
        return Err(Mismatch::UserVerification);
    }
    let asked: BTreeSet<&str> = asked.collect();
    if data.extensions().keys().any(|name| !asked.contains(name.as_str())) {
        return Err(Mismatch::Extensions);
    }
    Ok(())
}
