//! The extensions that a relying party asks for: what is read of each, and what
//! becomes of it ([WebAuthn L3 §9, §10], [CTAP 2.2 §12]).
//!
//! ```text
//! member                             create    get       to the phone
//! appid                              refused   checked   nothing
//! appidExclude                       checked   ignored   nothing
//! credProps                          read      refused   nothing
//! credentialProtectionPolicy         read      ignored   credProtect
//! enforceCredentialProtectionPolicy  read      ignored   nothing
//! crossDeviceFallbackUrl             ignored   kept      nothing
//! hmacCreateSecret                   read      ignored   prf
//! largeBlob                          read      read      largeBlob
//! minPinLength                       read      ignored   minPinLength
//! payment                            refused   refused   nothing
//! prf                                read      read      prf
//! remoteClientDataJSON               refused   refused   nothing
//! ```
//!
//! An extension goes to phones that list it in getInfo. One that has no row here goes as
//! [CBOR](super::raw_extension), if its JSON has a form in it. [`KEPT_BACK`] has the
//! exceptions.
//!
//! **Deviations** from Chromium, which asks phones that list `credProtect` for a protection of
//! its own choice where the relying party names none, and refuses policies that fit the other
//! options badly: this client sends what was asked for.
//!
//! What is refused is refused by `prepare`, after the origin was looked at.

use std::borrow::Cow;

use super::json::Dictionary;
use super::large_blob::LargeBlobOperation;
use super::{prf, raw_extension};
use crate::ctap::bounds::MAX_EXTENSIONS;
use crate::ctap::extensions::{
    CredProtect, LargeBlobSupport, OtherExtensions, PrfAssertionInput, PrfRegistrationInput,
};
use crate::error::OptionsError;

/// Extensions that are never passed on as they are. Their CTAP form is another than their JSON in
/// CBOR, a client must make it (`hmac-secret` takes hashed inputs), they are answered by the
/// client alone, or browsers gave them up because they identify the phone (`devicePubKey`).
const KEPT_BACK: [&str; 20] = [
    "appid",
    "appidExclude",
    "cableAuthentication",
    "credBlob",
    "credProps",
    "credProtect",
    "credentialProtectionPolicy",
    "crossDeviceFallbackUrl",
    "devicePubKey",
    "enforceCredentialProtectionPolicy",
    "getCredBlob",
    "hmac-secret",
    "hmac-secret-mc",
    "hmacCreateSecret",
    "hmacGetSecret",
    "largeBlobKey",
    "minPinLength",
    "supplementalPubKeys",
    "thirdPartyPayment",
    "uvm",
];

/// Extensions that a registration asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistrationExtensions {
    /// `appidExclude`: the application id of older security keys. It is checked as browsers
    /// do; phones have no such keys, so nothing is sent and nothing answered.
    pub app_id_exclude: Option<String>,
    /// `credProps`: whether the passkey can be found without its id.
    pub cred_props: bool,
    /// `hmacCreateSecret`: the older way to ask whether the passkey has a PRF. Phones are
    /// asked for `prf`.
    pub hmac_create_secret: bool,
    /// `largeBlob`: whether the passkey must or should be able to hold a blob.
    pub large_blob: Option<LargeBlobSupport>,
    /// `minPinLength`: the phone signs the shortest PIN that it accepts. There is no other
    /// answer.
    pub min_pin_length: bool,
    /// `prf`.
    pub prf: Option<PrfRegistrationInput>,
    /// `credentialProtectionPolicy`: when the phone may use the passkey without
    /// verifying its user. It is sent to phones that list `credProtect`.
    pub cred_protect: Option<CredProtect>,
    /// `enforceCredentialProtectionPolicy`: no other phone will do, unless the
    /// policy is the lowest.
    pub enforce_cred_protect: bool,
    /// Others, which go to phones that list them. A program may add to them; what a page
    /// asked for is here in CBOR.
    pub other: OtherExtensions,
    /// Names of those that are not sent to any phone.
    pub unknown: Vec<String>,
    /// The error in `prf`, which `prepare` returns.
    pub(super) invalid: Option<OptionsError>,
    /// The error in another, which `prepare` returns.
    pub(super) refused: Option<OptionsError>,
}

