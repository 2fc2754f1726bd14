//! The cases of web-platform-tests (folder `webauthn/`) that a client without a browser can
//! have: JSON, and arguments that are refused. Buffers of bytes are base64url here.
//!
//! A row is a case, what the tests expect, and what happens here. Where these differ, the
//! row says why. Not here: cases of documents, frames, abort signals and passwords.
//!
//! Clauses: [WebAuthn L3 §5.1.3, §5.1.4, §5.1.9, §5.1.10].

use super::*;

/// A member that is left out.
const LEFT_OUT: &str = "(left out)";

const TYPE: &str = "TypeError";
const SYNTAX: &str = "SyntaxError";
const ENCODING: &str = "EncodingError";
const SECURITY: &str = "SecurityError";
const NOT_SUPPORTED: &str = "NotSupportedError";
const PASSES: &str = "passes";

const NULL: &str = "null is an absent member here: many servers write members that they lack";
const NAMES: &str = "names may be absent here: servers leave them out, and phones need none";
const ICON: &str = "the member is not in Level 3, and unknown members are ignored";
const STRING: &str = "in JSON, bytes are a text in base64url";
const IDL: &str = "Web IDL converts the value to a text or number, and so do browsers";
const UV: &str = "w3c/webauthn#1836 took this rule out of the standard";
const SYNTAX_NOW: &str = "Level 3 has SyntaxError for it";

struct Case {
    file: &'static str,
    member: &'static str,
    value: Value,
    expected: &'static str,
    here: &'static str,
    why: &'static str,
}

/// Cases of `file` that happen here as the tests expect.
fn same(file: &'static str, rows: Vec<(&'static str, Value, &'static str)>) -> Vec<Case> {
    let case =
        |(member, value, expected)| Case { file, member, value, expected, here: expected, why: "" };
    rows.into_iter().map(case).collect()
}

/// Cases of `file` that differ here.
fn other(
    file: &'static str,
    rows: Vec<(&'static str, Value, &'static str, &'static str, &'static str)>,
) -> Vec<Case> {
    let case =
        |(member, value, expected, here, why)| Case { file, member, value, expected, here, why };
    rows.into_iter().map(case).collect()
}

fn check(base: &Value, cases: Vec<Case>, judge: impl Fn(&Value) -> Result<(), OptionsError>) {
    for Case { file, member, value, expected, here, why } in cases {
        let mut json = base.clone();
        if value == LEFT_OUT {
            let (parent, key) = member.rsplit_once('.').unwrap_or(("", member));
            let pointer = parent.split('.').filter(|it| !it.is_empty()).map(|it| format!("/{it}"));
            let pointer: String = pointer.collect();
            json.pointer_mut(&pointer).unwrap().as_object_mut().unwrap().remove(key);
        } else {
            json = with(json, member, value.clone());
        }
        let happens = match judge(&json) {
            Ok(()) => PASSES.to_owned(),
            Err(error) => DomException::from(&error).to_string(),
        };
        assert_eq!(happens, here, "{file}: {member} = {value}");
        assert_eq!(expected != here, !why.is_empty(), "{file}: {member} = {value}: the reason");
    }
}

fn to_create(json: &Value) -> Result<(), OptionsError> {
    creation(json)?.prepare(origin()).map(drop)
}

fn to_get(json: &Value) -> Result<(), OptionsError> {
    request(json)?.prepare(origin()).map(drop)
}

fn bytes(length: usize) -> Value {
    BASE64URL_NOPAD.encode(&vec![0; length]).into()
}

#[test]
fn bad_challenges() {
    let file = "createcredential-badargs-challenge";
    let mut cases = same(
        file,
        vec![
            ("challenge", json!(LEFT_OUT), TYPE),
            ("challenge", json!(null), TYPE),
            ("challenge", bytes(66), PASSES),
            ("challenge", bytes(68), PASSES),
            ("challenge", bytes(72), PASSES),
            ("challenge", bytes(65), PASSES),
            ("challenge", bytes(8_192), PASSES),
        ],
    );
    cases.extend(other(
        file,
        vec![
            ("challenge", json!("hi mom"), TYPE, ENCODING, STRING),
            ("challenge", json!({}), TYPE, ENCODING, STRING),
            ("challenge", json!([]), TYPE, PASSES, STRING),
            ("challenge", bytes(0), TYPE, PASSES, "Level 3 has no least length"),
        ],
    ));
    check(&creation_json(), cases, to_create);
}

