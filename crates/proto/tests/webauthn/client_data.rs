//! Client data that a program brings: as it is, or its hash alone.
//!
//! Clauses: [WebAuthn L3 §5.8.1].

use fido_hybrid_proto::client::PhoneRequest;
use fido_hybrid_proto::webauthn::BuiltInSuffixes;

use super::*;

/// As a remote desktop wrote it: its own order, its own spaces, a member of its own.
const GET: &str = "{\"origin\": \"https://intern.example\", \"type\":\"webauthn.get\",\n\
    \"challenge\":\"_w\",\"crossOrigin\":true,\"x\":{\"é\":[1]}}";
const CREATE: &str = r#"{"type":"webauthn.create","challenge":"","origin":"app:me"}"#;

fn prepared(caller: &Caller) -> fido_hybrid_proto::webauthn::PreparedRequest {
    request(&request_json()).unwrap().prepare(caller).unwrap()
}

#[test]
fn client_data_is_signed_and_answered_as_it_was_brought() {
    let caller = Caller::client_data(GET, "example.com").unwrap();
    assert_eq!(caller.origin(), "https://intern.example");
    let prepared = prepared(&caller);
    let request = prepared.request_for(&phone()).unwrap();
    assert_eq!(request.client_data_hash, sha256(&[GET.as_bytes()]));
    assert_eq!(request.rp_id, "example.com");
    let assertion = prepared.finish(&phone(), signed()).unwrap();
    assert_eq!(assertion.client_data().expose(), GET.as_bytes());
    let json: Value = serde_json::from_str(assertion.to_json().expose()).unwrap();
    assert_eq!(json["response"]["clientDataJSON"], BASE64URL_NOPAD.encode(GET.as_bytes()));
    assert_eq!(json["clientExtensionResults"], json!({}));

    let caller = Caller::client_data(CREATE, "example.com").unwrap();
    let prepared = creation(&creation_json()).unwrap().prepare(&caller).unwrap();
    let request = prepared.request_for(&phone()).unwrap();
    assert_eq!(request.client_data_hash, sha256(&[CREATE.as_bytes()]));
    assert_eq!(request.rp.id, "example.com");
}

#[test]
fn of_a_hash_alone_the_answer_has_no_client_data() {
    let caller = Caller::client_data_hash([7; 32], "example.com").unwrap();
    let sign_in = prepared(&caller);
    assert_eq!(sign_in.request_for(&phone()).unwrap().client_data_hash, [7; 32]);
    assert!(PhoneRequest::try_from(sign_in.clone()).is_ok());
    let assertion = sign_in.finish(&phone(), signed()).unwrap();
    assert!(assertion.client_data().expose().is_empty());
    let json: Value = serde_json::from_str(assertion.to_json().expose()).unwrap();
    let members: Vec<_> = json["response"].as_object().unwrap().keys().collect();
    assert_eq!(members, ["authenticatorData", "signature", "userHandle"]);

    let registration = creation(&creation_json()).unwrap().prepare(&caller).unwrap();
    assert_eq!(registration.request_for(&phone()).unwrap().client_data_hash, [7; 32]);
    let response =
        MakeCredentialResponse::new(FORMAT_NONE, registered(AAGUID), RawCbor::empty_map());
    let registration = registration.finish(&phone(), response).unwrap();
    assert!(registration.client_data().as_bytes().is_empty());
    let json: Value = serde_json::from_str(registration.to_json().expose()).unwrap();
    assert_eq!(json["response"].get("clientDataJSON"), None);
    assert!(json["response"]["attestationObject"].is_string());
}

#[test]
fn client_data_of_another_operation_is_refused() {
    let error = creation(&creation_json())
        .unwrap()
        .prepare(Caller::client_data(GET, "example.com").unwrap())
        .unwrap_err();
    assert_eq!(error, OptionsError::ClientData);
    assert_eq!(Error::from(error).dom_exception(), DomException::Encoding);
    assert_eq!(Error::from(error).advice(), Advice::ReportTheProgram);
    let caller = Caller::client_data(CREATE, "example.com").unwrap();
    let refused = request(&request_json()).unwrap().prepare(&caller).unwrap_err();
    assert_eq!(refused, OptionsError::ClientData);
}

