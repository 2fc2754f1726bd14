//! What a site reads in an answer, without what is new in each: keys, ids and PRF
//! outputs of new passkeys, signatures.

use std::collections::BTreeMap;

use ciborium::Value as Cbor;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde_json::{Value, json};

/// The length of RP ID hash, flags and counter [WebAuthn L3 §6.1].
const AUTH_DATA_HEAD: usize = 37;

/// The length of an AAGUID and of a credential id's length.
const AAGUID: usize = 16;
const ID_LENGTH: usize = 2;

/// RFC 5480: what comes before a P-256 point of 65 bytes.
const SPKI_HEAD: usize = 26;

/// Chromium adds this to some client data at random, so that no server compares the
/// bytes with a template.
const AT_RANDOM: &str = "\"other_keys_can_be_added_here\":";

/// Which passkey an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// One that was just made: its id is not known yet.
    New,
    Known,
}

/// Each value by its place, such as `response.userHandle`.
pub(crate) fn of(answer: &str, about: About) -> BTreeMap<String, Value> {
    let mut meaning: Value = serde_json::from_str(answer).unwrap();
    let members = meaning.as_object_mut().unwrap();
    let id = bytes(&members["id"]);
    members["rawId"] = is(bytes(&members["rawId"]) == id, "the id");
    if about == About::New {
        members["id"] = length(&id);
        let results = members["clientExtensionResults"].pointer_mut("/prf/results");
        for output in results.and_then(Value::as_object_mut).into_iter().flatten() {
            *output.1 = length(&bytes(output.1));
        }
    }
    let response = members["response"].as_object_mut().unwrap();
    let auth_data = bytes(&response["authenticatorData"]);
    for (name, value) in response.iter_mut() {
        *value = match name.as_str() {
            "clientDataJSON" => client_data(&bytes(value)),
            "authenticatorData" => authenticator_data(&auth_data, &id),
            "attestationObject" => attestation_object(&bytes(value), &auth_data),
            "publicKey" => public_key(&bytes(value)),
            "signature" => signature(&bytes(value)),
            _ => value.take(),
        };
    }
    let mut places = BTreeMap::new();
    flatten("", &meaning, &mut places);
    places
}

/// The names of members that another answer has, too, as they follow each other.
pub(crate) fn order<'a>(answer: &'a str, other: &str) -> Vec<&'a str> {
    // No text has a quotation mark in it.
    let parts: Vec<_> = answer.split('"').collect();
    let names = parts.windows(2).filter(|pair| pair[1].starts_with(':')).map(|pair| pair[0]);
    names.filter(|name| other.contains(&format!("\"{name}\":"))).collect()
}

fn bytes(value: &Value) -> Vec<u8> {
    BASE64URL_NOPAD.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn length(bytes: &[u8]) -> Value {
    format!("{} bytes", bytes.len()).into()
}

fn is(so: bool, what: &str) -> Value {
    if so { what.into() } else { format!("not {what}").into() }
}

/// The text, since relying parties may compare its bytes [WebAuthn L3 §5.8.1.2].
fn client_data(text: &[u8]) -> Value {
    let text = std::str::from_utf8(text).unwrap();
    let _is_json: Value = serde_json::from_str(text).unwrap();
    match text.find(AT_RANDOM) {
        None => text.into(),
        Some(start) => {
            let value = serde_json::Deserializer::from_str(&text[start + AT_RANDOM.len()..]);
            let mut values = value.into_iter::<Value>();
            values.next().unwrap().unwrap();
            let end = start + AT_RANDOM.len() + values.byte_offset();
            format!("{}{}", text[..start].trim_end_matches(','), &text[end..]).into()
        }
    }
}

fn authenticator_data(data: &[u8], id: &[u8]) -> Value {
    let (head, rest) = data.split_at(AUTH_DATA_HEAD);
    let mut meaning = json!({"head": HEXLOWER.encode(head)});
    let Some((aaguid, rest)) = rest.split_at_checked(AAGUID) else {
        assert!(rest.is_empty());
        return meaning;
    };
    let (id_length, mut rest) = rest.split_at(ID_LENGTH);
    assert_eq!(id_length, u16::try_from(id.len()).unwrap().to_be_bytes());
    meaning["aaguid"] = HEXLOWER.encode(aaguid).into();
    meaning["id"] = is(rest.starts_with(id), "the id");
    rest = &rest[id.len()..];
    let key: Cbor = ciborium::from_reader(&mut rest).unwrap();
    meaning["key"] = cbor(&key);
    meaning["rest"] = HEXLOWER.encode(rest).into();
    meaning
}

fn attestation_object(object: &[u8], auth_data: &[u8]) -> Value {
    let Cbor::Map(members) = ciborium::from_reader(object).unwrap() else {
        panic!("an attestation object is a map");
    };
    let meaning = |(key, value): (Cbor, Cbor)| match value {
        Cbor::Bytes(bytes) => json!([cbor(&key), is(bytes == auth_data, "the authenticator data")]),
        value => json!([cbor(&key), cbor(&value)]),
    };
    members.into_iter().map(meaning).collect()
}

/// Maps as lists, to see the order of their members; coordinates and signatures
/// as what they are.
fn cbor(value: &Cbor) -> Value {
    match value {
        Cbor::Integer(number) => i64::try_from(*number).unwrap().into(),
        Cbor::Text(text) => text.as_str().into(),
        Cbor::Bytes(bytes) if bytes.starts_with(&[0x30]) && bytes.len() > 64 => signature(bytes),
        Cbor::Bytes(bytes) => length(bytes),
        Cbor::Array(items) => items.iter().map(cbor).collect(),
        Cbor::Map(members) => {
            members.iter().map(|(key, value)| json!([cbor(key), cbor(value)])).collect()
        }
        other => panic!("neither keys nor statements have {other:?}"),
    }
}

fn public_key(der: &[u8]) -> Value {
    let (head, point) = der.split_at(SPKI_HEAD);
    json!([HEXLOWER.encode(head), length(point)])
}

/// In DER, whose length varies.
fn signature(der: &[u8]) -> Value {
    let whole = der.first() == Some(&0x30) && der.get(1) == Some(&(der.len() as u8 - 2));
    is(whole, "a signature")
}

fn flatten(place: &str, value: &Value, places: &mut BTreeMap<String, Value>) {
    let Value::Object(members) = value else {
        places.insert(place.to_owned(), value.clone());
        return;
    };
    // It shows where one is missing that would have no members.
    places.insert(place.to_owned(), "an object".into());
    for (name, value) in members {
        let dot = if place.is_empty() { "" } else { "." };
        flatten(&format!("{place}{dot}{name}"), value, places);
    }
}
