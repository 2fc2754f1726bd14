//! What the integration tests share.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "each test uses a part"
)]

use data_encoding::HEXLOWER;
use serde_json::Value;

/// All known answers, in the order of the file.
pub fn vectors() -> Vec<Value> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/hybrid.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// The known answer of this name.
pub fn vector(name: &str) -> Value {
    vectors().into_iter().find(|vector| vector["name"] == name).unwrap()
}

/// The bytes of a vector's hex text.
pub fn bytes(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

/// The bytes of a vector's hex text, at a length that is known.
pub fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}
