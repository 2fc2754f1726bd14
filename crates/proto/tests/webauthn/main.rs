//! WebAuthn JSON through the public API: options in, requests and answers out.
//! Expected bytes were put together by hand, outside this crate.
//!
//! Clauses: [WebAuthn L3 §5.1.3, §5.1.4, §5.1.8, §5.1.9, §5.1.10].

#![cfg(feature = "webauthn")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod answers;
mod bad_input;
mod client_data;
mod extensions;
mod platform_tests;

use std::time::Duration;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER as HEX};
use fido_hybrid_proto::cbor;
use fido_hybrid_proto::crypto::{SecretKey, sha256};
use fido_hybrid_proto::ctap::extensions::{
    CredProtect, PrfAssertionOutput, PrfRegistrationOutput, PrfValues,
};
use fido_hybrid_proto::ctap::{
    Aaguid, Algorithm, AttestedCredential, AuthenticatorData, CoseKey, CredentialDescriptor,
    CredentialId, CredentialParameters, FIDO_2_0, FORMAT_NONE, FORMAT_PACKED, Flags,
    GetAssertionResponse, GetInfoResponse, MakeCredentialResponse, RawCbor, Status, User,
    UserHandle,
};
use fido_hybrid_proto::error::{
    Advice, DomException, DomainError, Error, MAX_OPTIONS, OptionsError, RpIdError, Stage,
};
use fido_hybrid_proto::secret::{PrfOutput, SecretBytes};
use fido_hybrid_proto::webauthn::{
    AnswerError, AttestationPreference, AuthenticatorAttachment, Caller, CreationOptions,
    Mediation, Origin, RequestOptions, Requirement, prf_input,
};
use serde_json::{Value, json};

const ID: [u8; 4] = [0xfb, 0xff, 0xbf, 0x01];

/// Microsoft Authenticator on Android.
const AAGUID: Aaguid = Aaguid([
    0xde, 0x1e, 0x55, 0x2d, 0xdb, 0x1d, 0x44, 0x23, 0xa6, 0x19, 0x56, 0x6b, 0x62, 0x5c, 0xdc, 0x84,
]);

fn origin() -> Origin {
    Origin::parse("https://login.example.com").unwrap()
}

fn creation_json() -> Value {
    json!({
        "challenge": "AAECAw",
        "rp": {"id": "example.com", "name": "Example"},
        "user": {"id": "Bwg", "name": "ada", "displayName": "Ada"},
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
    })
}

fn request_json() -> Value {
    json!({"challenge": "AAECAw", "rpId": "example.com"})
}

fn creation(json: &Value) -> Result<CreationOptions, OptionsError> {
    CreationOptions::from_json(&json.to_string())
}

fn request(json: &Value) -> Result<RequestOptions, OptionsError> {
    RequestOptions::from_json(&json.to_string())
}

/// `json` with the member at a path such as `user.id` set.
fn with(mut json: Value, path: &str, value: Value) -> Value {
    let mut at = &mut json;
    for key in path.split('.') {
        at = match key.parse::<usize>() {
            Ok(index) => &mut at[index],
            Err(_) => &mut at[key],
        };
    }
    *at = value;
    json
}

fn registered(aaguid: Aaguid) -> AuthenticatorData {
    let key = SecretKey::from_scalar(&[0x42; 32]).unwrap();
    let flags = Flags::USER_PRESENT | Flags::USER_VERIFIED | Flags::BACKUP_ELIGIBLE;
    AuthenticatorData::new(sha256(&[b"example.com"]), flags | Flags::BACKED_UP, 0).with_credential(
        AttestedCredential {
            aaguid,
            id: CredentialId::new(ID).unwrap(),
            public_key: CoseKey::from_es256(key.public_key()),
        },
    )
}

fn signed() -> GetAssertionResponse {
    let flags = Flags::USER_PRESENT | Flags::USER_VERIFIED | Flags::BACKUP_ELIGIBLE;
    let mut response = GetAssertionResponse::new(
        CredentialDescriptor::new(CredentialId::new(ID).unwrap()),
        AuthenticatorData::new(sha256(&[b"example.com"]), flags | Flags::BACKED_UP, 7),
        SecretBytes::new(vec![0x30, 6, 2, 1, 1, 2, 1, 2]),
    );
    response.user = Some(User::from_handle(UserHandle::new([7, 8]).unwrap()));
    response
}

/// The getInfo of a phone as most are.
fn phone() -> GetInfoResponse {
    let mut phone = GetInfoResponse::new(vec![FIDO_2_0.to_owned()], AAGUID);
    phone.options = ["rk", "uv"].map(|name| (name.to_owned(), true)).into();
    phone.extensions = vec!["prf".to_owned()];
    phone.transports = ["internal", "hybrid"].map(str::to_owned).into();
    phone
}

fn statement(bytes: &[u8]) -> RawCbor {
    RawCbor::new(bytes.to_vec()).unwrap()
}

// Requests.

#[test]
fn a_registration_is_asked_as_its_options_say() {
    let json = with(creation_json(), "authenticatorSelection", json!({"residentKey": "required"}));
    let prepared = creation(&json).unwrap().prepare(origin()).unwrap();
    let request = prepared.request_for(&phone()).unwrap();
    let client_data = br#"{"type":"webauthn.create","challenge":"AAECAw","origin":"https://login.example.com","crossOrigin":false}"#;
    assert_eq!(prepared.client_data().as_bytes(), client_data);
    assert_eq!(request.client_data_hash, sha256(&[client_data]));
    assert_eq!(request.rp.id, "example.com");
    assert_eq!(request.rp.name.as_deref(), Some("Example"));
    assert_eq!(request.user, User::new(UserHandle::new([7, 8]).unwrap(), "ada", "Ada"));
    assert_eq!(request.parameters, [CredentialParameters::new(Algorithm::ES256)]);
    assert_eq!(request.options.rk, Some(true));
    assert_eq!(request.options.uv, Some(true), "preferred is the default");
    assert!(request.extensions.is_empty());
    assert_eq!(prepared.timeout, None);
}

