//! Answers by honest phones and by others, held to what was required.
//!
//! Clauses: [WebAuthn L3 §5.1.3, §5.1.4].

use fido_hybrid_proto::client::{Input, Output, PhoneRequest};
use fido_hybrid_proto::crypto::{SecretKey, sha256};
use fido_hybrid_proto::ctap::extensions::CredProtect::{
    VerificationOptional, VerificationOptionalWithList, VerificationRequired,
};
use fido_hybrid_proto::ctap::extensions::{LargeBlobRegistrationOutput, LargeBlobSupport};
use fido_hybrid_proto::ctap::{
    Aaguid, Algorithm, AttestedCredential, AuthenticatorData, CoseKey, CredentialDescriptor,
    CredentialId, CredentialParameters, CtapResponse, FORMAT_NONE, Flags, GetAssertionResponse,
    GetInfoResponse, MakeCredentialResponse, RawCbor, User, UserHandle,
};
use fido_hybrid_proto::error::{ErrorKind, PeerMisbehaved, ResponseMismatch, Stage, Unsupported};
use fido_hybrid_proto::secret::SecretBytes;
use fido_hybrid_proto::transport::MessageType;
use fido_hybrid_proto::webauthn::Requirement::{Discouraged, Preferred, Required};

use super::client_rig::{self, ClientRig, Flow};
use super::{ID, RP_ID, creation, listed, phone, prf_to_create, prf_to_get, sign_in};

const PRESENT: Flags = Flags::USER_PRESENT;
const VERIFIED: Flags = Flags(0x05);

fn able() -> GetInfoResponse {
    phone(&[("rk", true), ("uv", true)], &["prf"])
}

fn data(flags: Flags) -> AuthenticatorData {
    AuthenticatorData::new(sha256(&[RP_ID.as_bytes()]), flags, 0)
}

fn credential() -> AttestedCredential {
    let key = SecretKey::from_scalar(&[0x42; 32]).unwrap();
    AttestedCredential {
        aaguid: Aaguid::ZERO,
        id: CredentialId::new(ID).unwrap(),
        public_key: CoseKey::from_es256(key.public_key()),
    }
}

fn made(data: AuthenticatorData) -> CtapResponse {
    let data = data.with_credential(credential());
    CtapResponse::MakeCredential(MakeCredentialResponse::new(
        FORMAT_NONE,
        data,
        RawCbor::empty_map(),
    ))
}

fn signed(data: AuthenticatorData) -> GetAssertionResponse {
    let mut response = GetAssertionResponse::new(listed(), data, SecretBytes::new(vec![1; 70]));
    response.user = Some(User::from_handle(UserHandle::new([7]).unwrap()));
    response
}

/// What the client says to this answer of this phone.
fn judged(
    phone: &GetInfoResponse,
    request: impl TryInto<PhoneRequest, Error = Unsupported>,
    response: &CtapResponse,
) -> Result<(), ResponseMismatch> {
    let mut rig = ClientRig::introducing(Flow::Qr);
    rig.introduce(&client_rig::introduction(&fido_hybrid_proto::cbor::encode(phone)));
    let outputs = rig.step(Input::Request { request: request.try_into().unwrap(), timeout: None });
    let [asked] = client_rig::sent(outputs).try_into().unwrap();
    rig.channel.as_mut().unwrap().open(asked).unwrap();
    let outputs = rig.send(MessageType::Ctap, response.to_raw().to_bytes().expose());
    if let [Output::Response(answer)] = &outputs[..] {
        assert_eq!(answer.as_ref(), Ok(response));
        return Ok(());
    }
    let error = client_rig::failed(&outputs);
    let ErrorKind::PeerMisbehaved(PeerMisbehaved::ResponseMismatch(mismatch)) = error.kind else {
        panic!("{error:?}")
    };
    assert_eq!(error.stage, Stage::AwaitingResponse);
    Err(mismatch)
}

#[test]
fn an_answer_without_verification_is_refused_only_if_that_was_required() {
    let unverified = Err(ResponseMismatch::UserVerification);
    for (requirement, flags, expected) in [
        (Required, VERIFIED, Ok(())),
        (Required, PRESENT, unverified),
        (Preferred, VERIFIED, Ok(())),
        (Preferred, PRESENT, Ok(())),
        (Discouraged, VERIFIED, Ok(())),
        (Discouraged, PRESENT, Ok(())),
    ] {
        let prepared = creation(|asked| asked.user_verification = requirement);
        let sent = prepared.request_for(&able()).unwrap().options.uv;
        assert_eq!(sent, Some(true), "the same is sent");
        assert_eq!(judged(&able(), prepared, &made(data(flags))), expected, "{requirement:?}");
        for has_list in [true, false] {
            let prepared = sign_in(|asked| {
                asked.user_verification = requirement;
                asked.allow_credentials = if has_list { vec![listed()] } else { Vec::new() };
            });
            let response = CtapResponse::GetAssertion(signed(data(flags)));
            assert_eq!(judged(&able(), prepared, &response), expected, "{requirement:?}");
        }
    }
}

