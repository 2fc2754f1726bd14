//! Inputs of a link.

use crate::error::{BluetoothError, TunnelError};
use crate::ports::bluetooth::AdapterState;
use crate::secret::SecretBytes;
use crate::transport::RoutingId;

/// An event that the link takes.
#[derive(Debug)]
pub enum LinkInput {
    /// The tunnel of [`LinkOutput::Dial`](super::LinkOutput::Dial) is open.
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
    /// Sending a message of [`LinkOutput::Send`](super::LinkOutput::Send) failed. The tunnel cannot be used
    /// any more.
    SendFailed(TunnelError),
    /// The adapter's state changed. The advert is received only while it is on.
    Adapter(AdapterState),
    /// Advertising could not start, or stopped.
    AdvertisingFailed(BluetoothError),
    /// The engine's answer to [`LinkOutput::Request`](super::LinkOutput::Request): a status byte, then CBOR if
    /// the status is `OK`.
    Response(SecretBytes),
    /// The program or its user cancels, in any stage.
    Cancel,
    /// Time has passed; [`LinkTransaction::deadline`](super::LinkTransaction::deadline)
    /// says when this is due.
    TimePassed,
}
