//! `authenticatorMakeCredential`, as an authenticator does it:
//! [CTAP 2.2 §6.1.2].
//!
//! ```text
//! check ─▶ look at the RP's passkeys ─▶ ask the user ─▶ make ─▶ save ─▶ answer
//! ```
//!
//! Deviations from the text:
//! * Users are verified whatever `uv` says, as phones do; every passkey can be
//!   found without its id, whatever `rk` says.
//! * That a passkey is excluded is told after an approval only. The text tells
//!   it after a timeout too, which lets a relying party probe for accounts.
//! * No PIN/UV protocol exists on this transport: a request with `pinUvAuthParam`
//!   is refused as one for a protocol that is not supported.

use super::consent::{Consent, SpentConsent};
use super::key::{ExternalKey, KeyHandle, PrivateKey};
use super::passkey::Passkey;
use super::profile::{Attestation, Profile};
use super::randomness::Randomness;
use super::refusal::Refusal;
use super::user_check::UserVerification;
use super::{names, prf};
use crate::cbor::{Encode, Writer};
use crate::crypto::sha256;
use crate::ctap::{
    Algorithm, AttestedCredential, AuthenticatorData, CoseKey, CredentialDescriptor, CredentialId,
    FORMAT_NONE, FORMAT_PACKED, Flags, MakeCredentialRequest, MakeCredentialResponse, PUBLIC_KEY,
    RawCbor, Status, UnknownMembers,
};

/// Numbers of `pinUvAuthParam` and `pinUvAuthProtocol` in a request.
const PIN_MEMBERS: (i64, i64) = (8, 9);

/// Checks what can be checked without store and user.
pub(super) fn check(
    request: &MakeCredentialRequest,
    capability: UserVerification,
) -> Result<(), Refusal> {
    without_pin(request.unknown(), PIN_MEMBERS)?;
    let fits = |offer: &crate::ctap::CredentialParameters| {
        offer.kind == PUBLIC_KEY && offer.algorithm == Algorithm::ES256
    };
    if !request.parameters.iter().any(fits) {
        return Err(Refusal::Algorithm);
    }
    let options = request.options;
    if options.up == Some(false) {
        return Err(Refusal::Unsupported(Status::INVALID_OPTION));
    }
    if options.uv == Some(true) && capability < UserVerification::Verified {
        return Err(Refusal::CannotVerify);
    }
    // [CTAP 2.2 §6.1.2]: not capable of it.
    if request.enterprise_attestation.is_some() {
        return Err(Refusal::Unsupported(Status::INVALID_PARAMETER));
    }
    // [WebAuthn L3 §5.4.3]: a user handle has 1 to 64 bytes.
    if !names::is_rp_id(&request.rp.id) || request.user.id.as_bytes().is_empty() {
        return Err(Refusal::Unsupported(Status::INVALID_PARAMETER));
    }
    Ok(())
}

/// Refuses a request that uses a PIN/UV protocol
/// ([CTAP 2.2 §6.1.2, §6.2.2], steps 1 and 2).
pub(super) fn without_pin(
    members: &UnknownMembers,
    (param, protocol): (i64, i64),
) -> Result<(), Refusal> {
    match (members.get(param), members.get(protocol)) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(Refusal::Unsupported(Status::MISSING_PARAMETER)),
        (Some(_), Some(_)) => Err(Refusal::Unsupported(Status::INVALID_PARAMETER)),
    }
}

/// The ids in a list that can be those of passkeys.
pub(super) fn usable_ids(list: &[CredentialDescriptor]) -> Vec<CredentialId> {
    let usable = |descriptor: &&CredentialDescriptor| descriptor.kind == PUBLIC_KEY;
    list.iter().filter(usable).map(|descriptor| descriptor.id.clone()).collect()
}

/// The first of the store's passkeys that forbids another.
pub(super) fn excluded<'a>(
    request: &MakeCredentialRequest,
    found: &'a [Passkey],
) -> Option<&'a Passkey> {
    let excluded = usable_ids(&request.exclude_list);
    found.iter().find(|passkey| passkey.matches(&request.rp.id, Some(&excluded)))
}

/// The passkey that the new one would take the place of: an account has one.
pub(super) fn replaced<'a>(
    request: &MakeCredentialRequest,
    found: &'a [Passkey],
) -> Option<&'a Passkey> {
    of_account(request, found).next()
}

fn of_account<'a>(
    request: &MakeCredentialRequest,
    found: &'a [Passkey],
) -> impl Iterator<Item = &'a Passkey> {
    let account = (&request.rp.id, &request.user.id);
    found.iter().filter(move |passkey| (&passkey.rp_id, &passkey.user.id) == account)
}

/// A registration: the request, and the external keys of the passkeys that the new
/// one takes the place of.
#[derive(Debug)]
pub(super) struct Registration {
    request: MakeCredentialRequest,
    replaced: Vec<KeyHandle>,
}

