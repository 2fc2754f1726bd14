//! The client: it shows a QR code, finds the phone over Bluetooth, meets it at a
//! tunnel service, and asks it for a passkey or a sign-in.
//!
//! [`Transaction`] is the whole of it without I/O. [`Client`] and [`Ceremony`]
//! bring it together with a radio, a tunnel and a clock on tokio.

mod begin;
mod ceremony;
mod driver;
mod preflight;
#[cfg(feature = "webauthn")]
mod webauthn;

pub use begin::Client;
pub use ceremony::Ceremony;
pub use fido_hybrid_proto::client::{
    ClientConfig, ClientDeadlines, ClientUpdate, ContactSecrets, EncodedRequest, Input,
    JsonRequest, Linking, MAX_REQUEST_LENGTH, Output, PhoneRequest, QrSecrets, RawRequest,
    Transaction,
};
pub use preflight::{Health, PREFLIGHT_DEADLINE, ServiceHealth};
