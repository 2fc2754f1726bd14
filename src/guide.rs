//! The guide: from the first sign-in to a radio of your own. Its code is compiled with the
//! tests.
//!
//! | page | for |
//! |---|---|
//! | [`client`] | a program that shows a QR code |
//! | [`authenticator`] | a program that answers as a phone does |
//! | [`errors`] | what to tell people, and when to retry |
//! | [`own_store`] | a program that keeps passkeys |
//! | [`raw_ctap`] | a program that passes CTAP bytes |
//! | [`own_radio`] | a program that has its own way to Bluetooth |
//! | [`own_tunnel`] | a program that has its own way to the network |
//! | [`sans_io`] | a program with another runtime, or with none |

#[doc = include_str!("guide/authenticator.md")]
pub mod authenticator {}
#[doc = include_str!("guide/client.md")]
pub mod client {}
#[doc = include_str!("guide/errors.md")]
pub mod errors {}
#[doc = include_str!("guide/own_radio.md")]
pub mod own_radio {}
#[doc = include_str!("guide/own_store.md")]
pub mod own_store {}
#[doc = include_str!("guide/own_tunnel.md")]
pub mod own_tunnel {}
#[doc = include_str!("guide/raw_ctap.md")]
pub mod raw_ctap {}
#[doc = include_str!("guide/sans_io.md")]
pub mod sans_io {}
