//! Outputs of a link.

use crate::ctap::Status;
use crate::error::{EngineError, Error, ids};
use crate::ports::bluetooth::AdapterState;
use crate::secret::SecretBytes;
use crate::transport::TunnelRequest;

/// An action for the driver. Exhaustive: each must be performed.
#[derive(Debug)]
pub enum LinkOutput {
    /// Open a tunnel.
    Dial(TunnelRequest),
    /// Advertise this service data under the FIDO service.
    Advertise(Vec<u8>),
    /// Stop advertising.
    StopAdvertising,
    /// Send a message through the tunnel. Several in a row go into one write.
    Send(Vec<u8>),
    /// Have the engine answer this CTAP2 request: a command byte, then its
    /// parameters. The bytes are the client's, unchecked. There is one request at
    /// a time.
    Request(SecretBytes),
    /// Cancel the request: its response is not needed any more.
    CancelRequest,
    /// Close the tunnel, or stop opening it.
    CloseTunnel,
    /// A step was taken, for the person or for a log.
    Update(LinkUpdate),
    /// The transaction is over. Nothing follows.
    Closed(Result<(), Error>),
}

/// A step that a link took.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LinkUpdate {
    /// A tunnel is being opened at the tunnel service.
    Registering,
    /// The advert is being transmitted; the other device has to receive it.
    Advertising,
    /// The adapter's state changed. The transaction goes on once it is on.
    Adapter(AdapterState),
    /// The handshake is done.
    Secured,
    /// The engine is being given a request.
    Requested,
    /// The client is being sent the engine's response, with this status.
    Answered(Status),
    /// The engine's response could not be sent. The client is being told
    /// [`Status::OTHER`].
    EngineFailed(EngineError),
}

ids!(LinkUpdate {
    Self::Registering => "registering",
    Self::Advertising => "advertising",
    Self::Adapter(AdapterState::On) => "adapter.on",
    Self::Adapter(AdapterState::NotReady) => "adapter.not-ready",
    Self::Adapter(AdapterState::Off) => "adapter.off",
    Self::Adapter(AdapterState::Absent) => "adapter.absent",
    Self::Adapter(AdapterState::NotPermitted) => "adapter.not-permitted",
    Self::Secured => "secured",
    Self::Requested => "requested",
    Self::Answered(_) => "answered",
    Self::EngineFailed(_) => "engine-failed",
});
