//! The client, without I/O: it shows a QR code, finds the phone by its advert,
//! meets it at a tunnel service and asks it. [`Transaction`] is the whole of it.

mod config;
mod input;
mod output;
mod raw_request;
mod request;
mod response_check;
mod state;
mod transaction;
mod update;

pub use raw_request::{MAX_REQUEST_LENGTH, RawRequest};
pub use request::{EncodedRequest, JsonRequest, PhoneRequest};
pub use transaction::{
    AllowedTunnelServices, ClientConfig, ClientDeadlines, ContactSecrets, Input, Linking, Output,
    PREVIOUS_CODE_ACCEPTED, QrSecrets, Transaction,
};
pub use update::ClientUpdate;
