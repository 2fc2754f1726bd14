//! Web IDL conversions of JSON values, as a browser applies them to the
//! argument of `parseCreationOptionsFromJSON` ([Web IDL §3.2],
//! [ECMAScript §7.1]).
//!
//! ```text
//! DOMString      a string as it is; anything else as JavaScript's String(value)
//! boolean        false for false, null, 0 and ""; true for the rest, also for "false" and []
//! long           Number(value) without its fraction, modulo 2^32, from -2^31
//! unsigned long  the same, from 0; NaN and infinities are 0
//! sequence       an array, element by element
//! dictionary     an object; an array is one without named members
//! record         an object; an array's keys are its indices
//! ```
//!
//! The first four take every value. The last three refuse other values with
//! [`OptionsError::Type`](crate::error::OptionsError::Type). An enumeration is a
//! DOMString, and its reader ignores unknown values [WebAuthn L3 §2.1.1].
//! `[EnforceRange]` and `[Clamp]` are not used by WebAuthn.
//!
//! `serde_json` refuses numbers beyond the range of `f64`, which JavaScript reads
//! as infinities, and may read one with many digits or a large exponent as the
//! `f64` next to it.
//!
//! Time and memory are bounded by the text that `value` was parsed from:
//! `serde_json` limits the nesting to 128, and at most 15 characters are
//! written for two of JSON (`{}` is "[object Object]").

use std::borrow::Cow;
use std::num::IntErrorKind;

use serde_json::Value;

/// 2^32: the modulus of `long` and `unsigned long`.
const MODULUS: f64 = 4_294_967_296.0;

/// White space and line terminators of [ECMAScript §12.2, §12.3], which
/// `Number(text)` trims.
const SPACES: [char; 25] = [
    '\t', '\n', '\u{b}', '\u{c}', '\r', ' ', '\u{a0}', '\u{1680}', '\u{2000}', '\u{2001}',
    '\u{2002}', '\u{2003}', '\u{2004}', '\u{2005}', '\u{2006}', '\u{2007}', '\u{2008}', '\u{2009}',
    '\u{200a}', '\u{2028}', '\u{2029}', '\u{202f}', '\u{205f}', '\u{3000}', '\u{feff}',
];

/// DOMString: `String(value)`.
pub(super) fn dom_string(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Null => Cow::Borrowed("null"),
        other => {
            let mut text = String::new();
            push_string(&mut text, other);
            Cow::Owned(text)
        }
    }
}

/// `String(value)`, but nothing for `null`: so an array's elements are joined.
fn push_string(text: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => push_number(text, number.as_f64().unwrap_or(f64::NAN)),
        Value::String(string) => text.push_str(string),
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                push_string(text, element);
            }
        }
        Value::Object(_) => text.push_str("[object Object]"),
    }
}

/// `Number::toString` in radix 10 [ECMAScript §6.1.6.1.20].
fn push_number(text: &mut String, number: f64) {
    // The sign of -0 is not written.
    if number == 0.0 {
        text.push('0');
        return;
    }
    // The shortest digits that mean this number, such as -1.25e-7.
    let shortest = format!("{number:e}");
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if let -6..=20 = exponent {
        text.push_str(&number.to_string());
    } else {
        text.push_str(digits);
        text.push('e');
        if exponent > 0 {
            text.push('+');
        }
        text.push_str(&exponent.to_string());
    }
}