#[test]
fn a_sign_in_is_asked_as_its_options_say() {
    let json = with(
        request_json(),
        "allowCredentials",
        json!([{"type": "public-key", "id": "-_-_AQ", "transports": ["hybrid", "smoke"]}]),
    );
    let options = request(&json).unwrap();
    assert_eq!(options.allow_credentials[0].transports, ["hybrid", "smoke"]);
    let prepared = options.prepare(origin()).unwrap();
    let request = prepared.request_for(&phone()).unwrap();
    let client_data = br#"{"type":"webauthn.get","challenge":"AAECAw","origin":"https://login.example.com","crossOrigin":false}"#;
    assert_eq!(prepared.client_data().as_bytes(), client_data);
    assert_eq!(request.client_data_hash, sha256(&[client_data]));
    assert_eq!(request.rp_id, "example.com");
    // Transports are not for phones.
    assert_eq!(request.allow_list, [CredentialDescriptor::new(CredentialId::new(ID).unwrap())]);
    assert_eq!(request.options.uv, Some(true));
}

#[test]
fn options_are_read_bare_and_wrapped() {
    let wrapped = json!({"signal": {}, "publicKey": creation_json()});
    assert_eq!(creation(&wrapped), creation(&creation_json()));
    let wrapped = json!({"publicKey": request_json()});
    assert_eq!(request(&wrapped), request(&request_json()));
}

#[test]
fn mediation_is_read_where_options_are_wrapped() {
    for (name, expected) in [
        ("silent", Mediation::Silent),
        ("optional", Mediation::Optional),
        ("conditional", Mediation::Conditional),
        ("required", Mediation::Required),
    ] {
        let wrapped = json!({"mediation": name, "publicKey": creation_json()});
        assert_eq!(creation(&wrapped).unwrap().mediation, Some(expected));
        let wrapped = json!({"mediation": [name], "publicKey": request_json()});
        assert_eq!(request(&wrapped).unwrap().mediation, Some(expected));
    }
    for absent in
        [json!({"publicKey": request_json()}), with(request_json(), "mediation", 1.into())]
    {
        assert_eq!(request(&absent).unwrap().mediation, None);
    }
    for unknown in [json!("immediate"), json!(""), json!("Silent"), json!(1), json!({})] {
        let wrapped = json!({"mediation": unknown, "publicKey": request_json()});
        let error = request(&wrapped).unwrap_err();
        assert!(matches!(error, OptionsError::Type { member: "mediation", .. }), "{unknown}");
    }
}

#[test]
fn hints_and_attachment_are_for_the_program() {
    let mut json = creation_json();
    json["hints"] = json!(["client-device", "telepathy", "hybrid", "hybrid"]);
    json["authenticatorSelection"] = json!({"authenticatorAttachment": "platform"});
    let options = creation(&json).unwrap();
    assert_eq!(options.hints, ["client-device", "telepathy", "hybrid", "hybrid"]);
    assert_eq!(options.authenticator_attachment, Some(AuthenticatorAttachment::Platform));
    let plain = creation(&creation_json()).unwrap();
    let [asked, plainly] =
        [options, plain].map(|it| it.prepare(origin()).unwrap().request_for(&phone()).unwrap());
    assert_eq!(asked, plainly, "no request changes with them");
    let json = with(request_json(), "hints", json!(vec!["hybrid"; 65]));
    assert_eq!(request(&json), Err(OptionsError::TooMany("hints")));
}

#[test]
fn what_is_left_out_or_null_has_webauthns_default() {
    let json = json!({
        "challenge": "",
        "rp": {"id": null},
        "user": {"id": "AA", "displayName": null},
        "pubKeyCredParams": [],
        "excludeCredentials": null,
        "authenticatorSelection": null,
        "attestation": null,
        "timeout": null,
        "extensions": null,
    });
    let options = creation(&json).unwrap();
    assert_eq!((options.rp_id, &*options.rp_name), (None, ""));
    assert_eq!(options.user, User::new(UserHandle::new([0]).unwrap(), "", ""));
    let default = [Algorithm::ES256, Algorithm::RS256].map(CredentialParameters::new);
    assert_eq!(options.parameters, default);
    assert_eq!(options.resident_key, Requirement::Discouraged);
    assert_eq!(options.user_verification, Requirement::Preferred);
    assert_eq!(options.attestation, AttestationPreference::None);
    assert_eq!(options.timeout, None);

    let prepared = request(&json!({"challenge": ""})).unwrap().prepare(origin()).unwrap();
    let request = prepared.request_for(&phone()).unwrap();
    assert_eq!(request.rp_id, "login.example.com");
    assert!(request.allow_list.is_empty());
}

#[test]
fn names_that_a_program_left_out_are_sent_empty() {
    let user = User::from_handle(UserHandle::new([7]).unwrap());
    let parameters = vec![CredentialParameters::new(Algorithm::ES256)];
    let options = CreationOptions::new([0; 16], "", user, parameters);
    let request = options.prepare(origin()).unwrap().request_for(&phone()).unwrap();
    assert_eq!(request.rp.name.as_deref(), Some(""));
    assert_eq!(request.user, User::new(UserHandle::new([7]).unwrap(), "", ""));
}