/// Extensions that a sign-in asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssertionExtensions {
    /// `appid`: the application id of older security keys. It is checked as browsers do, and
    /// the answer is `false`: phones have no such keys.
    pub app_id: Option<String>,
    /// `crossDeviceFallbackUrl`: a page that a phone without a passkey could open. It is a
    /// proposal without a form in CTAP, so no phone gets it.
    pub cross_device_fallback_url: Option<String>,
    /// `largeBlob`: what to do with the passkey's blob.
    pub large_blob: Option<LargeBlobOperation>,
    /// `prf`.
    pub prf: Option<PrfAssertionInput>,
    /// Others, which go to phones that list them. A program may add to them; what a page
    /// asked for is here in CBOR.
    pub other: OtherExtensions,
    /// Names of those that are not sent to any phone.
    pub unknown: Vec<String>,
    /// The error in `prf`, which `prepare` returns.
    pub(super) invalid: Option<OptionsError>,
    /// The error in another, which `prepare` returns.
    pub(super) refused: Option<OptionsError>,
}

impl RegistrationExtensions {
    pub(super) fn read(options: Dictionary<'_>) -> Result<Self, OptionsError> {
        let mut extensions = Self::default();
        let inputs = options.dictionary(EXTENSIONS)?.unwrap_or_default();
        for name in inputs.names(EXTENSIONS, MAX_EXTENSIONS)? {
            match name {
                "appid" => extensions.refuse(OptionsError::OtherCeremony(APP_ID)),
                "appidExclude" => {
                    extensions.app_id_exclude = inputs.text(name).map(Cow::into_owned);
                }
                "cableAuthentication" => {
                    let member = "extensions.cableAuthentication";
                    extensions.refuse(OptionsError::OtherCeremony(member));
                }
                "credProps" => extensions.cred_props = inputs.boolean(name).unwrap_or_default(),
                "hmacCreateSecret" => {
                    extensions.hmac_create_secret = inputs.boolean(name).unwrap_or_default();
                }
                "largeBlob" => extensions.read_large_blob(inputs)?,
                "minPinLength" => {
                    extensions.min_pin_length = inputs.boolean(name).unwrap_or_default();
                }
                "payment" => {
                    let payment = inputs.dictionary(PAYMENT)?.unwrap_or_default();
                    if payment.boolean("extensions.payment.isPayment") == Some(true) {
                        extensions.refuse(OptionsError::NotOnPhones(PAYMENT));
                    }
                }
                "prf" => {
                    let input = inputs.dictionary("extensions.prf")?;
                    let input = input.map(prf::registration).transpose()?;
                    if let Some((input, invalid)) = input {
                        (extensions.prf, extensions.invalid) = (Some(input), invalid);
                    }
                }
                "credentialProtectionPolicy" | "enforceCredentialProtectionPolicy" => {}
                "remoteClientDataJSON" => extensions.refuse(REMOTE),
                "remoteDesktopClientOverride" => extensions.refuse(OVERRIDE),
                _ => read_other(inputs, name, &mut extensions.other, &mut extensions.unknown),
            }
        }
        if let Some(policy) = inputs.text(PROTECTION_POLICY) {
            extensions.cred_protect = CredProtect::from_name(&policy);
            extensions.enforce_cred_protect =
                inputs.boolean("extensions.enforceCredentialProtectionPolicy").unwrap_or_default();
            if extensions.cred_protect.is_none() && extensions.enforce_cred_protect {
                extensions.refuse(OptionsError::Unsupported(PROTECTION_POLICY));
            }
        }
        Ok(extensions)
    }

    /// [WebAuthn L3 §10.1.5]
    fn read_large_blob(&mut self, inputs: Dictionary<'_>) -> Result<(), OptionsError> {
        let Some(input) = inputs.dictionary(LARGE_BLOB)? else { return Ok(()) };
        self.large_blob = Some(match input.text(LARGE_BLOB_SUPPORT).as_deref() {
            Some("required") => LargeBlobSupport::Required,
            _ => LargeBlobSupport::Preferred,
        });
        if input.boolean(LARGE_BLOB_READ).is_some() {
            self.refuse(OptionsError::OtherCeremony(LARGE_BLOB_READ));
        }
        if input.bytes(LARGE_BLOB_WRITE)?.is_some() {
            self.refuse(OptionsError::OtherCeremony(LARGE_BLOB_WRITE));
        }
        Ok(())
    }

