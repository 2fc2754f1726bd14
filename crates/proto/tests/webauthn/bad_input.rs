//! Members of options in each type of JSON, and other bad input: each gets the error that
//! names the member, or is converted as Web IDL has it. `conversions.txt` has the values.
//!
//! Clauses: [Web IDL §3.2] [WebAuthn L3 §5.1.9, §5.1.10].

use fido_hybrid_proto::webauthn::MAX_NAME_LENGTH;

use super::*;

/// The types that members have in Web IDL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Text, boolean, number or enumeration: every value is converted.
    Converted,
    /// Base64.
    Bytes,
    Dictionary,
    Sequence,
    /// A record of dictionaries.
    Record,
}

/// Members that are read: the path in the JSON, the name in errors if it is another, and
/// whether it must be there.
type Member = (&'static str, &'static str, Kind, bool);

const CREATE: &[Member] = &[
    ("challenge", "", Kind::Bytes, true),
    ("rp", "", Kind::Dictionary, true),
    ("rp.id", "", Kind::Converted, false),
    ("rp.name", "", Kind::Converted, false),
    ("user", "", Kind::Dictionary, true),
    ("user.id", "", Kind::Bytes, true),
    ("user.name", "", Kind::Converted, false),
    ("user.displayName", "", Kind::Converted, false),
    ("pubKeyCredParams", "", Kind::Sequence, true),
    ("pubKeyCredParams.0", "pubKeyCredParams", Kind::Dictionary, false),
    ("pubKeyCredParams.0.type", "pubKeyCredParams.type", Kind::Converted, true),
    ("pubKeyCredParams.0.alg", "pubKeyCredParams.alg", Kind::Converted, true),
    ("excludeCredentials", "", Kind::Sequence, false),
    ("excludeCredentials.0", "excludeCredentials", Kind::Dictionary, false),
    ("excludeCredentials.0.id", "excludeCredentials.id", Kind::Bytes, true),
    ("excludeCredentials.0.type", "excludeCredentials.type", Kind::Converted, true),
    ("excludeCredentials.0.transports", "excludeCredentials.transports", Kind::Sequence, false),
    ("authenticatorSelection", "", Kind::Dictionary, false),
    ("authenticatorSelection.authenticatorAttachment", "", Kind::Converted, false),
    ("authenticatorSelection.residentKey", "", Kind::Converted, false),
    ("authenticatorSelection.requireResidentKey", "", Kind::Converted, false),
    ("authenticatorSelection.userVerification", "", Kind::Converted, false),
    ("hints", "", Kind::Sequence, false),
    ("attestation", "", Kind::Converted, false),
    ("attestationFormats", "", Kind::Sequence, false),
    ("timeout", "", Kind::Converted, false),
    ("extensions", "", Kind::Dictionary, false),
    ("extensions.appidExclude", "", Kind::Converted, false),
    ("extensions.credProps", "", Kind::Converted, false),
    ("extensions.credentialProtectionPolicy", "", Kind::Converted, false),
    ("extensions.enforceCredentialProtectionPolicy", "", Kind::Converted, false),
    ("extensions.hmacCreateSecret", "", Kind::Converted, false),
    ("extensions.largeBlob", "", Kind::Dictionary, false),
    ("extensions.largeBlob.support", "", Kind::Converted, false),
    ("extensions.largeBlob.write", "", Kind::Bytes, false),
    ("extensions.minPinLength", "", Kind::Converted, false),
    ("extensions.payment", "", Kind::Dictionary, false),
    ("extensions.prf", "", Kind::Dictionary, false),
    ("extensions.prf.eval", "", Kind::Dictionary, false),
    ("extensions.prf.eval.first", "", Kind::Bytes, true),
    ("extensions.prf.eval.second", "", Kind::Bytes, false),
    ("extensions.prf.evalByCredential", "", Kind::Record, false),
    ("extensions.telepathy", "", Kind::Converted, false),
];

