//! The FIDO hybrid transport: bytes in, bytes out.

mod advert;
mod advert_suffix;
mod channel;
mod contact_request;
mod crypter;
pub mod digits;
pub mod key_schedule;
mod linked_phone;
mod linking;
mod message;
mod noise;
mod post_handshake;
mod qr_code;
mod tunnel_domain;
mod tunnel_url;

pub use advert::{ADVERT_LENGTH, AdvertKey, EID_LENGTH, Eid, EidError, OpenedAdvert};
pub use advert_suffix::AdvertSuffix;
pub use channel::{Channel, ChannelError};
pub use contact_request::{
    ClientNonce, ContactHint, ContactRequest, ContactRequestError, LinkId, MAX_CONTACT_REQUEST,
};
pub(crate) use crypter::MAX_PORTABLE_PAYLOAD;
pub use crypter::{
    Crypter, CrypterError, MAX_CIPHERTEXT, MAX_COUNTER, MAX_MESSAGE, PADDING_UNIT, unpadded_length,
};
pub use linked_phone::{LinkedPhone, LinkedPhoneError};
pub use linking::{
    Link, LinkSignatureError, MAX_PHONE_NAME_BYTES, UPDATE_UNIT, UnverifiedLink, UpdateMessage,
};
pub use message::{Message, MessageError, MessageType};
pub use noise::{
    Established, HANDSHAKE_MESSAGE_LENGTH, HandshakeError, HandshakeHash, HandshakeMessage,
    Initiator, Responder,
};
pub use post_handshake::{Features, PostHandshake, Revision};
pub use qr_code::{DataChannels, QrCode, QrCodeError, QrText, RequestHint};
pub use tunnel_domain::{ASSIGNED_DOMAINS, FIRST_HASHED_DOMAIN, TunnelDomain};
pub use tunnel_url::{
    CLIENT_PAYLOAD_HEADER, CODE_USED, ContactId, MAX_CONTACT_ID, ROUTING_ID_HEADER, RoutingId,
    SIGNAL_CONNECTION_HEADER, SUBPROTOCOL, TunnelId, TunnelRequest, TunnelUrl,
};
