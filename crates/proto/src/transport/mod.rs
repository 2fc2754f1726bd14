//! The FIDO hybrid transport: bytes in, bytes out.

pub mod advert;
pub mod advert_suffix;
pub mod channel;
pub mod contact_request;
pub mod crypter;
pub mod digits;
pub mod key_schedule;
pub mod linked_phone;
pub mod linking;
pub mod message;
pub mod noise;
pub mod post_handshake;
pub mod qr_code;
pub mod tunnel_domain;
pub mod tunnel_url;
