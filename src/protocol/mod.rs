//! The FIDO hybrid transport: bytes in, bytes out.

pub mod crypter;
pub mod linking;
pub mod message;
pub mod noise;
pub mod post_handshake;
pub mod advert;
pub mod advert_suffix;
pub mod contact_request;
pub mod digits;
pub mod keys;
pub mod primitives;
pub mod qr_code;
pub mod tunnel_domain;
pub mod tunnel_url;

pub use primitives::{PublicKey, SecretKey};
