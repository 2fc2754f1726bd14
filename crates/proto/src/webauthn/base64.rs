//! Base64 in WebAuthn JSON: written as base64url without padding
//! [RFC 4648 §5], read by the rule of `forgiving-base64 decode` in
//! [Infra §6].
//!
//! ```text
//! ASCII whitespace      ignored
//! =                     one or two at the end, if they fill up a group of four
//! + / and - _           the same values
//! unused trailing bits  ignored
//! ```
//!
//! **Deviation.** Browsers' `parseCreationOptionsFromJSON` takes no padding, no
//! whitespace and only the alphabet of base64url. Deployed servers pad, and
//! Entra's allow lists use `+` and `/`. Unused trailing bits are ignored in
//! browsers too.

use data_encoding::BASE64URL_NOPAD;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

/// Decodes `text`; `None` if it is not base64.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    // It may be a PRF input, in part if the rest is not base64.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len().saturating_mul(3) / 4));
    let (mut bits, mut unwritten) = (0_u32, 0_u32);
    let (mut symbols, mut padding) = (0_usize, 0_usize);
    for symbol in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        if symbol == b'=' {
            padding += 1;
            continue;
        }
        if padding > 0 {
            return None;
        }
        symbols += 1;
        bits = (bits << 6) | u32::from(value(symbol)?);
        unwritten += 6;
        if unwritten >= 8 {
            unwritten -= 8;
            let [.., byte] = (bits >> unwritten).to_be_bytes();
            bytes.push(byte);
        }
    }
    let is_padded = padding <= 2 && (symbols + padding).is_multiple_of(4);
    (symbols % 4 != 1 && (padding == 0 || is_padded)).then(|| std::mem::take(&mut *bytes))
}

fn value(symbol: u8) -> Option<u8> {
    Some(match symbol {
        b'A'..=b'Z' => symbol - b'A',
        b'a'..=b'z' => symbol - b'a' + 26,
        b'0'..=b'9' => symbol - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

/// Writes itself as base64url.
pub(super) struct Base64Url<'a>(pub(super) &'a [u8]);

impl Serialize for Base64Url<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Whole: written in pieces, it would leave each piece on the stack.
        let text = Zeroizing::new(BASE64URL_NOPAD.encode(self.0));
        serializer.serialize_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_alphabet_is_read_padded_or_not() {
        for text in ["-_-_-w", "-_-_-w==", "+/+/+w", "+/+/+w==", "+_-/+w", " -_-_\n-w= =\t"] {
            assert_eq!(decode(text).unwrap(), [0xfb, 0xff, 0xbf, 0xfb], "{text}");
        }
        assert_eq!(decode("AAA=").unwrap(), [0, 0]);
        assert!(decode("").unwrap().is_empty());
        assert!(decode(" ").unwrap().is_empty());
    }

    #[test]
    fn unused_trailing_bits_are_ignored() {
        assert_eq!(decode("UZSL85T9AFC").unwrap(), *b"\x51\x94\x8b\xf3\x94\xfd\x00\x50");
        for (text, bytes) in [("AB", &[0][..]), ("A_", &[3]), ("__", &[255]), ("___", &[255, 255])]
        {
            assert_eq!(decode(text).unwrap(), bytes, "{text}");
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in [
            "A", "AAAAA", "=", "==", "A=", "A==", "A===", "AA=", "AA===", "AAA==", "AAAA=",
            "AAAA==", "A=A=", "=AAA", "A*AA", "AA\u{b}", "AA\0", "O.eyJ", "AAé", "AA\u{a0}",
        ] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    #[test]
    fn every_length_and_every_byte_is_read_as_it_was_written() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..bytes.len() {
            let written = BASE64URL_NOPAD.encode(&bytes[..length]);
            assert_eq!(decode(&written).as_deref(), Some(&bytes[..length]));
            let written = data_encoding::BASE64.encode(&bytes[length..]);
            assert_eq!(decode(&written).as_deref(), Some(&bytes[length..]));
        }
    }

    #[test]
    fn bytes_are_written_without_padding() {
        assert_eq!(serde_json::to_string(&Base64Url(&[0xfb, 0xff])).unwrap(), "\"-_8\"");
    }
}
