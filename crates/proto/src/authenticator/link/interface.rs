//! What goes into a link and what comes out of it.

use crate::ctap::Status;
use crate::error::{BluetoothError, EngineError, Error, TunnelError};
use crate::ports::bluetooth::AdapterState;
use crate::secret::SecretBytes;
use crate::transport::tunnel_url::{RoutingId, TunnelRequest};

/// An event that the link takes.
#[derive(Debug)]
pub enum LinkInput {
    /// The tunnel of [`LinkOutput::Dial`] is open.
    TunnelOpened {
        /// The routing id that the tunnel service sent. `None` is an error of
        /// the service and ends the transaction.
        routing_id: Option<RoutingId>,
    },
    /// A message came through the tunnel.
    Message(Vec<u8>),
    /// The tunnel was closed in good order.
    TunnelClosed,
    /// The tunnel could not be opened, or broke.
    TunnelFailed(TunnelError),
    /// Sending a message of [`LinkOutput::Send`] failed. The tunnel cannot be used
    /// any more.
    SendFailed(TunnelError),
    /// The adapter's state changed. The advert is received only while it is on.
    Adapter(AdapterState),
    /// Advertising could not start, or stopped.
    AdvertisingFailed(BluetoothError),
    /// The engine's answer to [`LinkOutput::Request`]: a status byte, then CBOR if
    /// the status is `OK`.
    Response(SecretBytes),
    /// The program or its user cancels, in any stage.
    Cancel,
    /// Time has passed; [`LinkTransaction::deadline`](super::Transaction::deadline)
    /// says when this is due.
    TimePassed,
}

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
