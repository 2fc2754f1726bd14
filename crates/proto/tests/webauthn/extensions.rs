//! Extensions through options, request and answer.
//!
//! Clauses: [WebAuthn L3 §10.1.1, §10.1.2, §10.1.3, §10.1.4, §10.1.5] [CTAP 2.2 §12.1, §12.4].

use fido_hybrid_proto::cbor::encode;
use fido_hybrid_proto::client::EncodedRequest;
use fido_hybrid_proto::ctap::extensions::{
    LargeBlob, LargeBlobAssertionInput, LargeBlobAssertionOutput, LargeBlobRegistrationOutput,
    LargeBlobSupport,
};
use fido_hybrid_proto::error::Unsupported;
use fido_hybrid_proto::webauthn::{LargeBlobOperation, MAX_LARGE_BLOB};

use super::*;

/// A phone that lists these extensions.
fn listing(extensions: &[&str]) -> GetInfoResponse {
    let mut phone = phone();
    phone.extensions = extensions.iter().map(|name| (*name).to_owned()).collect();
    phone
}

/// The options of a registration with these extensions, discoverable.
fn to_create(extensions: Value) -> CreationOptions {
    let json = with(creation_json(), "authenticatorSelection", json!({"residentKey": "required"}));
    creation(&with(json, "extensions", extensions)).unwrap()
}

/// The options of a sign-in with these extensions and one passkey.
fn to_get(extensions: Value) -> RequestOptions {
    let allowed = json!([{"type": "public-key", "id": "-_-_AQ"}]);
    let json = with(request_json(), "allowCredentials", allowed);
    request(&with(json, "extensions", extensions)).unwrap()
}

fn registered_with(outputs: &[(&str, &[u8])]) -> MakeCredentialResponse {
    let outputs = outputs.iter().map(|(name, it)| ((*name).to_owned(), statement(it))).collect();
    let data = registered(AAGUID).with_extensions(outputs);
    MakeCredentialResponse::new(FORMAT_NONE, data, RawCbor::empty_map())
}

/// What the relying party gets of this response.
fn created(options: &CreationOptions, response: MakeCredentialResponse) -> Value {
    let prepared = options.prepare(origin()).unwrap();
    let answer = prepared.finish(&phone(), response).unwrap().to_json();
    results(answer.expose())
}

/// What the relying party gets of this response.
fn got(options: &RequestOptions, response: GetAssertionResponse) -> Value {
    let prepared = options.prepare(origin()).unwrap();
    results(prepared.finish(&phone(), response).unwrap().to_json().expose())
}

fn results(answer: &str) -> Value {
    let answer: Value = serde_json::from_str(answer).unwrap();
    answer["clientExtensionResults"].clone()
}

// Large blobs.

#[test]
fn a_large_blob_is_asked_for_with_a_discoverable_passkey_of_a_phone_that_lists_it() {
    use LargeBlobSupport::{Preferred, Required};
    let refused = Err(Unsupported::LargeBlob);
    for (support, resident_key, extensions, expected) in [
        ("required", "required", &["largeBlob"][..], Ok(Some(Required))),
        ("required", "preferred", &["largeBlob"], Ok(Some(Required))),
        ("required", "discouraged", &["largeBlob"], refused),
        ("required", "required", &["prf", "largeBlobKey"], refused),
        ("preferred", "required", &["largeBlob"], Ok(Some(Preferred))),
        ("preferred", "discouraged", &["largeBlob"], Ok(None)),
        ("preferred", "required", &["prf"], Ok(None)),
        ("cherished", "required", &["largeBlob"], Ok(Some(Preferred))),
    ] {
        let json = with(
            creation_json(),
            "authenticatorSelection",
            json!({"residentKey": resident_key, "userVerification": "required"}),
        );
        let extension = json!({"largeBlob": {"support": support}});
        let options = creation(&with(json, "extensions", extension)).unwrap();
        let prepared = options.prepare(origin()).unwrap();
        let sent = prepared.request_for(&listing(extensions));
        let sent = sent.map(|request| request.extensions.large_blob);
        assert_eq!(sent, expected, "{support}, {resident_key}, {extensions:?}");
    }
    let error = Error::new(Stage::Ready, Unsupported::LargeBlob);
    assert_eq!(error.advice(), Advice::UseAnotherDevice);
    assert_eq!(error.dom_exception(), DomException::NotAllowed);
}

