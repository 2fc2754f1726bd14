//! The test vectors of WebAuthn Level 3: each registration and each sign-in is
//! asked for with the vector's client data, byte for byte, and answered by a
//! phone with the vector's response, which the client's checks accept.
//!
//! Clauses: [WebAuthn L3 §5.1.3, §5.1.4, §5.8.1.1, §6.1].

#![cfg(feature = "webauthn")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use client_rig::{ClientRig, Flow};
use data_encoding::BASE64URL_NOPAD;
use fido_hybrid_proto::cbor::{self, MapKey, Reader, Writer};
use fido_hybrid_proto::client::{Input, Output, PhoneRequest};
use fido_hybrid_proto::ctap::{
    Aaguid, Algorithm, CredentialDescriptor, CredentialId, CredentialParameters, CtapResponse,
    GetInfoResponse, User, UserHandle,
};
use fido_hybrid_proto::transport::MessageType;
use fido_hybrid_proto::webauthn::{
    AttestationPreference, Caller, CreationOptions, Origin, RequestOptions, Requirement,
};
use fido_hybrid_testkit::{client_rig, vectors};
use serde_json::Value;
use vectors::{bytes, text};

/// What the vectors add to some client data, before 16 random bytes.
const EXTRA: &str =
    "clientDataJSON may be extended with additional fields in the future, such as this: ";

fn vectors() -> Vec<Value> {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../../testkit/vectors/webauthn-l3.json")).unwrap();
    assert_eq!(vectors.len(), 15);
    vectors
}

/// Who asks in a vector.
fn caller(title: &str, part: &Value) -> Caller {
    let origin = Origin::parse("https://example.org").unwrap();
    let caller = if title.contains("topOrigin") {
        Caller::frame(origin, Some(Origin::parse("https://example.com").unwrap()))
    } else if title.contains("crossOrigin") {
        Caller::frame(origin, None)
    } else {
        Caller::page(origin)
    };
    match part.get("extraData_random") {
        Some(random) => {
            let value = format!("{EXTRA}{}", BASE64URL_NOPAD.encode(&bytes(random)));
            caller.with_member("extraData", &value).unwrap()
        }
        None => caller,
    }
}

/// A phone that lists nothing.
fn phone() -> GetInfoResponse {
    GetInfoResponse::new(vec!["FIDO_2_0".to_owned()], Aaguid::ZERO)
}

/// The client's own reading of a phone's response to its request.
fn read(request: PhoneRequest, response: Writer) -> CtapResponse {
    let mut rig = ClientRig::ready(Flow::Qr);
    let asked = client_rig::sent(rig.step(Input::Request { request, timeout: None }));
    let [asked] = asked.try_into().unwrap();
    rig.channel.as_mut().unwrap().open(asked).unwrap();
    let sent = [&[0][..], &response.into_bytes()].concat();
    let outputs = rig.send(MessageType::Ctap, &sent);
    let response = match <[Output; 1]>::try_from(outputs) {
        Ok([Output::Response(Ok(response))]) => response,
        other => panic!("{other:?}"),
    };
    let received = match &response {
        CtapResponse::MakeCredential(response) => response.received(),
        CtapResponse::GetAssertion(response) => response.received(),
        other => panic!("{other:?}"),
    };
    assert_eq!(received.unwrap().expose(), &sent[1..], "the phone's bytes");
    response
}

/// The members of an attestation object, in CBOR: format, statement,
/// authenticator data.
fn members(object: &[u8]) -> [Vec<u8>; 3] {
    let mut members = [const { Vec::new() }; 3];
    let mut reader = Reader::new(object);
    reader
        .map(|key, reader| {
            let index = match key {
                MapKey::Text("fmt") => 0,
                MapKey::Text("attStmt") => 1,
                MapKey::Text("authData") => 2,
                other => panic!("{other:?}"),
            };
            members[index] = reader.raw()?.to_vec();
            Ok(())
        })
        .unwrap();
    members
}