#[test]
fn a_raw_request_with_uv_set_is_answered_with_verification_or_not_at_all() {
    for (uv, expected) in [(Some(true), Err(ResponseMismatch::UserVerification)), (None, Ok(()))] {
        let mut request = super::rig::make_credential("ada");
        request.options.uv = uv;
        assert_eq!(judged(&able(), request, &made(data(PRESENT))), expected);
        let mut request = super::rig::get_assertion(&[]);
        request.options.uv = uv;
        let response = CtapResponse::GetAssertion(signed(data(PRESENT)));
        assert_eq!(judged(&able(), request, &response), expected);
    }
}

/// Signed extension outputs by name, as CBOR.
fn with_outputs(outputs: &[(&str, &[u8])]) -> AuthenticatorData {
    let outputs = outputs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), RawCbor::new(value.to_vec()).unwrap()));
    data(VERIFIED).with_extensions(outputs.collect())
}

const TRUE: &[u8] = &[0xf5];

#[test]
fn signed_outputs_of_a_registration_are_accepted_where_a_browser_accepts_them() {
    let refused = Err(ResponseMismatch::Extensions);
    let lists = &["prf", "credProtect"][..];
    let plain = &["prf"][..];
    let (list, required) = (Some(VerificationOptionalWithList), Some(VerificationRequired));
    for (prf, policy, extensions, name, value, expected) in [
        // Unasked, from a phone that lists it or does not.
        (false, None, lists, "credProtect", &[1][..], Ok(())),
        (false, None, lists, "credProtect", &[3], Ok(())),
        (false, None, plain, "credProtect", &[1], refused),
        (false, None, lists, "credProtect", &[0], refused),
        (false, None, lists, "credProtect", &[4], refused),
        (false, None, lists, "credProtect", TRUE, refused),
        // Asked: as much, more, less.
        (false, list, lists, "credProtect", &[2], Ok(())),
        (false, list, lists, "credProtect", &[3], Ok(())),
        (false, list, lists, "credProtect", &[1], Err(ResponseMismatch::Protection)),
        (false, required, lists, "credProtect", &[2], Err(ResponseMismatch::Protection)),
        // Not sent to this phone.
        (false, required, plain, "credProtect", &[3], refused),
        // The older name of a PRF.
        (true, None, plain, "hmac-secret", TRUE, Ok(())),
        (true, None, &[], "hmac-secret", TRUE, Ok(())),
        (false, None, plain, "hmac-secret", TRUE, refused),
        (true, None, plain, "hmac-secret", &[0x41, 0], refused),
        (true, None, plain, "prf", TRUE, Ok(())),
        (false, None, plain, "prf", TRUE, refused),
        (true, list, lists, "minPinLength", &[4], refused),
        (true, list, lists, "future", &[0xa0], refused),
    ] {
        let phone = phone(&[("rk", true), ("uv", true)], extensions);
        let prepared = creation(|asked| {
            asked.extensions.prf = prf.then(prf_to_create);
            asked.extensions.cred_protect = policy;
        });
        let response = made(with_outputs(&[(name, value)]));
        let row = format!("prf {prf}, {policy:?}, phone {extensions:?}: {name} {value:?}");
        assert_eq!(judged(&phone, prepared, &response), expected, "{row}");
    }
}

#[test]
fn a_signed_output_that_was_asked_for_is_accepted() {
    let prepared = |extensions: &[&str]| {
        let prepared = creation(|asked| {
            asked.extensions.min_pin_length = true;
            let input = RawCbor::new(vec![0xf5]).unwrap();
            asked.extensions.other.insert("telepathy", input).unwrap();
        });
        (phone(&[("rk", true), ("uv", true)], extensions), prepared)
    };
    let refused = Err(ResponseMismatch::Extensions);
    let lists = &["minPinLength", "telepathy"][..];
    for (extensions, name, value, expected) in [
        (lists, "minPinLength", &[4][..], Ok(())),
        (lists, "minPinLength", &[0x61, 0x34], refused),
        (lists, "minPinLength", &[0x24], refused),
        (lists, "telepathy", &[0xa0], Ok(())),
        (lists, "clairvoyance", &[0xa0], refused),
        // Not sent to this phone.
        (&["prf"], "minPinLength", &[4], refused),
        (&["prf"], "telepathy", &[0xa0], refused),
    ] {
        let (phone, prepared) = prepared(extensions);
        let response = made(with_outputs(&[(name, value)]));
        assert_eq!(judged(&phone, prepared, &response), expected, "{extensions:?}: {name}");
    }
}

