//! CTAP messages, both ways, beside passkey-types through ciborium, which is
//! how its own authenticator reads and writes them.

use fido_hybrid::cbor;
use fido_hybrid::crypto::SecretKey;
use fido_hybrid::ctap::{
    Aaguid, Algorithm, AttestedCredential, AuthenticatorData, CoseKey, CredentialDescriptor,
    CredentialId, CredentialParameters, CtapRequest, FORMAT_NONE, Flags, GetAssertionRequest,
    GetAssertionResponse, MakeCredentialRequest, MakeCredentialResponse, RawCbor, RelyingParty,
    User, UserHandle,
};
use fido_hybrid::secret::SecretBytes;
use passkey_types::ctap2 as theirs;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::case::{Case, plain};

const THEIRS: &str = "passkey-types 0.6";

fn descriptors(count: u8) -> Vec<CredentialDescriptor> {
    (0..count)
        .map(|number| CredentialDescriptor::new(CredentialId::new(vec![number + 1; 32]).unwrap()))
        .collect()
}

fn user() -> User {
    User::new(UserHandle::new(vec![4; 16]).unwrap(), "ada@example.com", "Ada Lovelace")
}

fn registration() -> MakeCredentialRequest {
    let algorithms = [Algorithm::ES256, Algorithm::RS256];
    let mut request = MakeCredentialRequest::new(
        [1; 32],
        RelyingParty::new("example.com", "Example"),
        user(),
        algorithms.into_iter().map(CredentialParameters::new).collect(),
    );
    request.exclude_list = descriptors(3);
    request.options.rk = Some(true);
    request.options.uv = Some(true);
    request
}

fn sign_in() -> GetAssertionRequest {
    let mut request = GetAssertionRequest::new("example.com", [1; 32]);
    request.allow_list = descriptors(3);
    request.options.uv = Some(true);
    request
}

fn auth_data() -> AuthenticatorData {
    AuthenticatorData::new([2; 32], Flags::USER_PRESENT | Flags::USER_VERIFIED, 0)
}

fn registered() -> MakeCredentialResponse {
    let key = SecretKey::from_scalar(&[5; 32]).unwrap();
    let data = auth_data().with_credential(AttestedCredential {
        aaguid: Aaguid([0; 16]),
        id: CredentialId::new(vec![7; 32]).unwrap(),
        public_key: CoseKey::from_es256(key.public_key()),
    });
    MakeCredentialResponse::new(FORMAT_NONE, data, RawCbor::empty_map())
}

fn signed() -> GetAssertionResponse {
    let key = SecretKey::from_scalar(&[5; 32]).unwrap();
    let data = auth_data();
    let signature = key.sign(data.raw());
    let credential = CredentialDescriptor::new(CredentialId::new(vec![7; 32]).unwrap());
    let mut response = GetAssertionResponse::new(credential, data, SecretBytes::new(signature));
    response.user = Some(user());
    response
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> T {
    ciborium::from_reader(bytes).unwrap()
}

fn written(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

/// Writing and reading a request; theirs has no command byte.
fn request<T: Serialize + DeserializeOwned + 'static>(name: &str, ours: CtapRequest) -> [Case; 2] {
    let wire = ours.to_bytes();
    let same_wire = wire.clone();
    let theirs: T = read(&wire[1..]);
    [
        Case::new(
            format!("write a {name} request"),
            plain(move || ours.to_bytes()),
            THEIRS,
            plain(move || written(&theirs)),
        ),
        Case::new(
            format!("read a {name} request"),
            plain(move || CtapRequest::parse(&wire).unwrap()),
            THEIRS,
            plain(move || read::<T>(&same_wire[1..])),
        ),
    ]
}

/// Writing and reading a response.
fn response<O, T>(name: &str, ours: O) -> [Case; 2]
where
    O: cbor::Encode + for<'a> cbor::Decode<'a> + 'static,
    T: Serialize + DeserializeOwned + 'static,
{
    let wire = cbor::encode(&ours);
    let same_wire = wire.clone();
    let theirs: T = read(&wire);
    [
        Case::new(
            format!("write a {name} response"),
            plain(move || cbor::encode(&ours)),
            THEIRS,
            plain(move || written(&theirs)),
        ),
        Case::new(
            format!("read a {name} response"),
            plain(move || cbor::decode::<O>(&wire).unwrap()),
            THEIRS,
            plain(move || read::<T>(&same_wire)),
        ),
    ]
}

/// The comparisons.
pub fn cases() -> Vec<Case> {
    let registration_request =
        request::<theirs::make_credential::Request>("makeCredential", registration().into());
    let sign_in_request =
        request::<theirs::get_assertion::Request>("getAssertion", sign_in().into());
    let registration_response =
        response::<_, theirs::make_credential::Response>("makeCredential", registered());
    let sign_in_response = response::<_, theirs::get_assertion::Response>("getAssertion", signed());
    [registration_request, registration_response, sign_in_request, sign_in_response]
        .into_iter()
        .flatten()
        .collect()
}
