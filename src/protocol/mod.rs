//! The FIDO hybrid transport: bytes in, bytes out.

pub mod primitives;
pub mod tunnel_domain;
pub mod tunnel_url;

pub use primitives::{PublicKey, SecretKey};
