//! The dialer through proxies: real ones (squid, microsocks), and ones that answer what no
//! proxy should.
//!
//! Where a program is missing its tests are left out, loudly; where `CI` is set, they fail.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail so")]

mod challenges;
mod fake;
mod fakes;
mod real;
mod through;
