//! The client, without I/O: it shows a QR code, finds the phone by its advert,
//! meets it at a tunnel service and asks it. [`Transaction`] is the whole of it.

mod binding;
mod config;
mod interface;
mod request;
mod state;
pub mod transaction;
mod update;

pub use request::{CtapRequest, JsonRequest, MAX_REQUEST, PhoneRequest};
pub use transaction::{Config, Deadlines, Input, Keys, LinkedKeys, Linking, Output, Transaction};
pub use update::Update;
