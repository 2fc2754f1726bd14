//! A sign-in: options and origin to CTAP's getAssertion, and its response to
//! the answer ([WebAuthn L3 §5.1.4], as far as it is a client's).
//!
//! `userVerification`, extensions and transports are as for a
//! [registration](super::PreparedCreation).

use std::time::Duration;

use super::ability::{Ability, of_everything};
use super::app_id;
use super::brought::Kind;
use super::caller::Caller;
use super::client_data::ClientData;
use super::create::without_transports;
use super::enumerations::Requirement;
use super::extension_results::{AskedBlob, AskedToGet};
use super::extensions::AssertionExtensions;
use super::large_blob::{self, LargeBlobOperation};
use super::options::RequestOptions;
use super::prf;
use super::response::{AnswerError, Assertion};
use super::rp_id::{BuiltInSuffixes, PublicSuffixes};
use crate::ctap::extensions::{
    AssertionInputs, LARGE_BLOB, LargeBlobAssertionInput, PrfAssertionInput,
};
use crate::ctap::{GetAssertionRequest, GetAssertionResponse, GetInfoResponse};
use crate::error::{OptionsError, Unsupported};

/// A sign-in that waits for a phone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PreparedRequest {
    /// How long its user may take.
    pub timeout: Option<Duration>,
    client_data: ClientData,
    /// Without options, and with all extensions that were asked for.
    request: GetAssertionRequest,
    user_verification: Requirement,
    asked: AskedToGet,
}

impl RequestOptions {
    /// Checks the options against who asks, an [`Origin`] or another [`Caller`],
    /// by the built-in list of public suffixes.
    ///
    /// [`Origin`]: super::Origin
    ///
    /// # Errors
    /// [`OptionsError::RpId`] if the origin may not use the RP ID;
    /// [`OptionsError::NothingToEvalBy`], [`OptionsError::EvalByCredential`] and
    /// [`OptionsError::Base64`] for PRF inputs of a passkey that is not among
    /// the allowed; [`OptionsError::Url`] and [`OptionsError::AppId`] for an application
    /// id that the origin may not use; [`OptionsError::LargeBlobReadAndWrite`] and
    /// [`OptionsError::LargeBlobCredentials`] for a blob that could be that of several
    /// passkeys; [`OptionsError::OtherCeremony`] for an extension of registrations;
    /// [`OptionsError::Unsupported`] for one that this client does not have.
    pub fn prepare(&self, caller: impl Into<Caller>) -> Result<PreparedRequest, OptionsError> {
        self.prepare_with(caller, &BuiltInSuffixes)
    }

    /// As [`prepare`](Self::prepare), by another list of public suffixes.
    ///
    /// # Errors
    /// As for [`prepare`](Self::prepare).
    pub fn prepare_with(
        &self,
        caller: impl Into<Caller>,
        suffixes: &dyn PublicSuffixes,
    ) -> Result<PreparedRequest, OptionsError> {
        let caller = caller.into();
        let rp_id = caller.rp_id(self.rp_id.as_deref(), suffixes)?;
        let allowed = self.allow_credentials.iter().map(|descriptor| &descriptor.id);
        if let Some(prf) = &self.extensions.prf {
            let invalid = self.extensions.invalid;
            prf::check_by_credential(&prf.eval_by_credential, invalid, allowed)?;
        }
        if let Some(error) = self.extensions.refused {
            return Err(error);
        }
        let is_written = matches!(self.extensions.large_blob, Some(LargeBlobOperation::Write(_)));
        if is_written && self.allow_credentials.len() != 1 {
            return Err(OptionsError::LargeBlobCredentials);
        }
        if let Some(app_id) = &self.extensions.app_id {
            app_id::check("extensions.appid", app_id, &caller, suffixes)?;
        }
        let client_data = ClientData::prepare(Kind::Get, &self.challenge, caller)?;
        let mut request = GetAssertionRequest::new(rp_id.as_str(), client_data.hash());
        request.allow_list = without_transports(&self.allow_credentials);
        request.extensions = self.extensions.inputs();
        Ok(PreparedRequest {
            timeout: self.timeout,
            client_data,
            request,
            user_verification: self.user_verification,
            asked: self.extensions.asked(),
        })
    }
}

impl PreparedRequest {
    /// The client data that the request is bound to.
    #[must_use]
    pub const fn client_data(&self) -> &ClientData {
        &self.client_data
    }

    /// The RP ID.
    #[must_use]
    pub fn rp_id(&self) -> &str {
        &self.request.rp_id
    }