#[test]
fn what_is_unknown_is_passed_over() {
    let mut json = creation_json();
    json["hints"] = json!(["hybrid"]);
    json["future"] = json!({"a": [1, 2.5, null]});
    json["attestation"] = json!("notarized");
    json["authenticatorSelection"] = json!({
        "authenticatorAttachment": "platform",
        "residentKey": "cherished",
        "requireResidentKey": true,
        "userVerification": "celebrated",
    });
    json["pubKeyCredParams"] =
        json!([{"type": "secret-key", "alg": -7}, {"type": "public-key", "alg": -8}]);
    json["excludeCredentials"] = json!([{"type": "password", "id": "AA"}]);
    json["extensions"] = json!({"telepathy": 0.5, "credProps": true, "credBlob": "AA"});
    let options = creation(&json).unwrap();
    assert_eq!(options.attestation, AttestationPreference::None);
    assert_eq!(options.resident_key, Requirement::Required, "as requireResidentKey says");
    assert_eq!(options.user_verification, Requirement::Preferred);
    assert_eq!(options.parameters, [CredentialParameters::new(Algorithm::EDDSA)]);
    assert!(options.exclude_credentials.is_empty());
    assert!(options.extensions.cred_props);
    assert_eq!(options.extensions.unknown, ["credBlob", "telepathy"]);
    let request = options.prepare(origin()).unwrap().request_for(&phone()).unwrap();
    assert!(request.extensions.is_empty());
}

#[test]
fn timeouts_are_brought_into_the_range_of_webauthn() {
    let range = [
        (0, 300_000),
        (60_000, 300_000),
        (299_999, 300_000),
        (300_000, 300_000),
        (420_000, 420_000),
        (600_000, 600_000),
        (600_001, 600_000),
        (u64::from(u32::MAX), 600_000),
    ];
    for (timeout, milliseconds) in range {
        let expected = Some(Duration::from_millis(milliseconds));
        let json = with(request_json(), "timeout", json!(timeout));
        let prepared = request(&json).unwrap().prepare(origin()).unwrap();
        assert_eq!(prepared.timeout, expected, "{timeout}");
        let json = with(creation_json(), "timeout", json!(timeout));
        let prepared = creation(&json).unwrap().prepare(origin()).unwrap();
        assert_eq!(prepared.timeout, expected, "{timeout}");
    }
    assert_eq!(request(&request_json()).unwrap().timeout, None, "the client's own limit");
}

#[test]
fn a_program_may_choose_another_timeout() {
    let mut options = RequestOptions::new([1]);
    options.timeout = Some(Duration::from_secs(90));
    assert_eq!(options.prepare(origin()).unwrap().timeout, Some(Duration::from_secs(90)));
}

#[test]
fn attestation_formats_are_those_of_the_relying_party_or_none() {
    let mut listing = phone();
    listing.attestation_formats = vec![FORMAT_PACKED.to_owned()];
    for (attestation, asked) in [
        ("none", FORMAT_NONE),
        ("notarized", FORMAT_NONE),
        ("indirect", "tpm"),
        ("direct", "tpm"),
        ("enterprise", "tpm"),
    ] {
        let mut json = creation_json();
        json["attestation"] = json!(attestation);
        json["attestationFormats"] = json!(["tpm"]);
        let prepared = creation(&json).unwrap().prepare(origin()).unwrap();
        let request = prepared.request_for(&listing).unwrap();
        assert_eq!(request.attestation_formats, [asked], "{attestation}");
        assert_eq!(request.enterprise_attestation, None);
        // A phone that lists no format may not know the member.
        let request = prepared.request_for(&phone()).unwrap();
        let expected: &[&str] = if asked == FORMAT_NONE { &[] } else { &[asked] };
        assert_eq!(request.attestation_formats, expected, "{attestation}");
        // The longest request is as long as any.
        assert_eq!(prepared.longest_request().attestation_formats, [asked]);
    }
}

#[test]
fn transports_are_those_of_the_phone_and_the_one_that_was_used() {
    for (listed, expected) in [
        (&[][..], &["hybrid"][..]),
        (&["internal", "hybrid"], &["hybrid", "internal"]),
        (&["cable", "hybrid", "internal"], &["hybrid", "internal"]),
        (&["cable"], &["hybrid"]),
        (&["usb", "smoke", "nfc", "usb", "\u{1}"], &["\u{1}", "hybrid", "nfc", "smoke", "usb"]),
    ] {
        let mut phone = phone();
        phone.transports = listed.iter().map(|name| (*name).to_owned()).collect();
        let prepared = creation(&creation_json()).unwrap().prepare(origin()).unwrap();
        let data = registered(AAGUID);
        let response = MakeCredentialResponse::new(FORMAT_NONE, data, RawCbor::empty_map());
        let registration = prepared.finish(&phone, response).unwrap();
        assert_eq!(registration.transports().collect::<Vec<_>>(), expected);
        let answer: Value = serde_json::from_str(registration.to_json().expose()).unwrap();
        assert_eq!(answer["response"]["transports"], json!(expected));
    }
}

#[test]
fn an_answer_has_room_for_the_longest_names_of_transports() {
    let mut phone = phone();
    phone.transports = (0..64).map(|name| char::from(name).to_string().repeat(900)).collect();
    let prepared = creation(&creation_json()).unwrap().prepare(origin()).unwrap();
    let data = registered(AAGUID);
    let response = MakeCredentialResponse::new(FORMAT_NONE, data, RawCbor::empty_map());
    // It asserts that the room was enough.
    let answer = prepared.finish(&phone, response).unwrap().to_json();
    let answer: Value = serde_json::from_str(answer.expose()).unwrap();
    assert_eq!(answer["response"]["transports"].as_array().unwrap().len(), 65);
}

// What Entra sends.

/// `O.` and a signed token: several hundred bytes of text.
fn entra_challenge() -> String {
    let token = |length| BASE64URL_NOPAD.encode(&vec![0xa5; length]);
    format!("O.{}.{}.{}", token(60), token(350), token(256))
}

