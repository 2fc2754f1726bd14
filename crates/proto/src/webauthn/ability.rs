//! The abilities in a phone's getInfo, and the request that fits them
//! ([WebAuthn L3 §5.1.3, §5.1.4]; getInfo, [CTAP 2.2 §6.4]).
//!
//! ```text
//! userVerification    phone with uv: true               other phones
//! required            uv: true                          refused
//! preferred           uv: true                          absent
//! discouraged         uv: true, where it is needed      absent
//!
//! residentKey         phone with rk: true               other phones
//! required            rk: true                          refused
//! preferred           rk: true, if it has uv: true too  absent
//!                     and room for a passkey
//! discouraged         absent                            absent
//!
//! getInfo                        what does not fit
//! versions                       a phone without CTAP2 is refused
//! algorithms                     refused if it has none that is offered
//! extensions                     left out; refused if the relying party enforces it
//! maxCredentialIdLength          left out of lists; refused if no allowed id is left
//! maxCredentialCountInList       refused: a part of a list is another request
//! maxMsgSize                     refused
//! ```
//!
//! A discoverable passkey that is required is asked of a full phone too: it may replace
//! one of the same account, and only the phone knows.
//!
//! A request is one message with whole lists: phones have no `up: false`, with which
//! a client would try a list part by part. A limit that getInfo does not state, or
//! states as 0, does not exist: real phones take long requests and state none.
//!
//! Verification is needed for a discoverable passkey, for a sign-in without an
//! allow list, where the phone has `alwaysUv`, and for every registration unless
//! the phone has `makeCredUvNotRqd`. For PRF it is needed by two rules, which are
//! Chromium's: a registration needs it if the phone lists `prf`, a sign-in with
//! `prf` among its extensions needs it with every phone.
//!
//! Need is for the sending alone: an answer without the UV flag is refused only
//! if the relying party requires verification.
//!
//! This is what Chromium does, with one deviation. Chromium refuses a phone that
//! cannot verify its user for a discoverable passkey and for a sign-in without
//! an allow list, even if the relying party does not require verification.
//! WebAuthn refuses it only if the relying party does.
//!
//! **Deviation** from raising `preferred` to `required` for a sign-in without an
//! allow list at a phone with `uv: true`: an answer without UV is accepted there.
//! WebAuthn and Chromium check the flag by what the relying party requires. The
//! relying party sees the flag, and may accept its absence.
//!
//! A passkey holds a large blob if the phone lists `largeBlob` and `rk: true` is sent.
//! Chromium has this rule for security keys and uses it for phones. `required` is refused for
//! other phones; for `preferred` nothing is sent to them. Other extensions are sent to
//! phones that list them.
//!
//! **Deviation** for limits. Chromium reads none of the three for phones and sends
//! everything. Ids longer than `maxCredentialIdLength` are not on this phone, and may
//! make it refuse the whole request, so they are left out of both lists here. An
//! allow list without the others would ask for any passkey: it is refused. What a
//! phone states that it does not take is not sent to it in the hope that it does.
//!
//! No PIN/UV protocol exists over hybrid, so `uv` is the one way to verify.

use super::enumerations::Requirement;
use crate::ctap::extensions::{CRED_PROTECT, CredProtect, LARGE_BLOB, LargeBlobSupport, PRF};
use crate::ctap::{
    Aaguid, CredentialDescriptor, CredentialId, CredentialParameters, FORMAT_NONE, GetInfoResponse,
    PUBLIC_KEY, option,
};
use crate::error::Unsupported;

/// The abilities of a phone, by its getInfo.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ability<'a>(&'a GetInfoResponse);

impl<'a> Ability<'a> {
    pub(super) const fn of(phone: &'a GetInfoResponse) -> Self {
        Self(phone)
    }

    fn has(self, option: &str) -> bool {
        self.0.option(option) == Some(true)
    }

    /// Checks that the phone knows CTAP2.
    pub(super) fn knows_ctap2(self) -> Result<(), Unsupported> {
        let has = self.0.versions.iter().any(|version| version.starts_with("FIDO_2_"));
        if has { Ok(()) } else { Err(Unsupported::Ctap) }
    }

    pub(super) fn lists(self, extension: &str) -> bool {
        self.0.has_extension(extension)
    }

    pub(super) fn has_prf(self) -> bool {
        self.0.has_extension(PRF)
    }

    /// Whether the phone knows the preference of an attestation's format.
    pub(super) fn lists_formats(self) -> bool {
        !self.0.attestation_formats.is_empty()
    }

    fn has_cred_protect(self) -> bool {
        self.0.has_extension(CRED_PROTECT)
    }

    /// Whether a new passkey can hold a blob: only one that is asked to be discoverable.
    pub(super) fn stores(self, resident_key: Requirement) -> bool {
        self.0.has_extension(LARGE_BLOB) && self.rk(resident_key) == Some(true)
    }

