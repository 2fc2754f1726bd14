//! The cause of an error, by the party or part that failed.

use std::fmt;

use super::bluetooth::BluetoothError;
use super::engine::EngineError;
use super::misuse::ApiMisuse;
use super::options::{OptionsError, OriginError};
use super::peer::PeerMisbehaved;
use super::proxy::ProxyError;
use super::related::RelatedOriginsError;
use super::source::Source;
use super::store::{KeyError, StoreError};
use super::tunnel::TunnelError;
use crate::ctap::Status;
use crate::transport::QrCodeError;

/// The cause of an error, by the party or part at fault.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A user, a program or the other side cancelled.
    #[error("cancelled by {0}")]
    Cancelled(CancelledBy),
    /// The stage took longer than its deadline allows.
    #[error("timed out")]
    Deadline,
    /// The radio could not do its part.
    #[error(transparent)]
    Bluetooth(#[from] BluetoothError),
    /// The tunnel could not be opened or did not last.
    #[error(transparent)]
    Tunnel(#[from] TunnelError),
    /// The other side sent what no such device sends.
    #[error("the other device misbehaved: {0}")]
    PeerMisbehaved(#[from] PeerMisbehaved),
    /// The other device disconnected before it had to answer, or was lost. A tunnel that
    /// broke on this side is a [`Tunnel`](Self::Tunnel) error.
    #[error("the other device disconnected")]
    PeerDisconnected,
    /// To a client: the phone ended the connection in good order, and did not answer the
    /// request that it had. Its user cancelled (iOS sends no CTAP error), it has no
    /// passkey for a request without an allow list, or it could not read the request
    /// (Android sends no CTAP error).
    #[error("the phone ended the request without an answer")]
    EndedOnPhone,
    /// The phone answered with a CTAP status that is not success.
    #[error("the phone answered with {0}")]
    Status(Status),
    /// The text that was read is no FIDO QR code.
    #[error("not a FIDO QR code: {0}")]
    QrCode(#[from] QrCodeError),
    /// The QR code was made longer ago, or further in the future, than this
    /// phone accepts: it is old, or one of the two clocks is wrong.
    #[error("the QR code's time differs too much from this device's clock")]
    StaleQrCode,
    /// The passkey store could not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The CTAP engine that the program brought gave a response that cannot be
    /// sent.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The key store that the program brought could not do what it was asked.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The text that the program gave is not an origin that may use passkeys.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// The relying party's options are invalid, or are not for this origin.
    #[error("the relying party's request was refused: {0}")]
    Options(#[from] OptionsError),
    /// The origin may not use the RP ID by itself, and the relying party's list of related
    /// origins does not allow it either.
    #[error(transparent)]
    RelatedOrigins(#[from] RelatedOriginsError),
    /// The system did not start a thread for the ceremonies of a blocking client.
    #[error("the system could not start a thread")]
    NoThread(#[source] Source),
    /// One side needs what the other does not offer.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// This library was called in a way that its documentation rules out.
    #[error(transparent)]
    ApiMisuse(#[from] ApiMisuse),
}

impl From<ProxyError> for ErrorKind {
    fn from(error: ProxyError) -> Self {
        Self::Tunnel(TunnelError::Proxy(error))
    }
}

/// The party that cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelledBy {
    /// The program on this side.
    Caller,
    /// The user of this side, as the program reports.
    User,
    /// The client, by its shutdown message, before it had an answer.
    Client,
}

impl fmt::Display for CancelledBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Caller => "this program",
            Self::User => "the user of this program",
            Self::Client => "the client",
        })
    }
}

/// A requirement of one side that the other does not offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// The phone does not offer CTAP, or not CTAP2.
    #[error("the phone does not offer CTAP")]
    Ctap,
    /// The phone does not take JSON requests: digital credentials.
    #[error("the phone does not offer digital credentials")]
    Json,
    /// This command does not exist over hybrid: phones end the transaction.
    #[error("this command does not exist over the hybrid transport")]
    Command,
    /// The relying party requires user verification, and the phone does not
    /// have it.
    #[error("the phone cannot verify its user")]
    UserVerification,
    /// The relying party requires user verification, and the phone's user has
    /// not set it up.
    #[error("the phone has no screen lock to verify its user with")]
    VerificationNotSetUp,
    /// The relying party requires a discoverable passkey, and the phone makes
    /// only others.
    #[error("the phone cannot create discoverable passkeys")]
    DiscoverablePasskeys,
    /// The relying party enforces a credential protection policy, and the phone
    /// has no such policies.
    #[error("the phone cannot protect passkeys as the relying party demands")]
    CredentialProtection,
    /// The relying party requires that the passkey can hold a large blob, and this phone
    /// makes only others.
    #[error("the phone cannot store a large blob with a passkey")]
    LargeBlob,
    /// The phone has none of the algorithms that the relying party accepts.
    #[error("the phone has none of the algorithms that the relying party accepts")]
    Algorithm,
    /// The relying party allows passkeys only whose ids are longer than those of
    /// this phone can be.
    #[error("the phone cannot have any passkey that the relying party allows")]
    Passkeys,
    /// The allow or exclude list is longer than this phone takes. A part of it would
    /// be another request.
    #[error("the phone does not take a list of so many passkeys")]
    ListTooLong,
    /// The request is longer than the messages that this phone takes.
    #[error("the request is longer than the messages that the phone takes")]
    MessageTooLong,
    /// The request is longer than peers accept.
    #[error("the request is longer than the other device accepts")]
    RequestTooLong,
    /// The QR code's client knows no tunnel service that this phone uses.
    #[error("the client knows no tunnel service that this phone uses")]
    TunnelDomain,
    /// The QR code's client does not use tunnel services at all.
    #[error("the client does not use tunnel services")]
    DataChannel,
}