#[test]
fn a_registration_tells_whether_the_passkey_can_hold_a_blob() {
    let asked = to_create(json!({"largeBlob": {}}));
    for (output, supported) in [(None, false), (Some(false), false), (Some(true), true)] {
        let mut response = registered_with(&[]);
        response.unsigned_extensions.large_blob =
            output.map(|supported| LargeBlobRegistrationOutput { supported });
        let answer = created(&asked, response.clone());
        assert_eq!(answer, json!({"largeBlob": {"supported": supported}}));
        assert_eq!(created(&to_create(json!({})), response), json!({}), "unasked");
    }
}

#[test]
fn a_blob_is_written_as_deflate_with_its_length() {
    let options = to_get(json!({"largeBlob": {"write": "AQID"}}));
    assert_eq!(
        options.extensions.large_blob,
        Some(LargeBlobOperation::Write(vec![1, 2, 3].into()))
    );
    let prepared = options.prepare(origin()).unwrap();
    let sent = prepared.request_for(&listing(&["largeBlob"])).unwrap();
    // One stored block [RFC 1951 §3.2.4].
    let write = LargeBlob {
        compressed: b"\x01\x03\x00\xfc\xff\x01\x02\x03".as_slice().into(),
        original_size: 3,
    };
    assert_eq!(sent.extensions.large_blob, Some(LargeBlobAssertionInput::Write(write)));
    let sent = prepared.request_for(&phone()).unwrap();
    assert_eq!(sent.extensions.large_blob, None, "a phone that does not list it");

    for (output, written) in [
        (None, false),
        (Some(LargeBlobAssertionOutput::written(false)), false),
        (Some(LargeBlobAssertionOutput::written(true)), true),
        (Some(LargeBlobAssertionOutput::read(None)), false),
    ] {
        let mut response = signed();
        response.unsigned_extensions.large_blob = output;
        let assertion = options.prepare(origin()).unwrap().finish(&phone(), response).unwrap();
        assert_eq!(assertion.large_blob_written(), Some(written));
        assert_eq!(assertion.large_blob(), None);
        let answer = results(assertion.to_json().expose());
        assert_eq!(answer, json!({"largeBlob": {"written": written}}));
    }
}

#[test]
fn a_blob_is_read_however_it_was_compressed() {
    let options = to_get(json!({"largeBlob": {"read": true}}));
    let prepared = options.prepare(origin()).unwrap();
    let sent = prepared.request_for(&listing(&["largeBlob"])).unwrap();
    assert_eq!(sent.extensions.large_blob, Some(LargeBlobAssertionInput::Read));

    // "large blob" by zlib, and as stored.
    let zlib = &b"\xcb\x49\x2c\x4a\x4f\x55\x48\xca\xc9\x4f\x02\x00"[..];
    let stored = &b"\x01\x0a\x00\xf5\xfflarge blob"[..];
    let text = Some("bGFyZ2UgYmxvYg");
    for (blob, expected) in [
        (Some((zlib, 10)), text),
        (Some((stored, 10)), text),
        (Some((b"\x03\x00", 0)), Some("")),
        (None, None),
        // As in Chromium, what cannot be read is left out.
        (Some((zlib, 11)), None),
        (Some((zlib, u64::MAX)), None),
        (Some((zlib, MAX_LARGE_BLOB as u64 + 1)), None),
        (Some((b"large blob", 10)), None),
    ] {
        let blob = blob.map(|(compressed, original_size)| LargeBlob {
            compressed: compressed.into(),
            original_size,
        });
        let mut response = signed();
        response.unsigned_extensions.large_blob = Some(LargeBlobAssertionOutput::read(blob));
        let assertion =
            options.prepare(origin()).unwrap().finish(&phone(), response.clone()).unwrap();
        assert_eq!(assertion.large_blob_written(), None);
        let answer = results(assertion.to_json().expose());
        assert_eq!(answer["largeBlob"].get("blob").and_then(Value::as_str), expected);
        assert_eq!(answer["largeBlob"].as_object().unwrap().len(), expected.iter().count());
        assert_eq!(got(&to_get(json!({"prf": {}})), response), json!({"prf": {}}), "unasked");
    }
}