#[test]
fn bad_relying_parties() {
    let file = "createcredential-badargs-rp";
    let mut cases = same(
        file,
        vec![
            ("rp", json!(LEFT_OUT), TYPE),
            ("rp", json!("hi mom"), TYPE),
            ("rp.id", json!(""), SECURITY),
        ],
    );
    cases.extend(other(
        file,
        vec![
            ("rp", json!({}), TYPE, PASSES, NAMES),
            ("rp.id", json!({}), TYPE, SECURITY, IDL),
            ("rp.id", json!(null), SECURITY, PASSES, NULL),
            ("rp.name", json!(LEFT_OUT), TYPE, PASSES, NAMES),
            ("rp.name", json!({}), TYPE, PASSES, IDL),
            ("rp.name", json!(null), TYPE, PASSES, NULL),
            ("rp.name", json!(""), TYPE, PASSES, "Level 3 has no least length"),
            ("rp.icon", json!({}), TYPE, PASSES, ICON),
            ("rp.icon", json!(null), TYPE, PASSES, ICON),
            ("rp.icon", json!(""), TYPE, PASSES, ICON),
        ],
    ));
    check(&creation_json(), cases, to_create);
}

#[test]
fn bad_users() {
    let file = "createcredential-badargs-user";
    let mut cases = same(
        file,
        vec![
            ("user", json!(LEFT_OUT), TYPE),
            ("user", json!("hi mom"), TYPE),
            ("user", json!({}), TYPE),
            ("user.id", json!(LEFT_OUT), TYPE),
            ("user.id", json!(null), TYPE),
            ("user.id", json!(""), TYPE),
            ("user.id", json!([]), TYPE),
            ("user.id", bytes(0), TYPE),
            ("user.id", bytes(65), TYPE),
            ("user.id", bytes(66), TYPE),
            ("user.id", bytes(68), TYPE),
            ("user.id", bytes(72), TYPE),
        ],
    );
    cases.extend(other(
        file,
        vec![
            ("user.id", json!({}), TYPE, ENCODING, STRING),
            ("user.name", json!(LEFT_OUT), TYPE, PASSES, NAMES),
            ("user.name", json!({}), TYPE, PASSES, IDL),
            ("user.name", json!(null), TYPE, PASSES, NULL),
            ("user.name", json!(""), TYPE, PASSES, "Level 3 has no least length"),
            ("user.icon", json!({}), TYPE, PASSES, ICON),
            ("user.icon", json!(null), TYPE, PASSES, ICON),
            ("user.icon", json!(""), TYPE, PASSES, ICON),
            ("user.displayName", json!(LEFT_OUT), TYPE, PASSES, NAMES),
            ("user.displayName", json!({}), TYPE, PASSES, IDL),
            ("user.displayName", json!(null), TYPE, PASSES, NULL),
            ("user.displayName", json!(""), TYPE, PASSES, "Level 3 has no least length"),
        ],
    ));
    check(&creation_json(), cases, to_create);
}

#[test]
fn bad_algorithms() {
    let file = "createcredential-pubkeycredparams";
    let parameter = |kind: Value| json!([{"type": kind, "alg": -36}]);
    let mut cases = same(
        file,
        vec![
            ("pubKeyCredParams", json!(LEFT_OUT), TYPE),
            ("pubKeyCredParams", json!("hi mom"), TYPE),
            ("pubKeyCredParams", json!(null), TYPE),
            ("pubKeyCredParams", parameter(json!("something-else")), NOT_SUPPORTED),
            ("pubKeyCredParams", parameter(json!("")), NOT_SUPPORTED),
            ("pubKeyCredParams", parameter(json!({})), NOT_SUPPORTED),
        ],
    );
    cases.extend(other(
        file,
        vec![
            ("pubKeyCredParams", parameter(json!(null)), NOT_SUPPORTED, TYPE, NULL),
            (
                "pubKeyCredParams",
                json!([{"type": "public-key", "alg": 42}]),
                "NotAllowedError",
                PASSES,
                "the phone refuses it: see the table of phones without an algorithm",
            ),
        ],
    ));
    check(&creation_json(), cases, to_create);
}

#[test]
fn bad_timeouts() {
    let cases = other(
        "createcredential-timeout",
        vec![
            ("timeout", json!(-1), TYPE, PASSES, IDL),
            ("timeout", json!(4_294_967_296_u64), TYPE, PASSES, IDL),
        ],
    );
    check(&creation_json(), cases, to_create);
}

