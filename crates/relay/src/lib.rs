//! The tunnel service: where phone and client meet, and which reads nothing.
//!
//! [CTAP 2.2 §11.5.1.2] leaves most of a service to its operator; what
//! is here follows what deployed clients and phones ask for.
//!
//! ```text
//! phone                            service                           client
//!   GET /cable/new/<tunnel>  ──────►
//!   ◄── 101, X-caBLE-Routing-ID
//!                                      ◄──────  GET /cable/connect/<routing>/<tunnel>
//!                                      101 ──────►
//!   ◄══════════════ binary messages, whole, in order ══════════════►
//! ```
//!
//! [`Relay`] is the state machine: no sockets, no clock, no randomness of its
//! own. [`Server`] runs it on TCP, with TLS or behind something that has it.
//!
//! A tunnel id is not secret from people who saw the QR code, so they can open
//! a tunnel with it. Several phones may wait under one tunnel id; the client
//! connects to the one whose routing id it received over Bluetooth. Each tunnel
//! has one phone and one client, and a tunnel id that had both is refused with
//! 409 until its lifetime is over. Neither ids nor payloads go into logs, only
//! stages, lengths and counts. (The WebSocket crate below writes
//! requests and frames to the `log` crate at level trace: keep its target
//! `tungstenite` off.)
//!
//! Not here: `/cable/contact`, by which a client calls a linked phone. It
//! needs a push channel to the phone; it is answered with 404.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod connection;
mod limits;
mod machine;
mod request;
mod server;
mod shared;
mod silence;

pub use limits::Limits;
pub use machine::{CloseCode, ConnectionId, Event, Relay, RelayOutput};
pub use request::{Accepted, NetworkAddress, Rejection, UpgradeRequest};
pub use server::{MIN_PING_INTERVAL, Server, ServerBuilder, ServerHandle};
