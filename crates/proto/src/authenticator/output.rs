//! Outputs of an authenticator's transaction.

use super::engine::{KeyHandle, Passkey, Prompt};
use super::update::AuthenticatorUpdate;
use crate::ctap::CredentialId;
use crate::error::Error;
use crate::transport::TunnelRequest;

/// An action for the driver.
#[derive(Debug)]
pub enum Output {
    /// Open a tunnel.
    Dial(TunnelRequest),
    /// Advertise this service data under the FIDO service.
    Advertise(Vec<u8>),
    /// Take the advert off the air.
    StopAdvertising,
    /// Send a message through the tunnel. Several in a row go into one write.
    Send(Vec<u8>),
    /// Ask the store for the passkeys of an RP ID; with `ids`, for those among
    /// them. See [`Transaction::registering`](super::Transaction::registering)
    /// where several transactions share a store.
    FindPasskeys {
        /// The RP ID.
        rp_id: String,
        /// The ids that are allowed. `None`: all.
        ids: Option<Vec<CredentialId>>,
    },
    /// Ask the user.
    Prompt(Prompt),
    /// Take the prompt off the screen: a decision is not needed any more.
    DismissPrompt,
    /// Keep a new passkey, in place of any of the same account.
    SavePasskey(Passkey),
    /// Count a use of a passkey; it signs only then.
    CountUse {
        /// The passkey's RP ID.
        rp_id: String,
        /// The id of the passkey.
        id: CredentialId,
    },
    /// Have the key store make a key for a new passkey. Only with
    /// [`NewKeys::External`](super::NewKeys::External).
    CreateKey {
        /// The relying party, for prompts.
        rp_id: String,
    },
    /// Have the key store sign. Only for passkeys with a
    /// [`PrivateKey::External`](super::PrivateKey::External).
    Sign {
        /// The relying party, for prompts.
        rp_id: String,
        /// The handle of the key.
        key: KeyHandle,
        /// The bytes to sign, with ECDSA over its SHA-256 hash.
        message: Vec<u8>,
    },
    /// Cancel what the key store was asked: its answer is not needed any more. A key
    /// that it makes nevertheless must be deleted.
    CancelKeyOperation,
    /// Have the key store delete a key that no passkey has. There is no answer.
    DeleteKey(KeyHandle),
    /// Close the tunnel, or stop opening it.
    CloseTunnel,
    /// Tell the person.
    Update(AuthenticatorUpdate),
    /// Over. Nothing follows.
    Closed(Result<(), Error>),
}
