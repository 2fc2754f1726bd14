//! Base64 as WebAuthn JSON has it: written as base64url without padding (RFC
//! 4648 section 5), read more kindly.
//!
//! Deployed servers pad, and Entra's allow lists are in the ordinary alphabet.
//! Both are read; since the two alphabets name the same values, nothing is
//! read in two ways.

use data_encoding::{BASE64URL_NOPAD, DecodeError};
use serde::{Serialize, Serializer};

pub(super) fn decode(text: &str) -> Result<Vec<u8>, DecodeError> {
    let unpadded = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    if !unpadded.contains(['+', '/']) {
        return BASE64URL_NOPAD.decode(unpadded.as_bytes());
    }
    let url: Vec<u8> = unpadded
        .bytes()
        .map(|b| match b {
            b'+' => b'-',
            b'/' => b'_',
            _ => b,
        })
        .collect();
    BASE64URL_NOPAD.decode(&url)
}

/// Writes itself as base64url, with no copy between.
pub(super) struct Base64Url<'a>(pub(super) &'a [u8]);

impl Serialize for Base64Url<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&BASE64URL_NOPAD.encode_display(self.0))
    }
}

/// How long `length` bytes are once written.
pub(super) const fn encoded_length(length: usize) -> usize {
    length.div_ceil(3).saturating_mul(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_alphabet_is_read_padded_or_not() {
        for text in ["-_-_-w", "-_-_-w==", "+/+/+w", "+/+/+w==", "+_-/+w"] {
            assert_eq!(decode(text).unwrap(), [0xfb, 0xff, 0xbf, 0xfb], "{text}");
        }
        assert_eq!(decode("AAA=").unwrap(), [0, 0]);
        assert!(decode("").unwrap().is_empty());
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in ["A", "AA===", "A=A=", "AA A", "A*AA", "AB", "AA\n", "O.eyJ"] {
            assert!(decode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_are_written_without_padding() {
        assert_eq!(serde_json::to_string(&Base64Url(&[0xfb, 0xff])).unwrap(), "\"-_8\"");
        assert!(encoded_length(4) >= "-_-_-w".len());
    }
}
