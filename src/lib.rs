//! Sign in by scanning a QR code with a phone: both ends of the FIDO hybrid
//! transport (caBLE v2, CTAP 2.2 and 2.3), and the tunnel service between them.
//!
//! # The two roles
//!
//! * A **client** shows a QR code, hears the phone that read it over Bluetooth,
//!   meets it at a tunnel service, and gets a passkey made or a sign-in signed:
//!   [`client`].
//! * An **authenticator** reads the QR code, advertises, and answers from a
//!   passkey store after asking its user: [`authenticator`].
//!
//! # Two levels
//!
//! Each role is a *transaction* first: a state machine without I/O, clock or
//! randomness of its own ([`client::Transaction`],
//! [`authenticator::Transaction`]). It takes inputs with the time at which they
//! happened and gives outputs, under one law: *after each input, take outputs
//! until there is none; then wait for one more input.* On top of it stand the
//! async objects on tokio, `client::Client` → `client::Ceremony` and
//! `authenticator::Authenticator` → `authenticator::Session`. Dropping one of
//! these stops whatever it had going.
//!
//! # The map
//!
//! | module | what it is |
//! |---|---|
//! | [`protocol`] | the transport: QR code, keys, advert, Noise, messages; bytes in, bytes out |
//! | [`cbor`], [`ctap`] | canonical CBOR and the CTAP2 messages |
//! | `webauthn` | WebAuthn JSON to CTAP and back |
//! | [`client`], [`authenticator`] | the roles |
//! | `bluetooth`, `tunnel` | how the roles reach each other: traits, and what implements them |
//! | `relay` | the tunnel service |
//! | `sim` | a world in memory, for tests and demos |
//! | [`error`] | stage, fault and advice |
//! | [`secret`] | types that wipe themselves and print nothing |
//!
//! Imports run one way: roles → `webauthn`, [`ctap`] → [`protocol`].
//!
//! # What it promises
//!
//! * No bytes from outside can panic it or make it allocate past a named bound.
//! * No secret reaches a log, a `Debug`, an error or a panic message.
//! * No switch skips proximity. A transaction must trust its caller for where
//!   an advert was heard; the paved path is a radio.
//! * It touches no globals: no TLS provider, subscriber, runtime or
//!   environment.

pub mod authenticator;
#[cfg(any(feature = "client", feature = "authenticator"))]
pub mod bluetooth;
pub mod cbor;
pub mod client;
#[cfg(any(feature = "client", feature = "authenticator"))]
mod clock;
pub mod ctap;
pub mod error;
pub mod protocol;
#[cfg(feature = "qr-render")]
pub mod qr_render;
#[cfg(feature = "relay")]
pub mod relay;
pub mod secret;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(any(feature = "client", feature = "authenticator", feature = "tunnel"))]
pub mod tunnel;
#[cfg(feature = "webauthn")]
pub mod webauthn;
#[cfg(any(feature = "tunnel", feature = "relay"))]
mod websocket;

/// A boxed future, as the traits that embedders implement return it.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
