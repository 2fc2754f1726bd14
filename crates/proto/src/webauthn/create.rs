//! A registration: options and origin to CTAP's makeCredential, and its
//! response to the answer ([WebAuthn L3 §5.1.3], as far as it is a client's).
//!
//! The request is made when the phone is known: `rk`, `uv` and extensions follow
//! from what the relying party requires or prefers, and from what the phone's
//! getInfo lists. The tables are in `ability.rs`. `attestationFormats` becomes
//! member 11.
//!
//! **Deviation.** For attestation `none`, WebAuthn asks for the format `none`. It
//! is asked of phones that list formats in getInfo. Other phones may not know
//! member 11, which Chromium never sends; what they attest is not given on.
//!
//! The user's names are sent as empty texts if the options have no names: without
//! these members Android drops the tunnel and iOS refuses.
//!
//! Transports of excluded passkeys are not sent, as in Chromium: phones do not
//! read them.

use std::time::Duration;

use super::ability::{Ability, of_everything};
use super::app_id;
use super::brought::Kind;
use super::caller::Caller;
use super::client_data::ClientData;
use super::enumerations::{AttestationPreference, Requirement};
use super::extension_results::AskedToCreate;
use super::extensions::RegistrationExtensions;
use super::options::CreationOptions;
use super::response::{AnswerError, Registration, RegistrationContext};
use super::rp_id::{BuiltInSuffixes, PublicSuffixes};
use crate::ctap::extensions::{CRED_PROTECT, CredProtect, MIN_PIN_LENGTH, RegistrationInputs};
use crate::ctap::{
    CredentialDescriptor, FORMAT_NONE, GetInfoResponse, MakeCredentialRequest,
    MakeCredentialResponse, RawCbor, RelyingParty,
};
use crate::error::{OptionsError, Unsupported};

/// A registration that waits for a phone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PreparedCreation {
    /// How long its user may take.
    pub timeout: Option<Duration>,
    client_data: ClientData,
    /// Without options, and with all extensions that were asked for.
    request: MakeCredentialRequest,
    resident_key: Requirement,
    user_verification: Requirement,
    attestation: AttestationPreference,
    asked: AskedToCreate,
    cred_protect: Option<CredProtect>,
    enforce_cred_protect: bool,
}

impl CreationOptions {
    /// Checks the options against who asks, an [`Origin`] or another [`Caller`],
    /// by the built-in list of public suffixes.
    ///
    /// [`Origin`]: super::Origin
    ///
    /// # Errors
    /// [`OptionsError::RpId`] if the origin may not use the RP ID;
    /// [`OptionsError::NothingToEvalBy`] for `prf.evalByCredential`;
    /// [`OptionsError::Url`] and [`OptionsError::AppId`] for an application id that the
    /// origin may not use; [`OptionsError::OtherCeremony`] for an extension of sign-ins;
    /// [`OptionsError::Unsupported`] and [`OptionsError::NotOnPhones`] for an extension
    /// that is required and that this client does not have.
    pub fn prepare(&self, caller: impl Into<Caller>) -> Result<PreparedCreation, OptionsError> {
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
    ) -> Result<PreparedCreation, OptionsError> {
        let caller = caller.into();
        let rp_id = caller.rp_id(self.rp_id.as_deref(), suffixes)?;
        if let (Some(_), Some(error)) = (&self.extensions.prf, self.extensions.invalid) {
            return Err(error);
        }
        if let Some(error) = self.extensions.refused {
            return Err(error);
        }
        if let Some(app_id) = &self.extensions.app_id_exclude {
            app_id::check("extensions.appidExclude", app_id, &caller, suffixes)?;
        }
        let client_data = ClientData::prepare(Kind::Create, &self.challenge, caller)?;
        let mut user = self.user.clone();
        user.name.get_or_insert_default();
        user.display_name.get_or_insert_default();
        let mut request = MakeCredentialRequest::new(
            client_data.hash(),
            RelyingParty::new(rp_id.as_str(), &*self.rp_name),
            user,
            self.parameters.clone(),
        );
        request.exclude_list = without_transports(&self.exclude_credentials);
        request.extensions = self.extensions.inputs();
        request.attestation_formats = match self.attestation {
            AttestationPreference::None => vec![FORMAT_NONE.to_owned()],
            _ => self.attestation_formats.clone(),
        };
        Ok(PreparedCreation {
            timeout: self.timeout,
            client_data,
            request,
            resident_key: self.resident_key,
            user_verification: self.user_verification,
            attestation: self.attestation,
            asked: self.extensions.asked(),
            cred_protect: self.extensions.cred_protect,
            enforce_cred_protect: self.extensions.enforce_cred_protect,
        })
    }
}

impl PreparedCreation {
    /// The client data that the request is bound to.
    #[must_use]
    pub const fn client_data(&self) -> &ClientData {
        &self.client_data
    }

    /// The relying party, with its RP ID.
    #[must_use]
    pub const fn rp(&self) -> &RelyingParty {
        &self.request.rp
    }

