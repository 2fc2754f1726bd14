//! What goes into a client's transaction and what comes out of it.

use std::time::Duration;

use super::request::PhoneRequest;
use super::update::ClientUpdate;
use crate::ctap::{self, Status};
use crate::error::{BluetoothError, Error, TunnelError};
use crate::ports::bluetooth::{AdapterState, AdvertReport};
use crate::secret::SecretText;
use crate::transport::linked_phone::LinkedPhone;
use crate::transport::tunnel_url::TunnelRequest;

/// An event that the transaction takes.
#[derive(Debug)]
pub enum Input {
    /// The radio received an advert. Adverts of other services than FFF9 and
    /// FDE2 are ignored, and it is normal that most of the rest is not for this
    /// transaction.
    Advert(AdvertReport),
    /// The radio changed. A transaction that needs it goes on waiting.
    Adapter(AdapterState),
    /// The radio cannot go on.
    BluetoothFailed(BluetoothError),
    /// The tunnel of [`Output::Dial`] is open.
    TunnelOpened {
        /// The tunnel service announced a connect signal.
        connect_signal: bool,
    },
    /// A message came through the tunnel.
    Message(Vec<u8>),
    /// The tunnel was closed in good order.
    TunnelClosed,
    /// The tunnel could not be opened, or broke.
    TunnelFailed(TunnelError),
    /// The caller asks something of the phone, in stage [`Stage::Ready`]. If
    /// the phone cannot do what the relying party requires, the transaction ends
    /// with [`ErrorKind::Unsupported`]. The keys of a transaction are good for 2^24
    /// requests.
    ///
    /// [`ErrorKind::Unsupported`]: crate::error::ErrorKind::Unsupported
    /// [`Stage::Ready`]: crate::error::Stage::Ready
    Request {
        /// What is asked.
        request: PhoneRequest,
        /// How long the response may take, if not
        /// [`ClientDeadlines::awaiting_response`](super::Deadlines::awaiting_response).
        timeout: Option<Duration>,
    },
    /// The caller has what it wants, in stage [`Stage::Ready`].
    ///
    /// [`Stage::Ready`]: crate::error::Stage::Ready
    Finish,
    /// The caller wants no more of it, in any stage.
    Cancel,
    /// Time has passed; [`Transaction::deadline`](super::Transaction::deadline)
    /// says when this is due.
    TimePassed,
}

/// An action for the driver.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there are a handful at a time, moved once")]
pub enum Output {
    /// Open a tunnel.
    Dial(TunnelRequest),
    /// Send a message through the tunnel.
    Send(Vec<u8>),
    /// Stop listening with the radio.
    StopScanning,
    /// Close the tunnel, or stop opening it.
    CloseTunnel,
    /// Tell the person.
    Update(ClientUpdate),
    /// The phone's response to the last CTAP request, checked to answer it; or the
    /// status with which the phone refused.
    Response(Result<ctap::CtapResponse, Status>),
    /// The phone's response to the last request, which was JSON: UTF-8, at most
    /// [`MAX_MESSAGE`] bytes. That it is JSON and what it says is not checked.
    ///
    /// [`MAX_MESSAGE`]: crate::transport::crypter::MAX_MESSAGE
    JsonResponse(SecretText),
    /// A linked phone to keep, the link's signature verified. It replaces any
    /// with the same identity key.
    Linked(LinkedPhone),
    /// The link of this linked transaction is dead: delete it.
    ForgetLink,
    /// Over. Nothing follows.
    Closed(Result<(), Error>),
}
