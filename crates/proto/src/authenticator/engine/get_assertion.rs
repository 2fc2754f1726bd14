//! `authenticatorGetAssertion`, as an authenticator does it:
//! [CTAP 2.2 §6.2.2].
//!
//! ```text
//! check ─▶ look for passkeys ─▶ ask the user ─▶ count the use ─▶ sign ─▶ answer
//! ```
//!
//! The user picks the account here, so there is one assertion for each request
//! and no getNextAssertion.
//!
//! Deviations from the text:
//! * Users are verified whatever `uv` says, as phones do.
//! * `up` false, the silent question whether a passkey is there, is refused: it
//!   would answer behind the user's back, and no client asks it over hybrid.
//! * That there is no passkey is told after an approval only.

use super::consent::{Consent, SpentConsent};
use super::make_credential::{usable_ids, without_pin};
use super::passkey::Passkey;
use super::refusal::Refusal;
use super::user_check::UserVerification;
use super::{names, prf};
use crate::crypto::sha256;
use crate::ctap::{
    AuthenticatorData, CredentialDescriptor, CredentialId, Flags, GetAssertionRequest,
    GetAssertionResponse, Status, User,
};
use crate::secret::SecretBytes;

/// Numbers of `pinUvAuthParam` and `pinUvAuthProtocol` in a request.
const PIN_MEMBERS: (i64, i64) = (6, 7);

/// Checks what can be checked without store and user.
pub(super) fn check(
    request: &GetAssertionRequest,
    capability: UserVerification,
) -> Result<(), Refusal> {
    without_pin(request.unknown(), PIN_MEMBERS)?;
    if request.options.up == Some(false) {
        return Err(Refusal::Unsupported(Status::UNSUPPORTED_OPTION));
    }
    if request.options.uv == Some(true) && capability < UserVerification::Verified {
        return Err(Refusal::CannotVerify);
    }
    if !names::is_rp_id(&request.rp_id) {
        return Err(Refusal::Unsupported(Status::INVALID_PARAMETER));
    }
    Ok(())
}

/// The ids that are allowed. `None`: any passkey of the RP ID is.
///
/// A list that names nothing usable allows nothing. It is not an empty list,
/// which allows everything.
pub(super) fn allowed(request: &GetAssertionRequest) -> Option<Vec<CredentialId>> {
    (!request.allow_list.is_empty()).then(|| usable_ids(&request.allow_list))
}

/// A sign-in: the request, and the passkeys that fit it, in the
/// order in which the user sees them.
#[derive(Debug)]
pub(super) struct SignIn {
    request: GetAssertionRequest,
    passkeys: Vec<Passkey>,
}

impl SignIn {
    /// Keeps what fits of the store's passkeys; `None` if none does.
    pub(super) fn new(request: GetAssertionRequest, found: Vec<Passkey>) -> Option<Self> {
        let allowed = allowed(&request);
        let fits = |passkey: &Passkey| passkey.matches(&request.rp_id, allowed.as_deref());
        let passkeys: Vec<Passkey> = found.into_iter().filter(fits).collect();
        (!passkeys.is_empty()).then_some(Self { request, passkeys })
    }

    pub(super) fn passkeys(&self) -> &[Passkey] {
        &self.passkeys
    }
}

/// The passkey that the user chose, and what it is to sign. Made of a consent,
/// and spent by the one signature.
#[derive(Debug)]
pub(super) struct ChosenPasskey {
    request: GetAssertionRequest,
    passkey: Passkey,
    flags: Flags,
}

impl ChosenPasskey {
    pub(super) fn new(consent: Consent<SignIn>) -> Result<Self, Refusal> {
        let SpentConsent { subject: SignIn { request, passkeys }, account, flags } =
            consent.spend();
        let passkey = passkeys.into_iter().nth(account).ok_or(Refusal::NoPasskey)?;
        Ok(Self { request, passkey, flags })
    }

    /// The passkey's RP ID and id, if its uses are counted.
    pub(super) fn counted(&self) -> Option<(String, CredentialId)> {
        let Passkey { rp_id, id, counter, .. } = &self.passkey;
        counter.map(|_| (rp_id.clone(), id.clone()))
    }

