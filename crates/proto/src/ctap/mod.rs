//! CTAP2 messages: requests, responses and status codes
//! [CTAP 2.2 §6, §8.1, §8.2], as they travel over the hybrid transport.
//!
//! ```text
//! request:   command, 1 byte | CBOR map, for the commands that have parameters
//! response:  status, 1 byte  | CBOR map, if the status is OK
//! ```
//!
//! * [`CtapRequest`] and [`CtapResponse`] are typed, [`RawResponse`] is what a phone
//!   sent, byte for byte; the typed value is decoded from it and both stay.
//! * [`MakeCredentialRequest`], [`GetAssertionRequest`] and their responses, and
//!   [`GetInfoResponse`], are the messages.
//! * [`AuthenticatorData`], [`CoseKey`], [`User`], [`RelyingParty`] and the types of
//!   credentials are what messages are made of; [`extensions`] are typed where this
//!   crate knows them and raw CBOR where it does not.
//! * Reading is tolerant of what the future may add (members, options,
//!   transports, statuses) and strict about what is there. What repeats is
//!   bounded (`bounds.rs`).
//!
//! What is not here: PIN/UV protocols, which no phone offers over hybrid, and
//! judgement. Whether a response fits its request (RP ID hash, allow list,
//! extensions asked for) is checked by the roles; whether a request may be
//! served is up to the authenticator.

mod authenticator_data;
pub(crate) mod bounds;
mod cose;
mod entity;
pub mod extensions;
mod get_assertion;
mod get_info;
mod make_credential;
mod options;
mod raw;
mod request;
mod response;
mod status;

pub use authenticator_data::{Aaguid, AttestedCredential, AuthenticatorData, Flags};
pub use cose::{Algorithm, CoseKey};
pub use entity::{
    CredentialDescriptor, CredentialId, CredentialParameters, RelyingParty, User, UserHandle,
};
pub(crate) use entity::{PUBLIC_KEY, transport};
pub use get_assertion::{GetAssertionRequest, GetAssertionResponse};
pub(crate) use get_info::option;
pub use get_info::{FIDO_2_0, FIDO_2_1, GetInfoResponse};
pub use make_credential::{
    FORMAT_NONE, FORMAT_PACKED, MakeCredentialRequest, MakeCredentialResponse,
};
pub use options::Options;
pub use raw::{RawCbor, UnknownMembers};
pub use request::{Command, CtapRequest, RequestError};
pub use response::{CtapResponse, RawResponse, ResponseError};
pub use status::Status;
