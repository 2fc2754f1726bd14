//! What a site asks: `PublicKeyCredentialCreationOptionsJSON` and
//! `PublicKeyCredentialRequestOptionsJSON` (WebAuthn sections 5.1.9, 5.1.10,
//! 5.4 and 5.5).
//!
//! ```text
//! create  {challenge, rp: {id?, name}, user: {id, name, displayName}, pubKeyCredParams,
//!          excludeCredentials?, authenticatorSelection?: {residentKey?,
//!          requireResidentKey?, userVerification?}, attestation?, attestationFormats?,
//!          timeout?, extensions?}
//! get     {challenge, rpId?, allowCredentials?, userVerification?, timeout?, extensions?}
//! ```
//!
//! Servers send them bare or wrapped as `{"publicKey": …}`; both are read.
//! Reading is as tolerant as browsers are of what is unknown (members, values
//! of enumerations, types, transports) and then some: base64 of either kind,
//! `null` for nothing, names left out. What is known and has a wrong type is an
//! error, which names the member.
//!
//! `authenticatorAttachment` and `hints` are ignored: whoever calls this has
//! chosen a phone, and Entra asks for `platform` even so.

use std::time::Duration;

use serde_json::Value;

use super::json::{self, Object};
use super::options_error::{MAX_OPTIONS, OptionsError};
use super::prf;
use crate::ctap::bounds::{MAX_CREDENTIAL_PARAMETERS, MAX_CREDENTIALS, MAX_EXTENSIONS, MAX_NAMES};
use crate::ctap::entity::PUBLIC_KEY;
use crate::ctap::extensions::prf::{AssertionInput, RegistrationInput};
use crate::ctap::{
    Algorithm, CredentialDescriptor, CredentialId, CredentialParameters, User, UserHandle,
};

/// The shortest time that a person is given to answer on the phone. Chromium
/// has the same.
pub const MIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest time that a site can ask for: the upper end of what WebAuthn
/// recommends (section 15.1).
pub const MAX_TIMEOUT: Duration = Duration::from_secs(600);

/// Transports that WebAuthn names (section 5.8.4), and the older name of
/// hybrid.
const TRANSPORTS: [&str; 7] = ["ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"];

/// How much a site wants something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Requirement {
    /// It will not do without.
    Required,
    /// It would like it.
    Preferred,
    /// It would rather not.
    Discouraged,
}

impl Requirement {
    /// Values of the future are as if there were none (WebAuthn section 2.1.1).
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "required" => Self::Required,
            "preferred" => Self::Preferred,
            "discouraged" => Self::Discouraged,
            _ => return None,
        })
    }
}

/// Whether a site wants to know what made the passkey (section 5.4.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Attestation {
    /// No.
    #[default]
    None,
    /// If so, a statement that a third party made anonymous would do.
    Indirect,
    /// As the authenticator states it.
    Direct,
    /// One that may name the very device. It is asked for as `Direct`: a
    /// statement like that takes an agreement with the browser's maker.
    Enterprise,
}

impl Attestation {
    fn from_name(name: &str) -> Self {
        match name {
            "indirect" => Self::Indirect,
            "direct" => Self::Direct,
            "enterprise" => Self::Enterprise,
            _ => Self::None,
        }
    }
}

/// Extensions that a registration asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistrationExtensions {
    /// `credProps`: whether the passkey can be found without its id.
    pub cred_props: bool,
    /// `prf`.
    pub prf: Option<RegistrationInput>,
    /// Names of others, which are not sent.
    pub unknown: Vec<String>,
}

/// Extensions that a sign-in asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssertionExtensions {
    /// `prf`.
    pub prf: Option<AssertionInput>,
    /// Names of others, which are not sent.
    pub unknown: Vec<String>,
}

/// A site asks for a new passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreationOptions {
    /// What the answer is bound to: any number of bytes, good for one use.
    pub challenge: Vec<u8>,
    /// The RP ID; the origin's host if there is none.
    pub rp_id: Option<String>,
    /// The site's name for people.
    pub rp_name: String,
    /// Whose passkey. A name that it lacks is sent as an empty one.
    pub user: User,
    /// Algorithms, the best first.
    pub parameters: Vec<CredentialParameters>,
    /// Passkeys that the account has: a phone with one of them makes no other.
    pub exclude_credentials: Vec<CredentialDescriptor>,
    /// Whether it must be found without its id.
    pub resident_key: Requirement,
    /// Whether the phone must verify its user.
    pub user_verification: Requirement,
    /// Whether the site wants an attestation.
    pub attestation: Attestation,
    /// Formats of it that the site would like, the best first.
    pub attestation_formats: Vec<String>,
    /// How long the person may take, between [`MIN_TIMEOUT`] and
    /// [`MAX_TIMEOUT`].
    pub timeout: Option<Duration>,
    /// Extensions.
    pub extensions: RegistrationExtensions,
}