/// boolean: `Boolean(value)`.
pub(super) fn boolean(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// unsigned long, without `[EnforceRange]`.
pub(super) fn unsigned_long(value: &Value) -> u32 {
    let number = number(value);
    if number.is_finite() {
        // A whole number from 0 to 2^32 - 1.
        number.trunc().rem_euclid(MODULUS) as u32
    } else {
        0
    }
}

/// long, without `[EnforceRange]`.
pub(super) fn long(value: &Value) -> i32 {
    unsigned_long(value).cast_signed()
}

/// `Number(value)`.
fn number(value: &Value) -> f64 {
    match value {
        Value::Null | Value::Bool(false) => 0.0,
        Value::Bool(true) => 1.0,
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        Value::String(text) => number_of_text(text),
        Value::Array(_) | Value::Object(_) => number_of_text(&dom_string(value)),
    }
}

/// `StringToNumber` [ECMAScript §7.1.4.1.1].
fn number_of_text(text: &str) -> f64 {
    let text = text.trim_matches(SPACES);
    if text.is_empty() {
        return 0.0;
    }
    let radix = match text.get(..2) {
        Some("0x" | "0X") => Some(16),
        Some("0o" | "0O") => Some(8),
        Some("0b" | "0B") => Some(2),
        _ => None,
    };
    if let (Some(radix), Some(digits)) = (radix, text.get(2..)) {
        if digits.starts_with('+') {
            return f64::NAN;
        }
        return match u128::from_str_radix(digits, radix) {
            Ok(number) => number as f64,
            // A multiple of 2^32 if it is a number at all.
            Err(error) if *error.kind() == IntErrorKind::PosOverflow => f64::INFINITY,
            Err(_) => f64::NAN,
        };
    }
    // Rust's `f64` has the same decimal grammar, and names besides.
    let is_decimal = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    if text.bytes().all(is_decimal) { text.parse().unwrap_or(f64::NAN) } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Value {
        serde_json::from_str(json).unwrap()
    }

    // Expected values are Chromium's: `String(x)`, `Boolean(x)`, `x >>> 0`.

    #[test]
    fn strings_are_those_of_javascript() {
        for (json, text) in [
            (r#""ada""#, "ada"),
            ("null", "null"),
            ("true", "true"),
            ("0", "0"),
            ("-0.0", "0"),
            ("1.50", "1.5"),
            ("-7", "-7"),
            ("6e4", "60000"),
            ("12345678901234567890", "12345678901234567000"),
            ("9007199254740993", "9007199254740992"),
            ("1e20", "100000000000000000000"),
            ("1e21", "1e+21"),
            ("-1.25e30", "-1.25e+30"),
            ("0.000001", "0.000001"),
            ("0.0000012", "0.0000012"),
            ("0.0000001", "1e-7"),
            ("1.5e-10", "1.5e-10"),
            ("5e-324", "5e-324"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("[]", ""),
            ("[1,[2,[null]],{},\"x\"]", "1,2,,[object Object],x"),
            ("{\"a\":1}", "[object Object]"),
        ] {
            assert_eq!(dom_string(&value(json)), text, "{json}");
        }
    }

    #[test]
    fn truth_is_that_of_javascript() {
        for json in ["false", "null", "0", "0.0", "-0.0", "\"\""] {
            assert!(!boolean(&value(json)), "{json}");
        }
        for json in ["true", "1", "-1", "0.1", "\"false\"", "\"0\"", "\" \"", "[]", "{}"] {
            assert!(boolean(&value(json)), "{json}");
        }
    }

    #[test]
    fn numbers_are_taken_modulo_two_to_the_32() {
        for (json, number) in [
            ("60000", 60_000),
            ("60000.9", 60_000),
            ("6e4", 60_000),
            ("-0.9", 0),
            ("-1", u32::MAX),
            ("-1.9", u32::MAX),
            ("4294967295", u32::MAX),
            ("4294967296", 0),
            ("4294967303", 7),
            ("-4294967303", 4_294_967_289),
            ("18446744073709551615", 0),
            ("1e300", 0),
            ("null", 0),
            ("true", 1),
            ("[]", 0),
            ("[[7]]", 7),
            ("[1,2]", 0),
            ("{}", 0),
        ] {
            assert_eq!(unsigned_long(&value(json)), number, "{json}");
        }
    }

    #[test]
    fn texts_become_numbers_as_in_javascript() {
        for (text, number) in [
            ("", 0),
            (" \u{feff}\u{2028}7\n", 7),
            ("-7", 4_294_967_289),
            ("+7", 7),
            ("007", 7),
            ("7.", 7),
            (".7e1", 7),
            ("6E+4", 60_000),
            ("0x10", 16),
            ("0XfF", 255),
            ("0o17", 15),
            ("0b11", 3),
            // Not exact beyond 2^53, as `f64` has it.
            ("0x20000000000001", 0),
            ("0x20000000000003", 4),
        ] {
            assert_eq!(unsigned_long(&text.into()), number, "{text:?}");
        }
        let many = format!("0x{}", "f".repeat(300));
        for text in [
            "x",
            "7x",
            "1_000",
            "1,000",
            "0x",
            "0x+1",
            "-0x7",
            "0b2",
            "1e",
            "e5",
            ".",
            "+",
            "--1",
            "NaN",
            "nan",
            "inf",
            "infinity",
            "Infinity",
            "-Infinity",
            "1e400",
            "7\0",
            &many,
        ] {
            assert_eq!(unsigned_long(&text.into()), 0, "{text:?}");
        }
    }

    #[test]
    fn a_long_has_a_sign() {
        for (json, number) in [
            ("-7", -7),
            ("\"-257\"", -257),
            ("-7.9", -7),
            ("2147483647", i32::MAX),
            ("2147483648", i32::MIN),
            ("4294967289", -7),
        ] {
            assert_eq!(long(&value(json)), number, "{json}");
        }
    }
}
