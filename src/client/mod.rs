//! Role 1: the client, which shows the QR code and asks the phone.
//!
//! [`Transaction`] is the whole of it without I/O. On top of it, with feature
//! `client`, `Client` and `Ceremony` bring it together with a radio, a
//! tunnel and a clock on tokio.

mod binding;
#[cfg(feature = "client")]
mod builder;
#[cfg(feature = "client")]
mod ceremony;
mod config;
#[cfg(feature = "client")]
mod driver;
mod interface;
mod linked;
mod phone_request;
#[cfg(feature = "client")]
mod preflight;
mod state;
pub mod transaction;
mod update;
#[cfg(all(feature = "client", feature = "webauthn"))]
mod webauthn;

#[cfg(feature = "client")]
pub use crate::background::CLOSE_DEADLINE;
#[cfg(feature = "client")]
pub use builder::{Client, ClientBuilder};
#[cfg(feature = "client")]
pub use ceremony::{Canceller, Ceremony};
pub use phone_request::PhoneRequest;
#[cfg(feature = "client")]
pub use preflight::{Health, PREFLIGHT_DEADLINE, ServiceHealth};
pub use state::MAX_REQUEST;
pub use transaction::{Config, Deadlines, Input, Keys, LinkedKeys, Linking, Output, Transaction};
pub use update::Update;