    /// Checks that a new passkey can hold a blob if that is required.
    pub(super) fn stores_as(
        self,
        support: Option<LargeBlobSupport>,
        resident_key: Requirement,
    ) -> Result<(), Unsupported> {
        match support {
            Some(LargeBlobSupport::Required) if !self.stores(resident_key) => {
                Err(Unsupported::LargeBlob)
            }
            _ => Ok(()),
        }
    }

    /// Checks that the phone can verify its user if that is required.
    pub(super) fn verifies(self, requirement: Requirement) -> Result<(), Unsupported> {
        match (requirement, self.0.option(option::UV)) {
            (Requirement::Required, None) => Err(Unsupported::UserVerification),
            (Requirement::Required, Some(false)) => Err(Unsupported::VerificationNotSetUp),
            _ => Ok(()),
        }
    }

    /// Checks that the phone has discoverable passkeys if one is required.
    pub(super) fn keeps(self, requirement: Requirement) -> Result<(), Unsupported> {
        match requirement {
            Requirement::Required if !self.has(option::RK) => {
                Err(Unsupported::DiscoverablePasskeys)
            }
            _ => Ok(()),
        }
    }

    /// Checks that the phone can protect a passkey as is demanded.
    pub(super) fn protects(self, demanded: Option<CredProtect>) -> Result<(), Unsupported> {
        if demanded.is_none() || self.has_cred_protect() {
            Ok(())
        } else {
            Err(Unsupported::CredentialProtection)
        }
    }

    /// Checks that the phone has one of the algorithms. A phone that lists none
    /// may have any.
    pub(super) fn makes(self, offered: &[CredentialParameters]) -> Result<(), Unsupported> {
        let listed = &self.0.algorithms;
        let has = |offer: &CredentialParameters| offer.kind == PUBLIC_KEY && listed.contains(offer);
        if listed.is_empty() || offered.iter().any(has) {
            Ok(())
        } else {
            Err(Unsupported::Algorithm)
        }
    }

    /// Whether a passkey with this id can be on the phone.
    /// [CTAP 2.2 §6.4, maxCredentialIdLength]
    pub(super) fn may_have(self, id: &CredentialId) -> bool {
        is_within(id.as_bytes().len(), self.0.max_credential_id_length)
    }

    /// Checks that the phone takes this list, without the ids that it cannot have.
    /// [CTAP 2.2 §6.4, maxCredentialCountInList]
    pub(super) fn takes(self, list: &[CredentialDescriptor]) -> Result<(), Unsupported> {
        let limit = self.0.max_credential_count_in_list;
        if is_within(list.len(), limit) { Ok(()) } else { Err(Unsupported::ListTooLong) }
    }

    /// The option `rk` of a registration.
    pub(super) fn rk(self, requirement: Requirement) -> Option<bool> {
        let is_asked = match requirement {
            Requirement::Required => true,
            Requirement::Preferred => {
                let has_room = self.0.remaining_discoverable_credentials != Some(0);
                self.has(option::RK) && self.has(option::UV) && has_room
            }
            Requirement::Discouraged => false,
        };
        is_asked.then_some(true)
    }

    /// The option `uv` of a registration; `needed` by what else it asks for.
    pub(super) fn uv_to_create(self, requirement: Requirement, needed: bool) -> Option<bool> {
        // [CTAP 2.2 §6.1.2, makeCredUvNotRqd]: a phone that can verify its user
        // otherwise refuses to make a passkey without.
        self.uv(requirement, needed || !self.has(option::MAKE_CRED_UV_NOT_RQD))
    }

    /// The option `uv` of a sign-in; `needed` by what else it asks for.
    pub(super) fn uv(self, requirement: Requirement, needed: bool) -> Option<bool> {
        let is_asked =
            needed || requirement != Requirement::Discouraged || self.has(option::ALWAYS_UV);
        (is_asked && self.has(option::UV)).then_some(true)
    }
}

/// Whether `length` is within a limit that getInfo states. CTAP has no limit of 0.
fn is_within(length: usize, limit: Option<u64>) -> bool {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    limit.is_none_or(|limit| limit == 0 || length <= limit)
}

/// The getInfo of a phone that can do everything that this crate knows.
pub(super) fn of_everything() -> GetInfoResponse {
    let mut phone = GetInfoResponse::new(Vec::new(), Aaguid::ZERO);
    phone.options = [option::RK, option::UV].map(|name| (name.to_owned(), true)).into();
    phone.extensions = [PRF, CRED_PROTECT, LARGE_BLOB].map(str::to_owned).into();
    phone.attestation_formats = vec![FORMAT_NONE.to_owned()];
    phone
}
