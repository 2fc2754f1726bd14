//! The options of a relying party: `PublicKeyCredentialCreationOptionsJSON` and
//! `PublicKeyCredentialRequestOptionsJSON` [WebAuthn L3 §5.1.9, §5.1.10, §5.4, §5.5].
//!
//! ```text
//! create  {challenge, rp: {id?, name}, user: {id, name, displayName}, pubKeyCredParams,
//!          excludeCredentials?, authenticatorSelection?: {authenticatorAttachment?,
//!          residentKey?, requireResidentKey?, userVerification?}, hints?, attestation?,
//!          attestationFormats?, timeout?, extensions?}
//! get     {challenge, rpId?, allowCredentials?, userVerification?, hints?, timeout?,
//!          extensions?}
//! ```
//!
//! Servers send them bare or wrapped as `{"publicKey": …, "mediation"?: …}`; both
//! are read. Each member is converted as browsers convert it: [`idl`](super::idl) has
//! the rule of each type, so that `"timeout": "60000"` or `"extensions": []` is read
//! here as there. Unknown members, types, and values of enumerations are ignored.
//! An unknown transport or hint is kept. An error names the member.
//!
//! **Deviation.** Some things are read that browsers refuse: base64 of either
//! alphabet, padded or not ([`base64`](super::base64)), `null` as an absent
//! member ([`json`]), and entities without names.
//!
//! `authenticatorAttachment`, `hints` and `mediation` are read for the program, which
//! may choose a user interface by them. They change no request: the program has chosen
//! a phone, and Entra asks for `platform` even so.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::Value;

use super::enumerations::{AttestationPreference, AuthenticatorAttachment, Mediation, Requirement};
use super::extensions::{AssertionExtensions, RegistrationExtensions};
use super::json::{self, Dictionary, Parsed};
use crate::ctap::bounds::{MAX_CREDENTIAL_PARAMETERS, MAX_CREDENTIALS, MAX_NAMES};
use crate::ctap::{
    Algorithm, CredentialDescriptor, CredentialId, CredentialParameters, PUBLIC_KEY, User,
    UserHandle, transport,
};
use crate::error::{MAX_OPTIONS, OptionsError};

/// The shortest time that a relying party can ask for: 5 min, the lower end of what
/// WebAuthn recommends [WebAuthn L3 §15.1], so that people who need longer have it.
pub const MIN_TIMEOUT: Duration = Duration::from_secs(300);

/// The longest time that a relying party can ask for: 10 min, the upper end of what WebAuthn
/// recommends [WebAuthn L3 §15.1].
pub const MAX_TIMEOUT: Duration = Duration::from_secs(600);

/// The longest name of a relying party or an account that is read, in bytes: half of
/// what a request has room for. WebAuthn lets authenticators cut names after 64 bytes.
pub const MAX_NAME_LENGTH: usize = 32 * 1024;

