//! The client: it shows a QR code, finds the phone over Bluetooth, meets it at a
//! tunnel service, and asks it for a passkey or a sign-in.
//!
//! [`Transaction`] is the whole of it without I/O. [`Client`] and [`Ceremony`]
//! bring it together with a radio, a tunnel and a clock on tokio.

mod begin;
mod ceremony;
#[cfg(feature = "webauthn")]
mod check_caller;
mod driver;
mod line;
mod preflight;
mod remote_session;
#[cfg(feature = "webauthn")]
mod web;
#[cfg(feature = "webauthn")]
mod webauthn;

pub use begin::Client;
pub use ceremony::Ceremony;
#[cfg(feature = "webauthn")]
pub use check_caller::RELATED_ORIGINS_DEADLINE;
pub use fido_hybrid_proto::client::{
    AllowedTunnelServices, ClientConfig, ClientDeadlines, ClientUpdate, ContactSecrets,
    EncodedRequest, Input, JsonRequest, Linking, MAX_REQUEST_LENGTH, Output,
    PREVIOUS_CODE_ACCEPTED, PhoneRequest, QrSecrets, RawRequest, Transaction,
};
#[cfg(feature = "webauthn")]
pub use fido_hybrid_proto::ports::related_origins::{FetchedList, RelatedOriginsFetcher};
pub use preflight::{Health, PREFLIGHT_DEADLINE, ServiceHealth};
pub use remote_session::RemoteSession;