#[test]
fn creation_options_from_json() {
    let file = "public-key-credential-creation-options-from-json";
    let mut cases = same(
        file,
        vec![
            ("hints", json!(["duplicated-value", "duplicated-value"]), PASSES),
            ("user.id", json!("not valid base64url!"), ENCODING),
            ("challenge", json!("not valid base64url!"), ENCODING),
        ],
    );
    cases.extend(other(
        file,
        vec![
            // These parse there, and are refused by create().
            (
                "extensions",
                json!({"largeBlob": {"support": "required", "write": "dGVzdA"}}),
                PASSES,
                NOT_SUPPORTED,
                "create() refuses to write a blob",
            ),
            (
                "extensions",
                json!({"prf": {"evalByCredential": {"test cred": {"first": "dGVzdA"}}}}),
                PASSES,
                NOT_SUPPORTED,
                "create() refuses inputs by passkey",
            ),
        ],
    ));
    check(&creation_json(), cases, to_create);

    // All extensions that are in the file.
    let json = with(
        creation_json(),
        "extensions",
        json!({
            "appidExclude": "https://example.com/appid",
            "hmacCreateSecret": true,
            "credentialProtectionPolicy": "userVerificationRequired",
            "enforceCredentialProtectionPolicy": true,
            "minPinLength": true,
            "credProps": true,
            "largeBlob": {"support": "required", "write": "dGVzdA"},
            "credBlob": "dGVzdA",
            "supplementalPubKeys": {
                "scopes": ["spk scope"],
                "attestation": "directest",
                "attestationFormats": ["asn2"],
            },
            "prf": {
                "eval": {"first": "dGVzdA", "second": "dGVzdA"},
                "evalByCredential": {"test cred": {"first": "dGVzdA", "second": "dGVzdA"}},
            },
        }),
    );
    let options = creation(&json).unwrap();
    let extensions = &options.extensions;
    assert_eq!(extensions.app_id_exclude.as_deref(), Some("https://example.com/appid"));
    assert!(extensions.hmac_create_secret && extensions.min_pin_length && extensions.cred_props);
    assert_eq!(extensions.cred_protect, Some(CredProtect::VerificationRequired));
    assert!(extensions.enforce_cred_protect);
    let eval = extensions.prf.as_ref().unwrap().eval.as_ref().unwrap();
    assert_eq!(eval.first, prf_input(b"test"));
    assert_eq!(eval.second, Some(prf_input(b"test")));
    assert_eq!(extensions.unknown, ["credBlob", "supplementalPubKeys"]);
}

#[test]
fn prf_inputs() {
    let file = "extension-prf";
    let by_credential =
        |id: &str| json!({"prf": {"evalByCredential": {id: {"first": "AAAAAAAAAAA"}}}});
    check(
        &creation_json(),
        same(file, vec![("extensions", by_credential("QQ"), NOT_SUPPORTED)]),
        to_create,
    );
    let cases = same(file, vec![("extensions", by_credential("QQ"), NOT_SUPPORTED)]);
    check(&request_json(), cases, to_get);
    let allowed = json!([{"type": "public-key", "id": "-_-_AQ"}]);
    let base = with(request_json(), "allowCredentials", allowed);
    let cases = same(
        file,
        vec![
            ("extensions", json!({"prf": {}}), PASSES),
            ("extensions", json!({"prf": {"eval": {"first": "AAAAAAAAAAA"}}}), PASSES),
            ("extensions", by_credential("-_-_AQ"), PASSES),
        ],
    );
    check(&base, cases, to_get);
    let mut preferred = base.clone();
    preferred["userVerification"] = json!("preferred");
    let cases = other(file, vec![("extensions", json!({"prf": {}}), NOT_SUPPORTED, PASSES, UV)]);
    check(&preferred, cases, to_get);
    let cases =
        other(file, vec![("extensions", by_credential("\0"), NOT_SUPPORTED, SYNTAX, SYNTAX_NOW)]);
    check(&base, cases, to_get);
}

/// `toJSON()`: the members of both answers, and no other.
#[test]
fn answers_to_json() {
    let keys = |value: &Value| {
        let keys = value.as_object().unwrap().keys();
        keys.map(String::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let outer =
        ["authenticatorAttachment", "clientExtensionResults", "id", "rawId", "response", "type"];
    let prepared = creation(&creation_json()).unwrap().prepare(origin()).unwrap();
    let data = registered(AAGUID);
    let response = MakeCredentialResponse::new(FORMAT_NONE, data, RawCbor::empty_map());
    let answer = prepared.finish(&phone(), response).unwrap().to_json();
    let answer: Value = serde_json::from_str(answer.expose()).unwrap();
    assert_eq!(keys(&answer), outer);
    assert_eq!(
        keys(&answer["response"]),
        [
            "attestationObject",
            "authenticatorData",
            "clientDataJSON",
            "publicKey",
            "publicKeyAlgorithm",
            "transports",
        ]
    );
    assert_eq!(answer["id"], answer["rawId"]);
    let prepared = request(&request_json()).unwrap().prepare(origin()).unwrap();
    let answer = prepared.finish(&phone(), signed()).unwrap().to_json();
    let answer: Value = serde_json::from_str(answer.expose()).unwrap();
    assert_eq!(keys(&answer), outer);
    assert_eq!(
        keys(&answer["response"]),
        ["authenticatorData", "clientDataJSON", "signature", "userHandle"]
    );
}