/// A relying party asks for a new passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreationOptions {
    /// The challenge: any number of bytes, good for one use. The answer is bound to it.
    pub challenge: Vec<u8>,
    /// The RP ID. `None`: the origin's host.
    pub rp_id: Option<String>,
    /// The relying party's name for people.
    pub rp_name: String,
    /// The account of the passkey. A missing name is sent as an empty one.
    pub user: User,
    /// Algorithms, the best first.
    pub parameters: Vec<CredentialParameters>,
    /// Passkeys that the account has: a phone with one of them makes no other.
    pub exclude_credentials: Vec<CredentialDescriptor>,
    /// The authenticators that the relying party prefers. `None`: any. For the program:
    /// no request changes with it.
    pub authenticator_attachment: Option<AuthenticatorAttachment>,
    /// Whether it must be found without its id.
    pub resident_key: Requirement,
    /// Whether the phone must verify its user.
    pub user_verification: Requirement,
    /// Whether the relying party wants an attestation.
    pub attestation: AttestationPreference,
    /// Formats of it that the relying party prefers, the best first.
    pub attestation_formats: Vec<String>,
    /// What the relying party believes that the user will use, the most likely first:
    /// `security-key`, `client-device`, `hybrid` [WebAuthn L3 §5.8.7], and others as they
    /// came, at most 64. For the program's user interface: no request changes with them.
    /// They take precedence over `authenticatorAttachment`.
    pub hints: Vec<String>,
    /// `mediation`, where the options came wrapped. For the program: no request
    /// changes with it. `None`: absent, which means `optional`.
    pub mediation: Option<Mediation>,
    /// How long the person may take, from when the phone has the request. `from_json`
    /// brings a relying party's value into the range from [`MIN_TIMEOUT`] to
    /// [`MAX_TIMEOUT`]: 60,000 ms become 5 min, 3,600,000 ms become 10 min. A value that
    /// a program sets here counts as it is. `None`: the limit of the client,
    /// [`ClientDeadlines::awaiting_response`](crate::client::ClientDeadlines::awaiting_response),
    /// 5 min by default.
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
            authenticator_attachment: None,
            resident_key: Requirement::Discouraged,
            user_verification: Requirement::Preferred,
            attestation: AttestationPreference::None,
            attestation_formats: Vec::new(),
            hints: Vec::new(),
            mediation: None,
            timeout: None,
            extensions: RegistrationExtensions::default(),
        }
    }

    /// Reads a relying party's JSON.
    ///
    /// # Errors
    /// An [`OptionsError`] that names the member. The RP ID is looked at later,
    /// with the origin.
    pub fn from_json(json: &str) -> Result<Self, OptionsError> {
        let value = parse(json)?;
        let (options, mediation) = public_key(&value)?;

        let rp = json::required(options.dictionary("rp")?, "rp")?;
        let user = json::required(options.dictionary("user")?, "user")?;
        let user_id = json::required(user.bytes("user.id")?, "user.id")?;
        let user_id = UserHandle::new(user_id)
            .ok()
            .filter(|id| !id.as_bytes().is_empty())
            .ok_or(OptionsError::Length("user.id"))?;
        let user_name = name(user, "user.name")?;
        let display_name = name(user, "user.displayName")?;
        let selection = options.dictionary("authenticatorSelection")?.unwrap_or_default();
        let without_rk = match selection.boolean("authenticatorSelection.requireResidentKey") {
            Some(true) => Requirement::Required,
            _ => Requirement::Discouraged,
        };
        let resident_key = selection.text("authenticatorSelection.residentKey");
        let resident_key = resident_key.and_then(|name| Requirement::from_name(&name));
        let attachment = selection.text("authenticatorSelection.authenticatorAttachment");
        let attestation = options.text("attestation");

        Ok(Self {
            challenge: challenge(options)?,
            rp_id: rp.text("rp.id").map(Cow::into_owned),
            rp_name: name(rp, "rp.name")?.into_owned(),
            user: User::new(user_id, user_name, display_name),
            parameters: parameters(options)?,
            exclude_credentials: descriptors(options, &EXCLUDED)?.0,
            authenticator_attachment: attachment
                .and_then(|name| AuthenticatorAttachment::from_name(&name)),
            resident_key: resident_key.unwrap_or(without_rk),
            user_verification: verification(selection, "authenticatorSelection.userVerification"),
            attestation: attestation
                .map(|name| AttestationPreference::from_name(&name))
                .unwrap_or_default(),
            attestation_formats: options.texts("attestationFormats", MAX_NAMES)?,
            hints: options.texts("hints", MAX_NAMES)?,
            mediation,
            timeout: timeout(options),
            extensions: RegistrationExtensions::read(options)?,
        })
    }
}

/// A relying party asks for a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestOptions {
    /// The challenge: any number of bytes, good for one use. The answer is bound to it.
    pub challenge: Vec<u8>,
    /// The RP ID. `None`: the origin's host.
    pub rp_id: Option<String>,
    /// The allowed passkeys; if empty, any of the RP ID.
    pub allow_credentials: Vec<CredentialDescriptor>,
    /// Whether the phone must verify its user.
    pub user_verification: Requirement,
    /// What the relying party believes that the user will use, the most likely first:
    /// `security-key`, `client-device`, `hybrid` [WebAuthn L3 §5.8.7], and others as they
    /// came, at most 64. For the program's user interface: no request changes with them.
    /// They take precedence over `authenticatorAttachment`.
    pub hints: Vec<String>,
    /// `mediation`, where the options came wrapped. For the program: no request
    /// changes with it. `None`: absent, which means `optional`.
    pub mediation: Option<Mediation>,
    /// How long the person may take, from when the phone has the request. `from_json`
    /// brings a relying party's value into the range from [`MIN_TIMEOUT`] to
    /// [`MAX_TIMEOUT`]: 60,000 ms become 5 min, 3,600,000 ms become 10 min. A value that
    /// a program sets here counts as it is. `None`: the limit of the client,
    /// [`ClientDeadlines::awaiting_response`](crate::client::ClientDeadlines::awaiting_response),
    /// 5 min by default.
    pub timeout: Option<Duration>,
    /// Extensions.
    pub extensions: AssertionExtensions,
}

impl RequestOptions {
    /// Options for a program that has no JSON, with WebAuthn's defaults.
    ///
    /// Entra's own sign-in is such a case: its challenge is a string, the
    /// bytes of which are the challenge. It wants a user handle, which many
    /// phones give only if [`allow_credentials`](Self::allow_credentials) is
    /// empty: leave Entra's list out.
    #[must_use]
    pub fn new(challenge: impl Into<Vec<u8>>) -> Self {
        Self {
            challenge: challenge.into(),
            rp_id: None,
            allow_credentials: Vec::new(),
            user_verification: Requirement::Preferred,
            hints: Vec::new(),
            mediation: None,
            timeout: None,
            extensions: AssertionExtensions::default(),
        }
    }