#[test]
fn a_blob_that_fills_a_request_is_refused_before_there_is_a_phone() {
    let blob =
        |length: usize| json!({"largeBlob": {"write": BASE64URL_NOPAD.encode(&vec![7; length])}});
    let encoded = |length| {
        let prepared = to_get(blob(length)).prepare(origin()).unwrap();
        fido_hybrid_proto::client::PhoneRequest::try_from(prepared).map(drop)
    };
    assert_eq!(encoded(60_000), Ok(()));
    assert_eq!(encoded(66_000), Err(Unsupported::RequestTooLong));
}

// What is refused, and the exception that a page gets.

#[test]
fn extensions_that_cannot_be_meant_are_refused_by_name() {
    use DomException::{NotAllowed, NotSupported, Security, Syntax};
    use OptionsError::{AppId, NotOnPhones, OtherCeremony, Url};
    let unsupported = OptionsError::Unsupported;
    for (extensions, error, exception) in [
        (json!({"appid": ""}), OtherCeremony("extensions.appid"), NotSupported),
        (
            json!({"cableAuthentication": []}),
            OtherCeremony("extensions.cableAuthentication"),
            NotSupported,
        ),
        (
            json!({"largeBlob": {"read": false}}),
            OtherCeremony("extensions.largeBlob.read"),
            NotSupported,
        ),
        (
            json!({"largeBlob": {"write": ""}}),
            OtherCeremony("extensions.largeBlob.write"),
            NotSupported,
        ),
        (json!({"payment": {"isPayment": true}}), NotOnPhones("extensions.payment"), NotSupported),
        (
            json!({"remoteClientDataJSON": "{}"}),
            unsupported("extensions.remoteClientDataJSON"),
            NotAllowed,
        ),
        (json!({"appidExclude": "app"}), Url("extensions.appidExclude"), Syntax),
        (
            json!({"appidExclude": "https://example.org"}),
            AppId("extensions.appidExclude"),
            Security,
        ),
    ] {
        let refused = to_create(extensions.clone()).prepare(origin()).unwrap_err();
        assert_eq!(refused, error, "{extensions}");
        assert_eq!(DomException::from(&refused), exception, "{extensions}");
    }
    for (extensions, error, exception) in [
        (json!({"credProps": true}), OtherCeremony("extensions.credProps"), NotSupported),
        (
            json!({"largeBlob": {"support": "preferred"}}),
            OtherCeremony("extensions.largeBlob.support"),
            NotSupported,
        ),
        (
            json!({"largeBlob": {"read": true, "write": "AA"}}),
            OptionsError::LargeBlobReadAndWrite,
            NotSupported,
        ),
        (json!({"payment": {}}), unsupported("extensions.payment"), NotAllowed),
        (
            json!({"remoteDesktopClientOverride": {}}),
            unsupported("extensions.remoteDesktopClientOverride"),
            NotAllowed,
        ),
        (json!({"appid": "::"}), Url("extensions.appid"), Syntax),
        (json!({"appid": "https://a.example.org/"}), AppId("extensions.appid"), Security),
    ] {
        let refused = to_get(extensions.clone()).prepare(origin()).unwrap_err();
        assert_eq!(refused, error, "{extensions}");
        assert_eq!(DomException::from(&refused), exception, "{extensions}");
        // The origin is looked at first.
        let evil = Origin::parse("https://evil.example").unwrap();
        let refused = to_get(extensions.clone()).prepare(&evil).unwrap_err();
        assert!(matches!(refused, OptionsError::RpId(_)), "{extensions}");
    }
    for harmless in [
        json!({"credProps": false}),
        json!({"appid": "https://example.com/app"}),
        json!({"largeBlob": {"read": false}}),
    ] {
        assert!(to_get(harmless.clone()).prepare(origin()).is_ok(), "{harmless}");
    }
    for harmless in [json!({"payment": {}}), json!({"payment": {"isPayment": 0}})] {
        assert!(to_create(harmless.clone()).prepare(origin()).is_ok(), "{harmless}");
    }
}