impl CreationOptions {
    /// Options for a program that has no JSON, with WebAuthn's defaults.
    #[must_use]
    pub fn new(
        challenge: impl Into<Vec<u8>>,
        rp_name: impl Into<String>,
        user: User,
        parameters: Vec<CredentialParameters>,
    ) -> Self {
        Self {
            challenge: challenge.into(),
            rp_id: None,
            rp_name: rp_name.into(),
            user,
            parameters,
            exclude_credentials: Vec::new(),
            resident_key: Requirement::Discouraged,
            user_verification: Requirement::Preferred,
            attestation: Attestation::None,
            attestation_formats: Vec::new(),
            timeout: None,
            extensions: RegistrationExtensions::default(),
        }
    }

    /// Reads a site's JSON.
    ///
    /// # Errors
    /// An [`OptionsError`] that names the member. The RP ID is looked at later,
    /// with the origin.
    pub fn from_json(json: &str) -> Result<Self, OptionsError> {
        let value = parse(json)?;
        let options = public_key(&value)?;

        let rp = json::required(json::object(options, "rp")?, "rp")?;
        let user = json::required(json::object(options, "user")?, "user")?;
        let user_id = json::required(json::bytes(user, "user.id")?, "user.id")?;
        let user_id = UserHandle::new(user_id)
            .filter(|id| !id.as_bytes().is_empty())
            .ok_or(OptionsError::Length("user.id"))?;
        let name = json::text(user, "user.name")?.unwrap_or_default();
        let display_name = json::text(user, "user.displayName")?.unwrap_or_default();
        let empty = Object::new();
        let selection = json::object(options, "authenticatorSelection")?.unwrap_or(&empty);
        let rk_required = json::boolean(selection, "authenticatorSelection.requireResidentKey")?;
        let without_rk = match rk_required {
            Some(true) => Requirement::Required,
            _ => Requirement::Discouraged,
        };
        let resident_key = json::text(selection, "authenticatorSelection.residentKey")?;
        let verification = json::text(selection, "authenticatorSelection.userVerification")?;

        let mut extensions = RegistrationExtensions::default();
        each_extension(options, |name, value| {
            match name {
                "credProps" => {
                    extensions.cred_props =
                        json::boolean(value, "extensions.credProps")?.unwrap_or_default();
                }
                "prf" => {
                    let input = json::object(value, "extensions.prf")?;
                    extensions.prf = input.map(prf::registration).transpose()?;
                }
                _ => extensions.unknown.push(name.to_owned()),
            }
            Ok(())
        })?;

        Ok(Self {
            challenge: challenge(options)?,
            rp_id: json::text(rp, "rp.id")?.map(str::to_owned),
            rp_name: json::text(rp, "rp.name")?.unwrap_or_default().to_owned(),
            user: User::new(user_id, name, display_name),
            parameters: parameters(options)?,
            exclude_credentials: descriptors(options, &EXCLUDED)?.0,
            resident_key: resident_key.and_then(Requirement::from_name).unwrap_or(without_rk),
            user_verification: requirement(verification),
            attestation: json::text(options, "attestation")?
                .map(Attestation::from_name)
                .unwrap_or_default(),
            attestation_formats: json::names(options, "attestationFormats", MAX_NAMES, |_| true)?,
            timeout: timeout(options)?,
            extensions,
        })
    }
}

/// A site asks for a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestOptions {
    /// What the answer is bound to: any number of bytes, good for one use.
    pub challenge: Vec<u8>,
    /// The RP ID; the origin's host if there is none.
    pub rp_id: Option<String>,
    /// Which passkeys would do; if empty, any of the site.
    pub allow_credentials: Vec<CredentialDescriptor>,
    /// Whether the phone must verify its user.
    pub user_verification: Requirement,
    /// How long the person may take, between [`MIN_TIMEOUT`] and
    /// [`MAX_TIMEOUT`].
    pub timeout: Option<Duration>,
    /// Extensions.
    pub extensions: AssertionExtensions,
}

impl RequestOptions {
    /// Options for a program that has no JSON, with WebAuthn's defaults.
    ///
    /// Entra's own sign-in is such a case: its challenge is a string, the
    /// bytes of which are the challenge. It wants a user handle, which phones
    /// give only if [`allow_credentials`](Self::allow_credentials) is empty:
    /// leave Entra's list out.
    #[must_use]
    pub fn new(challenge: impl Into<Vec<u8>>) -> Self {
        Self {
            challenge: challenge.into(),
            rp_id: None,
            allow_credentials: Vec::new(),
            user_verification: Requirement::Preferred,
            timeout: None,
            extensions: AssertionExtensions::default(),
        }
    }

    /// Reads a site's JSON.
    ///
    /// # Errors
    /// An [`OptionsError`] that names the member. The RP ID is looked at later,
    /// with the origin.
    pub fn from_json(json: &str) -> Result<Self, OptionsError> {
        let value = parse(json)?;
        let options = public_key(&value)?;

        let (allow_credentials, skipped) = descriptors(options, &ALLOWED)?;
        // An empty list means any passkey, which is not what was asked
        // (WebAuthn section 5.8.2).
        if allow_credentials.is_empty() && skipped {
            return Err(OptionsError::NothingKnown("allowCredentials"));
        }
        let mut extensions = AssertionExtensions::default();
        each_extension(options, |name, value| {
            match name {
                "prf" => {
                    let input = json::object(value, "extensions.prf")?;
                    extensions.prf = input.map(prf::assertion).transpose()?;
                }
                _ => extensions.unknown.push(name.to_owned()),
            }
            Ok(())
        })?;

        Ok(Self {
            challenge: challenge(options)?,
            rp_id: json::text(options, "rpId")?.map(str::to_owned),
            allow_credentials,
            user_verification: requirement(json::text(options, "userVerification")?),
            timeout: timeout(options)?,
            extensions,
        })
    }
}

