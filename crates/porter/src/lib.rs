//! Both roles of the FIDO hybrid transport on `fido-hybrid-proto` alone: threads,
//! blocking sockets and channels of the standard library, and no async runtime.
//!
//! This is an example for programs with a runtime of their own. It is not published. A
//! driver does four things, which [`client`] and [`phone`] show:
//!
//! 1. *Perform all outputs.* The enums of outputs are exhaustive, so the
//!    compiler names an action that a driver does not perform yet.
//! 2. *Wait for one input*, or until the transaction's deadline: a channel with
//!    `recv_timeout`.
//! 3. *Tell the time* since the start of the transaction: `Instant::elapsed`.
//! 4. *Release what it holds* when it returns: the radio and the tunnel stop on drop.
//!
//! ```text
//!  caller: cancel, decide ──┐
//!  radio:  adverts ─────────┼──▶ queue of inputs ──▶ driver ──▶ Transaction
//!  tunnel: opened, messages ┘         (one thread for each driver)
//! ```
//!
//! What a real port replaces: [`Air`] is a channel in memory and not Bluetooth, and the
//! tunnel service is one address without TLS, where a real one is
//! `wss://` and [`TunnelUrl::host`](fido_hybrid_proto::transport::TunnelUrl::host).
//! There are no keep-alive pings.

pub mod client;
mod inputs;
pub mod phone;
mod radio;
mod tunnel;

pub use client::Client;
pub use phone::Phone;
pub use radio::Air;