#[test]
fn a_passkey_without_a_large_blob_is_refused_where_one_is_required() {
    use LargeBlobSupport::{Preferred, Required};
    let refused = Err(ResponseMismatch::LargeBlob);
    let phone = phone(&[("rk", true), ("uv", true)], &["largeBlob"]);
    for (support, supported, expected) in [
        (Required, None, refused),
        (Required, Some(false), refused),
        (Required, Some(true), Ok(())),
        (Preferred, None, Ok(())),
        (Preferred, Some(false), Ok(())),
    ] {
        let prepared = creation(|asked| {
            asked.resident_key = fido_hybrid_proto::webauthn::Requirement::Required;
            asked.extensions.large_blob = Some(support);
        });
        let mut response = made(data(VERIFIED));
        let CtapResponse::MakeCredential(made) = &mut response else { panic!("{response:?}") };
        made.unsigned_extensions.large_blob =
            supported.map(|supported| LargeBlobRegistrationOutput { supported });
        let judged = judged(&phone, prepared, &response);
        assert_eq!(judged, expected, "{support:?}, {supported:?}");
    }
}

#[test]
fn an_enforced_protection_policy_is_held_against_an_answer_that_says_nothing_too() {
    let refused = Err(ResponseMismatch::Protection);
    let (list, required) = (VerificationOptionalWithList, VerificationRequired);
    let phone = phone(&[("rk", true), ("uv", true)], &["credProtect"]);
    for (policy, enforce, output, expected) in [
        (required, true, None, refused),
        (required, true, Some(2), refused),
        (required, true, Some(3), Ok(())),
        (required, false, None, Ok(())),
        (required, false, Some(2), refused),
        (list, true, None, refused),
        (list, true, Some(1), refused),
        (list, true, Some(2), Ok(())),
        (list, true, Some(3), Ok(())),
        (list, false, None, Ok(())),
        // What every passkey has.
        (VerificationOptional, true, None, Ok(())),
        (VerificationOptional, true, Some(1), Ok(())),
    ] {
        let prepared = creation(|asked| {
            asked.extensions.cred_protect = Some(policy);
            asked.extensions.enforce_cred_protect = enforce;
        });
        let data = match output {
            Some(level) => with_outputs(&[("credProtect", &[level])]),
            None => data(VERIFIED),
        };
        let row = format!("{policy:?}, enforced {enforce}, answered {output:?}");
        assert_eq!(judged(&phone, prepared, &made(data)), expected, "{row}");
    }
}

#[test]
fn signed_outputs_of_a_sign_in_are_accepted_where_they_answer_a_prf() {
    let refused = Err(ResponseMismatch::Extensions);
    for (prf, name, expected) in [
        (true, "hmac-secret", Ok(())),
        (false, "hmac-secret", refused),
        (true, "credProtect", refused),
        (true, "future", refused),
    ] {
        let phone = phone(&[("uv", true)], &["prf", "credProtect"]);
        let prepared = sign_in(|asked| asked.extensions.prf = prf.then(prf_to_get));
        let response = CtapResponse::GetAssertion(signed(with_outputs(&[(name, &[1])])));
        assert_eq!(judged(&phone, prepared, &response), expected, "prf {prf}, {name}");
    }
}

#[test]
fn a_raw_request_is_answered_with_the_outputs_that_it_asked_for() {
    let mut request = super::rig::make_credential("ada");
    let level = RawCbor::new(vec![2]).unwrap();
    request.extensions.other.insert("credProtect", level).unwrap();
    request.extensions.other.insert("minPinLength", RawCbor::new(vec![0xf5]).unwrap()).unwrap();
    for (name, value, expected) in [
        ("minPinLength", &[4][..], Ok(())),
        ("credProtect", &[2], Ok(())),
        ("credProtect", &[1], Err(ResponseMismatch::Protection)),
        ("credBlob", TRUE, Err(ResponseMismatch::Extensions)),
    ] {
        let response = made(with_outputs(&[(name, value)]));
        assert_eq!(judged(&able(), request.clone(), &response), expected, "{name} {value:?}");
    }
}