#[test]
fn entras_provisioning_options_are_read() {
    let challenge = entra_challenge();
    assert!(challenge.len() > 850);
    let json = json!({"publicKey": {
        "challenge": BASE64URL_NOPAD.encode(challenge.as_bytes()),
        "timeout": 60_000,
        "attestation": "direct",
        "rp": {"id": "login.microsoft.com", "name": "Microsoft"},
        "user": {
            "id": BASE64.encode(&[0xfb; 32]),
            "displayName": "Ada",
            "name": "ada@contoso.example",
        },
        "pubKeyCredParams": [
            {"type": "public-key", "alg": -7},
            {"type": "public-key", "alg": -257},
        ],
        "excludeCredentials": [
            {"id": BASE64.encode(&[0xfb; 16]), "type": "public-key", "transports": []},
        ],
        "authenticatorSelection": {
            "authenticatorAttachment": "platform",
            "requireResidentKey": true,
            "userVerification": "required",
        },
        "extensions": {"hmacCreateSecret": true, "enforceCredentialProtectionPolicy": true},
    }});
    let origin = Origin::parse("https://login.microsoft.com").unwrap();
    let options = creation(&json).unwrap();
    assert_eq!(options.challenge, challenge.as_bytes());
    let prepared = options.prepare(&origin).unwrap();
    let request = prepared.request_for(&phone()).unwrap();
    assert_eq!(request.user.id.as_bytes(), [0xfb; 32]);
    assert_eq!(request.exclude_list[0].id.as_bytes(), [0xfb; 16]);
    assert_eq!(request.options.rk, Some(true));
    assert_eq!(prepared.timeout, Some(Duration::from_secs(300)));
    let client_data: Value = serde_json::from_slice(prepared.client_data().as_bytes()).unwrap();
    assert_eq!(client_data["challenge"], BASE64URL_NOPAD.encode(challenge.as_bytes()));
    assert_eq!(client_data["origin"], "https://login.microsoft.com");
}

#[test]
fn entras_sign_in_is_put_together_without_json() {
    let challenge = entra_challenge();
    let mut options = RequestOptions::new(challenge.as_bytes());
    options.rp_id = Some("login.microsoft.com".to_owned());
    options.user_verification = Requirement::Required;
    let origin = Origin::parse("https://login.microsoft.com").unwrap();
    let prepared = options.prepare(&origin).unwrap();
    assert!(prepared.request_for(&phone()).unwrap().allow_list.is_empty());
    let answer = prepared.finish(&phone(), signed()).unwrap().to_json();
    let answer: Value = serde_json::from_str(answer.expose()).unwrap();
    assert_eq!(answer["response"]["userHandle"], "Bwg");
}

#[test]
fn nothing_in_a_relying_partys_json_changes_who_asks() {
    let told = |json: &Value| request(json).unwrap().prepare(origin()).unwrap();
    let expected = told(&request_json()).client_data().clone();
    let mut json = request_json();
    json["origin"] = json!("android:apk-key-hash:AA");
    json["crossOrigin"] = json!(true);
    json["topOrigin"] = json!("https://example.org");
    json["type"] = json!("webauthn.create");
    json["extensions"] = json!({"crossOrigin": true, "clientDataJSON": "{}"});
    assert_eq!(told(&json).client_data(), &expected);
    json["extensions"] = json!({"remoteClientDataJSON": "{}"});
    let refused = request(&json).unwrap().prepare(origin()).unwrap_err();
    assert_eq!(refused, OptionsError::Unsupported("extensions.remoteClientDataJSON"));
    json["extensions"] = json!({});
    let frame = Caller::frame(origin(), Some(Origin::parse("https://example.org").unwrap()));
    let framed = request(&json).unwrap().prepare(&frame).unwrap();
    assert_ne!(framed.client_data(), &expected);
}

// Options that are refused.

#[test]
fn what_is_required_and_not_supported_is_refused_and_named() {
    const POLICY: &str = "extensions.credentialProtectionPolicy";
    let policy = |name| Some(CredProtect::from_name(name).unwrap());
    let (list, required) =
        ("userVerificationOptionalWithCredentialIDList", "userVerificationRequired");
    for (extensions, expected) in [
        (json!({"enforceCredentialProtectionPolicy": true}), Ok((None, false))),
        (json!({"credentialProtectionPolicy": list}), Ok((policy(list), false))),
        (
            json!({
                "credentialProtectionPolicy": required,
                "enforceCredentialProtectionPolicy": true,
            }),
            Ok((policy(required), true)),
        ),
        (json!({"credentialProtectionPolicy": "future"}), Ok((None, false))),
        (
            json!({
                "credentialProtectionPolicy": "future",
                "enforceCredentialProtectionPolicy": true,
            }),
            Err(POLICY),
        ),
    ] {
        let options = creation(&with(creation_json(), "extensions", extensions.clone())).unwrap();
        match (options.prepare(origin()), expected) {
            (Ok(_), Ok(expected)) => {
                let read = &options.extensions;
                assert_eq!((read.cred_protect, read.enforce_cred_protect), expected);
            }
            (Err(refused), Err(member)) => {
                assert_eq!(refused, OptionsError::Unsupported(member));
                assert_eq!(DomException::from(&refused), DomException::NotAllowed);
                let error = Error::new(Stage::Preparing, refused);
                assert_eq!(error.advice(), Advice::UseAnotherDevice);
                assert!(error.to_string().contains(member), "{error}");
            }
            (read, _) => panic!("{extensions}: {read:?}"),
        }
    }
}