    /// Reads a relying party's JSON.
    ///
    /// # Errors
    /// An [`OptionsError`] that names the member. The RP ID is looked at later,
    /// with the origin.
    pub fn from_json(json: &str) -> Result<Self, OptionsError> {
        let value = parse(json)?;
        let (options, mediation) = public_key(&value)?;

        let (allow_credentials, skipped) = descriptors(options, &ALLOWED)?;
        // An empty list means any passkey, which is not what was asked
        // [WebAuthn L3 §5.8.2].
        if let (true, Some(why)) = (allow_credentials.is_empty(), skipped) {
            return Err(why);
        }

        Ok(Self {
            challenge: challenge(options)?,
            rp_id: options.text("rpId").map(Cow::into_owned),
            allow_credentials,
            user_verification: verification(options, "userVerification"),
            hints: options.texts("hints", MAX_NAMES)?,
            mediation,
            timeout: timeout(options),
            extensions: AssertionExtensions::read(options)?,
        })
    }
}

fn parse(json: &str) -> Result<Parsed, OptionsError> {
    if json.len() > MAX_OPTIONS {
        return Err(OptionsError::TooLong);
    }
    json::parse(json).map(Parsed::new)
}

/// The options themselves, out of what `navigator.credentials` would take, and what
/// is beside them.
fn public_key(value: &Value) -> Result<(Dictionary<'_>, Option<Mediation>), OptionsError> {
    const MEDIATION: &str = "mediation";
    let outer = Dictionary::new(value).ok_or(OptionsError::Json)?;
    let Some(options) = outer.dictionary("publicKey")? else { return Ok((outer, None)) };
    // An enumeration of Web IDL: browsers refuse unknown values [Web IDL §3.2.18].
    let expected = "one of silent, optional, conditional and required";
    let read = |name: Cow<'_, str>| {
        let unknown = OptionsError::Type { member: MEDIATION, expected };
        Mediation::from_name(&name).ok_or(unknown)
    };
    Ok((options, outer.text(MEDIATION).map(read).transpose()?))
}

/// A name for people; empty if it is absent.
fn name<'a>(entity: Dictionary<'a>, path: &'static str) -> Result<Cow<'a, str>, OptionsError> {
    let name = entity.text(path).unwrap_or_default();
    if name.len() <= MAX_NAME_LENGTH { Ok(name) } else { Err(OptionsError::Length(path)) }
}

fn challenge(options: Dictionary<'_>) -> Result<Vec<u8>, OptionsError> {
    json::required(options.bytes("challenge")?, "challenge")
}

fn verification(dictionary: Dictionary<'_>, path: &str) -> Requirement {
    let name = dictionary.text(path);
    name.and_then(|name| Requirement::from_name(&name)).unwrap_or(Requirement::Preferred)
}

/// Milliseconds, limited to a reasonable range [WebAuthn L3 §5.1.3, step 4].
fn timeout(options: Dictionary<'_>) -> Option<Duration> {
    let timeout = options.unsigned_long("timeout").map(u64::from).map(Duration::from_millis);
    timeout.map(|timeout| timeout.clamp(MIN_TIMEOUT, MAX_TIMEOUT))
}

fn parameters(options: Dictionary<'_>) -> Result<Vec<CredentialParameters>, OptionsError> {
    const LIST: &str = "pubKeyCredParams";
    const KIND: &str = "pubKeyCredParams.type";
    const ALGORITHM: &str = "pubKeyCredParams.alg";
    let elements = options.dictionaries(LIST, MAX_CREDENTIAL_PARAMETERS)?;
    let elements = json::required(elements, LIST)?;
    if elements.is_empty() {
        // [WebAuthn L3 §5.1.3, step 9]
        return Ok([Algorithm::ES256, Algorithm::RS256].map(CredentialParameters::new).into());
    }
    let mut parameters = Vec::new();
    for element in elements {
        let kind = json::required(element.text(KIND), KIND)?;
        let algorithm = json::required(element.long(ALGORITHM), ALGORITHM)?;
        if kind == PUBLIC_KEY {
            parameters.push(CredentialParameters::new(Algorithm(algorithm.into())));
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

/// The descriptors that a passkey can match, and why the last other one does
/// not. Browsers do not fail for one id that is too long: no passkey has it.
fn descriptors(
    options: Dictionary<'_>,
    paths: &DescriptorPaths,
) -> Result<(Vec<CredentialDescriptor>, Option<OptionsError>), OptionsError> {
    let (mut descriptors, mut skipped) = (Vec::new(), None);
    for element in options.dictionaries(paths.list, MAX_CREDENTIALS)?.unwrap_or_default() {
        let id = json::required(element.bytes(paths.id)?, paths.id)?;
        let kind = json::required(element.text(paths.kind), paths.kind)?;
        let mut transports = element.texts(paths.transports, MAX_NAMES)?;
        for name in transports.iter_mut().filter(|name| *name == transport::CABLE) {
            *name = transport::HYBRID.to_owned();
        }
        if kind != PUBLIC_KEY {
            skipped = Some(OptionsError::NothingKnown(paths.list));
        } else if let Ok(id) = CredentialId::new(id) {
            let mut descriptor = CredentialDescriptor::new(id);
            descriptor.transports = transports;
            descriptors.push(descriptor);
        } else {
            skipped = Some(OptionsError::NoPossibleId(paths.list));
        }
    }
    Ok((descriptors, skipped))
}