#[test]
fn a_blob_is_written_for_exactly_one_passkey() {
    let one = json!({"type": "public-key", "id": "-_-_AQ"});
    for (allowed, is_refused) in
        [(json!([]), true), (json!([one]), false), (json!([one, one]), true)]
    {
        let mut json = request_json();
        json["allowCredentials"] = allowed;
        json["extensions"] = json!({"largeBlob": {"write": "AA"}});
        let prepared = request(&json).unwrap().prepare(origin());
        assert_eq!(prepared.err() == Some(OptionsError::LargeBlobCredentials), is_refused);
        json["extensions"] = json!({"largeBlob": {"read": true}});
        assert!(request(&json).unwrap().prepare(origin()).is_ok());
    }
}

// Extensions that this client or phones answer.

#[test]
fn application_ids_are_answered_by_the_client_alone() {
    let options = to_get(json!({"appid": "https://example.com/app-id.json"}));
    let request = options.prepare(origin()).unwrap().request_for(&listing(&["appid"])).unwrap();
    assert!(request.extensions.is_empty());
    assert_eq!(got(&options, signed()), json!({"appid": false}));
    let options = to_create(json!({"appidExclude": ""}));
    let phone = listing(&["appidExclude"]);
    let request = options.prepare(origin()).unwrap().request_for(&phone).unwrap();
    assert!(request.extensions.is_empty());
    assert_eq!(created(&options, registered_with(&[])), json!({}));
}

#[test]
fn the_older_question_for_a_prf_is_asked_as_prf() {
    let options = to_create(json!({"hmacCreateSecret": true}));
    let request = options.prepare(origin()).unwrap().request_for(&phone()).unwrap();
    assert_eq!(encode(&request.extensions), b"\xa1\x63prf\xa0");
    let request = options.prepare(origin()).unwrap().request_for(&listing(&[])).unwrap();
    assert!(request.extensions.is_empty());
    for (output, signed, expected) in [
        (None, &[][..], false),
        (Some(PrfRegistrationOutput::new(false)), &[], false),
        (Some(PrfRegistrationOutput::new(true)), &[], true),
        // By the older name, as Chromium reads it.
        (None, &[("hmac-secret", &[0xf5][..])], true),
        (None, &[("hmac-secret", &[0xf4][..])], false),
    ] {
        let mut response = registered_with(signed);
        response.unsigned_extensions.prf = output;
        let answer = created(&options, response.clone());
        assert_eq!(answer, json!({"hmacCreateSecret": expected}));
        let both = to_create(json!({"hmacCreateSecret": 1, "prf": {}}));
        let expected = json!({"hmacCreateSecret": expected, "prf": {"enabled": expected}});
        assert_eq!(created(&both, response), expected);
    }
}

#[test]
fn the_shortest_pin_is_asked_of_phones_that_list_it_and_stays_where_it_is_signed() {
    let options = to_create(json!({"minPinLength": true}));
    let prepared = options.prepare(origin()).unwrap();
    let request = prepared.request_for(&listing(&["minPinLength"])).unwrap();
    assert_eq!(encode(&request.extensions), b"\xa1\x6cminPinLength\xf5");
    assert!(prepared.request_for(&phone()).unwrap().extensions.is_empty());
    let response = registered_with(&[("minPinLength", &[4])]);
    assert_eq!(created(&options, response), json!({}));
    let unasked = to_create(json!({"minPinLength": false})).prepare(origin()).unwrap();
    assert!(unasked.request_for(&listing(&["minPinLength"])).unwrap().extensions.is_empty());
}

// Extensions that this crate does not know.