    /// Whether the relying party accepts no response without the UV flag.
    #[must_use]
    pub fn requires_verification(&self) -> bool {
        self.user_verification == Requirement::Required
    }

    pub(crate) const fn asks_for_prf(&self) -> bool {
        self.request.extensions.prf.is_some()
    }

    /// The CTAP request for a phone with these abilities.
    ///
    /// # Errors
    /// [`Unsupported::Ctap`] for a phone without CTAP2;
    /// [`Unsupported::UserVerification`] or [`Unsupported::VerificationNotSetUp`]
    /// if the relying party requires verification and this phone cannot do it;
    /// [`Unsupported::Passkeys`] if this phone can have none of the passkeys that
    /// the relying party allows, [`Unsupported::ListTooLong`] if it takes fewer. The
    /// length of the message is checked where it is encoded: by the client's
    /// transaction.
    pub fn request_for(&self, phone: &GetInfoResponse) -> Result<GetAssertionRequest, Unsupported> {
        let ability = Ability::of(phone);
        ability.knows_ctap2()?;
        ability.verifies(self.user_verification)?;
        let request = self.made_for(ability);
        // An empty list would ask for any passkey.
        if request.allow_list.is_empty() && !self.request.allow_list.is_empty() {
            return Err(Unsupported::Passkeys);
        }
        ability.takes(&request.allow_list)?;
        Ok(request)
    }

    /// The longest request that any phone gets, without extensions that this crate does
    /// not know: what is too long here is too long before there is a phone.
    #[must_use]
    pub fn longest_request(&self) -> GetAssertionRequest {
        self.made_for(Ability::of(&of_everything()))
    }

    fn made_for(&self, phone: Ability<'_>) -> GetAssertionRequest {
        let mut request = self.request.clone();
        request.allow_list.retain(|allowed| phone.may_have(&allowed.id));
        if let Some(prf) = &mut request.extensions.prf {
            prf.eval_by_credential.retain(|id, _| phone.may_have(id));
        }
        // Without inputs there is nothing for the phone to do.
        request.extensions.prf = request.extensions.prf.filter(PrfAssertionInput::has_values);
        // A passkey has two PRFs, and WebAuthn's is that of verified users.
        let raised = request.allow_list.is_empty() || request.extensions.prf.is_some();
        request.options.uv = phone.uv(self.user_verification, raised);
        if !phone.has_prf() {
            request.extensions.prf = None;
        }
        if !phone.lists(LARGE_BLOB) {
            request.extensions.large_blob = None;
        }
        request.extensions.other.retain(|name| phone.lists(name));
        request
    }

    /// Makes the answer of the response of this phone.
    ///
    /// That the response is one to the request (RP ID hash, user presence and
    /// verification, allow list) is checked where it is read: by the client's
    /// transaction. The relying party checks the signature.
    ///
    /// # Errors
    /// [`AnswerError::Unnamed`].
    pub fn finish(
        &self,
        phone: &GetInfoResponse,
        response: GetAssertionResponse,
    ) -> Result<Assertion, AnswerError> {
        let named = response.credential.as_ref().map(|credential| credential.id.clone());
        let phone = Ability::of(phone);
        let mut asked = self.request.allow_list.iter().filter(|asked| phone.may_have(&asked.id));
        let only = match (asked.next(), asked.next()) {
            (Some(only), None) => Some(only.id.clone()),
            _ => None,
        };
        let id = named.or(only).ok_or(AnswerError::Unnamed)?;
        Ok(Assertion::new(&self.client_data, id, self.asked.clone(), response))
    }
}

impl AssertionExtensions {
    /// What goes to a phone that lists all of them.
    fn inputs(&self) -> AssertionInputs {
        let mut inputs = AssertionInputs::default();
        inputs.prf.clone_from(&self.prf);
        inputs.large_blob = self.large_blob.as_ref().map(|operation| match operation {
            LargeBlobOperation::Read => LargeBlobAssertionInput::Read,
            LargeBlobOperation::Write(blob) => {
                LargeBlobAssertionInput::Write(large_blob::deflate(blob.expose()))
            }
        });
        inputs.other.clone_from(&self.other);
        inputs
    }

    fn asked(&self) -> AskedToGet {
        AskedToGet {
            app_id: self.app_id.is_some(),
            large_blob: self.large_blob.as_ref().map(|operation| match operation {
                LargeBlobOperation::Read => AskedBlob::Read,
                LargeBlobOperation::Write(_) => AskedBlob::Write,
            }),
            prf: self.prf.is_some(),
            other: self.other.iter().map(|(name, _)| name.to_owned()).collect(),
        }
    }
}
