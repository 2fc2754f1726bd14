//! How a member of WebAuthn options is converted, whatever JSON it is.
//!
//! What is compared are ways to write the same value: Web IDL reads `[v]` like
//! `v` where it wants text or a number, and what was read can be written in the
//! member's own type and read again. Numbers and base64 are also compared with
//! another implementation.

#[path = "../../crates/testkit/src/written.rs"]
mod written;

use data_encoding::BASE64URL_NOPAD;
use fido_hybrid::error::{MAX_OPTIONS, OptionsError};
use fido_hybrid::webauthn::{CreationOptions, Origin, RequestOptions, Requirement};
use serde_json::Value;

use super::memory;

/// The member that the first byte chooses, of twelve: `0` to `;` in seeds.
const MEMBERS: [Member; 12] = [
    Member { of: CREATE, at: "challenge", kind: Kind::Bytes },
    Member { of: CREATE, at: "user.id", kind: Kind::Bytes },
    Member { of: CREATE, at: "user.name", kind: Kind::Text },
    Member { of: CREATE, at: "rp.id", kind: Kind::Text },
    Member { of: CREATE, at: "attestation", kind: Kind::Text },
    Member { of: CREATE, at: "authenticatorSelection.requireResidentKey", kind: Kind::Boolean },
    Member { of: CREATE, at: "timeout", kind: Kind::Number },
    Member { of: CREATE, at: "pubKeyCredParams.alg", kind: Kind::Number },
    Member { of: CREATE, at: "extensions", kind: Kind::Dictionary },
    Member { of: GET, at: "allowCredentials.id", kind: Kind::Bytes },
    Member { of: GET, at: "userVerification", kind: Kind::Text },
    Member { of: GET, at: "timeout", kind: Kind::Number },
];

struct Member {
    of: &'static str,
    at: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bytes,
    Text,
    Boolean,
    Number,
    Dictionary,
}

/// Options in which the member is left out, and `@` marks where each belongs.
const CREATE: &str = r#"{"challenge":@challenge:"AA"@,"rp":{"id":@rp.id:"a"@},"user":{"id":@user.id:"AA"@,"name":@user.name:""@},"pubKeyCredParams":[{"type":"public-key","alg":@pubKeyCredParams.alg:-7@}],"attestation":@attestation:"none"@,"authenticatorSelection":{"requireResidentKey":@authenticatorSelection.requireResidentKey:false@},"timeout":@timeout:60000@,"extensions":@extensions:{}@}"#;
const GET: &str = r#"{"challenge":"AA","allowCredentials":[{"type":"public-key","id":@allowCredentials.id:"AA"@}],"userVerification":@userVerification:"required"@,"timeout":@timeout:60000@}"#;

#[derive(Debug, PartialEq)]
enum Options {
    Create(CreationOptions),
    Get(RequestOptions),
}

impl Member {
    /// The options with this JSON for the member.
    fn options(&self, json: &str) -> String {
        let parts = self.of.split('@').enumerate();
        let part = |(index, part): (usize, &'static str)| match part.split_once(':') {
            Some((at, _)) if index % 2 == 1 && at == self.at => json.to_owned(),
            Some((_, other)) if index % 2 == 1 => other.to_owned(),
            _ => part.to_owned(),
        };
        parts.map(part).collect()
    }

    fn read(&self, json: &str) -> Result<Options, OptionsError> {
        let options = self.options(json);
        // As for `webauthn_options`, and `{}` as text takes 15 bytes.
        let most = 16 * 1_024 + 128 * options.len();
        memory::within(most, || read(self.of, &options))
    }

    /// Which errors may come of this value.
    fn assert_error(&self, error: OptionsError, value: &Value) {
        let names_it = match error {
            OptionsError::Missing(at) => at == self.at && value.is_null(),
            OptionsError::Base64(at) | OptionsError::Length(at) => {
                at == self.at && self.kind == Kind::Bytes
            }
            OptionsError::NoPossibleId(_) => self.at == "allowCredentials.id",
            OptionsError::Type { member, .. } => member.starts_with(self.at),
            _ => false,
        };
        let inside = self.kind == Kind::Dictionary;
        assert!(names_it || inside || error == OptionsError::TooLong, "{}: {error:?}", self.at);
    }
}

fn read(of: &str, json: &str) -> Result<Options, OptionsError> {
    if of == CREATE {
        CreationOptions::from_json(json).map(Options::Create)
    } else {
        RequestOptions::from_json(json).map(Options::Get)
    }
}

/// `member ‖ json`: which member, and its value.
pub fn webauthn_conversion(input: &[u8]) {
    let Some((member, json)) = input.split_first() else { return };
    let member = &MEMBERS[usize::from(*member) % MEMBERS.len()];
    let Ok(json) = str::from_utf8(json) else { return };
    let read = member.read(json);
    if let Ok(options) = &read {
        assert_written_and_read(member.of, options);
    }
    // Unpaired surrogates are read, and so may be what ends the member.
    let Ok(value) = serde_json::from_str::<Value>(json) else { return };
    if let Err(error) = read {
        member.assert_error(error, &value);
    }
    assert_same_in_an_array(member, json, &value, &read);
    match member.kind {
        Kind::Bytes => assert_base64(member, &value, &read),
        Kind::Number => assert_number(member, &value, &read),
        Kind::Boolean => assert_truth(&value, &read),
        Kind::Text | Kind::Dictionary => {}
    }
}

