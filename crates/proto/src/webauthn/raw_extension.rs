//! Extensions that this crate does not know, between a relying party's JSON and CTAP's
//! CBOR, where one form follows from the other ([RFC 8949 §6.1, §6.2]).
//!
//! ```text
//! JSON                                   CBOR
//! null, false, true                      the same
//! a whole number from -2^53 + 1 to 2^53 - 1   an integer
//! a text                                 a text string
//! an array, an object                    an array, a map with texts as its keys
//! base64url without padding           <  a byte string
//! ```
//!
//! JSON has no byte strings, so a phone's are written as texts, and a relying party's texts
//! stay texts. CTAP2 has no fractions [CTAP 2.2 §8]. What has no form on the other side is
//! not carried over; the answer's typed parts have the phone's CBOR.

use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::{Number, Value};

use super::base64::Base64Url;
use crate::cbor::{CborError, Encode, ItemType, MAX_DEPTH, MapKey, Reader, Writer};
use crate::ctap::RawCbor;

/// How deep an extension's value may nest: it is in a map of extensions, in a message.
const DEPTH: u8 = MAX_DEPTH - 2;

/// The greatest whole number that JavaScript has exactly.
const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// The CBOR of an input. `None`: it has no form there.
pub(super) fn from_json(input: &Value) -> Option<RawCbor> {
    has_cbor(input, DEPTH).then(|| RawCbor::of(&AsCbor(input)))
}

fn has_cbor(value: &Value, depth: u8) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => integer(number).is_some(),
        Value::Array(elements) => {
            depth > 0 && elements.iter().all(|element| has_cbor(element, depth - 1))
        }
        Value::Object(members) => {
            depth > 0 && members.values().all(|member| has_cbor(member, depth - 1))
        }
    }
}

/// A number without a fraction, however it is spelled.
fn integer(number: &Number) -> Option<i64> {
    let whole = number.as_i64().or_else(|| {
        let number = number.as_f64().filter(|number| number.fract() == 0.0)?;
        (number.abs() <= MAX_SAFE_INTEGER as f64).then_some(number as i64)
    })?;
    (-MAX_SAFE_INTEGER..=MAX_SAFE_INTEGER).contains(&whole).then_some(whole)
}

/// JSON that [`has_cbor`].
struct AsCbor<'a>(&'a Value);

impl Encode for AsCbor<'_> {
    fn encode(&self, writer: &mut Writer) {
        const NULL: [u8; 1] = [0xf6];
        match self.0 {
            Value::Null => writer.raw(&NULL),
            Value::Bool(value) => writer.boolean(*value),
            Value::Number(number) => writer.integer(integer(number).unwrap_or_default()),
            Value::String(text) => writer.text(text),
            Value::Array(elements) => {
                writer.array(elements.iter(), |writer, element| writer.value(&AsCbor(element)));
            }
            Value::Object(members) => writer.map(|map| {
                for (name, member) in members {
                    map.text(name, |writer| writer.value(&AsCbor(member)));
                }
            }),
        }
    }
}

/// An output that has a form in JSON, and writes itself in it.
pub(super) struct AsJson<'a>(&'a [u8]);

impl<'a> AsJson<'a> {
    /// `None`: it has no form there.
    pub(super) fn new(output: &'a RawCbor) -> Option<Self> {
        let bytes = output.as_bytes();
        has_json(&mut Reader::new(bytes)).is_ok().then_some(Self(bytes))
    }
}

/// An error for CBOR that has no form in JSON. The reader bounds the nesting.
fn has_json(reader: &mut Reader<'_>) -> Result<(), CborError> {
    const NONE: CborError = CborError::Expected("a value that JSON has");
    match reader.peek()? {
        ItemType::Unsigned | ItemType::Negative => {
            let integer = reader.integer()?;
            let is_safe = (-MAX_SAFE_INTEGER..=MAX_SAFE_INTEGER).contains(&integer);
            if is_safe { Ok(()) } else { Err(NONE) }
        }
        ItemType::Array => reader.array(has_json),
        ItemType::Map => reader.map(|key, reader| match key {
            MapKey::Text(_) => has_json(reader),
            _ => Err(NONE),
        }),
        ItemType::Bytes | ItemType::Text | ItemType::Bool | ItemType::Null => {
            reader.raw().map(|_| ())
        }
    }
}

