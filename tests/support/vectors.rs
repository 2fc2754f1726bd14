//! The known answers.

use data_encoding::HEXLOWER;
use serde_json::Value;

/// All known answers, in the order of the file.
pub(crate) fn vectors() -> Vec<Value> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/hybrid.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// The known answer of this name.
pub(crate) fn vector(name: &str) -> Value {
    vectors().into_iter().find(|vector| vector["name"] == name).unwrap()
}

/// The bytes of a vector's hex text.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

/// The bytes of a vector's hex text, at a length that is known.
pub(crate) fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}