const GET: &[Member] = &[
    ("challenge", "", Kind::Bytes, true),
    ("rpId", "", Kind::Converted, false),
    ("allowCredentials", "", Kind::Sequence, false),
    ("allowCredentials.0", "allowCredentials", Kind::Dictionary, false),
    ("allowCredentials.0.id", "allowCredentials.id", Kind::Bytes, true),
    ("allowCredentials.0.type", "allowCredentials.type", Kind::Converted, true),
    ("allowCredentials.0.transports", "allowCredentials.transports", Kind::Sequence, false),
    ("userVerification", "", Kind::Converted, false),
    ("hints", "", Kind::Sequence, false),
    ("timeout", "", Kind::Converted, false),
    ("extensions", "", Kind::Dictionary, false),
    ("extensions.appid", "", Kind::Converted, false),
    ("extensions.crossDeviceFallbackUrl", "", Kind::Converted, false),
    ("extensions.largeBlob", "", Kind::Dictionary, false),
    ("extensions.largeBlob.read", "", Kind::Converted, false),
    ("extensions.largeBlob.write", "", Kind::Bytes, false),
    ("extensions.prf", "", Kind::Dictionary, false),
    ("extensions.prf.eval", "", Kind::Dictionary, false),
    ("extensions.prf.eval.first", "", Kind::Bytes, true),
    ("extensions.prf.eval.second", "", Kind::Bytes, false),
    ("extensions.prf.evalByCredential", "", Kind::Record, false),
    ("extensions.telepathy", "", Kind::Converted, false),
];

/// Options that have every dictionary and list, so that a member can be set in it.
fn full_creation() -> Value {
    let mut json = creation_json();
    json["excludeCredentials"] = json!([{"type": "public-key", "id": "AA"}]);
    json["authenticatorSelection"] = json!({});
    json["extensions"] = json!({"largeBlob": {}, "prf": {"eval": {"first": "AA"}}});
    json
}

fn full_request() -> Value {
    let mut json = request_json();
    json["allowCredentials"] = json!([{"type": "public-key", "id": "AA"}]);
    json["extensions"] = json!({"largeBlob": {}, "prf": {"eval": {"first": "AA"}}});
    json
}

/// Checks that `value` for a member gets the error of its kind.
fn judge(member: &Member, value: &Value, read: Result<(), OptionsError>) {
    let &(path, named, kind, is_required) = member;
    let named = if named.is_empty() { path } else { named };
    let is_container = value.is_object() || value.is_array();
    let told = |error: OptionsError| error.to_string().starts_with(named);
    let row = format!("{path} = {value}: {read:?}");
    // An element of a list must be a dictionary, also if it is null.
    if value.is_null() && !path.ends_with(".0") {
        let expected = if is_required { Err(OptionsError::Missing(named)) } else { Ok(()) };
        assert_eq!(read, expected, "{row}");
        return;
    }
    match (kind, read) {
        // An enumeration whose only value is required may be unknown then.
        (Kind::Converted, Err(OptionsError::NothingKnown(list))) => {
            assert!(path.starts_with(list) && path.ends_with(".type"), "{row}");
        }
        (Kind::Converted, read) => assert_eq!(read, Ok(()), "{row}"),
        (Kind::Dictionary | Kind::Record, Err(error)) if !is_container => {
            assert!(matches!(error, OptionsError::Type { .. }) && told(error), "{row}");
            assert_eq!(DomException::from(&error), DomException::Type);
        }
        (Kind::Dictionary | Kind::Record, read) => {
            assert!(is_container, "{row}");
            // What is missing in it is inside.
            assert!(read.is_ok() || told(read.unwrap_err()), "{row}");
        }
        (Kind::Sequence, Err(error)) if !value.is_array() => {
            assert!(matches!(error, OptionsError::Type { .. }) && told(error), "{row}");
            assert_eq!(DomException::from(&error), DomException::Type);
        }
        (Kind::Sequence, read) => assert!(value.is_array() && read.is_ok(), "{row}"),
        (Kind::Bytes, Err(error)) => {
            let is_right = matches!(error, OptionsError::Base64(_) | OptionsError::Length(_));
            assert!(is_right && told(error), "{row}");
        }
        (Kind::Bytes, Ok(())) => assert!(!value.is_object(), "{row}"),
    }
}

#[test]
fn every_member_in_every_type_gets_its_value_or_the_error_that_names_it() {
    let values = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(12),
        json!(-1.5),
        json!("AA"),
        json!("*"),
        json!([]),
        json!({}),
    ];
    for value in &values {
        for member in CREATE {
            let read = creation(&with(full_creation(), member.0, value.clone())).map(drop);
            judge(member, value, read);
        }
        for member in GET {
            let read = request(&with(full_request(), member.0, value.clone())).map(drop);
            judge(member, value, read);
        }
    }
}