impl Serialize for AsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut reader = Reader::new(self.0);
        let wrong = S::Error::custom;
        match reader.peek().map_err(wrong)? {
            ItemType::Unsigned | ItemType::Negative => {
                serializer.serialize_i64(reader.integer().map_err(wrong)?)
            }
            ItemType::Bytes => Base64Url(reader.bytes().map_err(wrong)?).serialize(serializer),
            ItemType::Text => serializer.serialize_str(reader.text().map_err(wrong)?),
            ItemType::Bool => serializer.serialize_bool(reader.boolean().map_err(wrong)?),
            ItemType::Null => serializer.serialize_unit(),
            ItemType::Array => {
                let mut elements = Vec::new();
                let read = reader.array(|reader| {
                    elements.push(Self(reader.raw()?));
                    Ok(())
                });
                read.map_err(wrong)?;
                serializer.collect_seq(elements)
            }
            ItemType::Map => {
                let mut members = Vec::new();
                let read = reader.map(|key, reader| {
                    let MapKey::Text(name) = key else { return Ok(()) };
                    members.push((name, Self(reader.raw()?)));
                    Ok(())
                });
                read.map_err(wrong)?;
                serializer.collect_map(members)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cbor(json: &str) -> Option<Vec<u8>> {
        from_json(&serde_json::from_str(json).unwrap()).map(|raw| raw.as_bytes().to_vec())
    }

    fn json(cbor: &[u8]) -> Option<String> {
        let raw = RawCbor::new(cbor.to_vec()).unwrap();
        AsJson::new(&raw).map(|json| serde_json::to_string(&json).unwrap())
    }

    #[test]
    fn values_of_either_side_are_carried_to_the_other() {
        for (text, bytes) in [
            ("null", &b"\xf6"[..]),
            ("false", b"\xf4"),
            ("true", b"\xf5"),
            ("0", b"\x00"),
            ("-1", b"\x20"),
            ("9007199254740991", b"\x1b\x00\x1f\xff\xff\xff\xff\xff\xff"),
            ("-9007199254740991", b"\x3b\x00\x1f\xff\xff\xff\xff\xff\xfe"),
            (r#""""#, b"\x60"),
            (r#""é""#, b"\x62\xc3\xa9"),
            ("[]", b"\x80"),
            (r#"[1,["a"],null]"#, b"\x83\x01\x81\x61a\xf6"),
            ("{}", b"\xa0"),
            // In the order of CTAP2: shorter keys first.
            (r#"{"b":1,"aa":2}"#, b"\xa2\x61b\x01\x62aa\x02"),
            ("[[[[[[1]]]]]]", b"\x81\x81\x81\x81\x81\x81\x01"),
        ] {
            assert_eq!(cbor(text).as_deref(), Some(bytes), "{text}");
            assert_eq!(json(bytes).as_deref(), Some(text));
        }
        assert_eq!(json(b"\xa1\x61k\x43\xfb\xff\xbf").as_deref(), Some(r#"{"k":"-_-_"}"#));
        for (spelled, bytes) in [("1.0", b"\x01"), ("1e0", b"\x01"), ("-0.0", b"\x00")] {
            assert_eq!(cbor(spelled).as_deref(), Some(&bytes[..]), "{spelled}");
        }
    }

    #[test]
    fn what_has_no_form_on_the_other_side_is_not_carried_over() {
        for text in [
            "0.5",
            "[1,[0.5]]",
            r#"{"a":1e300}"#,
            "9007199254740992",
            "18446744073709551615",
            "-9223372036854775808",
            "[[[[[[[1]]]]]]]",
            r#"{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}"#,
        ] {
            assert_eq!(cbor(text), None, "{text}");
        }
        for bytes in [
            &b"\x1b\x00\x20\x00\x00\x00\x00\x00\x00"[..],
            b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xa1\x01\xf5",
            b"\xa1\x41a\xf5",
            b"\x81\xa1\x01\x01",
        ] {
            assert_eq!(json(bytes), None, "{bytes:?}");
        }
    }
}
