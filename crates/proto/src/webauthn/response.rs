//! Answers for a relying party: `RegistrationResponseJSON` and
//! `AuthenticationResponseJSON` [WebAuthn L3 §5.1.8, §5.2, §6.5.4].
//!
//! ```text
//! {authenticatorAttachment, clientExtensionResults, id, rawId, response, type}
//!   create: {attestationObject, authenticatorData, clientDataJSON, publicKey?,
//!            publicKeyAlgorithm, transports}
//!   get:    {authenticatorData, clientDataJSON, signature, userHandle?}
//! ```
//!
//! All bytes are base64url without padding. Members come in the order in which
//! browsers have them: Web IDL turns dictionaries into objects in alphabetical
//! order.
//!
//! **Attestation.** A relying party that asked for none gets none [WebAuthn L3 §5.1.3,
//! "If any authenticator indicates success"]: format `none` and an empty statement,
//! unless it is a self-attestation without a model. The AAGUID stays: Level 2
//! zeroed it, Level 3 does not. An enterprise attestation, which names the very
//! device, is dropped in the same way: no phone is asked for one. Anything else
//! goes through as it came.
//!
//! The phone's own response stays reachable, with what no relying party gets to see.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::base64::{Base64Url, encoded_length};
use super::client_data::ClientData;
use super::options::AttestationPreference;
use super::prf;
use super::spki::subject_public_key_info;
use crate::cbor::{MapKey, Reader, Writer};
use crate::ctap::{
    Aaguid, AuthenticatorData, CoseKey, CredentialId, FORMAT_NONE, FORMAT_PACKED,
    GetAssertionResponse, MakeCredentialResponse, PUBLIC_KEY, UserHandle, transport,
};
use crate::error::ResponseMismatch;
use crate::secret::{SecretBytes, SecretText};

/// The `authenticatorAttachment` of every answer over this transport.
const ATTACHMENT: &str = "cross-platform";

/// Room for the members' names and all that has no length of its own.
const JSON_OVERHEAD: usize = 1024;

/// The most bytes that one byte of a text takes in JSON: `\u0000`.
const QUOTED: usize = 6;

/// Why a response makes no answer. The phone is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// A registration without a credential.
    #[error("the response has no credential")]
    NoCredential,
    /// A sign-in that does not say with which passkey, where more than one was
    /// allowed.
    #[error("the response does not name the passkey")]
    Unnamed,
}

impl From<AnswerError> for ResponseMismatch {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::NoCredential => Self::NoCredential,
            AnswerError::Unnamed => Self::Credential,
        }
    }
}

/// The values that a registration's answer needs besides the response.
#[derive(Clone, Copy, Debug)]
pub(super) struct RegistrationContext {
    pub(super) attestation: AttestationPreference,
    pub(super) rk: Option<bool>,
    pub(super) cred_props: bool,
    pub(super) prf: bool,
}

/// A new passkey, as the relying party gets it. `Debug` prints lengths.
#[derive(Clone)]
pub struct Registration {
    client_data: ClientData,
    context: RegistrationContext,
    id: CredentialId,
    public_key: CoseKey,
    transports: BTreeSet<String>,
    attestation_object: Vec<u8>,
    response: MakeCredentialResponse,
}

impl Registration {
    pub(super) fn new(
        client_data: &ClientData,
        context: RegistrationContext,
        listed: &[String],
        response: MakeCredentialResponse,
    ) -> Result<Self, AnswerError> {
        let credential = response.credential().ok_or(AnswerError::NoCredential)?;
        Ok(Self {
            client_data: client_data.clone(),
            context,
            id: credential.id.clone(),
            public_key: credential.public_key.clone(),
            transports: transports(listed),
            attestation_object: attestation_object(context.attestation, &response),
            response,
        })
    }

    /// The id of the passkey.
    #[must_use]
    pub const fn credential_id(&self) -> &CredentialId {
        &self.id
    }

    /// Its public key.
    #[must_use]
    pub const fn public_key(&self) -> &CoseKey {
        &self.public_key
    }

    /// How the passkey can be reached: the transports in the phone's getInfo, and
    /// `hybrid`, over which it was made.
    pub fn transports(&self) -> impl Iterator<Item = &str> {
        self.transports.iter().map(String::as_str)
    }

    /// The client data.
    #[must_use]
    pub const fn client_data(&self) -> &ClientData {
        &self.client_data
    }