/// What was read, written in the types that it has, is read as the same.
fn assert_written_and_read(of: &str, options: &Options) {
    let (written, has_prf) = match options {
        // The reason for which extensions are refused is not written.
        Options::Create(it) if are_refused(it) => return,
        Options::Create(it) => (created(it), it.extensions.prf.is_some()),
        Options::Get(it) => (written::request(it), it.extensions.prf.is_some()),
    };
    let written = written.to_string();
    // PRF inputs are hashed when they are read, and text may have grown.
    if !has_prf && written.len() <= MAX_OPTIONS {
        assert_eq!(read(of, &written).as_ref(), Ok(options), "{written}");
    }
}

/// `String([v])` is `String(v)`, and so for numbers, unless `v` is `null`, true
/// or false.
fn assert_same_in_an_array(
    member: &Member,
    json: &str,
    value: &Value,
    read: &Result<Options, OptionsError>,
) {
    let is_same = match member.kind {
        Kind::Bytes | Kind::Text => !value.is_null(),
        Kind::Number => !value.is_null() && !value.is_boolean(),
        Kind::Boolean | Kind::Dictionary => false,
    };
    if is_same {
        match member.read(&format!("[{json}]")) {
            // One level deeper, or two bytes longer, than is read.
            Err(OptionsError::Json | OptionsError::TooLong) => {}
            again => assert_eq!(again, *read, "{}: {json}", member.at),
        }
    }
}

/// As strict decoding has it, where that decodes.
fn assert_base64(member: &Member, value: &Value, read: &Result<Options, OptionsError>) {
    let Some(text) = value.as_str() else { return };
    let Ok(bytes) = BASE64URL_NOPAD.decode(text.as_bytes()) else { return };
    match (member.at, read) {
        ("challenge", Ok(Options::Create(it))) => assert_eq!(it.challenge, bytes),
        ("user.id", Ok(Options::Create(it))) => assert_eq!(it.user.id.as_bytes(), bytes),
        ("user.id", Err(OptionsError::Length(_))) => assert!(bytes.is_empty() || bytes.len() > 64),
        ("allowCredentials.id", Ok(Options::Get(it))) => {
            assert_eq!(it.allow_credentials[0].id.as_bytes(), bytes);
        }
        ("allowCredentials.id", Err(OptionsError::NoPossibleId(_))) => assert!(bytes.len() > 1_023),
        (_, Err(OptionsError::TooLong)) => {}
        (at, other) => panic!("{at}: {other:?}"),
    }
}

/// The modulus of Web IDL's long and unsigned long, in whole numbers.
fn assert_number(member: &Member, value: &Value, read: &Result<Options, OptionsError>) {
    let Some(number) = value.as_f64() else { return };
    // Beyond 2^100, `f64` has multiples of 2^32 only.
    let whole = if number.abs() < 2_f64.powi(100) { number as i128 } else { 0 };
    let unsigned = whole.rem_euclid(1 << 32) as u32;
    let expected_timeout = u128::from(unsigned.clamp(300_000, 600_000));
    match (member.at, read) {
        ("timeout", Ok(Options::Create(CreationOptions { timeout, .. })))
        | ("timeout", Ok(Options::Get(RequestOptions { timeout, .. }))) => {
            assert_eq!(timeout.unwrap().as_millis(), expected_timeout, "{value}");
        }
        ("pubKeyCredParams.alg", Ok(Options::Create(it))) => {
            assert_eq!(it.parameters[0].algorithm.0, i64::from(unsigned.cast_signed()), "{value}");
        }
        (_, Err(OptionsError::TooLong)) => {}
        (at, other) => panic!("{at}: {other:?}"),
    }
}

fn assert_truth(value: &Value, read: &Result<Options, OptionsError>) {
    let is_false = matches!(value, Value::Null | Value::Bool(false))
        || value.as_f64() == Some(0.0)
        || value.as_str() == Some("");
    let expected = if is_false { Requirement::Discouraged } else { Requirement::Required };
    match read {
        Ok(Options::Create(it)) => assert_eq!(it.resident_key, expected, "{value}"),
        other => assert!(matches!(other, Err(OptionsError::TooLong)), "{other:?}"),
    }
}

/// Whether `prepare` refuses the extensions besides a PRF.
fn are_refused(options: &CreationOptions) -> bool {
    let mut alone = options.clone();
    alone.rp_id = None;
    alone.extensions.prf = None;
    alone.prepare(Origin::parse("https://localhost").unwrap()).is_err()
}

/// The options as JSON that is read as the same.
fn created(options: &CreationOptions) -> Value {
    let mut json = written::creation(options);
    for name in &options.extensions.unknown {
        // A value that CBOR does not have: it stays unknown.
        json["extensions"][name] = 0.5.into();
    }
    json
}
