//! Answers by honest phones and by others, held to what was required.

use fido_hybrid::client::{Input, Output, PhoneRequest};
use fido_hybrid::ctap::make_credential::FORMAT_NONE;
use fido_hybrid::ctap::{
    Aaguid, AttestedCredential, AuthenticatorData, CoseKey, CredentialId, Flags, RawCbor, Response,
    User, UserHandle, get_assertion, get_info, make_credential,
};
use fido_hybrid::error::{Fault, Mismatch, PeerMisbehaved, Stage};
use fido_hybrid::protocol::SecretKey;
use fido_hybrid::protocol::message::MessageType;
use fido_hybrid::protocol::primitives::sha256;
use fido_hybrid::secret::SecretBytes;
use fido_hybrid::webauthn::Requirement::{Discouraged, Preferred, Required};

use super::client_rig::{self, ClientRig, Flow};
use super::{ID, RP_ID, creation, listed, phone, sign_in};

const PRESENT: Flags = Flags::USER_PRESENT;
const VERIFIED: Flags = Flags(0x05);

fn able() -> get_info::Response {
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

fn made(data: AuthenticatorData) -> Response {
    let data = data.with_credential(credential());
    Response::MakeCredential(make_credential::Response::new(
        FORMAT_NONE,
        data,
        RawCbor::empty_map(),
    ))
}

fn signed(data: AuthenticatorData) -> get_assertion::Response {
    let mut response = get_assertion::Response::new(listed(), data, SecretBytes::new(vec![1; 70]));
    response.user = Some(User::from_handle(UserHandle::new([7]).unwrap()));
    response
}

/// What the client says to this answer of this phone.
fn judged(
    phone: &get_info::Response,
    request: impl Into<PhoneRequest>,
    response: &Response,
) -> Result<(), Mismatch> {
    let mut rig = ClientRig::introducing(Flow::Qr);
    rig.introduce(&client_rig::introduction(&fido_hybrid::cbor::encode(phone)));
    let outputs = rig.step(Input::Request { request: request.into(), timeout: None });
    let [asked] = client_rig::sent(outputs).try_into().unwrap();
    rig.channel.as_mut().unwrap().open(asked).unwrap();
    let outputs = rig.send(MessageType::Ctap, response.to_raw().to_bytes().expose());
    if let [Output::Response(answer)] = &outputs[..] {
        assert_eq!(answer.as_ref(), Ok(response));
        return Ok(());
    }
    let error = client_rig::failed(&outputs);
    let Fault::PeerMisbehaved(PeerMisbehaved::Mismatch(mismatch)) = error.fault else {
        panic!("{error:?}")
    };
    assert_eq!(error.stage, Stage::Asking);
    Err(mismatch)
}

#[test]
fn an_answer_without_verification_is_refused_only_if_that_was_required() {
    let unverified = Err(Mismatch::UserVerification);
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
            let response = Response::GetAssertion(signed(data(flags)));
            assert_eq!(judged(&able(), prepared, &response), expected, "{requirement:?}");
        }
    }
}

#[test]
fn a_raw_request_with_uv_set_is_answered_with_verification_or_not_at_all() {
    for (uv, expected) in [(Some(true), Err(Mismatch::UserVerification)), (None, Ok(()))] {
        let mut request = super::rig::make_credential("ada");
        request.options.uv = uv;
        assert_eq!(judged(&able(), request, &made(data(PRESENT))), expected);
        let mut request = super::rig::get_assertion(&[]);
        request.options.uv = uv;
        let response = Response::GetAssertion(signed(data(PRESENT)));
        assert_eq!(judged(&able(), request, &response), expected);
    }
}