    /// The authenticator data.
    #[must_use]
    pub const fn authenticator_data(&self) -> &AuthenticatorData {
        &self.response.auth_data
    }

    /// The attestation object as the relying party gets it, in CBOR.
    #[must_use]
    pub fn attestation_object(&self) -> &[u8] {
        &self.attestation_object
    }

    /// The phone's response, with the attestation even if the relying party did not
    /// ask for it.
    #[must_use]
    pub const fn response(&self) -> &MakeCredentialResponse {
        &self.response
    }

    /// The answer as JSON. Send it only to the relying party: it may have PRF
    /// outputs.
    #[must_use]
    pub fn to_json(&self) -> SecretText {
        let spki = subject_public_key_info(&self.public_key);
        let auth_data = self.response.auth_data.raw();
        let prf = self.response.unsigned_extensions.prf.as_ref();
        let results = ExtensionResults {
            cred_props: self.context.cred_props.then_some(CredProps { rk: self.context.rk }),
            prf: self.context.prf.then(|| prf::Answer {
                enabled: Some(prf.is_some_and(|prf| prf.enabled)),
                results: prf.and_then(|prf| prf.results.as_ref()).map(Into::into),
            }),
        };
        let answer = Answer {
            client_extension_results: results,
            ..Answer::new(
                &self.id,
                AttestationResponse {
                    attestation_object: Base64Url(&self.attestation_object),
                    authenticator_data: Base64Url(auth_data),
                    client_data_json: Base64Url(self.client_data.as_bytes()),
                    public_key: spki.as_deref().map(Base64Url),
                    public_key_algorithm: self.public_key.algorithm().0,
                    transports: &self.transports,
                },
            )
        };
        let spki = spki.as_deref().unwrap_or_default();
        let bytes = [&self.attestation_object, auth_data, self.client_data.as_bytes(), spki];
        let bytes = bytes.iter().map(|bytes| bytes.len());
        let transports = self.transports().map(|name| QUOTED.saturating_mul(name.len() + 1));
        answer.write(bytes.chain(transports).sum(), &self.id)
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A sign-in, as the relying party gets it. Until the relying party has used it, the
/// one that sends it first is signed in. Wiped when dropped; `Debug` prints lengths.
#[derive(Clone)]
pub struct Assertion {
    client_data: SecretBytes,
    id: CredentialId,
    prf: bool,
    response: GetAssertionResponse,
}

impl Assertion {
    pub(super) fn new(
        client_data: &ClientData,
        id: CredentialId,
        prf: bool,
        response: GetAssertionResponse,
    ) -> Self {
        Self { client_data: client_data.as_bytes().into(), id, prf, response }
    }

    /// With which passkey.
    #[must_use]
    pub const fn credential_id(&self) -> &CredentialId {
        &self.id
    }

    /// The account's user handle, if the phone sent one: always when the relying party
    /// allowed any passkey. An empty handle names no account and is left out:
    /// server libraries refuse it.
    #[must_use]
    pub fn user_handle(&self) -> Option<&UserHandle> {
        let handle = self.response.user.as_ref().map(|user| &user.id);
        handle.filter(|handle| !handle.as_bytes().is_empty())
    }

    /// The client data's bytes.
    #[must_use]
    pub const fn client_data(&self) -> &SecretBytes {
        &self.client_data
    }

    /// The authenticator data.
    #[must_use]
    pub const fn authenticator_data(&self) -> &AuthenticatorData {
        &self.response.auth_data
    }

    /// The signature over authenticator data and client data hash.
    #[must_use]
    pub const fn signature(&self) -> &SecretBytes {
        &self.response.signature
    }

    /// The phone's whole response.
    #[must_use]
    pub const fn response(&self) -> &GetAssertionResponse {
        &self.response
    }

    /// The answer as JSON. Send it only to the relying party.
    #[must_use]
    pub fn to_json(&self) -> SecretText {
        let auth_data = self.response.auth_data.raw();
        let signature = self.response.signature.expose();
        let prf = self.response.unsigned_extensions.prf.as_ref();
        let results = ExtensionResults {
            cred_props: None,
            prf: self.prf.then(|| prf::Answer {
                enabled: None,
                results: prf.and_then(|prf| prf.results.as_ref()).map(Into::into),
            }),
        };
        let answer = Answer {
            client_extension_results: results,
            ..Answer::new(
                &self.id,
                AssertionResponse {
                    authenticator_data: Base64Url(auth_data),
                    client_data_json: Base64Url(self.client_data.expose()),
                    signature: Base64Url(signature),
                    user_handle: self.user_handle().map(|handle| Base64Url(handle.as_bytes())),
                },
            )
        };
        let bytes = [auth_data, self.client_data.expose(), signature];
        answer.write(bytes.iter().map(|bytes| bytes.len()).sum(), &self.id)
    }
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertion").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Fields in the order in which they are written; so in all structs below.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a, R> {
    authenticator_attachment: &'static str,
    client_extension_results: ExtensionResults<'a>,
    id: Base64Url<'a>,
    raw_id: Base64Url<'a>,
    response: R,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtensionResults<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cred_props: Option<CredProps>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prf: Option<prf::Answer<'a>>,
}

/// `rk` is left out where it was not asked for: phones make discoverable
/// passkeys all the same, so that the value is not known [WebAuthn L3 §10.1.3].
#[derive(Serialize)]
struct CredProps {
    #[serde(skip_serializing_if = "Option::is_none")]
    rk: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AttestationResponse<'a> {
    attestation_object: Base64Url<'a>,
    authenticator_data: Base64Url<'a>,
    #[serde(rename = "clientDataJSON")]
    client_data_json: Base64Url<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<Base64Url<'a>>,
    public_key_algorithm: i64,
    transports: &'a BTreeSet<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AssertionResponse<'a> {
    authenticator_data: Base64Url<'a>,
    #[serde(rename = "clientDataJSON")]
    client_data_json: Base64Url<'a>,
    signature: Base64Url<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_handle: Option<Base64Url<'a>>,
}

impl<'a, R: Serialize> Answer<'a, R> {
    fn new(id: &'a CredentialId, response: R) -> Self {
        Self {
            authenticator_attachment: ATTACHMENT,
            client_extension_results: ExtensionResults::default(),
            id: Base64Url(id.as_bytes()),
            raw_id: Base64Url(id.as_bytes()),
            response,
            kind: PUBLIC_KEY,
        }
    }

    /// Writes into room for everything at once, so that no buffer that was too
    /// small is left behind unwiped. `bytes` is how many the response has.
    fn write(&self, bytes: usize, id: &CredentialId) -> SecretText {
        let ids = id.as_bytes().len().saturating_mul(2);
        let room = encoded_length(bytes.saturating_add(ids)).saturating_add(JSON_OVERHEAD);
        let mut json = Vec::with_capacity(room);
        // Strings and numbers into memory cannot fail, and JSON is UTF-8.
        let _infallible = serde_json::to_writer(&mut json, self);
        debug_assert!(json.len() <= room, "room for everything");
        SecretText::new(String::from_utf8(json).unwrap_or_default())
    }
}

/// Each transport once, in WebAuthn's order [WebAuthn L3 §5.2.1.1]. `cable`
/// is the older name of `hybrid`, which relying parties do not know. A relying
/// party that does not find `hybrid` offers no QR code later.
fn transports(listed: &[String]) -> BTreeSet<String> {
    let listed = listed.iter().map(String::as_str).filter(|name| *name != transport::CABLE);
    listed.chain([transport::HYBRID]).map(str::to_owned).collect()
}

fn attestation_object(wanted: AttestationPreference, response: &MakeCredentialResponse) -> Vec<u8> {
    // The client asks no phone for an enterprise attestation.
    let is_unasked = response.enterprise_attestation == Some(true);
    let scrub = is_unasked
        || wanted == AttestationPreference::None && !is_anonymous_self_attestation(response);
    let mut writer = Writer::new();
    writer.map(|map| {
        let format = if scrub { FORMAT_NONE } else { &response.format };
        map.text("fmt", |writer| writer.text(format));
        map.text("attStmt", |writer| {
            if scrub { writer.map(|_| {}) } else { writer.value(&response.statement) }
        });
        map.text("authData", |writer| writer.value(&response.auth_data));
    });
    writer.into_bytes()
}

/// Made with the passkey's own key by no model that is named: it tells nothing
/// that the passkey does not tell.
fn is_anonymous_self_attestation(response: &MakeCredentialResponse) -> bool {
    let is_anonymous = response.credential().is_some_and(|it| it.aaguid == Aaguid::ZERO);
    let mut has_certificate = false;
    let statement = Reader::new(response.statement.as_bytes()).map(|key, _| {
        has_certificate |= key == MapKey::Text("x5c");
        Ok(())
    });
    is_anonymous && response.format == FORMAT_PACKED && statement.is_ok() && !has_certificate
}
