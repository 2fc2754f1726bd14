//! Sign in by scanning a QR code with a phone.

pub mod authenticator;
#[cfg(any(feature = "client", feature = "authenticator", feature = "tunnel"))]
pub mod bluetooth;
pub mod cbor;
pub mod client;
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
#[cfg(any(feature = "tunnel", feature = "relay"))]
mod websocket;
#[cfg(feature = "webauthn")]
pub mod webauthn;

/// A boxed future, as the traits that embedders implement return it.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
