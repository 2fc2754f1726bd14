//! Inputs of an authenticator's transaction.

use super::engine::{Decision, ExternalKey, Passkey, PromptId};
use crate::error::{BluetoothError, KeyError, StoreError, TunnelError};
use crate::ports::bluetooth::AdapterState;
use crate::transport::RoutingId;

/// An event that the transaction takes.
#[derive(Debug)]
pub enum Input {
    /// The tunnel of [`Output::Dial`](super::Output::Dial) is open.
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
    /// Sending an [`Output::Send`](super::Output::Send) message failed. The tunnel cannot be used any
    /// more.
    SendFailed(TunnelError),
    /// The radio changed, or cannot be used yet: it advertises while it is on.
    Adapter(AdapterState),
    /// Advertising could not start, or stopped.
    AdvertisingFailed(BluetoothError),
    /// The store's answer to [`Output::FindPasskeys`](super::Output::FindPasskeys).
    PasskeysFound(Result<Vec<Passkey>, StoreError>),
    /// The store's answer to [`Output::SavePasskey`](super::Output::SavePasskey).
    Saved(Result<(), StoreError>),
    /// The store's answer to [`Output::CountUse`](super::Output::CountUse): the passkey's counter with
    /// this use.
    UseCounted(Result<u32, StoreError>),
    /// The key store's answer to [`Output::CreateKey`](super::Output::CreateKey).
    KeyCreated(Result<ExternalKey, KeyError>),
    /// The key store's answer to [`Output::Sign`](super::Output::Sign): an ECDSA signature in ASN.1 DER.
    Signed(Result<Vec<u8>, KeyError>),
    /// The user's answer to [`Output::Prompt`](super::Output::Prompt).
    Decided {
        /// The id of the prompt.
        prompt: PromptId,
        /// The user's decision.
        decision: Decision,
    },
    /// The program or its user wants no more of it, in any stage.
    Cancel,
    /// Time has passed; [`Transaction::deadline`](super::Transaction::deadline)
    /// says when this is due.
    TimePassed,
}
