//! Signatures with keys in this process and in a key store.

use crate::authenticator::engine::key::{ExternalKey, PrivateKey};
use crate::authenticator::engine::output::{Output, Outputs};
use crate::authenticator::engine::passkey::Passkey;
use crate::error::KeyError;

/// Signs with a key that is in this process; asks the key store otherwise.
pub(super) fn sign(passkey: &Passkey, message: Vec<u8>, outputs: &mut Outputs) -> Option<Vec<u8>> {
    match &passkey.key {
        PrivateKey::Software(key) => Some(key.sign(&message)),
        PrivateKey::External(ExternalKey { handle, .. }) => {
            let (rp_id, key) = (passkey.rp_id.clone(), handle.clone());
            outputs.push_back(Output::Sign { rp_id, key, message });
            None
        }
    }
}

/// A key store's signature, if it is one: a wrong one would tell a relying party
/// that something is wrong with its passkey.
pub(super) fn checked(
    passkey: &Passkey,
    message: &[u8],
    signed: Result<Vec<u8>, KeyError>,
) -> Result<Vec<u8>, KeyError> {
    let signature = signed?;
    if passkey.key.public_key().verifies(message, &signature) {
        Ok(signature)
    } else {
        Err(KeyError::WrongSignature)
    }
}
