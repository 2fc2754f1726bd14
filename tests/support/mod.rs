//! What the integration tests share.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "each test uses a part"
)]

#[cfg(all(feature = "tunnel", feature = "relay", feature = "aws-lc-rs"))]
pub(crate) mod services;
