//! A sign-in: options and origin to CTAP's getAssertion, and its response to
//! the answer (WebAuthn section 5.1.4, as far as it is a client's).
//!
//! `userVerification` and transports are as for a
//! [registration](super::PreparedCreation).

use std::time::Duration;

use super::client_data::{ClientData, Kind};
use super::create::{wanted, without_transports};
use super::options::RequestOptions;
use super::options_error::OptionsError;
use super::origin::Origin;
use super::prf;
use super::response::{AnswerError, Assertion};
use super::rp_id::{BuiltInSuffixes, PublicSuffixes, RpId};
use crate::ctap::{CredentialId, get_assertion};

/// A sign-in, ready to be sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PreparedRequest {
    /// What to ask of the phone.
    pub request: get_assertion::Request,
    /// How long its user may take.
    pub timeout: Option<Duration>,
    /// What makes the answer of the response.
    pub pending: PendingRequest,
}

/// A sign-in that waits for the phone's response.
#[derive(Clone, Debug)]
pub struct PendingRequest {
    client_data: ClientData,
    only_credential: Option<CredentialId>,
    prf: bool,
}

impl RequestOptions {
    /// Holds the options to the origin that asks, by the built-in list of
    /// public suffixes.
    ///
    /// # Errors
    /// [`OptionsError::RpId`] if the origin may not use the RP ID,
    /// [`OptionsError::NothingToEvalBy`], [`OptionsError::EvalByCredential`] and
    /// [`OptionsError::Base64`] for PRF inputs of a passkey that is not among
    /// the allowed.
    pub fn prepare(&self, origin: &Origin) -> Result<PreparedRequest, OptionsError> {
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
    ) -> Result<PreparedRequest, OptionsError> {
        let rp_id = RpId::for_origin(origin, self.rp_id.as_deref(), suffixes)?;
        let allowed = self.allow_credentials.iter().map(|descriptor| &descriptor.id);
        if let Some(prf) = &self.extensions.prf {
            let invalid = self.extensions.invalid;
            prf::check_by_credential(&prf.eval_by_credential, invalid, allowed)?;
        }
        let client_data = ClientData::new(Kind::Get, &self.challenge, origin);
        let mut request = get_assertion::Request::new(rp_id.as_str(), client_data.hash());
        request.allow_list = without_transports(&self.allow_credentials);
        request.options.uv = wanted(self.user_verification);
        request.extensions.prf.clone_from(&self.extensions.prf);
        let only_credential = match &*self.allow_credentials {
            [only] => Some(only.id.clone()),
            _ => None,
        };
        let prf = self.extensions.prf.is_some();
        let pending = PendingRequest { client_data, only_credential, prf };
        Ok(PreparedRequest { request, timeout: self.timeout, pending })
    }
}

impl PendingRequest {
    /// The client data that the request is bound to.
    #[must_use]
    pub const fn client_data(&self) -> &ClientData {
        &self.client_data
    }

    /// Makes the answer.
    ///
    /// That the response is one to the request (RP ID hash, user presence and
    /// verification, allow list) is checked where it is read: by the client's
    /// transaction. The signature is the site's to check.
    ///
    /// # Errors
    /// [`AnswerError::Unnamed`].
    pub fn finish(self, response: get_assertion::Response) -> Result<Assertion, AnswerError> {
        let named = response.credential.as_ref().map(|credential| credential.id.clone());
        let id = named.or(self.only_credential).ok_or(AnswerError::Unnamed)?;
        Ok(Assertion::new(&self.client_data, id, self.prf, response))
    }
}