#[test]
fn lists_that_are_longer_than_any_request_are_refused() {
    use OptionsError::TooMany;
    let extensions: Value = (0..65).map(|number| (format!("x{number}"), json!(true))).collect();
    for (path, value) in [
        ("pubKeyCredParams", json!(vec![json!({}); 129])),
        ("excludeCredentials", json!(vec![json!({}); 2001])),
        ("attestationFormats", json!(vec![""; 65])),
        ("extensions", extensions.clone()),
    ] {
        let json = with(creation_json(), path, value);
        assert_eq!(creation(&json), Err(TooMany(path)));
    }
    let by_credential: Value = (0..2001).map(|it| (format!("A{it:03}"), json!({}))).collect();
    for (path, value) in [
        ("allowCredentials", json!(vec![json!({}); 2001])),
        ("extensions", extensions),
        ("extensions.prf.evalByCredential", by_credential),
        ("extensions.prf.evalByCredential", json!(vec![json!({}); 2001])),
    ] {
        let json = with(request_json(), path, value);
        assert_eq!(request(&json), Err(TooMany(path)));
    }
}

#[test]
fn an_id_that_is_too_long_for_a_passkey_is_passed_over() {
    let descriptor = |id: &[u8]| json!({"type": "public-key", "id": BASE64URL_NOPAD.encode(id)});
    let [too_long, longest] = [&[7; 1024][..], &[7; 1023]];
    let list = json!([descriptor(too_long), descriptor(longest), descriptor(&[0; 100_000])]);
    let kept = [CredentialDescriptor::new(CredentialId::new(longest).unwrap())];
    let options = creation(&with(creation_json(), "excludeCredentials", list.clone())).unwrap();
    assert_eq!(options.exclude_credentials, kept);
    let options = request(&with(request_json(), "allowCredentials", list)).unwrap();
    assert_eq!(options.allow_credentials, kept);

    let list = json!([descriptor(too_long)]);
    let options = creation(&with(creation_json(), "excludeCredentials", list.clone())).unwrap();
    assert!(options.exclude_credentials.is_empty());
    // Read as empty, it would allow any passkey.
    let refused = request(&with(request_json(), "allowCredentials", list)).unwrap_err();
    assert_eq!(refused, OptionsError::NoPossibleId("allowCredentials"));
    assert_eq!(refused.to_string(), "allowCredentials has only ids that no passkey can have");
    assert_eq!(DomException::from(&refused), DomException::NotAllowed);
}

#[test]
fn what_is_no_options_object_is_refused() {
    for json in ["", "{", "null", "1", "{} {}", "\"AA\""] {
        assert_eq!(CreationOptions::from_json(json), Err(OptionsError::Json), "{json}");
        assert_eq!(RequestOptions::from_json(json), Err(OptionsError::Json), "{json}");
    }
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(RequestOptions::from_json(&deep), Err(OptionsError::Json));
    let fits = format!("{{\"challenge\":\"\"{}}}", " ".repeat(MAX_OPTIONS - 16));
    assert!(RequestOptions::from_json(&fits).is_ok());
    assert_eq!(RequestOptions::from_json(&format!("{fits} ")), Err(OptionsError::TooLong));
}

#[test]
fn an_origin_gets_no_request_for_another_rps_passkeys() {
    for (origin, rp_id, error) in [
        ("https://evilexample.com", "example.com", RpIdError::OtherDomain),
        ("https://example.com.evil.net", "example.com", RpIdError::OtherDomain),
        ("https://example.co.uk", "co.uk", RpIdError::PublicSuffix),
        ("https://example.com", "com", RpIdError::PublicSuffix),
        ("https://example.com", "Example.com", RpIdError::Domain(DomainError::NotCanonical)),
        ("https://example.com", "example.com.", RpIdError::Domain(DomainError::NotCanonical)),
        ("https://example.com", "192.0.2.1", RpIdError::Domain(DomainError::IpAddress)),
        ("http://localhost:8080", "example.com", RpIdError::OtherDomain),
    ] {
        let origin = Origin::parse(origin).unwrap();
        let json = with(creation_json(), "rp.id", json!(rp_id));
        let refused = creation(&json).unwrap().prepare(&origin).unwrap_err();
        assert_eq!(refused, OptionsError::RpId(error), "{origin} {rp_id}");
        assert_eq!(DomException::from(&refused).name(), "SecurityError");
        let json = with(request_json(), "rpId", json!(rp_id));
        let refused = request(&json).unwrap().prepare(&origin).unwrap_err();
        assert_eq!(refused, OptionsError::RpId(error), "{origin} {rp_id}");
    }
    let origin = Origin::parse("http://localhost:8080").unwrap();
    let json = with(request_json(), "rpId", json!("localhost"));
    assert_eq!(request(&json).unwrap().prepare(&origin).unwrap().rp_id(), "localhost");
}

#[test]
fn errors_have_advice_and_a_dom_exception() {
    let error = Error::new(Stage::Preparing, OptionsError::Missing("user.id"));
    assert_eq!(
        error.to_string(),
        "preparing: the relying party's request was refused: user.id is missing"
    );
    assert_eq!(error.advice(), Advice::TellTheSite);
    assert!(!error.can_retry());
    assert_eq!(error.dom_exception().to_string(), "TypeError");
    assert_eq!(DomException::from(Status::CREDENTIAL_EXCLUDED), DomException::InvalidState);
    assert_eq!(DomException::from(Status::NO_CREDENTIALS), DomException::NotAllowed);
    assert_eq!(DomException::from(Status::OPERATION_DENIED), DomException::NotAllowed);
}

// PRF.

#[test]
fn prf_inputs_are_hashed_as_the_vector_says() {
    let vector = fido_hybrid_testkit::vectors::vector("prf/salt-hash");
    let hex = |value: &Value| HEX.decode(value.as_str().unwrap().as_bytes()).unwrap();
    let input = prf_input(&hex(&vector["inputs"]["webauthn_prf_first"]));
    assert_eq!(input.expose().as_slice(), hex(&vector["outputs"]["ctap_prf_first"]));
}

