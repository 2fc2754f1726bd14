//! What can fail around a transaction: the radio, the tunnel, the store.

use std::fmt;
use std::sync::Arc;

use super::misuse::ApiMisuse;
use crate::cbor;

/// An underlying error, kept for logs.
pub type Source = Arc<dyn std::error::Error + Send + Sync>;

/// Why the radio could not do its part.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BluetoothError {
    /// This machine has no Bluetooth adapter.
    #[error("there is no Bluetooth adapter")]
    Absent,
    /// There is an adapter and it is switched off.
    #[error("Bluetooth is switched off")]
    Off,
    /// The system does not let this program use Bluetooth.
    #[error("this program is not permitted to use Bluetooth")]
    NotPermitted,
    /// The adapter is switched on, and refuses to work because it is not ready,
    /// for longer than an adapter needs to start.
    #[error("the Bluetooth adapter is switched on but does not become ready")]
    NotReady,
    /// The adapter is switched on, and refuses to scan or to advertise because
    /// something else occupies it.
    #[error("the Bluetooth adapter is busy")]
    Busy,
    /// This radio or system cannot do what was asked, such as advertising
    /// service data on macOS.
    #[error("the Bluetooth adapter cannot {0}")]
    Unsupported(&'static str),
    /// The adapter is busy with as many adverts as it can hold.
    #[error("the Bluetooth adapter has no room for another advert")]
    NoAdvertisingSlot,
    /// The system's Bluetooth service is missing or was lost: on Linux, the system's
    /// D-Bus.
    #[error("the system's Bluetooth service cannot be reached")]
    NoService(#[source] Source),
    /// The system's Bluetooth service, or the D-Bus on the way to it, did not
    /// answer in time.
    #[error("the system's Bluetooth service does not answer")]
    Silent,
    /// This library was called in a way that its documentation rules out.
    #[error(transparent)]
    Misuse(#[from] ApiMisuse),
    /// Anything else that Bluetooth reported.
    #[error("Bluetooth failed")]
    Failed(#[source] Source),
}

/// Why a tunnel could not be opened or did not last, by step.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TunnelError {
    /// The service's name has no address.
    #[error("the tunnel service's name did not resolve")]
    Dns(#[source] Source),
    /// No connection to any of its addresses.
    #[error("the tunnel service could not be reached")]
    Tcp(#[source] Source),
    /// No secure connection: certificate, protocol version, interception.
    #[error("no secure connection to the tunnel service")]
    Tls(#[source] Source),
    /// The service's certificate has expired or is not valid yet, by this
    /// device's clock.
    #[error("the tunnel service's certificate is not valid at this device's date and time")]
    CertificateDate(#[source] Source),
    /// Opening the tunnel timed out in this step.
    #[error("{0} within the time allowed")]
    TimedOut(TunnelStep),
    /// The service answered with an HTTP status other than 101. 410 on
    /// `/cable/contact` means that the linked phone no longer exists.
    #[error("the tunnel service answered with HTTP status {0}")]
    Status(u16),
    /// More redirects than allowed, or to something that is not `wss`.
    #[error("the tunnel service redirected to where this client does not go")]
    Redirect,
    /// The answer breaks the WebSocket or tunnel rules: no subprotocol, a
    /// malformed or repeated routing id.
    #[error("the tunnel service's answer is invalid: {0}")]
    Upgrade(&'static str),
    /// The tunnel was closed by the service, with its closing code if it gave
    /// one.
    #[error("the tunnel was closed{}", closing_code(*.0))]
    Closed(Option<u16>),
    /// A message over the limit in bytes.
    #[error("a message on the tunnel is longer than {0} bytes")]
    TooLong(usize),
    /// More control frames, or fragments of one message, than allowed.
    #[error("too many frames came through the tunnel that are not messages")]
    Flooded,
    /// A text message, where only binary ones are allowed.
    #[error("a text message came through the tunnel")]
    NotBinary,
    /// The service answered pings and then answered no more.
    #[error("the tunnel service stopped answering")]
    Unresponsive,
    /// The service does not take what is sent.
    #[error("the tunnel service takes no message")]
    Stalled,
    /// The WebSocket or the connection below it broke.
    #[error("the connection to the tunnel service broke")]
    Broken(#[source] Source),
}

/// A step on the way to a tunnel. `Display` says that it did not finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TunnelStep {
    /// Looking up the service's name.
    Dns,
    /// Connecting to one of its addresses.
    Tcp,
    /// Securing the connection.
    Tls,
    /// The HTTP request that opens the WebSocket.
    Upgrade,
}

impl fmt::Display for TunnelStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "the tunnel service's name did not resolve",
            Self::Tcp => "the tunnel service could not be reached",
            Self::Tls => "no secure connection to the tunnel service",
            Self::Upgrade => "the tunnel service did not answer",
        })
    }
}

/// Why a passkey store could not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no room for another passkey. The client is told.
    #[error("the passkey store has no room for another passkey")]
    Full,
    /// Anything else. The client learns no more than that it failed.
    #[error("the passkey store failed")]
    Failed(#[source] Source),
}

impl StoreError {
    /// A failure with its cause, for logs.
    #[must_use]
    pub fn failed(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Failed(Arc::new(cause))
    }
}

/// Why the response of a CTAP engine could not be sent. The engine that the program
/// brought is at fault; the client is told [`Status::OTHER`](crate::ctap::Status::OTHER).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The response has not even a status byte.
    #[error("the CTAP engine's response is empty")]
    Empty,
    /// The response is longer than clients can receive.
    #[error("the CTAP engine's response has {0} bytes")]
    TooLong(usize),
    /// The bytes after the status `OK` are not one item of CBOR in CTAP2's canonical
    /// form.
    #[error("the CTAP engine's response is invalid: {0}")]
    Cbor(cbor::CborError),
}

/// Why a key store could not make a key or sign.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The key is not there any more: it was deleted, or the hardware was reset.
    #[error("the key store has no such key")]
    Gone,
    /// The user cancelled in a prompt of the key store.
    #[error("the user cancelled in the key store's prompt")]
    Cancelled,
    /// The signature that the key store returned is not one of the key over the
    /// message. It was not sent.
    #[error("the key store returned a wrong signature")]
    WrongSignature,
    /// Anything else.
    #[error("the key store failed")]
    Failed(#[source] Source),
}

impl KeyError {
    /// A failure with its cause, for logs.
    #[must_use]
    pub fn failed(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Failed(Arc::new(cause))
    }
}

fn closing_code(code: Option<u16>) -> String {
    code.map(|code| format!(" (code {code})")).unwrap_or_default()
}
