//! Inputs of a client's transaction.

use std::time::Duration;

use super::config::QrSecrets;
use super::request::PhoneRequest;
use crate::error::{BluetoothError, TunnelError};
use crate::ports::bluetooth::{AdapterState, AdvertReport};

/// An event that the transaction takes.
#[derive(Debug)]
pub enum Input {
    /// The radio received an advert. Adverts of other services than FFF9 and
    /// FDE2 are ignored, and it is normal that most of the rest is not for this
    /// transaction.
    Advert(AdvertReport),
    /// A new QR code is to take the place of the shown one, in stage
    /// [`Stage::ShowingQr`] of a transaction by QR code:
    /// [`ClientUpdate::WaitingForScan`](super::ClientUpdate::WaitingForScan) follows with
    /// its text. A phone that has read the code before may still come for
    /// [`PREVIOUS_CODE_ACCEPTED`](super::PREVIOUS_CODE_ACCEPTED). Earlier codes are not
    /// accepted any more. The stage's deadline stays.
    ///
    /// [`Stage::ShowingQr`]: crate::error::Stage::ShowingQr
    NewCode {
        /// Its secrets.
        keys: QrSecrets,
        /// When it was made, in seconds since 1970.
        created: u64,
    },
    /// The radio changed. A transaction that needs it goes on waiting.
    Adapter(AdapterState),
    /// The radio cannot go on.
    BluetoothFailed(BluetoothError),
    /// The tunnel of [`Output::Dial`](super::Output::Dial) is open.
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
        /// The request.
        request: PhoneRequest,
        /// How long the response may take, if not
        /// [`ClientDeadlines::awaiting_response`](super::ClientDeadlines::awaiting_response).
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
