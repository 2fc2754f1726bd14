//! Options as JSON: what was read, each member in the type that it has. PRF
//! inputs are written as they are sent, hashed.

use data_encoding::BASE64URL_NOPAD;
use fido_hybrid::ctap::extensions::{CredProtect, PrfValues};
use fido_hybrid::ctap::{CredentialDescriptor, CredentialParameters};
use fido_hybrid::error::OptionsError;
use fido_hybrid::secret::PrfInput;
use fido_hybrid::webauthn::{
    AttestationPreference, AuthenticatorAttachment, CreationOptions, Origin, RequestOptions,
    Requirement,
};
use serde_json::{Map, Value, json};

/// The options of a registration.
pub fn creation(options: &CreationOptions) -> Value {
    let (user, extensions) = (&options.user, &options.extensions);
    let has_large_blob = extensions.unknown.iter().any(|name| name == "largeBlob");
    let parameter = |it: &CredentialParameters| json!({"type": it.kind, "alg": it.algorithm.0});
    json!({
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
            "credProps": extensions.cred_props,
            "prf": extensions.prf.as_ref().map(|it| json!({
                "eval": it.eval.as_ref().map(values),
            })),
            "credentialProtectionPolicy": extensions.cred_protect.map(policy),
            "enforceCredentialProtectionPolicy": extensions.enforce_cred_protect,
            "largeBlob": has_large_blob.then(|| json!({"support": large_blob_support(options)})),
        },
    })
}

/// The options of a sign-in.
pub fn request(options: &RequestOptions) -> Value {
    json!({
        "challenge": text(&options.challenge),
        "rpId": options.rp_id,
        "allowCredentials": descriptors(&options.allow_credentials),
        "userVerification": requirement(options.user_verification),
        "hints": options.hints,
        "timeout": options.timeout.map(|it| it.as_millis() as u64),
        "extensions": {
            "prf": options.extensions.prf.as_ref().map(|it| {
                let by_credential = it.eval_by_credential.iter();
                let by_credential: Map<String, Value> =
                    by_credential.map(|(id, it)| (text(id.as_bytes()), values(it))).collect();
                let by_credential = (!by_credential.is_empty()).then_some(by_credential);
                json!({"eval": it.eval.as_ref().map(values), "evalByCredential": by_credential})
            }),
            // `RequestOptions` does not read this extension.
            "largeBlob": null,
        },
    })
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

/// The options have no public field for it, but `prepare` refuses "required".
fn large_blob_support(options: &CreationOptions) -> &'static str {
    let mut alone = CreationOptions::new([], "", options.user.clone(), Vec::new());
    alone.extensions = options.extensions.clone();
    alone.extensions.prf = None;
    match alone.prepare(Origin::parse("https://localhost").unwrap()) {
        Err(OptionsError::Unsupported("extensions.largeBlob.support")) => "required",
        // Other values mean the same as an absent one [WebAuthn L3 §10.1.5].
        _ => "preferred",
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
