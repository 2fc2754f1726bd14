//! Sign in by scanning a QR code with a phone: both ends of the FIDO hybrid
//! transport (caBLE v2, CTAP 2.2 and 2.3), and the tunnel service between them.
//!
//! # The two roles
//!
//! * A **client** shows a QR code, receives the Bluetooth advert of the phone that read
//!   it, meets the phone at a tunnel service, and gets a passkey made or a sign-in signed:
//!   [`client`].
//! * An **authenticator** reads the QR code, advertises, and answers from a
//!   passkey store after asking its user: [`authenticator`].
//!
//! # A desktop program
//!
//! ```no_run
//! # #[cfg(all(
//! #     feature = "webauthn", feature = "qr-render", feature = "tls-aws-lc-rs",
//! #     feature = "tunnel", feature = "bluetooth",
//! # ))]
//! # async fn sign_in(
//! #     json_from_the_server: String,
//! #     send_to_server: fn(&str),
//! # ) -> Result<(), fido_hybrid::Error> {
//! use fido_hybrid::bluetooth::Bluetooth;
//! use fido_hybrid::client::{Client, ClientUpdate};
//! use fido_hybrid::qr_render::QrMatrix;
//! use fido_hybrid::tunnel::WebSocketDialer;
//! use fido_hybrid::webauthn::{Origin, RequestOptions};
//!
//! let client = Client::new(Bluetooth::new(), WebSocketDialer::new()?);
//!
//! let options = RequestOptions::from_json(&json_from_the_server)?;
//! let ceremony = client.get(&options, Origin::parse("https://example.com")?)?;
//! let signed_in = ceremony.on_update(|update| match update {
//!     ClientUpdate::WaitingForScan(code) => match QrMatrix::new(&code) {
//!         Ok(matrix) => println!("{}", matrix.to_terminal().expose()),
//!         Err(error) => eprintln!("{error}"),
//!     },
//!     step => println!("{step}"), // "A phone is nearby. Connecting to it."
//! });
//! match signed_in.await {
//!     Ok(assertion) => send_to_server(assertion.to_json().expose()),
//!     Err(error) if error.is_cancelled() => {}
//!     Err(error) => eprintln!("{error}\n{}", error.advice()), // what a person can do about it
//! }
//! # Ok(())
//! # }
//! # fn main() {}
//! ```
//!
//! # A desktop program without async
//!
//! ```no_run
//! # #[cfg(all(
//! #     feature = "webauthn", feature = "tls-aws-lc-rs", feature = "tunnel", feature = "bluetooth",
//! # ))]
//! # fn sign_in(
//! #     options: fido_hybrid::webauthn::RequestOptions,
//! #     origin: fido_hybrid::webauthn::Origin,
//! #     show: fn(fido_hybrid::client::ClientUpdate),
//! # ) -> Result<(), fido_hybrid::Error> {
//! # use fido_hybrid::bluetooth::Bluetooth;
//! # use fido_hybrid::tunnel::WebSocketDialer;
//! use fido_hybrid::blocking::Client;
//!
//! let client = Client::new(Bluetooth::new(), WebSocketDialer::new()?)?;
//! let mut ceremony = client.get(&options, origin)?;
//! for update in &mut ceremony {
//!     show(update); // as above
//! }
//! let assertion = ceremony.outcome()?;
//! # Ok(())
//! # }
//! # fn main() {}
//! ```
//!
//! # A phone
//!
//! `user` is an `authenticator::UserCheck`, and `tunnel_service` the
//! [`TunnelDomain`](transport::TunnelDomain) at which clients find
//! this phone.
//!
//! ```no_run
//! # #[cfg(all(feature = "tls-aws-lc-rs", feature = "tunnel", feature = "bluetooth"))]
//! # async fn answer(
//! #     user: impl fido_hybrid::authenticator::UserCheck + 'static,
//! #     tunnel_service: fido_hybrid::transport::TunnelDomain,
//! #     scanned_text: &str,
//! # ) -> Result<(), fido_hybrid::Error> {
//! use fido_hybrid::authenticator::{Authenticator, AuthenticatorParts, MemoryStore};
//! use fido_hybrid::bluetooth::Bluetooth;
//! use fido_hybrid::tunnel::WebSocketDialer;
//!
//! let phone = Authenticator::new(AuthenticatorParts {
//!     store: MemoryStore::new(),
//!     user,
//!     advertiser: Bluetooth::new(),
//!     dialer: WebSocketDialer::new()?,
//!     domain: tunnel_service,
//! });
//! let session = phone.answer(scanned_text.parse()?)?;
//! session.on_update(|update| println!("{update}")).await?; // "Waiting for the other device. …"
//! # Ok(())
//! # }
//! # fn main() {}
//! ```
//!
//! # Two levels
//!
//! Each role is a *transaction* first: a state machine without I/O, clock or
//! randomness of its own ([`client::Transaction`],
//! [`authenticator::Transaction`]). It takes inputs with the time at which they
//! happened and gives outputs, under one law: *after each input, take all
//! outputs; then wait for one more input.* On top of it stand the
//! async objects on tokio, [`client::Client`] → [`client::Ceremony`] and
//! [`authenticator::Authenticator`] → [`authenticator::Session`]. `close().await`
//! ends a ceremony or a session and tells the other device. Dropping one does
//! the same in the background, as long as its runtime runs.
//!
//! # The map
//!
//! | module | what it is |
//! |---|---|
//! | [`client`], [`authenticator`] | the roles |
//! | [`blocking`] | the client without an async runtime |
//! | [`bluetooth`], [`tunnel`] | how the roles reach each other: traits, and what implements them |
//! | `qr_render` | QR codes for terminals, as SVG, pixels and PNG |
//! | `webauthn` | WebAuthn JSON to CTAP and back |
//! | [`ctap`], [`cbor`] | the CTAP2 messages, and canonical CBOR |
//! | [`transport`] | QR code, keys, advert, Noise, messages; bytes in, bytes out |
//! | [`crypto`], [`secret`] | the primitives, and types that wipe themselves and print nothing |
//! | [`error`] | stage, kind and advice |
//! | [`traces`] | what is emitted through `tracing`, and what of it is stable |
//!
//! What has no I/O is in `fido-hybrid-proto`, for programs with another runtime, or
//! with none. The tunnel service is `fido-hybrid-relay`; a world in memory, for tests
//! and demos, is `fido-hybrid-sim`.
//!
//! # Features
//!
//! | Feature | Brings | Default |
//! |---|---|---|
//! | `webauthn` | WebAuthn JSON | yes |
//! | `qr-render` | QR codes for terminals, SVG, pixels | yes |
//! | `qr-png` | QR codes as PNG files | |
//! | `tunnel` | the WebSocket, with TLS through the system's trust store | yes |
//! | `bluetooth` | the system's Bluetooth: BlueZ on Linux, btleplug on macOS and Windows | yes |
//! | `btleplug` | a scanner for a btleplug adapter that the program brings, also on Linux | |
//! | `vendored-dbus` | libdbus built from source on Linux, so that no system package is needed | yes |
//! | `aws-lc-rs` | P-256 and AES-GCM by aws-lc-rs (two to four times as fast) | yes |
//! | `rust-crypto` | P-256 and AES-GCM in pure Rust; with both, aws-lc-rs is used | |
//! | `tls-aws-lc-rs` | TLS by aws-lc-rs, for programs without a TLS configuration of their own | yes |
//! | `stated-get-info` | for tests only: an authenticator whose getInfo the test chooses | |
//!
//! # What it promises
//!
//! * No bytes from outside can panic it or make it allocate past a named bound.
//! * No secret reaches a log, a `Debug`, an error or a panic message.
//! * No switch skips proximity. A transaction must trust its caller for where
//!   an advert was received; the paved path is the system's radio,
//!   `bluetooth::Bluetooth`.
//! * It sets no globals: no TLS provider, subscriber, runtime or
//!   environment.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod authenticator;
mod background;
pub mod blocking;
pub mod bluetooth;
mod cancel;
pub mod client;
mod clock;
mod data_channel;
#[cfg(all(
    feature = "bluetooth",
    feature = "qr-render",
    feature = "tls-aws-lc-rs",
    feature = "tunnel",
    feature = "webauthn"
))]
pub mod guide;
mod progress;
#[cfg(feature = "qr-render")]
pub mod qr_render;
#[cfg(all(
    feature = "bluetooth",
    feature = "qr-render",
    feature = "tls-aws-lc-rs",
    feature = "tunnel",
    feature = "webauthn"
))]
mod terminal;
#[doc = include_str!("traces.md")]
pub mod traces {}
pub mod tunnel;
mod with_updates;

pub use background::CLOSE_DEADLINE;
pub use cancel::{CancelHandle, Canceller};
pub use fido_hybrid_proto::error::Error;
pub use fido_hybrid_proto::ports::BoxFuture;
#[cfg(feature = "webauthn")]
pub use fido_hybrid_proto::webauthn;
pub use fido_hybrid_proto::{cbor, crypto, ctap, error, secret, transport};
pub use futures_core::Stream;
#[cfg(all(
    feature = "bluetooth",
    feature = "qr-render",
    feature = "tls-aws-lc-rs",
    feature = "tunnel",
    feature = "webauthn"
))]
pub use terminal::{register, sign_in};
pub use with_updates::WithUpdates;