impl Registration {
    pub(super) fn new(request: MakeCredentialRequest, found: &[Passkey]) -> Self {
        let replaced = of_account(&request, found).filter_map(|passkey| passkey.key.handle());
        let replaced = replaced.cloned().collect();
        Self { request, replaced }
    }
}

/// A registration that the user agreed to, and whose passkey has no key yet. Made of
/// a consent, and spent by the one key.
#[derive(Debug)]
pub(super) struct Keyless {
    registration: Registration,
    flags: Flags,
}

impl Keyless {
    pub(super) fn new(consent: Consent<Registration>) -> Self {
        let SpentConsent { subject: registration, flags, .. } = consent.spend();
        Self { registration, flags }
    }

    pub(super) fn rp_id(&self) -> &str {
        &self.registration.request.rp.id
    }

    /// The passkey with a key that is made here.
    pub(super) fn with_software_key(
        self,
        profile: &Profile,
        randomness: &mut Randomness,
    ) -> Unattested {
        let (id, key) = randomness.passkey();
        self.with_key(id, key.into(), profile, randomness)
    }

    /// The passkey with a key of a key store.
    pub(super) fn with_external_key(
        self,
        key: ExternalKey,
        profile: &Profile,
        randomness: &mut Randomness,
    ) -> Unattested {
        let (id, _) = randomness.passkey();
        self.with_key(id, key.into(), profile, randomness)
    }

    fn with_key(
        self,
        id: CredentialId,
        key: PrivateKey,
        profile: &Profile,
        randomness: &mut Randomness,
    ) -> Unattested {
        let Self { registration: Registration { request, replaced }, flags } = self;
        let user = names::presentable_user(&request.user);
        let passkey = Passkey::new(id, request.rp.id.as_str(), user, key)
            .with_prf_secret(randomness.prf_secret())
            .with_backup(profile.backup);
        let credential = AttestedCredential {
            aaguid: profile.aaguid,
            id: passkey.id.clone(),
            public_key: CoseKey::from_es256(passkey.key.public_key()),
        };
        let auth_data = AuthenticatorData::new(
            sha256(&[passkey.rp_id.as_bytes()]),
            flags | profile.backup.flags(),
            passkey.counter.unwrap_or_default(),
        )
        .with_credential(credential);
        let attestation = attestation(&request.attestation_formats, profile.attestation);
        Unattested { request, replaced, flags, passkey, auth_data, attestation }
    }
}

/// A new passkey, whose attestation may lack a signature.
#[derive(Debug)]
pub(super) struct Unattested {
    request: MakeCredentialRequest,
    replaced: Vec<KeyHandle>,
    flags: Flags,
    passkey: Passkey,
    auth_data: AuthenticatorData,
    attestation: Attestation,
}

/// A registration whose passkey is being saved. The answer must not leave before.
#[derive(Debug)]
pub(super) struct Unsaved {
    pub(super) response: MakeCredentialResponse,
    /// The key to be deleted if the passkey is not saved.
    pub(super) created: Option<KeyHandle>,
    /// The keys to be deleted once it is.
    pub(super) replaced: Vec<KeyHandle>,
}

impl Unattested {
    pub(super) const fn passkey(&self) -> &Passkey {
        &self.passkey
    }

    /// What the passkey signs; `None` if the attestation has no signature.
    pub(super) fn message(&self) -> Option<Vec<u8>> {
        match self.attestation {
            Attestation::None => None,
            Attestation::Packed => {
                Some([self.auth_data.raw(), &self.request.client_data_hash].concat())
            }
        }
    }

    /// The passkey to save, and what follows that. `signature` is over
    /// [`message`](Self::message).
    pub(super) fn attested(self, signature: Option<Vec<u8>>) -> (Passkey, Unsaved) {
        let Self { request, replaced, flags, passkey, auth_data, .. } = self;
        let mut response = match signature {
            None => MakeCredentialResponse::new(FORMAT_NONE, auth_data, RawCbor::empty_map()),
            Some(signature) => {
                let statement = RawCbor::of(&SelfAttestation { signature });
                MakeCredentialResponse::new(FORMAT_PACKED, auth_data, statement)
            }
        };
        let prf = request.extensions.prf.as_ref();
        response.unsigned_extensions.prf =
            prf.and_then(|input| prf::at_registration(&passkey, input, flags));
        let created = passkey.key.handle().cloned();
        (passkey, Unsaved { response, created, replaced })
    }
}

/// The first format of the request's list that there is, else the profile's.
fn attestation(preferred: &[String], default: Attestation) -> Attestation {
    let known = preferred.iter().find_map(|format| match format.as_str() {
        FORMAT_NONE => Some(Attestation::None),
        FORMAT_PACKED => Some(Attestation::Packed),
        _ => None,
    });
    known.unwrap_or(default)
}