    /// The data to sign, with the counter of this use; 0 for a passkey that does
    /// not count.
    pub(super) fn counted_to(self, counter: u32) -> Unsigned {
        let Self { request, passkey, flags } = self;
        let auth_data = AuthenticatorData::new(
            sha256(&[passkey.rp_id.as_bytes()]),
            flags | passkey.backup.flags(),
            counter,
        );
        Unsigned { request, passkey, flags, auth_data }
    }
}

/// An assertion without its signature.
#[derive(Debug)]
pub(super) struct Unsigned {
    request: GetAssertionRequest,
    passkey: Passkey,
    flags: Flags,
    auth_data: AuthenticatorData,
}

impl Unsigned {
    pub(super) const fn passkey(&self) -> &Passkey {
        &self.passkey
    }

    /// The bytes that the passkey signs.
    pub(super) fn message(&self) -> Vec<u8> {
        [self.auth_data.raw(), &self.request.client_data_hash].concat()
    }

    /// The answer.
    pub(super) fn signed(self, signature: Vec<u8>) -> GetAssertionResponse {
        let Self { request, passkey, flags, auth_data } = self;
        let signature = SecretBytes::new(signature);
        let prf = request.extensions.prf.as_ref();
        let prf = prf.and_then(|input| prf::at_sign_in(&passkey, input, flags));
        let descriptor = CredentialDescriptor::new(passkey.id);
        let mut response = GetAssertionResponse::new(descriptor, auth_data, signature);
        response.unsigned_extensions.prf = prf;
        // [CTAP 2.2 §6.2.3]: `user.id` is mandatory for discoverable credentials,
        // and every passkey here is one. Names are for verified users only.
        let named = request.allow_list.is_empty() && flags.contains(Flags::USER_VERIFIED);
        response.user = Some(if named {
            // As phones do: empty names.
            User::new(passkey.user.id, "", "")
        } else {
            User::from_handle(passkey.user.id)
        });
        response.user_selected = request.allow_list.is_empty().then_some(true);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SecretKey;
    use crate::ctap::UserHandle;

    fn id(byte: u8) -> CredentialId {
        CredentialId::new([byte; 16]).unwrap()
    }

    fn passkey(byte: u8, rp_id: &str) -> Passkey {
        let user = User::new(UserHandle::new([byte]).unwrap(), "ada", "Ada");
        Passkey::new(id(byte), rp_id, user, SecretKey::from_scalar(&[byte; 32]).unwrap())
    }

    fn request() -> GetAssertionRequest {
        GetAssertionRequest::new("example.com", [7; 32])
    }

    fn kept(request: GetAssertionRequest, found: Vec<Passkey>) -> Vec<u8> {
        let kept = SignIn::new(request, found).map(|sign_in| sign_in.passkeys).unwrap_or_default();
        kept.iter().map(|passkey| passkey.id.as_bytes()[0]).collect()
    }

    #[test]
    fn what_a_store_gives_is_filtered_by_rp_id_and_list() {
        let found = || {
            vec![passkey(1, "example.com"), passkey(2, "evil.example"), passkey(3, "example.com")]
        };
        assert_eq!(kept(request(), found()), [1, 3]);
        let mut listed = request();
        listed.allow_list =
            vec![CredentialDescriptor::new(id(2)), CredentialDescriptor::new(id(3))];
        assert_eq!(kept(listed, found()), [3]);
    }

    #[test]
    fn a_list_that_names_nothing_usable_allows_nothing() {
        let mut listed = request();
        listed.allow_list = vec![CredentialDescriptor::new(id(1))];
        listed.allow_list[0].kind = "new".into();
        assert_eq!(allowed(&listed), Some(vec![]));
        assert!(kept(listed, vec![passkey(1, "example.com")]).is_empty());
    }

    #[test]
    fn silent_questions_and_what_cannot_be_are_refused() {
        let mut silent = request();
        silent.options.up = Some(false);
        let refused = |status| Err(Refusal::Unsupported(status));
        assert_eq!(check(&silent, UserVerification::Verified), refused(Status::UNSUPPORTED_OPTION));
        let mut verified = request();
        verified.options.uv = Some(true);
        assert_eq!(check(&verified, UserVerification::Verified), Ok(()));
        assert_eq!(check(&verified, UserVerification::Present), Err(Refusal::CannotVerify));
        assert_eq!(
            check(&GetAssertionRequest::new("a b", [0; 32]), UserVerification::Verified),
            refused(Status::INVALID_PARAMETER)
        );
    }
}