#[test]
fn an_unknown_extension_goes_to_phones_that_list_it_and_its_output_comes_back() {
    let input = json!({"telepathy": {"depth": 3, "to": ["ada", null, true]}, "never": false});
    let options = to_create(input.clone());
    assert!(options.extensions.unknown.is_empty());
    let prepared = options.prepare(origin()).unwrap();
    let request = prepared.request_for(&listing(&["telepathy", "prf"])).unwrap();
    let bytes = b"\xa1\x69telepathy\xa2\x62to\x83\x63ada\xf6\xf5\x65depth\x03";
    assert_eq!(encode(&request.extensions), bytes);
    assert!(prepared.request_for(&phone()).unwrap().extensions.is_empty());
    assert!(prepared.longest_request().extensions.is_empty());

    // Signed, not signed, both, without a form in JSON.
    let output = |bytes: &[u8]| statement(bytes);
    for (signed_output, unsigned, expected) in [
        (None, None, json!({})),
        (Some(&[1][..]), None, json!({"telepathy": 1})),
        (None, Some(&b"\x43\xfb\xff\xbf"[..]), json!({"telepathy": "-_-_"})),
        (Some(&[1]), Some(&[2]), json!({"telepathy": 2})),
        (Some(&b"\xa1\x01\xf5"[..]), None, json!({})),
    ] {
        let signed_outputs: Vec<_> =
            signed_output.iter().map(|bytes| ("telepathy", *bytes)).collect();
        let mut response = registered_with(&signed_outputs);
        let mut sign_in = signed();
        sign_in.auth_data = sign_in.auth_data.with_extensions(
            signed_outputs.iter().map(|(name, it)| ((*name).to_owned(), output(it))).collect(),
        );
        if let Some(unsigned) = unsigned {
            let name = "telepathy";
            response.unsigned_extensions.other.insert(name, output(unsigned)).unwrap();
            sign_in.unsigned_extensions.other.insert(name, output(unsigned)).unwrap();
        }
        assert_eq!(created(&options, response.clone()), expected);
        assert_eq!(created(&to_create(json!({})), response), json!({}), "unasked");
        assert_eq!(got(&to_get(input.clone()), sign_in.clone()), expected);
        assert_eq!(got(&to_get(json!({})), sign_in), json!({}), "unasked");
    }
}

#[test]
fn a_program_adds_an_extension_in_cbor() {
    let mut options = to_get(json!({}));
    options.extensions.other.insert("bytes", statement(b"\x43\x01\x02\x03")).unwrap();
    let prepared = options.prepare(origin()).unwrap();
    let request = prepared.request_for(&listing(&["bytes"])).unwrap();
    assert_eq!(encode(&request.extensions), b"\xa1\x65bytes\x43\x01\x02\x03");
}

#[test]
fn no_page_writes_ctap_in_place_of_the_client() {
    let names = [
        "appid",
        "credBlob",
        "credProtect",
        "devicePubKey",
        "hmac-secret",
        "hmac-secret-mc",
        "hmacGetSecret",
        "largeBlobKey",
        "supplementalPubKeys",
        "thirdPartyPayment",
        "uvm",
        "crossDeviceFallbackUrl",
    ];
    let phone = listing(&names);
    let mut inputs: Value = names.map(|name| (name.to_owned(), json!("AA"))).into_iter().collect();
    inputs["appid"] = json!("https://example.com");
    let options = to_get(inputs.clone());
    assert_eq!(options.extensions.cross_device_fallback_url.as_deref(), Some("AA"));
    let request = options.prepare(origin()).unwrap().request_for(&phone).unwrap();
    assert!(request.extensions.is_empty(), "{:?}", request.extensions);
    inputs.as_object_mut().unwrap().remove("appid");
    let options = to_create(inputs);
    let request = options.prepare(origin()).unwrap().request_for(&phone).unwrap();
    assert!(request.extensions.is_empty(), "{:?}", request.extensions);
    assert_eq!(options.extensions.unknown.len(), names.len() - 1);
}

#[test]
fn a_prf_without_inputs_asks_nothing_of_a_phone() {
    let mut options = to_get(json!({"prf": {}}));
    options.user_verification = Requirement::Discouraged;
    let prepared = options.prepare(origin()).unwrap();
    let request = prepared.request_for(&listing(&["prf"])).unwrap();
    assert_eq!((request.extensions.prf, request.options.uv), (None, None));
    let answer = got(&options, signed());
    assert_eq!(answer, json!({"prf": {}}));
}

#[test]
fn an_extension_that_is_not_sent_makes_no_request_too_long() {
    let options = to_get(json!({"future": "x".repeat(70_000)}));
    let prepared = options.prepare(origin()).unwrap();
    let request = prepared.request_for(&listing(&["prf"])).unwrap();
    assert!(request.extensions.is_empty());
    EncodedRequest::try_from(prepared).unwrap();
}

#[test]
fn an_empty_id_has_no_prf_inputs() {
    let allowed = json!([{"type": "public-key", "id": ""}]);
    let mut json = with(request_json(), "allowCredentials", allowed);
    json["extensions"] = json!({"prf": {"evalByCredential": {"": {"first": "AA"}}}});
    let refused = request(&json).unwrap().prepare(origin()).unwrap_err();
    assert_eq!(DomException::from(&refused), DomException::Syntax);
}
