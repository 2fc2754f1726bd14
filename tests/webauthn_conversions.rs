//! Members of WebAuthn options in all types of JSON: what each is read as, or
//! the error. The interop workspace compares Chromium by the same table.

#![cfg(feature = "webauthn")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "webauthn/table.rs"]
mod table;

use data_encoding::BASE64URL_NOPAD;
use fido_hybrid::ctap::extensions::prf::Values;
use fido_hybrid::ctap::{CredentialDescriptor, CredentialParameters};
use fido_hybrid::secret::PrfInput;
use fido_hybrid::webauthn::{
    Attestation, CreationOptions, DomException, OptionsError, RequestOptions, Requirement,
    prf_input,
};
use serde_json::{Map, Value, json};
use table::{Kind, Row};

#[test]
fn every_member_is_converted_as_the_table_says() {
    let rows = table::rows();
    assert!(rows.len() >= 120, "{} rows", rows.len());
    let wrong: Vec<_> = rows.iter().filter_map(difference).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn each_row_where_chromium_differs_says_why() {
    for Row { line, here, chromium, why, .. } in table::rows() {
        let Some(why) = why else { continue };
        assert!(!why.is_empty(), "line {line} has no reason");
        let here = here.split(": ").next().filter(|it| table::is_error(it)).unwrap_or(here);
        assert_ne!(here, chromium, "line {line} has a reason for nothing");
    }
}

fn difference(row: &Row) -> Option<String> {
    let Row { line, member, options, here, .. } = row;
    let meaning = match row.kind {
        Kind::Create => CreationOptions::from_json(options).map(|it| created(&it)),
        Kind::Get => RequestOptions::from_json(options).map(|it| asked(&it)),
    };
    match meaning {
        Ok(meaning) => {
            let part = table::part(&meaning, member);
            let Ok(mut expected) = serde_json::from_str(here) else {
                return Some(format!("line {line}: {member} is {part}, not {here}"));
            };
            hash_prf_inputs(&mut expected);
            (*part != expected).then(|| format!("line {line}: {member} is {part}, not {here}"))
        }
        Err(error) => {
            let error = message(error);
            (error != *here).then(|| format!("line {line}: {member} is {error}, not {here}"))
        }
    }
}

fn message(error: OptionsError) -> String {
    format!("{}: {error}", DomException::from(&error))
}

fn created(options: &CreationOptions) -> Value {
    let user = &options.user;
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
            "residentKey": requirement(options.resident_key),
            "userVerification": requirement(options.user_verification),
        },
        "attestation": match options.attestation {
            Attestation::None => "none",
            Attestation::Indirect => "indirect",
            Attestation::Direct => "direct",
            Attestation::Enterprise => "enterprise",
        },
        "attestationFormats": options.attestation_formats,
        "timeout": options.timeout.map(|it| it.as_millis() as u64),
        "extensions": {
            "credProps": options.extensions.cred_props,
            "prf": options.extensions.prf.as_ref().map(|it| json!({
                "eval": it.eval.as_ref().map(values),
            })),
        },
    })
}

fn asked(options: &RequestOptions) -> Value {
    json!({
        "challenge": text(&options.challenge),
        "rpId": options.rp_id,
        "allowCredentials": descriptors(&options.allow_credentials),
        "userVerification": requirement(options.user_verification),
        "timeout": options.timeout.map(|it| it.as_millis() as u64),
        "extensions": {
            "prf": options.extensions.prf.as_ref().map(|it| {
                let by_credential = it.eval_by_credential.iter();
                let by_credential: Map<String, Value> =
                    by_credential.map(|(id, it)| (text(id.as_bytes()), values(it))).collect();
                let by_credential = (!by_credential.is_empty()).then_some(by_credential);
                json!({"eval": it.eval.as_ref().map(values), "evalByCredential": by_credential})
            }),
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

fn values(it: &Values<PrfInput>) -> Value {
    let mut values = json!({"first": text(it.first.expose())});
    if let Some(second) = &it.second {
        values["second"] = text(second.expose()).into();
    }
    values
}

/// The table has what a relying party gives; what is sent is its hash.
fn hash_prf_inputs(expected: &mut Value) {
    for (name, value) in expected.as_object_mut().into_iter().flatten() {
        match (name.as_str(), value.as_str()) {
            ("first" | "second", Some(given)) => {
                let given = BASE64URL_NOPAD.decode(given.as_bytes()).unwrap();
                *value = text(prf_input(&given).expose()).into();
            }
            _ => hash_prf_inputs(value),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}
