//! What goes into an authenticator's transaction and what comes out of it.

use super::engine::{Decision, ExternalKey, KeyHandle, Passkey, Prompt, PromptId};
use super::update::AuthenticatorUpdate;
use crate::ctap::CredentialId;
use crate::error::{BluetoothError, Error, KeyError, StoreError, TunnelError};
use crate::ports::bluetooth::AdapterState;
use crate::transport::tunnel_url::{RoutingId, TunnelRequest};

/// An event that the transaction takes.
#[derive(Debug)]
pub enum Input {
    /// The tunnel of [`Output::Dial`] is open.
    TunnelOpened {
        /// Routing id sent by the tunnel service. `None` ends the transaction
        /// with an error.
        routing_id: Option<RoutingId>,
    },
    /// A message came through the tunnel.
    Message(Vec<u8>),
    /// The tunnel was closed in good order.
    TunnelClosed,
    /// The tunnel could not be opened, or broke.
    TunnelFailed(TunnelError),
    /// Sending an [`Output::Send`] message failed. The tunnel cannot be used any
    /// more.
    SendFailed(TunnelError),
    /// The radio changed, or cannot be used yet: it advertises while it is on.
    Adapter(AdapterState),
    /// Advertising could not start, or stopped.
    AdvertisingFailed(BluetoothError),
    /// The store's answer to [`Output::FindPasskeys`].
    PasskeysFound(Result<Vec<Passkey>, StoreError>),
    /// The store's answer to [`Output::SavePasskey`].
    Saved(Result<(), StoreError>),
    /// The store's answer to [`Output::CountUse`]: the passkey's counter with
    /// this use.
    UseCounted(Result<u32, StoreError>),
    /// The key store's answer to [`Output::CreateKey`].
    KeyCreated(Result<ExternalKey, KeyError>),
    /// The key store's answer to [`Output::Sign`]: an ECDSA signature in ASN.1 DER.
    Signed(Result<Vec<u8>, KeyError>),
    /// The user's answer to [`Output::Prompt`].
    Decided {
        /// Which prompt.
        prompt: PromptId,
        /// What the user said.
        decision: Decision,
    },
    /// The program or its user wants no more of it, in any stage.
    Cancel,
    /// Time has passed; [`Transaction::deadline`](super::Transaction::deadline)
    /// says when this is due.
    TimePassed,
}

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
        /// Which passkey.
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
        /// Which key.
        key: KeyHandle,
        /// What to sign, with ECDSA over its SHA-256 hash.
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
