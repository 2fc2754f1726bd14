//! WebAuthn for a client: a relying party's options in, an answer for it out
//! [WebAuthn L3 §5.1.3, §5.1.4, §5.1.8, §5.1.9, §5.1.10, §5.8.1].
//!
//! ```text
//! options JSON + origin ──► CTAP request ──► phone ──► CTAP response ──► answer JSON
//!                      └──► client data ─────────────────────────────┘
//! ```
//!
//! * [`CreationOptions`] and [`RequestOptions`] are what a relying party asks, read from
//!   its JSON or put together by a program.
//! * `prepare` holds them to the [`Origin`] that asks. [`PreparedCreation`] and
//!   [`PreparedRequest`] make the CTAP request for a phone whose getInfo is
//!   known, and the answer of its response.
//! * [`Registration`] and [`Assertion`] are the answers: typed, raw, and as the
//!   JSON that a browser would send.
//!
//! No I/O, no clock: `Client::create` and `Client::get` bring this together
//! with a phone.
//!
//! **What a browser does and this does not.** The program is the client, so it
//! must know which origin it acts for, and whether that is a frame's or an app's
//! ([`Caller`]). It asks for related origins only on request (`Client::check_caller`).
//! There is no conditional mediation and no look-up of Digital Asset Links. Phones have no
//! security keys of the older kind, so `appid` finds none, and no passkeys for payments.
//! `credBlob` is not sent: no phone has it. Nor is `crossDeviceFallbackUrl`, a proposal
//! that has no form in CTAP.
//!
//! **What this does and a browser does not.** An extension that this crate does not
//! know goes to phones that list it, as CBOR, and its output comes back. Browsers leave
//! it out. A program may bring client data that another client wrote, or its hash
//! ([`Caller::client_data`], [`Caller::client_data_hash`]); no option of a page can.

mod ability;
mod app_id;
mod base64;
mod brought;
mod caller;
mod capabilities;
mod client_data;
mod create;
mod domain;
mod enumerations;
mod extension_results;
mod extensions;
mod get;
mod idl;
mod json;
mod large_blob;
mod options;
mod origin;
mod prf;
mod raw_extension;
mod related;
mod response;
mod rp_id;
mod spki;

pub use brought::Kind;
pub use caller::Caller;
pub use capabilities::ClientCapabilities;
pub use client_data::ClientData;
pub use create::PreparedCreation;
pub use enumerations::{AttestationPreference, AuthenticatorAttachment, Mediation, Requirement};
pub use extensions::{AssertionExtensions, RegistrationExtensions};
pub use get::PreparedRequest;
pub use large_blob::{LargeBlobOperation, MAX_LARGE_BLOB};
pub use options::{CreationOptions, MAX_NAME_LENGTH, MAX_TIMEOUT, MIN_TIMEOUT, RequestOptions};
pub use origin::Origin;
pub use prf::prf_input;
pub use related::{MAX_RELATED_LABELS, RelatedOrigins, RelatedOriginsRequest};
pub use response::{AnswerError, Assertion, Registration};
pub use rp_id::{BuiltInSuffixes, PublicSuffixes, RpId};
