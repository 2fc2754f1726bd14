//! A registration: options and origin to CTAP's makeCredential, and its
//! response to the answer (WebAuthn section 5.1.3, as far as it is a client's).
//!
//! ```text
//! residentKey        required, preferred → rk: true   discouraged → absent
//! userVerification   required, preferred → uv: true   discouraged → absent
//! attestationFormats → member 11, unless attestation is none
//! ```
//!
//! **Deviation.** WebAuthn asks for `rk` and `uv` where they are only preferred
//! if the authenticator can do them. The request is made before there is a
//! phone to ask; Chromium decides as above for phones, which all can, and which
//! verify their user whatever a request says.
//!
//! The user's names are sent even if there are none, as empty ones: without
//! them Android drops the tunnel and iOS refuses.
//!
//! Transports of excluded passkeys are not sent, as in Chromium: phones do not
//! read them.

use std::time::Duration;

use super::client_data::{ClientData, Kind};
use super::options::{Attestation, CreationOptions, Requirement};
use super::options_error::OptionsError;
use super::origin::Origin;
use super::response::{AnswerError, Registration, RegistrationContext};
use super::rp_id::{BuiltInSuffixes, PublicSuffixes, RpId};
use crate::ctap::{CredentialDescriptor, RelyingParty, make_credential};

/// A registration, ready to be sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PreparedCreation {
    /// What to ask of the phone.
    pub request: make_credential::Request,
    /// How long its user may take.
    pub timeout: Option<Duration>,
    /// What makes the answer of the response.
    pub pending: PendingCreation,
}

/// A registration that waits for the phone's response.
#[derive(Clone, Debug)]
pub struct PendingCreation {
    client_data: ClientData,
    context: RegistrationContext,
}

impl CreationOptions {
    /// Holds the options to the origin that asks, by the built-in list of
    /// public suffixes.
    ///
    /// # Errors
    /// [`OptionsError::RpId`] if the origin may not use the RP ID, and
    /// [`OptionsError::NothingToEvalBy`] for `prf.evalByCredential`.
    pub fn prepare(&self, origin: &Origin) -> Result<PreparedCreation, OptionsError> {
        self.prepare_with(origin, &BuiltInSuffixes)
    }

    /// As [`prepare`](Self::prepare), by another list of public suffixes.
    ///
    /// # Errors
    /// As for [`prepare`](Self::prepare).
    pub fn prepare_with(
        &self,
        origin: &Origin,
        suffixes: &dyn PublicSuffixes,
    ) -> Result<PreparedCreation, OptionsError> {
        let rp_id = RpId::for_origin(origin, self.rp_id.as_deref(), suffixes)?;
        if let (Some(_), Some(error)) = (&self.extensions.prf, self.extensions.invalid) {
            return Err(error);
        }
        let client_data = ClientData::new(Kind::Create, &self.challenge, origin);
        let mut user = self.user.clone();
        user.name.get_or_insert_default();
        user.display_name.get_or_insert_default();
        let mut request = make_credential::Request::new(
            client_data.hash(),
            RelyingParty::new(rp_id.as_str(), &*self.rp_name),
            user,
            self.parameters.clone(),
        );
        request.exclude_list = without_transports(&self.exclude_credentials);
        request.options.rk = wanted(self.resident_key);
        request.options.uv = wanted(self.user_verification);
        request.extensions.prf.clone_from(&self.extensions.prf);
        if self.attestation != Attestation::None {
            request.attestation_formats.clone_from(&self.attestation_formats);
        }
        let context = RegistrationContext {
            attestation: self.attestation,
            rk: request.options.rk,
            cred_props: self.extensions.cred_props,
            prf: self.extensions.prf.is_some(),
        };
        let pending = PendingCreation { client_data, context };
        Ok(PreparedCreation { request, timeout: self.timeout, pending })
    }
}

impl PendingCreation {
    /// The client data that the request is bound to.
    #[must_use]
    pub const fn client_data(&self) -> &ClientData {
        &self.client_data
    }

    /// Makes the answer.
    ///
    /// That the response is one to the request (RP ID hash, user presence,
    /// algorithm) is checked where it is read: by the client's transaction.
    ///
    /// # Errors
    /// [`AnswerError::NoCredential`].
    pub fn finish(self, response: make_credential::Response) -> Result<Registration, AnswerError> {
        Registration::new(&self.client_data, self.context, response)
    }
}

/// An option that is left out unless it is wanted.
pub(super) fn wanted(requirement: Requirement) -> Option<bool> {
    matches!(requirement, Requirement::Required | Requirement::Preferred).then_some(true)
}

pub(super) fn without_transports(list: &[CredentialDescriptor]) -> Vec<CredentialDescriptor> {
    list.iter().map(|descriptor| CredentialDescriptor::new(descriptor.id.clone())).collect()
}
