//! Answers, byte for byte: the files beside this one were put together from the formats'
//! documents by a program of its own.
//!
//! Clauses: [WebAuthn L3 §5.1.8, §5.2, §6.5.4].

use fido_hybrid_proto::ctap::extensions::{
    LargeBlob, LargeBlobAssertionOutput, LargeBlobRegistrationOutput,
};
use fido_hybrid_proto::ctap::{Command, CtapResponse, RawResponse};

use super::*;

fn created(json: &Value, phone: &GetInfoResponse, response: MakeCredentialResponse) -> String {
    let prepared = creation(json).unwrap().prepare(origin()).unwrap();
    prepared.finish(phone, response).unwrap().to_json().expose().to_owned()
}

fn got(json: &Value, response: GetAssertionResponse) -> String {
    let prepared = request(json).unwrap().prepare(origin()).unwrap();
    prepared.finish(&phone(), response).unwrap().to_json().expose().to_owned()
}

fn outputs(outputs: &[(&str, &[u8])]) -> std::collections::BTreeMap<String, RawCbor> {
    outputs.iter().map(|(name, output)| ((*name).to_owned(), statement(output))).collect()
}

fn first() -> PrfValues<PrfOutput> {
    PrfValues { first: PrfOutput::new([1; 32]), second: None }
}

#[test]
fn a_registration_with_its_attestation() {
    let json = with(creation_json(), "attestation", "direct".into());
    let own = statement(b"\xa2\x63alg\x26\x63sig\x43\x01\x02\x03");
    let response = MakeCredentialResponse::new(FORMAT_PACKED, registered(AAGUID), own);
    let expected = include_str!("answers/registration-attested.json").trim();
    assert_eq!(created(&json, &phone(), response), expected);
}

#[test]
fn a_registration_with_every_extension() {
    let mut json = creation_json();
    json["authenticatorSelection"] = json!({"residentKey": "required"});
    json["extensions"] = json!({
        "appidExclude": "https://example.com/app",
        "credProps": true,
        "hmacCreateSecret": true,
        "largeBlob": {"support": "preferred"},
        "minPinLength": true,
        "prf": {"eval": {"first": "AA"}},
        "telepathy": [1, 2],
    });
    let signed = outputs(&[("minPinLength", b"\x04"), ("telepathy", b"\xa1\x61k\x43\xfb\xff\xbf")]);
    let data = registered(AAGUID).with_extensions(signed);
    let mut response = MakeCredentialResponse::new(FORMAT_NONE, data, RawCbor::empty_map());
    let mut prf = PrfRegistrationOutput::new(true);
    prf.results = Some(first());
    response.unsigned_extensions.prf = Some(prf);
    response.unsigned_extensions.large_blob = Some(LargeBlobRegistrationOutput { supported: true });
    // It was not asked for.
    response.unsigned_extensions.other.insert("clairvoyance", statement(b"\xf5")).unwrap();
    let expected = include_str!("answers/registration-extensions.json").trim();
    assert_eq!(created(&json, &phone(), response), expected);
}

#[test]
fn a_registration_with_a_key_of_an_unknown_algorithm() {
    let public_key = cbor::decode::<CoseKey>(b"\xa2\x01\x01\x03\x39\x1e\x60").unwrap();
    let id = CredentialId::new(ID).unwrap();
    let known = registered(AAGUID);
    let data = AuthenticatorData::new(*known.rp_id_hash(), known.flags(), 0)
        .with_credential(AttestedCredential { aaguid: AAGUID, id, public_key });
    let mut phone = phone();
    phone.transports = ["usb", "smoke", "cable"].map(str::to_owned).into();
    let response = MakeCredentialResponse::new(FORMAT_NONE, data, RawCbor::empty_map());
    let expected = include_str!("answers/registration-unknown-key.json").trim();
    assert_eq!(created(&creation_json(), &phone, response), expected);
}

#[test]
fn a_sign_in_without_extensions() {
    let expected = include_str!("answers/assertion-plain.json").trim();
    assert_eq!(got(&request_json(), signed()), expected);
}

#[test]
fn a_sign_in_that_wrote_a_blob_and_names_no_account() {
    let allowed = json!([{"type": "public-key", "id": "-_-_AQ"}]);
    let mut json = with(request_json(), "allowCredentials", allowed);
    json["extensions"] = json!({"largeBlob": {"write": "AQID"}});
    let mut response = signed();
    response.user = None;
    response.unsigned_extensions.large_blob = Some(LargeBlobAssertionOutput::written(true));
    let expected = include_str!("answers/assertion-blob-written.json").trim();
    assert_eq!(got(&json, response), expected);
}

#[test]
fn a_sign_in_with_every_extension() {
    let json = with(
        request_json(),
        "extensions",
        json!({
            "appid": "https://example.com/app",
            "largeBlob": {"read": true},
            "prf": {"eval": {"first": "AA"}},
            "telepathy": {},
        }),
    );
    let mut response = signed();
    response.auth_data = response.auth_data.with_extensions(outputs(&[("telepathy", b"\xf5")]));
    response.unsigned_extensions.prf = Some(PrfAssertionOutput::new(first()));
    let compressed = b"\x01\x0a\x00\xf5\xfflarge blob".as_slice().into();
    let blob = LargeBlob { compressed, original_size: 10 };
    response.unsigned_extensions.large_blob = Some(LargeBlobAssertionOutput::read(Some(blob)));
    let expected = include_str!("answers/assertion-extensions.json").trim();
    assert_eq!(got(&json, response), expected);
}

// The phone's bytes.

#[test]
fn what_the_phone_sent_reaches_the_program_as_it_was() {
    // Members and extensions of a later version, and a signature that is not DER.
    let mut response = CtapResponse::GetAssertion(signed()).to_raw().to_bytes().into_exposed();
    // 5 members become 6.
    assert_eq!(response[..2], [0, 0xa4]);
    response[1] = 0xa5;
    response.extend(b"\x18\x99\x82\x01\xf5");
    let raw = RawResponse::parse(response.clone()).unwrap();
    let Ok(CtapResponse::GetAssertion(read)) = raw.decode(Command::GetAssertion) else { panic!() };
    assert_eq!(read.unknown().get(0x99).unwrap().as_bytes(), b"\x82\x01\xf5");
    assert_eq!(read.received(), None, "only a ceremony keeps them");

    let data = registered(AAGUID);
    let response = MakeCredentialResponse::new(FORMAT_NONE, data, RawCbor::empty_map());
    let mut response = CtapResponse::MakeCredential(response).to_raw().to_bytes().into_exposed();
    assert_eq!(response[..2], [0, 0xa3]);
    response[1] = 0xa4;
    response.extend(b"\x18\x99\xf6");
    let raw = RawResponse::parse(response).unwrap();
    let Ok(CtapResponse::MakeCredential(read)) = raw.decode(Command::MakeCredential) else {
        panic!()
    };
    assert_eq!(read.unknown().get(0x99).unwrap().as_bytes(), b"\xf6");
}
