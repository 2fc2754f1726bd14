//! Bytes of a passkey store, and private keys of other programs.

use fido_hybrid::authenticator::{Passkey, PasskeyError};
use fido_hybrid::crypto::SecretKey;

use super::memory;

/// What a read allocates beside the passkey: its keys.
const KEYS: usize = 4096;

/// Bytes of a store: a passkey has one encoding.
pub fn passkey(input: &[u8]) {
    let read = memory::within(input.len() + KEYS, || Passkey::from_bytes(input));
    let passkey = match read {
        Ok(passkey) => passkey,
        Err(error) => {
            let is_longer = input.len() > Passkey::MAX_LENGTH;
            let is_later = matches!(error, PasskeyError::Version(_));
            assert!(is_later || is_longer == (error == PasskeyError::TooLong), "{error}");
            return;
        }
    };
    assert!(input.len() <= Passkey::MAX_LENGTH);
    assert_eq!(format!("{passkey:?}"), "Passkey(..)");
    assert_eq!(passkey.to_bytes().unwrap().expose(), input);
}

/// A private key of another program: read again as it is written.
pub fn pkcs8(input: &[u8]) {
    let read = memory::within(input.len() + KEYS, || SecretKey::from_pkcs8_der(input));
    let Ok(key) = read else { return };
    let written = key.to_pkcs8_der();
    let again = SecretKey::from_pkcs8_der(written.expose()).unwrap();
    assert_eq!(again.expose(), key.expose());
    assert_eq!(again.public_key(), key.public_key());
}