#[test]
fn prf_inputs_reach_the_request() {
    let mut json = request_json();
    json["allowCredentials"] = json!([{"type": "public-key", "id": "-_-_AQ"}]);
    json["extensions"] = json!({"prf": {
        "eval": {"first": "AQ"},
        // Named in the ordinary alphabet, and the same passkey.
        "evalByCredential": {"+/+/AQ==": {"first": "Ag", "second": "Aw"}},
    }});
    let prepared = request(&json).unwrap().prepare(origin()).unwrap();
    let input = prepared.request_for(&phone()).unwrap().extensions.prf.unwrap();
    assert_eq!(input.eval, Some(PrfValues { first: prf_input(&[1]), second: None }));
    let own = PrfValues { first: prf_input(&[2]), second: Some(prf_input(&[3])) };
    assert_eq!(input.values_for(&CredentialId::new(ID).unwrap()), Some(&own));

    json["allowCredentials"][0]["id"] = json!("AAAA");
    let refused = request(&json).unwrap().prepare(origin()).unwrap_err();
    assert_eq!(refused, OptionsError::EvalByCredential);
    assert_eq!(DomException::from(&refused), DomException::Syntax);
    json["allowCredentials"] = json!([]);
    let refused = request(&json).unwrap().prepare(origin()).unwrap_err();
    assert_eq!(refused, OptionsError::NothingToEvalBy);
    assert_eq!(DomException::from(&refused), DomException::NotSupported);
    for id in ["*".to_owned(), BASE64URL_NOPAD.encode(&[0; 1024])] {
        json["extensions"]["prf"]["evalByCredential"] = json!({id: {"first": "AA"}});
        for (allowed, exception) in [
            (json!([]), DomException::NotSupported),
            (json!([{"type": "public-key", "id": "-_-_AQ"}]), DomException::Syntax),
        ] {
            json["allowCredentials"] = allowed;
            let refused = request(&json).unwrap().prepare(origin()).unwrap_err();
            assert_eq!(DomException::from(&refused), exception, "{refused}");
        }
    }
    let refused = OptionsError::Base64("challenge");
    assert_eq!(DomException::from(&refused), DomException::Encoding);
}

#[test]
fn a_registration_with_prf_by_passkey_is_refused_when_it_is_prepared() {
    for by_credential in [json!({}), json!({"-_-_AQ": {"first": "AA"}}), json!([])] {
        let prf = json!({"evalByCredential": by_credential});
        let json = with(creation_json(), "extensions", json!({"prf": prf}));
        let mut options = creation(&json).unwrap();
        // The origin is looked at first.
        let evil = Origin::parse("https://evil.example").unwrap();
        let refused = options.prepare(&evil).unwrap_err();
        assert_eq!(DomException::from(&refused), DomException::Security);
        let refused = options.prepare(origin()).unwrap_err();
        assert_eq!(refused, OptionsError::NothingToEvalBy);
        assert_eq!(DomException::from(&refused), DomException::NotSupported);
        // A program may do without the PRF.
        options.extensions.prf = None;
        assert!(options.prepare(origin()).is_ok());
    }
}

// Answers.

#[test]
fn a_registration_is_answered_with_these_bytes() {
    let mut json = creation_json();
    json["authenticatorSelection"] = json!({"residentKey": "required"});
    json["extensions"] = json!({"credProps": true, "prf": {}});
    let prepared = creation(&json).unwrap().prepare(origin()).unwrap();
    let mut response =
        MakeCredentialResponse::new(FORMAT_NONE, registered(AAGUID), RawCbor::empty_map());
    response.unsigned_extensions.prf = Some(PrfRegistrationOutput::new(true));
    let registration = prepared.finish(&phone(), response).unwrap();
    assert_eq!(registration.to_json().expose(), include_str!("answers/registration.json").trim());
    assert_eq!(registration.credential_id().as_bytes(), ID);
    assert_eq!(format!("{registration:?}"), "Registration { id: CredentialId(4 bytes), .. }");
}

#[test]
fn a_sign_in_is_answered_with_these_bytes() {
    let json = with(request_json(), "extensions", json!({"prf": {"eval": {"first": "AA"}}}));
    let prepared = request(&json).unwrap().prepare(origin()).unwrap();
    let mut response = signed();
    response.unsigned_extensions.prf = Some(PrfAssertionOutput::new(PrfValues {
        first: PrfOutput::new([1; 32]),
        second: Some(PrfOutput::new([2; 32])),
    }));
    let assertion = prepared.finish(&phone(), response).unwrap();
    assert_eq!(assertion.to_json().expose(), include_str!("answers/assertion.json").trim());
    assert_eq!(assertion.user_handle().unwrap().as_bytes(), [7, 8]);
}

#[test]
fn extensions_are_answered_only_if_they_were_asked_for() {
    let results = |json: &Value, output: Option<PrfRegistrationOutput>| {
        let prepared = creation(json).unwrap().prepare(origin()).unwrap();
        let data = registered(AAGUID);
        let mut response = MakeCredentialResponse::new(FORMAT_NONE, data, RawCbor::empty_map());
        response.unsigned_extensions.prf = output;
        let answer = prepared.finish(&phone(), response).unwrap().to_json();
        serde_json::from_str::<Value>(answer.expose()).unwrap()["clientExtensionResults"].clone()
    };
    let unasked = PrfRegistrationOutput::new(true);
    assert_eq!(results(&creation_json(), Some(unasked)), json!({}));
    let asked = with(creation_json(), "extensions", json!({"credProps": true, "prf": {}}));
    // Not asked for `rk`: whether it is one is not known.
    assert_eq!(results(&asked, None), json!({"credProps": {}, "prf": {"enabled": false}}));

    let prepared = request(&request_json()).unwrap().prepare(origin()).unwrap();
    let mut response = signed();
    let first = PrfOutput::new([1; 32]);
    response.unsigned_extensions.prf =
        Some(PrfAssertionOutput::new(PrfValues { first, second: None }));
    let answer = prepared.finish(&phone(), response).unwrap().to_json();
    assert!(answer.expose().contains("\"clientExtensionResults\":{}"));
}