    /// The first reason stays.
    fn refuse(&mut self, error: OptionsError) {
        self.refused.get_or_insert(error);
    }
}

impl AssertionExtensions {
    pub(super) fn read(options: Dictionary<'_>) -> Result<Self, OptionsError> {
        let mut extensions = Self::default();
        let inputs = options.dictionary(EXTENSIONS)?.unwrap_or_default();
        for name in inputs.names(EXTENSIONS, MAX_EXTENSIONS)? {
            match name {
                "appid" => extensions.app_id = inputs.text(name).map(Cow::into_owned),
                "credProps" => {
                    if inputs.boolean(name) == Some(true) {
                        extensions.refuse(OptionsError::OtherCeremony("extensions.credProps"));
                    }
                }
                "crossDeviceFallbackUrl" => {
                    extensions.cross_device_fallback_url = inputs.text(name).map(Cow::into_owned);
                }
                "largeBlob" => extensions.read_large_blob(inputs)?,
                "payment" => extensions.refuse(OptionsError::Unsupported(PAYMENT)),
                "prf" => {
                    let input = inputs.dictionary("extensions.prf")?;
                    let input = input.map(prf::assertion).transpose()?;
                    if let Some((input, invalid)) = input {
                        (extensions.prf, extensions.invalid) = (Some(input), invalid);
                    }
                }
                "remoteClientDataJSON" => extensions.refuse(REMOTE),
                "remoteDesktopClientOverride" => extensions.refuse(OVERRIDE),
                _ => read_other(inputs, name, &mut extensions.other, &mut extensions.unknown),
            }
        }
        Ok(extensions)
    }

    /// [WebAuthn L3 §10.1.5]
    fn read_large_blob(&mut self, inputs: Dictionary<'_>) -> Result<(), OptionsError> {
        let Some(input) = inputs.dictionary(LARGE_BLOB)? else { return Ok(()) };
        if input.text(LARGE_BLOB_SUPPORT).is_some() {
            self.refuse(OptionsError::OtherCeremony(LARGE_BLOB_SUPPORT));
        }
        let read = input.boolean(LARGE_BLOB_READ) == Some(true);
        let write = input.bytes(LARGE_BLOB_WRITE)?;
        if read && write.is_some() {
            self.refuse(OptionsError::LargeBlobReadAndWrite);
        }
        let write = write.map(|blob| LargeBlobOperation::Write(blob.into()));
        self.large_blob = write.or(read.then_some(LargeBlobOperation::Read));
        Ok(())
    }

    /// The first reason stays.
    fn refuse(&mut self, error: OptionsError) {
        self.refused.get_or_insert(error);
    }
}

/// Reads an extension that this crate does not know.
fn read_other(
    inputs: Dictionary<'_>,
    name: &str,
    other: &mut OtherExtensions,
    unknown: &mut Vec<String>,
) {
    let input = inputs.member(name).filter(|_| !KEPT_BACK.contains(&name));
    match input.and_then(raw_extension::from_json) {
        // The names that have a type of their own are read before.
        Some(input) => drop(other.insert(name, input)),
        None => unknown.push(name.to_owned()),
    }
}

const EXTENSIONS: &str = "extensions";
const APP_ID: &str = "extensions.appid";
const PAYMENT: &str = "extensions.payment";
const PROTECTION_POLICY: &str = "extensions.credentialProtectionPolicy";
const LARGE_BLOB: &str = "extensions.largeBlob";
const LARGE_BLOB_READ: &str = "extensions.largeBlob.read";
const LARGE_BLOB_SUPPORT: &str = "extensions.largeBlob.support";
const LARGE_BLOB_WRITE: &str = "extensions.largeBlob.write";

/// No page chooses its own client data: a program does, for an origin that it trusts.
const REMOTE: OptionsError = OptionsError::Unsupported("extensions.remoteClientDataJSON");
const OVERRIDE: OptionsError = OptionsError::Unsupported("extensions.remoteDesktopClientOverride");
