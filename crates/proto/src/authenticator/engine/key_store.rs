//! The key store, as the authenticator needs it: a TPM, a secure element, a
//! system's key service.

use super::key::{ExternalKey, KeyHandle};
use crate::error::KeyError;
use crate::ports::BoxFuture;

/// Makes keys and signs with them, and never gives a private key away.
///
/// It is asked after the user approved the request. It may ask the user again,
/// such as for a fingerprint that unlocks the key; the time is that of
/// [`AuthenticatorDeadlines::answering`](crate::authenticator::AuthenticatorDeadlines::answering).
///
/// The PRF of a passkey is not its: PRF secrets are in the passkey store.
pub trait KeyStore: Send + Sync {
    /// Makes a P-256 key for a passkey of the relying party `rp_id`, which is for
    /// prompts.
    ///
    /// # Errors
    /// A [`KeyError`].
    ///
    /// # Cancel safety
    /// Dropping the future cancels: the other device disconnected, the program ended
    /// the session, or the call timed out. The store must dismiss its prompt, and must
    /// not keep a key whose handle it has not returned.
    fn create_key<'a>(&'a self, rp_id: &'a str) -> BoxFuture<'a, Result<ExternalKey, KeyError>>;

    /// Signs `message` with ECDSA over its SHA-256 hash, and returns the signature
    /// in ASN.1 DER [RFC 3279 §2.2.3]. The message is authenticator data and
    /// the hash of the client data; its first 32 bytes are the hash of the RP ID.
    ///
    /// The signature is checked with the key's public key. One that is wrong is not
    /// sent: [`KeyError::WrongSignature`].
    ///
    /// # Errors
    /// [`KeyError::Missing`] if there is no such key any more; any other [`KeyError`].
    ///
    /// # Cancel safety
    /// Dropping the future cancels. The store must dismiss its prompt.
    fn sign<'a>(
        &'a self,
        rp_id: &'a str,
        key: &'a KeyHandle,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeyError>>;

    /// Deletes a key that no passkey has: its passkey could not be saved, or has been
    /// replaced. A key that is not there is no error.
    ///
    /// A key is not deleted if the session ends while its passkey is being saved: the
    /// passkey may have been saved. Keys of passkeys that the program removes are the
    /// program's to delete.
    ///
    /// # Errors
    /// A [`KeyError`], for logs: the session goes on.
    ///
    /// # Cancel safety
    /// The future is dropped after a second. The key may remain.
    fn delete_key<'a>(&'a self, key: &'a KeyHandle) -> BoxFuture<'a, Result<(), KeyError>>;
}
