//! Members of WebAuthn options in all types of JSON: what each is read as, or
//! the error. The interop workspace compares Chromium by the same table.
//!
//! Clauses: [Web IDL §3.2] [ECMAScript §7.1].

#![cfg(feature = "webauthn")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use data_encoding::BASE64URL_NOPAD;
use fido_hybrid_proto::error::{DomException, OptionsError};
use fido_hybrid_proto::webauthn::{CreationOptions, RequestOptions, prf_input};
use fido_hybrid_testkit::{conversions as table, written};
use serde_json::Value;
use table::{Kind, Row};

#[test]
fn every_member_is_converted_as_the_table_says() {
    let rows = table::rows();
    assert!(rows.len() >= 320, "{} rows", rows.len());
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
        Kind::Create => CreationOptions::from_json(options).map(|it| written::creation(&it)),
        Kind::Get => RequestOptions::from_json(options).map(|it| written::request(&it)),
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

/// The table has what a relying party gives; what is sent is its hash.
fn hash_prf_inputs(expected: &mut Value) {
    for (name, value) in expected.as_object_mut().into_iter().flatten() {
        match (name.as_str(), value.as_str()) {
            ("first" | "second", Some(given)) => {
                let given = BASE64URL_NOPAD.decode(given.as_bytes()).unwrap();
                *value = BASE64URL_NOPAD.encode(prf_input(&given).expose()).into();
            }
            _ => hash_prf_inputs(value),
        }
    }
}