    /// Whether the relying party accepts no response without the UV flag.
    #[must_use]
    pub fn requires_verification(&self) -> bool {
        self.user_verification == Requirement::Required
    }

    /// The protection that the phone must say it gives: the enforced policy.
    /// Every passkey has the lowest level, so phones need not say that one.
    pub(crate) fn demanded_protection(&self) -> Option<CredProtect> {
        let is_demanded = |policy: &CredProtect| {
            self.enforce_cred_protect && *policy > CredProtect::VerificationOptional
        };
        self.cred_protect.filter(is_demanded)
    }

    pub(crate) const fn asks_for_prf(&self) -> bool {
        self.request.extensions.prf.is_some()
    }

    /// The CTAP request for a phone with these abilities.
    ///
    /// # Errors
    /// What the relying party requires and this phone cannot do:
    /// [`Unsupported::Ctap`],
    /// [`Unsupported::UserVerification`], [`Unsupported::VerificationNotSetUp`],
    /// [`Unsupported::DiscoverablePasskeys`], [`Unsupported::CredentialProtection`],
    /// [`Unsupported::LargeBlob`], [`Unsupported::Algorithm`] or
    /// [`Unsupported::ListTooLong`]. The length of the message is checked where it is
    /// encoded: by the client's transaction.
    pub fn request_for(
        &self,
        phone: &GetInfoResponse,
    ) -> Result<MakeCredentialRequest, Unsupported> {
        let ability = Ability::of(phone);
        ability.knows_ctap2()?;
        ability.verifies(self.user_verification)?;
        ability.keeps(self.resident_key)?;
        ability.protects(self.demanded_protection())?;
        ability.stores_as(self.request.extensions.large_blob, self.resident_key)?;
        ability.makes(&self.request.parameters)?;
        let request = self.made_for(ability);
        ability.takes(&request.exclude_list)?;
        Ok(request)
    }

    /// The longest request that any phone gets, without extensions that this crate does
    /// not know: what is too long here is too long before there is a phone.
    #[must_use]
    pub fn longest_request(&self) -> MakeCredentialRequest {
        self.made_for(Ability::of(&of_everything()))
    }

    fn made_for(&self, phone: Ability<'_>) -> MakeCredentialRequest {
        let mut request = self.request.clone();
        request.exclude_list.retain(|excluded| phone.may_have(&excluded.id));
        if !phone.has_prf() {
            request.extensions.prf = None;
        }
        if self.attestation == AttestationPreference::None && !phone.lists_formats() {
            request.attestation_formats.clear();
        }
        if !phone.stores(self.resident_key) {
            request.extensions.large_blob = None;
        }
        request.extensions.other.retain(|name| phone.lists(name));
        request.options.rk = phone.rk(self.resident_key);
        let raised = request.options.rk == Some(true) || request.extensions.prf.is_some();
        request.options.uv = phone.uv_to_create(self.user_verification, raised);
        request
    }

    /// Makes the answer of the response of this phone.
    ///
    /// That the response is one to the request (RP ID hash, user presence and
    /// verification, algorithm) is checked where it is read: by the client's
    /// transaction.
    ///
    /// # Errors
    /// [`AnswerError::NoCredential`].
    pub fn finish(
        &self,
        phone: &GetInfoResponse,
        response: MakeCredentialResponse,
    ) -> Result<Registration, AnswerError> {
        let context = RegistrationContext {
            attestation: self.attestation,
            rk: Ability::of(phone).rk(self.resident_key),
            asked: self.asked.clone(),
        };
        Registration::new(&self.client_data, context, &phone.transports, response)
    }
}

impl RegistrationExtensions {
    /// What goes to a phone that lists all of them.
    fn inputs(&self) -> RegistrationInputs {
        let mut inputs = RegistrationInputs::default();
        inputs.prf.clone_from(&self.prf);
        if self.hmac_create_secret {
            inputs.prf.get_or_insert_default();
        }
        inputs.large_blob = self.large_blob;
        inputs.other.clone_from(&self.other);
        let protection = self.cred_protect.as_ref().map(|it| (CRED_PROTECT, RawCbor::of(it)));
        let min_pin_length = self.min_pin_length.then(|| (MIN_PIN_LENGTH, RawCbor::yes()));
        for (name, input) in protection.into_iter().chain(min_pin_length) {
            let _has_no_type_of_its_own = inputs.other.insert(name, input);
        }
        inputs
    }

    fn asked(&self) -> AskedToCreate {
        AskedToCreate {
            cred_props: self.cred_props,
            hmac_create_secret: self.hmac_create_secret,
            large_blob: self.large_blob.is_some(),
            prf: self.prf.is_some(),
            other: self.other.iter().map(|(name, _)| name.to_owned()).collect(),
        }
    }
}

pub(super) fn without_transports(list: &[CredentialDescriptor]) -> Vec<CredentialDescriptor> {
    list.iter().map(|descriptor| CredentialDescriptor::new(descriptor.id.clone())).collect()
}
