//! What a relying party requires or prefers, with phones that can do it and
//! phones that cannot: what is sent, and which answers are accepted. Without
//! I/O, on a clock moved by hand.

#![cfg(feature = "webauthn")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod adapted;
mod answers;
mod endings;
mod json;
mod raw;
mod requests;
mod wrong_answers;

use fido_hybrid_proto::ctap::extensions::{PrfAssertionInput, PrfRegistrationInput, PrfValues};
use fido_hybrid_proto::ctap::{
    Aaguid, Algorithm, CredentialDescriptor, CredentialId, CredentialParameters, GetInfoResponse,
    User, UserHandle,
};
use fido_hybrid_proto::webauthn::{
    CreationOptions, Origin, PreparedCreation, PreparedRequest, RequestOptions, prf_input,
};
use fido_hybrid_testkit::{client_rig, rig};

const RP_ID: &str = "example.com";
const ID: [u8; 16] = [0xc1; 16];

/// A phone's getInfo.
fn phone(options: &[(&str, bool)], extensions: &[&str]) -> GetInfoResponse {
    let mut phone = GetInfoResponse::new(vec!["FIDO_2_0".to_owned()], Aaguid::ZERO);
    phone.options = options.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    phone.extensions = extensions.iter().map(|name| (*name).to_owned()).collect();
    phone
}

fn listed() -> CredentialDescriptor {
    CredentialDescriptor::new(CredentialId::new(ID).unwrap())
}

/// Default options, changed.
fn creation(change: impl FnOnce(&mut CreationOptions)) -> PreparedCreation {
    let user = User::new(UserHandle::new([7]).unwrap(), "ada", "Ada");
    let parameters = vec![CredentialParameters::new(Algorithm::ES256)];
    let mut options = CreationOptions::new([1; 16], "Example", user, parameters);
    change(&mut options);
    options.prepare(origin()).unwrap()
}

/// Default options, changed.
fn sign_in(change: impl FnOnce(&mut RequestOptions)) -> PreparedRequest {
    let mut options = RequestOptions::new([1; 16]);
    change(&mut options);
    options.prepare(origin()).unwrap()
}

fn origin() -> Origin {
    Origin::parse(&format!("https://{RP_ID}")).unwrap()
}

fn prf_to_create() -> PrfRegistrationInput {
    PrfRegistrationInput::default()
}

fn prf_to_get() -> PrfAssertionInput {
    PrfAssertionInput::new(PrfValues { first: prf_input(b"salt"), second: None })
}