#[test]
fn an_enterprise_attestation_that_no_phone_was_asked_for_is_dropped() {
    for asked in ["none", "indirect", "direct", "enterprise"] {
        for (enterprise, expected) in
            [(None, "packed"), (Some(false), "packed"), (Some(true), "none")]
        {
            let json = with(creation_json(), "attestation", json!(asked));
            let prepared = creation(&json).unwrap().prepare(origin()).unwrap();
            let own = statement(b"\xa1\x63alg\x26");
            let data = registered(Aaguid::ZERO);
            let mut response = MakeCredentialResponse::new(FORMAT_PACKED, data, own);
            response.enterprise_attestation = enterprise;
            let registration = prepared.finish(&phone(), response).unwrap();
            let object = registration.attestation_object();
            let format = [&b"\xa3\x63fmt"[..], &[0x60 + expected.len() as u8]].concat();
            let format = [&format[..], expected.as_bytes()].concat();
            assert!(object.starts_with(&format), "{asked}, {enterprise:?}");
            let empty = b"\x67attStmt\xa0";
            let is_empty = object.windows(empty.len()).any(|window| window == empty);
            assert_eq!(is_empty, expected == "none");
        }
    }
}

#[test]
fn an_attestation_is_scrubbed_unless_the_rp_asked_for_it() {
    let x5c = statement(b"\xa1\x63x5c\x80");
    let own = statement(b"\xa1\x63alg\x26");
    let none = RawCbor::empty_map();
    let cases = [
        // What the relying party asked for, what came, whether it goes through.
        ("none", FORMAT_PACKED, AAGUID, &x5c, false),
        ("none", FORMAT_PACKED, AAGUID, &own, false),
        ("none", FORMAT_PACKED, Aaguid::ZERO, &x5c, false),
        ("none", FORMAT_PACKED, Aaguid::ZERO, &own, true),
        ("none", "android-key", Aaguid::ZERO, &own, false),
        ("indirect", FORMAT_PACKED, AAGUID, &x5c, true),
        ("direct", "smoke-signal", AAGUID, &x5c, true),
        ("enterprise", FORMAT_NONE, AAGUID, &none, true),
    ];
    for (asked, format, aaguid, came, goes_through) in cases {
        let json = with(creation_json(), "attestation", json!(asked));
        let prepared = creation(&json).unwrap().prepare(origin()).unwrap();
        let data = registered(aaguid);
        let response = MakeCredentialResponse::new(format, data.clone(), came.clone());
        let registration = prepared.finish(&phone(), response).unwrap();
        let mut writer = cbor::Writer::new();
        writer.map(|map| {
            let (format, statement) =
                if goes_through { (format, came) } else { (FORMAT_NONE, &none) };
            map.text("fmt", |writer| writer.text(format));
            map.text("attStmt", |writer| writer.value(statement));
            // With its AAGUID, whatever was asked.
            map.text("authData", |writer| writer.bytes(data.raw()));
        });
        assert_eq!(registration.attestation_object(), writer.into_bytes(), "{asked} {format}");
        assert_eq!(&registration.response().statement, came, "the phone's own stays");
    }
}

/// The `publicKey` and `publicKeyAlgorithm` of a passkey with this COSE key.
fn public_key_of(key: &[u8]) -> (Option<String>, i64) {
    let public_key: CoseKey = cbor::decode(key).unwrap();
    let id = CredentialId::new(ID).unwrap();
    let credential = AttestedCredential { aaguid: AAGUID, id, public_key };
    let data = AuthenticatorData::new([0; 32], Flags::USER_PRESENT, 0).with_credential(credential);
    let response = MakeCredentialResponse::new(FORMAT_NONE, data, RawCbor::empty_map());
    let prepared = creation(&creation_json()).unwrap().prepare(origin()).unwrap();
    let answer = prepared.finish(&phone(), response).unwrap().to_json();
    let answer: Value = serde_json::from_str(answer.expose()).unwrap();
    let text = answer["response"].get("publicKey").map(|it| it.as_str().unwrap().to_owned());
    (text, answer["response"]["publicKeyAlgorithm"].as_i64().unwrap())
}

