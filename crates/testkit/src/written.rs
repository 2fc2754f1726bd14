//! Options as JSON: what was read, each member in the type that it has. PRF
//! inputs are written as they are sent, hashed.

use data_encoding::BASE64URL_NOPAD;
use fido_hybrid::cbor::{ItemType, MapKey, Reader};
use fido_hybrid::ctap::extensions::{CredProtect, LargeBlobSupport, OtherExtensions, PrfValues};
use fido_hybrid::ctap::{CredentialDescriptor, CredentialParameters};
use fido_hybrid::secret::PrfInput;
use fido_hybrid::webauthn::{
    AttestationPreference, AuthenticatorAttachment, CreationOptions, LargeBlobOperation,
    RequestOptions, Requirement,
};
use serde_json::{Map, Value, json};

/// The options of a registration.
pub fn creation(options: &CreationOptions) -> Value {
    let (user, extensions) = (&options.user, &options.extensions);
    let parameter = |it: &CredentialParameters| json!({"type": it.kind, "alg": it.algorithm.0});
    let mut written = json!({
        "challenge": text(&options.challenge),
        "rp": {"id": options.rp_id, "name": options.rp_name},
        "user": {
            "id": text(user.id.as_bytes()),
            "name": user.name,
            "displayName": user.display_name,
        },
        "pubKeyCredParams": options.parameters.iter().map(parameter).collect::<Value>(),
        "excludeCredentials": descriptors(&options.exclude_credentials),
        "authenticatorSelection": {
            "authenticatorAttachment": options.authenticator_attachment.map(|it| match it {
                AuthenticatorAttachment::Platform => "platform",
                AuthenticatorAttachment::CrossPlatform => "cross-platform",
            }),
            "residentKey": requirement(options.resident_key),
            "userVerification": requirement(options.user_verification),
        },
        "attestation": match options.attestation {
            AttestationPreference::None => "none",
            AttestationPreference::Indirect => "indirect",
            AttestationPreference::Direct => "direct",
            AttestationPreference::Enterprise => "enterprise",
        },
        "attestationFormats": options.attestation_formats,
        "hints": options.hints,
        "timeout": options.timeout.map(|it| it.as_millis() as u64),
        "extensions": {
            "appidExclude": extensions.app_id_exclude,
            "credProps": extensions.cred_props,
            "hmacCreateSecret": extensions.hmac_create_secret,
            "minPinLength": extensions.min_pin_length,
            "prf": extensions.prf.as_ref().map(|it| json!({
                "eval": it.eval.as_ref().map(values),
            })),
            "credentialProtectionPolicy": extensions.cred_protect.map(policy),
            "enforceCredentialProtectionPolicy": extensions.enforce_cred_protect,
            "largeBlob": extensions.large_blob.map(|it| json!({"support": match it {
                LargeBlobSupport::Required => "required",
                _ => "preferred",
            }})),
        },
    });
    add_others(&mut written, &extensions.other);
    written
}

/// The options of a sign-in.
pub fn request(options: &RequestOptions) -> Value {
    let extensions = &options.extensions;
    let mut written = json!({
        "challenge": text(&options.challenge),
        "rpId": options.rp_id,
        "allowCredentials": descriptors(&options.allow_credentials),
        "userVerification": requirement(options.user_verification),
        "hints": options.hints,
        "timeout": options.timeout.map(|it| it.as_millis() as u64),
        "extensions": {
            "appid": extensions.app_id,
            "prf": extensions.prf.as_ref().map(|it| {
                let by_credential = it.eval_by_credential.iter();
                let by_credential: Map<String, Value> =
                    by_credential.map(|(id, it)| (text(id.as_bytes()), values(it))).collect();
                let by_credential = (!by_credential.is_empty()).then_some(by_credential);
                json!({"eval": it.eval.as_ref().map(values), "evalByCredential": by_credential})
            }),
            "largeBlob": extensions.large_blob.as_ref().map(|it| match it {
                LargeBlobOperation::Read => json!({"read": true}),
                LargeBlobOperation::Write(blob) => json!({"write": text(blob.expose())}),
            }),
        },
    });
    add_others(&mut written, &extensions.other);
    written
}

/// Adds the extensions that go to phones in CBOR.
fn add_others(written: &mut Value, others: &OtherExtensions) {
    for (name, input) in others.iter() {
        written["extensions"][name] = json_of(&mut Reader::new(input.as_bytes()));
    }
}

/// The JSON that CBOR was written for. JSON has no byte strings.
fn json_of(reader: &mut Reader<'_>) -> Value {
    match reader.peek().unwrap() {
        ItemType::Unsigned | ItemType::Negative => reader.integer().unwrap().into(),
        ItemType::Bytes => panic!("a byte string"),
        ItemType::Text => reader.text().unwrap().into(),
        ItemType::Bool => reader.boolean().unwrap().into(),
        ItemType::Null => {
            reader.raw().unwrap();
            Value::Null
        }
        ItemType::Array => {
            let mut elements = Vec::new();
            let read = reader.array(|reader| {
                elements.push(json_of(reader));
                Ok(())
            });
            read.unwrap();
            elements.into()
        }
        ItemType::Map => {
            let mut members = Map::new();
            let read = reader.map(|key, reader| {
                let MapKey::Text(name) = key else { panic!("{key:?}") };
                members.insert(name.to_owned(), json_of(reader));
                Ok(())
            });
            read.unwrap();
            members.into()
        }
    }
}

fn descriptors(list: &[CredentialDescriptor]) -> Value {
    let descriptor = |it: &CredentialDescriptor| {
        let id = text(it.id.as_bytes());
        json!({"id": id, "type": it.kind, "transports": it.transports})
    };
    list.iter().map(descriptor).collect()
}

fn requirement(it: Requirement) -> &'static str {
    match it {
        Requirement::Required => "required",
        Requirement::Preferred => "preferred",
        Requirement::Discouraged => "discouraged",
    }
}

fn policy(it: CredProtect) -> &'static str {
    match it {
        CredProtect::VerificationOptional => "userVerificationOptional",
        CredProtect::VerificationOptionalWithList => "userVerificationOptionalWithCredentialIDList",
        CredProtect::VerificationRequired => "userVerificationRequired",
    }
}

fn values(it: &PrfValues<PrfInput>) -> Value {
    let mut values = json!({"first": text(it.first.expose())});
    if let Some(second) = &it.second {
        values["second"] = text(second.expose()).into();
    }
    values
}

fn text(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}