#[test]
fn what_is_no_client_data_is_refused() {
    for json in [
        "",
        "null",
        "{}",
        "[\"webauthn.get\",\"\",\"https://example.com\"]",
        r#"{"type":"webauthn.get","challenge":"AA"}"#,
        r#"{"type":"webauthn.get","origin":"https://example.com"}"#,
        r#"{"challenge":"AA","origin":"https://example.com"}"#,
        r#"{"type":"payment.get","challenge":"AA","origin":"https://example.com"}"#,
        r#"{"type":"webauthn.get","challenge":1,"origin":"https://example.com"}"#,
        r#"{"type":"webauthn.get","challenge":"AA","origin":null}"#,
        r#"{"type":"webauthn.get","challenge":"AA","origin":"\ud800"}"#,
        r#"{"type":"webauthn.get","type":"webauthn.create","challenge":"","origin":""}"#,
        r#"{"type":"webauthn.get","challenge":"AA","origin":""} x"#,
        "\u{feff}{\"type\":\"webauthn.get\",\"challenge\":\"AA\",\"origin\":\"\"}",
    ] {
        let refused = Caller::client_data(json, "example.com");
        assert_eq!(refused, Err(OptionsError::ClientData), "{json}");
    }
    let long = format!("{CREATE}{}", " ".repeat(MAX_OPTIONS));
    assert_eq!(Caller::client_data(&long, "example.com"), Err(OptionsError::TooLong));
}

#[test]
fn a_caller_with_client_data_has_the_rp_id_that_the_program_names() {
    for rp_id in ["", "https://example.com", "example.com:443", "127.0.0.1", "Example.com"] {
        assert!(Caller::client_data(GET, rp_id).is_err(), "{rp_id}");
        assert!(Caller::client_data_hash([7; 32], rp_id).is_err(), "{rp_id}");
    }
    for caller in [
        Caller::client_data(GET, "example.com").unwrap(),
        Caller::client_data_hash([7; 32], "example.com").unwrap(),
    ] {
        let mut options = request(&request_json()).unwrap();
        options.rp_id = None;
        assert_eq!(options.prepare(&caller).unwrap().rp_id(), "example.com");
        for other in ["www.example.com", "intern.example", "com"] {
            options.rp_id = Some(other.to_owned());
            let refused = options.prepare(&caller).unwrap_err();
            assert_eq!(refused, RpIdError::OtherDomain.into(), "{other}");
            // No list of related origins makes it larger.
            let refused = caller.related_origins(Some(other), &BuiltInSuffixes);
            assert_eq!(refused, Err(RpIdError::OtherDomain), "{other}");
        }
        assert_eq!(caller.with_member("x", "y"), None, "client data is not changed");
    }
}

#[test]
fn no_option_brings_client_data() {
    let hash = BASE64URL_NOPAD.encode(&[7; 32]);
    let page = request(&request_json()).unwrap().prepare(origin()).unwrap();
    let mut json = request_json();
    json["clientDataHash"] = json!(hash);
    json["clientDataJSON"] = json!(GET);
    json["extensions"] = json!({"clientDataHash": hash});
    let prepared = request(&json).unwrap().prepare(origin()).unwrap();
    assert_eq!(prepared.client_data(), page.client_data());
    for (member, base) in [("get", request_json()), ("create", creation_json())] {
        let json = with(base, "extensions", json!({"remoteClientDataJSON": GET}));
        let refused = match member {
            "get" => request(&json).unwrap().prepare(origin()).unwrap_err(),
            _ => creation(&json).unwrap().prepare(origin()).unwrap_err(),
        };
        assert_eq!(refused, OptionsError::Unsupported("extensions.remoteClientDataJSON"));
    }
}