#[test]
fn names_that_no_request_has_room_for_are_refused_by_name() {
    for (member, reads) in [("rp.name", true), ("user.name", true), ("user.displayName", true)] {
        for (length, is_read) in
            [(MAX_NAME_LENGTH, reads), (MAX_NAME_LENGTH + 1, false), (65_536, false)]
        {
            let json = with(creation_json(), member, "a".repeat(length).into());
            let read = creation(&json);
            if is_read {
                let prepared = read.unwrap().prepare(origin()).unwrap();
                let encoded = fido_hybrid_proto::client::PhoneRequest::try_from(prepared);
                assert!(encoded.is_ok(), "{member} of {length} bytes");
            } else {
                let error = read.unwrap_err();
                assert_eq!(error, OptionsError::Length(member), "{length}");
                assert_eq!(DomException::from(&error), DomException::Type);
                assert_eq!(error.to_string(), format!("{member} has an invalid length"));
            }
        }
    }
    // Other texts of that length mean nothing, or are no domain.
    let long = json!("a".repeat(65_536));
    for member in ["attestation", "authenticatorSelection.residentKey", "hints.0"] {
        let mut json = full_creation();
        json["hints"] = json!([""]);
        assert!(creation(&with(json, member, long.clone())).is_ok(), "{member}");
    }
    let error = creation(&with(creation_json(), "rp.id", long)).unwrap().prepare(origin());
    assert!(matches!(error.unwrap_err(), OptionsError::RpId(RpIdError::Domain(_))));
}

#[test]
fn half_an_emoji_is_replaced_in_a_text_and_refused_in_base64() {
    let json = creation_json().to_string().replace("\"Ada\"", r#""Ada \ud83d""#);
    let options = CreationOptions::from_json(&json).unwrap();
    assert_eq!(options.user.display_name.as_deref(), Some("Ada \u{fffd}"));
    for (member, json) in [
        ("challenge", creation_json().to_string().replace("AAECAw", r"AA\ude00")),
        ("user.id", creation_json().to_string().replace("Bwg", r"\ud83dBwg")),
    ] {
        assert_eq!(CreationOptions::from_json(&json), Err(OptionsError::Base64(member)));
    }
    let json = request_json().to_string().replace("AAECAw", r"\ud83d");
    assert_eq!(RequestOptions::from_json(&json), Err(OptionsError::Base64("challenge")));
    let json = request_json().to_string().replace("example.com", r"example.com\ud83d");
    let refused = RequestOptions::from_json(&json).unwrap().prepare(origin()).unwrap_err();
    assert!(matches!(refused, OptionsError::RpId(_)));
    // In the name of a member, it makes another name.
    let json = request_json().to_string().replace("challenge", r"challenge\ud83d");
    assert_eq!(RequestOptions::from_json(&json), Err(OptionsError::Missing("challenge")));
}

#[test]
fn of_members_with_one_name_the_last_counts() {
    // As in JavaScript's JSON.parse.
    let json = r#"{"challenge":"AA","rpId":"evil.example","challenge":"AQ","rpId":"example.com"}"#;
    let options = RequestOptions::from_json(json).unwrap();
    assert_eq!((&*options.challenge, options.rp_id.as_deref()), (&[1][..], Some("example.com")));
    let json = r#"{"challenge":"AA","challenge":"*"}"#;
    assert_eq!(RequestOptions::from_json(json), Err(OptionsError::Base64("challenge")));
    let json = r#"{"challenge":"AA","challenge":null}"#;
    assert_eq!(RequestOptions::from_json(json), Err(OptionsError::Missing("challenge")));
    let json = r#"{"challenge":"AA","extensions":{"prf":1,"prf":{}}}"#;
    assert!(RequestOptions::from_json(json).unwrap().extensions.prf.is_some());
    let json = r#"{"publicKey":{"challenge":"AA"},"publicKey":{"challenge":"AQ"}}"#;
    assert_eq!(RequestOptions::from_json(json).unwrap().challenge, [1]);
}