/// The algorithm of the passkey in an attestation object.
fn algorithm(object: &[u8]) -> Algorithm {
    let [_, _, auth_data] = members(object);
    let auth_data: fido_hybrid_proto::ctap::AuthenticatorData = cbor::decode(&auth_data).unwrap();
    auth_data.credential().unwrap().public_key.algorithm()
}

#[test]
fn every_registration_has_the_vectors_client_data_and_is_accepted() {
    let keys: Value =
        serde_json::from_str(include_str!("../../testkit/vectors/webauthn-l3-public-keys.json"))
            .unwrap();
    for vector in vectors() {
        let (title, registered) = (text(&vector["title"]), &vector["reg"]);
        let object = bytes(&registered["attestationObject"]);
        let user = User::new(UserHandle::new([7]).unwrap(), "ada", "Ada");
        let parameters = vec![CredentialParameters::new(algorithm(&object))];
        let challenge = bytes(&registered["challenge"]);
        let mut options = CreationOptions::new(challenge, "Example", user, parameters);
        options.user_verification = Requirement::Discouraged;
        options.attestation = AttestationPreference::Direct;
        let prepared = options.prepare(caller(title, registered)).unwrap();
        let client_data = bytes(&registered["clientDataJSON"]);
        assert_eq!(prepared.client_data().as_bytes(), client_data, "{title}");

        let [format, statement, auth_data] = members(&object);
        let mut response = Writer::new();
        response.map(|map| {
            map.integer(1, |writer| writer.raw(&format));
            map.integer(2, |writer| writer.raw(&auth_data));
            map.integer(3, |writer| writer.raw(&statement));
        });
        let response = read(prepared.clone().try_into().unwrap(), response);
        let CtapResponse::MakeCredential(response) = response else { panic!("{title}") };
        let registration = prepared.finish(&phone(), response).unwrap();
        assert_eq!(registration.credential_id().as_bytes(), bytes(&registered["credential_id"]));
        assert_eq!(registration.attestation_object(), object, "{title}");
        let answer: Value = serde_json::from_str(registration.to_json().expose()).unwrap();
        assert_eq!(answer["response"]["publicKey"], keys[title], "{title}");
        assert_eq!(answer["response"]["clientDataJSON"], BASE64URL_NOPAD.encode(&client_data));
    }
}

#[test]
fn every_sign_in_has_the_vectors_client_data_and_is_accepted() {
    for vector in vectors() {
        let (title, signed) = (text(&vector["title"]), &vector["auth"]);
        let id = CredentialId::new(bytes(&vector["reg"]["credential_id"])).unwrap();
        let mut options = RequestOptions::new(bytes(&signed["challenge"]));
        options.user_verification = Requirement::Discouraged;
        options.allow_credentials = vec![CredentialDescriptor::new(id.clone())];
        let prepared = options.prepare(caller(title, signed)).unwrap();
        let client_data = bytes(&signed["clientDataJSON"]);
        assert_eq!(prepared.client_data().as_bytes(), client_data, "{title}");

        let [auth_data, signature] =
            ["authenticatorData", "signature"].map(|name| bytes(&signed[name]));
        let mut response = Writer::new();
        response.map(|map| {
            map.integer(1, |writer| writer.value(&CredentialDescriptor::new(id.clone())));
            map.integer(2, |writer| writer.bytes(&auth_data));
            map.integer(3, |writer| writer.bytes(&signature));
        });
        let response = read(prepared.clone().try_into().unwrap(), response);
        let CtapResponse::GetAssertion(response) = response else { panic!("{title}") };
        let assertion = prepared.finish(&phone(), response).unwrap();
        assert_eq!(assertion.credential_id(), &id, "{title}");
        let answer: Value = serde_json::from_str(assertion.to_json().expose()).unwrap();
        for (member, bytes) in [
            ("clientDataJSON", client_data),
            ("authenticatorData", auth_data),
            ("signature", signature),
        ] {
            assert_eq!(answer["response"][member], BASE64URL_NOPAD.encode(&bytes), "{title}");
        }
    }
}
