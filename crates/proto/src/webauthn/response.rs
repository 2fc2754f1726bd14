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
use std::{fmt, io};

use serde::Serialize;

use super::base64::Base64Url;
use super::client_data::ClientData;
use super::enumerations::AttestationPreference;
use super::extension_results::{AskedBlob, AskedToCreate, AskedToGet, ExtensionResults};
use super::large_blob;
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
#[derive(Clone, Debug)]
pub(super) struct RegistrationContext {
    pub(super) attestation: AttestationPreference,
    pub(super) rk: Option<bool>,
    pub(super) asked: AskedToCreate,
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
            id: credential.id.clone(),
            public_key: credential.public_key.clone(),
            transports: transports(listed),
            attestation_object: attestation_object(context.attestation, &response),
            context,
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

    /// Whether the passkey can hold a large blob, as the phone says.
    #[must_use]
    pub fn supports_large_blob(&self) -> bool {
        self.response.unsigned_extensions.large_blob.is_some_and(|output| output.supported)
    }

    /// The client data.
    #[must_use]
    pub const fn client_data(&self) -> &ClientData {
        &self.client_data
    }

    /// The authenticator data, byte for byte as the phone sent it.
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
        let answer = Answer {
            client_extension_results: ExtensionResults::of_registration(
                &self.context.asked,
                self.context.rk,
                &self.response,
            ),
            ..Answer::new(
                &self.id,
                AttestationResponse {
                    attestation_object: Base64Url(&self.attestation_object),
                    authenticator_data: Base64Url(auth_data),
                    client_data_json: known(self.client_data.as_bytes()),
                    public_key: spki.as_deref().map(Base64Url),
                    public_key_algorithm: self.public_key.algorithm().0,
                    transports: &self.transports,
                },
            )
        };
        answer.write()
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
    asked: AskedToGet,
    large_blob: Option<SecretBytes>,
    response: GetAssertionResponse,
}

impl Assertion {
    pub(super) fn new(
        client_data: &ClientData,
        id: CredentialId,
        asked: AskedToGet,
        response: GetAssertionResponse,
    ) -> Self {
        let output = response.unsigned_extensions.large_blob.as_ref();
        let blob = output.and_then(|output| output.blob.as_ref());
        let blob = blob.filter(|_| asked.large_blob == Some(AskedBlob::Read));
        // One that cannot be read is answered like one that is absent, as in Chromium.
        let large_blob = blob.and_then(large_blob::inflate);
        Self { client_data: client_data.as_bytes().into(), id, asked, large_blob, response }
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

    /// The client data's bytes. Empty if the program brought its hash alone.
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

    /// The passkey's large blob, inflated: after [`LargeBlobOperation::Read`]. `None`: there
    /// is no blob, or none that can be read.
    ///
    /// [`LargeBlobOperation::Read`]: super::LargeBlobOperation::Read
    #[must_use]
    pub const fn large_blob(&self) -> Option<&SecretBytes> {
        self.large_blob.as_ref()
    }

    /// Whether the phone replaced the passkey's large blob: after
    /// [`LargeBlobOperation::Write`]. `None`: that was not asked.
    ///
    /// [`LargeBlobOperation::Write`]: super::LargeBlobOperation::Write
    #[must_use]
    pub fn large_blob_written(&self) -> Option<bool> {
        self.asked.written(&self.response)
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
        let answer = Answer {
            client_extension_results: ExtensionResults::of_sign_in(
                &self.asked,
                self.large_blob.as_ref(),
                &self.response,
            ),
            ..Answer::new(
                &self.id,
                AssertionResponse {
                    authenticator_data: Base64Url(auth_data),
                    client_data_json: known(self.client_data.expose()),
                    signature: Base64Url(signature),
                    user_handle: self.user_handle().map(|handle| Base64Url(handle.as_bytes())),
                },
            )
        };
        answer.write()
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AttestationResponse<'a> {
    attestation_object: Base64Url<'a>,
    authenticator_data: Base64Url<'a>,
    #[serde(rename = "clientDataJSON", skip_serializing_if = "Option::is_none")]
    client_data_json: Option<Base64Url<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<Base64Url<'a>>,
    public_key_algorithm: i64,
    transports: &'a BTreeSet<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AssertionResponse<'a> {
    authenticator_data: Base64Url<'a>,
    #[serde(rename = "clientDataJSON", skip_serializing_if = "Option::is_none")]
    client_data_json: Option<Base64Url<'a>>,
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
    /// small is left behind unwiped.
    fn write(&self) -> SecretText {
        // Strings and numbers into memory cannot fail, and JSON is UTF-8.
        let mut length = Length(0);
        let _infallible = serde_json::to_writer(&mut length, self);
        let mut json = Vec::with_capacity(length.0);
        let _infallible = serde_json::to_writer(&mut json, self);
        debug_assert_eq!(json.len(), length.0, "room for everything");
        SecretText::new(String::from_utf8(json).unwrap_or_default())
    }
}

/// Client data, unless only its hash is known.
fn known(client_data: &[u8]) -> Option<Base64Url<'_>> {
    (!client_data.is_empty()).then_some(Base64Url(client_data))
}

/// Counts what is written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