fn parse(json: &str) -> Result<Value, OptionsError> {
    if json.len() > MAX_OPTIONS {
        return Err(OptionsError::TooLong);
    }
    // serde_json bounds the nesting. Its message may quote the site: dropped.
    serde_json::from_str(json).map_err(|_| OptionsError::Json)
}

/// The options themselves, out of what `navigator.credentials` would take.
fn public_key(value: &Value) -> Result<&Object, OptionsError> {
    let object = value.as_object().ok_or(OptionsError::Json)?;
    Ok(json::object(object, "publicKey")?.unwrap_or(object))
}

fn challenge(options: &Object) -> Result<Vec<u8>, OptionsError> {
    json::required(json::bytes(options, "challenge")?, "challenge")
}

fn requirement(name: Option<&str>) -> Requirement {
    name.and_then(Requirement::from_name).unwrap_or(Requirement::Preferred)
}

/// Milliseconds, brought into what is reasonable (section 5.1.3 step 4).
fn timeout(options: &Object) -> Result<Option<Duration>, OptionsError> {
    let timeout = json::unsigned(options, "timeout")?.map(Duration::from_millis);
    Ok(timeout.map(|timeout| timeout.clamp(MIN_TIMEOUT, MAX_TIMEOUT)))
}

fn parameters(options: &Object) -> Result<Vec<CredentialParameters>, OptionsError> {
    const LIST: &str = "pubKeyCredParams";
    const KIND: &str = "pubKeyCredParams.type";
    const ALGORITHM: &str = "pubKeyCredParams.alg";
    let elements = json::array(options, LIST, MAX_CREDENTIAL_PARAMETERS)?;
    let elements = json::required(elements, LIST)?;
    if elements.is_empty() {
        // Section 5.1.3 step 9.
        return Ok([Algorithm::ES256, Algorithm::RS256].map(CredentialParameters::new).into());
    }
    let mut parameters = Vec::new();
    for element in elements {
        let element = json::element(element, LIST)?;
        let kind = json::required(json::text(element, KIND)?, KIND)?;
        let algorithm = json::required(json::integer(element, ALGORITHM)?, ALGORITHM)?;
        if kind == PUBLIC_KEY {
            parameters.push(CredentialParameters::new(Algorithm(algorithm)));
        }
    }
    if parameters.is_empty() { Err(OptionsError::NothingKnown(LIST)) } else { Ok(parameters) }
}

/// The paths of a list of descriptors.
struct DescriptorPaths {
    list: &'static str,
    id: &'static str,
    kind: &'static str,
    transports: &'static str,
}

const EXCLUDED: DescriptorPaths = DescriptorPaths {
    list: "excludeCredentials",
    id: "excludeCredentials.id",
    kind: "excludeCredentials.type",
    transports: "excludeCredentials.transports",
};

const ALLOWED: DescriptorPaths = DescriptorPaths {
    list: "allowCredentials",
    id: "allowCredentials.id",
    kind: "allowCredentials.type",
    transports: "allowCredentials.transports",
};

/// The descriptors of a known type, and whether there were others.
fn descriptors(
    options: &Object,
    paths: &DescriptorPaths,
) -> Result<(Vec<CredentialDescriptor>, bool), OptionsError> {
    let (mut descriptors, mut skipped) = (Vec::new(), false);
    for element in json::array(options, paths.list, MAX_CREDENTIALS)?.unwrap_or_default() {
        let element = json::element(element, paths.list)?;
        let kind = json::required(json::text(element, paths.kind)?, paths.kind)?;
        if kind != PUBLIC_KEY {
            skipped = true;
            continue;
        }
        let id = json::required(json::bytes(element, paths.id)?, paths.id)?;
        let id = CredentialId::new(id).ok_or(OptionsError::Length(paths.id))?;
        let mut descriptor = CredentialDescriptor::new(id);
        let known = |name: &str| TRANSPORTS.contains(&name);
        descriptor.transports = json::names(element, paths.transports, MAX_NAMES, known)?;
        descriptors.push(descriptor);
    }
    Ok((descriptors, skipped))
}

/// Shows each extension by name, with the object that it is a member of.
fn each_extension(
    options: &Object,
    mut extension: impl FnMut(&str, &Object) -> Result<(), OptionsError>,
) -> Result<(), OptionsError> {
    let Some(extensions) = json::object(options, "extensions")? else { return Ok(()) };
    if extensions.len() > MAX_EXTENSIONS {
        return Err(OptionsError::TooMany("extensions"));
    }
    extensions.keys().try_for_each(|name| extension(name, extensions))
}
