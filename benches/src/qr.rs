//! A QR code's text, both ways, beside the least that it takes: the digits as
//! std writes and reads them, and for reading the point that the code holds.

use std::fmt::Write as _;

use fido_hybrid::crypto::SecretKey;
use fido_hybrid::secret::QrSecret;
use fido_hybrid::transport::{QrCode, RequestHint};

use crate::case::{Case, plain};

/// Characters of `FIDO:/`.
const PREFIX: usize = 6;

/// Digits of 7 bytes.
const CHUNK: usize = 17;

fn code() -> QrCode {
    let key = SecretKey::from_scalar(&[5; 32]).unwrap();
    QrCode::new(*key.public_key(), QrSecret::new([6; 16]), 1_700_000_000, RequestHint::GetAssertion)
}

fn numbers(text: &str) -> Vec<u64> {
    let digits = &text.as_bytes()[PREFIX..];
    digits.chunks(CHUNK).map(|chunk| std::str::from_utf8(chunk).unwrap().parse().unwrap()).collect()
}

/// The comparisons.
pub fn cases() -> Vec<Case> {
    let code = code();
    let text = code.to_text().expose().to_owned();
    let point = code.public_key.compressed();
    let chunks = numbers(&text);
    let same_text = text.clone();
    vec![
        Case::new(
            "write a QR code's text",
            plain(move || code.to_text()),
            "its digits",
            plain(move || {
                let mut text = String::with_capacity(200);
                for chunk in &chunks {
                    write!(text, "{chunk:017}").unwrap();
                }
                text
            }),
        ),
        Case::new(
            "read a QR code's text",
            plain(move || text.parse::<QrCode>().unwrap()),
            "its digits and its point",
            plain(move || (numbers(&same_text), p256::PublicKey::from_sec1_bytes(&point).unwrap())),
        ),
    ]
}
