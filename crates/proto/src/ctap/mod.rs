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
//! * [`make_credential`], [`get_assertion`] and [`get_info`] hold the messages.
//! * [`AuthenticatorData`], [`CoseKey`] and the types of [`entity`] are what
//!   messages are made of; [`extensions`] are typed where this crate knows
//!   them and raw CBOR where it does not.
//! * Reading is tolerant of what the future may add (members, options,
//!   transports, statuses) and strict about what is there. What repeats is
//!   bounded by [`bounds`].
//!
//! What is not here: PIN/UV protocols, which no phone offers over hybrid, and
//! judgement. Whether a response fits its request (RP ID hash, allow list,
//! extensions asked for) is checked by the roles; whether a request may be
//! served is up to the authenticator.

pub mod authenticator_data;
pub mod bounds;
pub mod cose;
pub mod entity;
pub mod extensions;
pub mod get_assertion;
pub mod get_info;
pub mod make_credential;
mod options;
pub mod raw;
pub mod request;
pub mod response;
pub mod status;

pub use authenticator_data::{Aaguid, AttestedCredential, AuthenticatorData, Flags};
pub use cose::{Algorithm, CoseKey};
pub use entity::{
    CredentialDescriptor, CredentialId, CredentialParameters, RelyingParty, User, UserHandle,
};
pub use get_assertion::{GetAssertionRequest, GetAssertionResponse};
pub use get_info::GetInfoResponse;
pub use make_credential::{MakeCredentialRequest, MakeCredentialResponse};
pub use options::Options;
pub use raw::{RawCbor, UnknownMembers};
pub use request::{Command, CtapRequest, RequestError};
pub use response::{CtapResponse, RawResponse, ResponseError};
pub use status::Status;