#[test]
fn what_says_nothing_of_a_selection_is_as_if_it_were_absent() {
    let several = Err(ResponseMismatch::NumberOfAnswers);
    for (selected, number, without_list, with_list) in [
        (None, None, Ok(()), Ok(())),
        (Some(true), None, Ok(()), Ok(())),
        (Some(false), None, Ok(()), Ok(())),
        (None, Some(1), Ok(()), Ok(())),
        (Some(true), Some(1), Ok(()), Ok(())),
        (Some(false), Some(1), Ok(()), Ok(())),
        // One of a list signs, and no phone signs with none.
        (Some(false), Some(2), Ok(()), several),
        (None, Some(2), Ok(()), several),
        (None, Some(0), several, several),
        // Selected, and yet one of several to select from.
        (Some(true), Some(2), Err(ResponseMismatch::Contradiction), several),
    ] {
        for (has_list, expected) in [(true, with_list), (false, without_list)] {
            let prepared = sign_in(|asked| {
                asked.allow_credentials = if has_list { vec![listed()] } else { Vec::new() };
            });
            let mut response = signed(data(VERIFIED));
            response.user_selected = selected;
            response.number_of_credentials = number;
            let judged = judged(&able(), prepared, &CtapResponse::GetAssertion(response));
            assert_eq!(judged, expected, "{selected:?}, {number:?}, list {has_list}");
        }
    }
}

#[test]
fn a_sign_in_with_a_new_credential_is_refused() {
    let response = signed(data(VERIFIED).with_credential(credential()));
    let judged = judged(&able(), sign_in(|_| {}), &CtapResponse::GetAssertion(response));
    assert_eq!(judged, Err(ResponseMismatch::NewCredential));
}

#[test]
fn a_registration_that_is_not_the_one_asked_for_is_refused() {
    let asked = || creation(|_| {}).request_for(&able()).unwrap();
    let elsewhere = AuthenticatorData::new(sha256(&[b"example.org"]), VERIFIED, 0);
    let absent = data(Flags::USER_VERIFIED);
    for (data, expected) in [
        (data(VERIFIED), Ok(())),
        (elsewhere, Err(ResponseMismatch::RelyingParty)),
        (absent, Err(ResponseMismatch::UserPresence)),
    ] {
        assert_eq!(judged(&able(), asked(), &made(data)), expected);
    }
    for (offered, expected) in [
        (&[Algorithm::RS256, Algorithm::ES256][..], Ok(())),
        (&[Algorithm::RS256, Algorithm::EDDSA], Err(ResponseMismatch::Algorithm)),
    ] {
        let mut asked = asked();
        asked.parameters = offered.iter().copied().map(CredentialParameters::new).collect();
        let judgement = judged(&able(), asked, &made(data(VERIFIED)));
        assert_eq!(judgement, expected, "{offered:?}");
    }
}

#[test]
fn a_sign_in_that_is_not_the_one_asked_for_is_refused() {
    let elsewhere = AuthenticatorData::new(sha256(&[b"example.org"]), VERIFIED, 0);
    let absent = data(Flags::USER_VERIFIED);
    for (data, expected) in [
        (data(VERIFIED), Ok(())),
        (elsewhere, Err(ResponseMismatch::RelyingParty)),
        (absent, Err(ResponseMismatch::UserPresence)),
    ] {
        let response = CtapResponse::GetAssertion(signed(data));
        assert_eq!(judged(&able(), sign_in(|_| {}), &response), expected);
    }
    let id = |id: u8| CredentialDescriptor::new(CredentialId::new([id; 16]).unwrap());
    let refused = Err(ResponseMismatch::Credential);
    for (allowed, used, expected) in [
        (vec![], Some(id(1)), Ok(())),
        (vec![id(1)], Some(id(1)), Ok(())),
        (vec![id(1), id(2)], Some(id(2)), Ok(())),
        (vec![id(1)], Some(id(3)), refused),
        (vec![id(1), id(2)], Some(id(3)), refused),
        // Left out where there is no choice.
        (vec![id(1)], None, Ok(())),
        (vec![id(1), id(2)], None, refused),
        (vec![], None, refused),
    ] {
        let prepared = sign_in(|asked| asked.allow_credentials.clone_from(&allowed));
        let mut response = signed(data(VERIFIED));
        response.credential = used.clone();
        let judgement = judged(&able(), prepared, &CtapResponse::GetAssertion(response));
        assert_eq!(judgement, expected, "{allowed:?}, {used:?}");
    }
}

#[test]
fn a_sign_in_with_any_passkey_names_its_account() {
    let handle = |handle: &[u8]| Some(User::from_handle(UserHandle::new(handle).unwrap()));
    let refused = Err(ResponseMismatch::UserHandle);
    for (allowed, user, expected) in [
        (vec![], handle(&[7]), Ok(())),
        (vec![], handle(&[]), refused),
        (vec![], None, refused),
        (vec![listed()], handle(&[7]), Ok(())),
        (vec![listed()], handle(&[]), Ok(())),
        (vec![listed()], None, Ok(())),
    ] {
        let prepared = sign_in(|asked| asked.allow_credentials.clone_from(&allowed));
        let mut response = signed(data(VERIFIED));
        response.user = user.clone();
        let judgement = judged(&able(), prepared, &CtapResponse::GetAssertion(response));
        assert_eq!(judgement, expected, "{allowed:?}, {user:?}");
    }
}
