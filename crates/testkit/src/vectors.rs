//! The known answers of `hybrid.json`, and how to read them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helpers are tests too, which clippy does not see"
)]

use std::fs;

use data_encoding::HEXLOWER;
use serde_json::Value;

/// Every vector of the file.
pub fn all() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/hybrid.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The vector of this name.
pub fn vector(name: &str) -> Value {
    all().into_iter().find(|vector| vector["name"] == name).unwrap()
}

/// A vector's name.
pub fn name(vector: &Value) -> &str {
    text(&vector["name"])
}

/// Runs `check` on every vector of a family and tells it the rest of its name.
pub fn family(family: &str, expected: usize, check: impl Fn(&str, &Value, &Value)) {
    let mut checked = 0;
    for vector in all() {
        let (of, name) = name(&vector).split_once('/').unwrap();
        if of == family {
            check(name, &vector["inputs"], &vector["outputs"]);
            checked += 1;
        }
    }
    assert_eq!(checked, expected, "vectors of family {family}");
}

/// Where a vector's name is matched and nothing matches.
pub fn unknown(name: &str) -> ! {
    panic!("no check for vector {name}")
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub fn bytes(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(text(value).as_bytes()).unwrap()
}

pub fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

pub fn list(value: &Value) -> &[Value] {
    let list = value.as_array().unwrap();
    assert!(!list.is_empty());
    list
}

pub fn number(value: &Value) -> usize {
    value.as_u64().unwrap().try_into().unwrap()
}
