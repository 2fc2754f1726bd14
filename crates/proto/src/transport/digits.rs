//! Bytes as decimal digits, the form that keeps a QR code small:
//! [CTAP 2.2 §11.5.1].
//!
//! A QR code holds digits in 3⅓ bits each, so that 7 bytes cost 17 digits or
//! 57 bits. Each 7 bytes are one little-endian integer, printed at a fixed
//! width; the last chunk may be shorter:
//!
//! ```text
//! bytes    1   2   3   4   5   6   7
//! digits   3   5   8  10  13  15  17
//! ```
//!
//! All widths differ, so a text has one reading. Base 10 is not an encoding of
//! this protocol's messages anywhere else.

use zeroize::Zeroizing;

/// The most digits that are decoded: 1,024 bytes. The codes of all known
/// clients have 168 to 190 digits.
pub const MAX_DIGITS: usize = 2_487;

/// Bytes in a whole chunk.
const CHUNK: usize = 7;

/// Digits by the number of bytes in a chunk.
const WIDTHS: [usize; CHUNK + 1] = [0, 3, 5, 8, 10, 13, 15, CHUNK_DIGITS];

/// Digits of a whole chunk.
const CHUNK_DIGITS: usize = 17;

/// Why a text is not what [`encode`] writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigitsError {
    /// More than [`MAX_DIGITS`].
    #[error("the text has more than {MAX_DIGITS} digits")]
    TooLong,
    /// A character other than `0` to `9`, digits of other scripts included.
    #[error("the text has a character that is not a digit")]
    NotADigit,
    /// No number of bytes has this many digits.
    #[error("the text has an impossible number of digits")]
    Length,
    /// A chunk's number does not fit its bytes.
    #[error("a group of digits is too large for its bytes")]
    Overflow,
}

/// Writes `bytes` as digits.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(encoded_length(bytes.len()));
    push(&mut digits, bytes);
    digits
}

/// Reads what [`encode`] writes, and nothing else.
///
/// # Errors
/// A [`DigitsError`] that says what was wrong. The length is checked before
/// anything is decoded.
pub fn decode(digits: &str) -> Result<Vec<u8>, DigitsError> {
    let digits = digits.as_bytes();
    if digits.len() > MAX_DIGITS {
        return Err(DigitsError::TooLong);
    }
    // Integer parsers would take a sign, and some of them other scripts.
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(DigitsError::NotADigit);
    }
    let mut bytes = Vec::with_capacity(digits.len().div_ceil(CHUNK_DIGITS) * CHUNK);
    for chunk in digits.chunks(CHUNK_DIGITS) {
        let length =
            WIDTHS.iter().position(|width| *width == chunk.len()).ok_or(DigitsError::Length)?;
        // 17 digits stay below 2^57.
        let value = chunk.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
        if value >> (8 * length) != 0 {
            return Err(DigitsError::Overflow);
        }
        bytes.extend(value.to_le_bytes().iter().take(length));
    }
    Ok(bytes)
}

/// How many digits `length` bytes take.
pub(super) fn encoded_length(length: usize) -> usize {
    let last = WIDTHS.get(length % CHUNK).copied().unwrap_or_default();
    length / CHUNK * CHUNK_DIGITS + last
}

/// Appends `bytes` as digits.
pub(super) fn push(digits: &mut String, bytes: &[u8]) {
    for chunk in bytes.chunks(CHUNK) {
        let mut value = chunk.iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        // `format!` would leave them on the stack.
        let mut text = Zeroizing::new([0; CHUNK_DIGITS]);
        for digit in text.iter_mut().rev() {
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
        }
        let unused = CHUNK_DIGITS - encoded_length(chunk.len());
        let used = text.get(unused..).unwrap_or_default();
        digits.push_str(str::from_utf8(used).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bound_is_a_kibibyte_and_comes_first() {
        assert_eq!(encoded_length(1024), MAX_DIGITS);
        assert_eq!(decode(&"0".repeat(MAX_DIGITS)).unwrap().len(), 1024);
        assert_eq!(decode(&"0".repeat(MAX_DIGITS + 1)), Err(DigitsError::TooLong));
        assert_eq!(decode(&"x".repeat(MAX_DIGITS + 1)), Err(DigitsError::TooLong));
    }

    #[test]
    fn every_impossible_length_is_refused() {
        let possible: Vec<_> = (0..=60).map(encoded_length).collect();
        for length in 0..=encoded_length(60) {
            let expected = possible.contains(&length);
            assert_eq!(decode(&"0".repeat(length)).is_ok(), expected, "{length} digits");
        }
    }

    #[test]
    fn signs_spaces_and_other_scripts_are_no_digits() {
        for digits in ["+16", "-00", " 16", "16\n", "1_6", "１２３", "0x1", "1.0", "1e1"] {
            assert_eq!(decode(digits), Err(DigitsError::NotADigit), "{digits:?}");
        }
    }

    #[test]
    fn an_overflow_in_any_chunk_is_refused() {
        let whole = encode(&[0xff; 7]);
        assert_eq!(decode(&format!("72057594037927936{whole}")), Err(DigitsError::Overflow));
        assert_eq!(decode(&format!("{whole}256")), Err(DigitsError::Overflow));
        assert_eq!(decode(&format!("{whole}255")).unwrap(), [0xff; 8]);
    }

    proptest! {
        #[test]
        fn bytes_survive(bytes in prop::collection::vec(any::<u8>(), 0..=1024)) {
            let digits = encode(&bytes);
            prop_assert_eq!(digits.len(), encoded_length(bytes.len()));
            prop_assert_eq!(decode(&digits), Ok(bytes));
        }

        #[test]
        fn a_text_has_one_reading(digits in "[0-9]{0,60}") {
            if let Ok(bytes) = decode(&digits) {
                prop_assert_eq!(encode(&bytes), digits);
            }
        }

        #[test]
        fn any_text_is_answered(text: String) {
            let _ = decode(&text);
        }
    }
}