/// `{"alg": -7, "sig": signature}`, without `x5c`: signed by the passkey.
struct SelfAttestation {
    signature: Vec<u8>,
}

impl Encode for SelfAttestation {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            map.text("alg", |writer| writer.integer(Algorithm::ES256.0));
            map.text("sig", |writer| writer.bytes(&self.signature));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctap::{CredentialParameters, RelyingParty, User, UserHandle};

    fn request() -> MakeCredentialRequest {
        MakeCredentialRequest::new(
            [7; 32],
            RelyingParty::new("example.com", "Example"),
            User::new(UserHandle::new([1]).unwrap(), "ada", "Ada"),
            vec![CredentialParameters::new(Algorithm::ES256)],
        )
    }

    fn checked(change: impl FnOnce(&mut MakeCredentialRequest)) -> Result<(), Refusal> {
        let mut request = request();
        change(&mut request);
        check(&request, UserVerification::Verified)
    }

    #[test]
    fn a_plain_request_and_one_with_every_allowed_option_pass() {
        assert_eq!(checked(|_| {}), Ok(()));
        assert_eq!(
            checked(|request| {
                request.options.rk = Some(false);
                request.options.up = Some(true);
                request.options.uv = Some(true);
                request.parameters.insert(0, CredentialParameters::new(Algorithm::EDDSA));
            }),
            Ok(())
        );
    }

    #[test]
    fn es256_must_be_offered_for_public_keys() {
        let unsupported = Err(Refusal::Algorithm);
        assert_eq!(checked(|request| request.parameters.clear()), unsupported);
        assert_eq!(
            checked(|request| request.parameters[0].algorithm = Algorithm::RS256),
            unsupported
        );
        assert_eq!(checked(|request| request.parameters[0].kind = "new".into()), unsupported);
    }

    #[test]
    fn options_that_cannot_be_are_refused() {
        let silent = Err(Refusal::Unsupported(Status::INVALID_OPTION));
        assert_eq!(checked(|request| request.options.up = Some(false)), silent);
        let mut request = request();
        assert_eq!(check(&request, UserVerification::Present), Ok(()));
        request.options.uv = Some(true);
        assert_eq!(check(&request, UserVerification::Present), Err(Refusal::CannotVerify));
    }

    #[test]
    fn parameters_that_cannot_be_are_refused() {
        let invalid = Err(Refusal::Unsupported(Status::INVALID_PARAMETER));
        assert_eq!(checked(|request| request.enterprise_attestation = Some(1)), invalid);
        assert_eq!(checked(|request| request.rp.id = "Example.com".into()), invalid);
        assert_eq!(checked(|request| request.user.id = UserHandle::new([]).unwrap()), invalid);
    }

    #[test]
    fn pin_protocols_do_not_exist() {
        let with = |members: &[u8]| {
            let mut bytes = crate::cbor::encode(&request());
            bytes[0] += (members.len() / 2) as u8;
            bytes.extend(members);
            check(&crate::cbor::decode(&bytes).unwrap(), UserVerification::Verified)
        };
        let refused = |status| Err(Refusal::Unsupported(status));
        assert_eq!(with(&[8, 0x40]), refused(Status::MISSING_PARAMETER));
        assert_eq!(with(&[8, 0x40, 9, 2]), refused(Status::INVALID_PARAMETER));
        assert_eq!(with(&[9, 2]), Ok(()));
    }

    #[test]
    fn only_a_listed_passkey_of_the_same_rp_excludes() {
        let id = CredentialId::new([9; 16]).unwrap();
        let key = crate::crypto::SecretKey::from_scalar(&[1; 32]).unwrap();
        let here = Passkey::new(id.clone(), "example.com", request().user, key);
        let elsewhere = Passkey { rp_id: "example.net".into(), ..here.clone() };
        let mut request = request();
        assert!(excluded(&request, std::slice::from_ref(&here)).is_none(), "not on the list");
        request.exclude_list = vec![CredentialDescriptor::new(id)];
        assert!(excluded(&request, &[elsewhere]).is_none(), "of another relying party");
        assert!(excluded(&request, std::slice::from_ref(&here)).is_some());
        request.exclude_list[0].kind = "new".into();
        assert!(excluded(&request, &[here]).is_none(), "no public key");
    }

    #[test]
    fn the_first_known_format_wins_over_the_profile() {
        let formats = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let choose = |names: &[&str], default| {
            let names: Vec<String> = formats(names);
            attestation(&names, default)
        };
        assert_eq!(choose(&[], Attestation::Packed), Attestation::Packed);
        assert_eq!(choose(&["tpm", "packed", "none"], Attestation::None), Attestation::Packed);
        assert_eq!(choose(&["none", "packed"], Attestation::Packed), Attestation::None);
        assert_eq!(choose(&["tpm"], Attestation::None), Attestation::None);
    }
}