/// A COSE key with these members.
fn cose_key(members: &[(i64, Part<'_>)]) -> Vec<u8> {
    let mut writer = cbor::Writer::new();
    writer.map(|map| {
        for (key, part) in members {
            map.integer(*key, |writer| match part {
                Part::Number(number) => writer.integer(*number),
                Part::Bytes(bytes) => writer.bytes(bytes),
            });
        }
    });
    writer.into_bytes()
}

#[derive(Clone, Copy)]
enum Part<'a> {
    Number(i64),
    Bytes(&'a [u8]),
}

// Keys as they are in certificates; those of the W3C's vectors are compared in
// `webauthn_vectors.rs`.
#[test]
fn public_keys_are_also_given_without_cose() {
    use Part::{Bytes, Number};
    let ed25519 = |alg| {
        let members = [(1, Number(1)), (3, Number(alg)), (-1, Number(6)), (-2, Bytes(&[7; 32]))];
        public_key_of(&cose_key(&members))
    };
    let der = [&b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"[..], &[7; 32]].concat();
    let text = Some(BASE64URL_NOPAD.encode(&der));
    assert_eq!(ed25519(-8), (text.clone(), -8));
    assert_eq!(ed25519(-19), (text, -19));
    assert_eq!(ed25519(-53), (None, -53), "that is Ed448's");
    assert_eq!(ed25519(-7777), (None, -7777));

    // As few bytes as possible, and not negative.
    for (n, der) in [
        (&[0x00, 0x00, 0x8f][..], &b"\x30\x09\x02\x02\x00\x8f\x02\x03\x01\x00\x01"[..]),
        (&[0x7f, 0x00], b"\x30\x09\x02\x02\x7f\x00\x02\x03\x01\x00\x01"),
    ] {
        let members = [(1, Number(3)), (3, Number(-257)), (-1, Bytes(n)), (-2, Bytes(&[1, 0, 1]))];
        let head =
            b"\x30\x1d\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x0c\x00";
        let text = BASE64URL_NOPAD.encode(&[head, der].concat());
        assert_eq!(public_key_of(&cose_key(&members)), (Some(text), -257));
    }
}

#[test]
fn a_key_that_its_algorithm_does_not_have_stays_in_the_attestation_object() {
    use Part::{Bytes, Number};
    let (x, y) = ((-2, Bytes(&[1; 48])), (-3, Bytes(&[2; 48])));
    let n = (-1, Bytes(&[1; 256]));
    for members in [
        // Without a curve, on another one, of another type, too short, without Y.
        &[(1, Number(1)), (3, Number(-8)), (-2, Bytes(&[7; 32]))][..],
        &[(1, Number(1)), (3, Number(-8)), (-1, Number(7)), (-2, Bytes(&[7; 57]))],
        &[(1, Number(2)), (3, Number(-8)), (-1, Number(6)), (-2, Bytes(&[7; 32]))],
        &[(1, Number(1)), (3, Number(-8)), (-1, Number(6)), (-2, Bytes(&[7; 31]))],
        &[(1, Number(2)), (3, Number(-35)), (-1, Number(1)), x, y],
        &[(1, Number(2)), (3, Number(-35)), (-1, Number(2)), x],
        &[(1, Number(2)), (3, Number(-35)), (-1, Number(2)), x, (-3, Bytes(&[2; 47]))],
        &[(1, Number(2)), (3, Number(-35)), (-1, Number(2)), x, (-3, Number(1))],
        &[(1, Number(2)), (3, Number(-257)), n, (-2, Bytes(&[1, 0, 1]))],
        &[(1, Number(3)), (3, Number(-257)), n],
        &[(1, Number(3)), (3, Number(-257)), n, (-2, Bytes(&[0, 0]))],
        &[(1, Number(3)), (3, Number(-257)), (-1, Bytes(&[])), (-2, Bytes(&[1, 0, 1]))],
    ] {
        let key = cose_key(members);
        assert_eq!(public_key_of(&key).0, None, "{}", HEX.encode(&key));
    }
}

#[test]
fn an_empty_user_handle_is_left_out() {
    let json =
        with(request_json(), "allowCredentials", json!([{"type": "public-key", "id": "-_-_AQ"}]));
    for (handle, expected) in [(&[][..], None), (&[0], Some("AA"))] {
        let mut response = signed();
        response.user = Some(User::from_handle(UserHandle::new(handle).unwrap()));
        let prepared = request(&json).unwrap().prepare(origin()).unwrap();
        let assertion = prepared.finish(&phone(), response).unwrap();
        assert_eq!(assertion.user_handle().is_some(), expected.is_some());
        let answer: Value = serde_json::from_str(assertion.to_json().expose()).unwrap();
        let text = answer["response"].get("userHandle").map(|it| it.as_str().unwrap());
        assert_eq!(text, expected);
    }
}

#[test]
fn a_passkey_that_is_not_named_is_the_only_one_allowed() {
    let unnamed = || {
        let mut response = signed();
        response.credential = None;
        response.user = None;
        response
    };
    let finish = |allowed: Value| {
        let json = with(request_json(), "allowCredentials", allowed);
        request(&json).unwrap().prepare(origin()).unwrap().finish(&phone(), unnamed())
    };
    let one = json!({"type": "public-key", "id": "-_-_AQ"});
    let assertion = finish(json!([one])).unwrap();
    assert_eq!(assertion.credential_id().as_bytes(), ID);
    let answer: Value = serde_json::from_str(assertion.to_json().expose()).unwrap();
    assert_eq!(answer["response"].get("userHandle"), None);
    assert_eq!(finish(json!([one, one])).unwrap_err(), AnswerError::Unnamed);
    assert_eq!(finish(json!([])).unwrap_err(), AnswerError::Unnamed);
}

#[test]
fn a_registration_without_a_credential_is_no_answer() {
    let data = AuthenticatorData::new([0; 32], Flags::USER_PRESENT, 0);
    let response = MakeCredentialResponse::new(FORMAT_NONE, data, RawCbor::empty_map());
    let prepared = creation(&creation_json()).unwrap().prepare(origin()).unwrap();
    assert_eq!(prepared.finish(&phone(), response).unwrap_err(), AnswerError::NoCredential);
}

#[test]
fn debug_shows_no_assertion() {
    let prepared = request(&request_json()).unwrap().prepare(origin()).unwrap();
    let client_data = prepared.client_data();
    let length = client_data.as_bytes().len();
    assert_eq!(format!("{client_data:?}"), format!("ClientData({length} bytes)"));
    let assertion = prepared.finish(&phone(), signed()).unwrap();
    assert_eq!(format!("{assertion:?}"), "Assertion { id: CredentialId(4 bytes), .. }");
    let json = assertion.to_json();
    assert_eq!(format!("{json:?}"), format!("SecretText({} bytes)", json.expose().len()));
}
