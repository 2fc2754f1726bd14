//! The digits of a QR code.

use fido_hybrid::transport::digits::{self, MAX_DIGITS};

use super::memory;

/// Digits, and bytes to be written as digits: one text for any bytes, and
/// nothing else is read as them.
pub fn digits(input: &[u8]) {
    let written = digits::encode(input);
    assert!(written.bytes().all(|byte| byte.is_ascii_digit()));
    match digits::decode(&written) {
        Ok(bytes) => assert_eq!(bytes, input),
        Err(error) => {
            assert_eq!(error, digits::DigitsError::TooLong);
            assert!(written.len() > MAX_DIGITS);
        }
    }

    let Ok(text) = str::from_utf8(input) else { return };
    let read = memory::within(text.len() / 2 + 16, || digits::decode(text));
    if let Ok(bytes) = read {
        assert!(text.len() <= MAX_DIGITS);
        assert_eq!(digits::encode(&bytes), text);
    }
}
