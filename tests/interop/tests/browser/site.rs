//! The site's server: webauthn-rs-core.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;
use webauthn_rs_core::proto::{
    AuthenticationState, Credential, PublicKeyCredential, RegisterPublicKeyCredential,
    RegistrationState, UserVerificationPolicy,
};
use webauthn_rs_core::{ChallengeRegisterBuilder, WebauthnCore};

/// A site at `http://localhost`, whatever its port.
pub(crate) struct Site {
    core: WebauthnCore,
    origin: String,
}

/// A user with an account.
#[derive(Clone, Copy)]
pub(crate) struct Account {
    pub(crate) handle: &'static [u8],
    pub(crate) name: &'static str,
}

pub(crate) const ADA: Account = Account { handle: b"ada's handle", name: "ada@example.com" };
pub(crate) const BOB: Account = Account { handle: b"bob's handle", name: "bob@example.com" };

impl Account {
    /// The handle, as JSON has it.
    pub(crate) fn handle_text(self) -> String {
        BASE64URL_NOPAD.encode(self.handle)
    }
}

impl Site {
    pub(crate) fn new(origin: String) -> Self {
        let origins = vec![Url::parse(&origin).unwrap()];
        let core = WebauthnCore::new_unsafe_experts_only(
            "A site",
            "localhost",
            origins,
            Duration::from_secs(60),
            None,
            None,
        );
        Self { core, origin }
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Asks for a passkey that can be found without its id, of a verified user.
    pub(crate) fn registration(&self, account: Account) -> (Value, RegistrationState) {
        self.registration_with(account, |builder| builder)
    }

    pub(crate) fn registration_with(
        &self,
        account: Account,
        change: impl FnOnce(ChallengeRegisterBuilder) -> ChallengeRegisterBuilder,
    ) -> (Value, RegistrationState) {
        let Account { handle, name } = account;
        let builder = self.core.new_challenge_register_builder(handle, name, name).unwrap();
        let builder = builder
            .user_verification_policy(UserVerificationPolicy::Required)
            .require_resident_key(true);
        let (options, state) = self.core.generate_challenge_register(change(builder)).unwrap();
        (public_key(&options), state)
    }

    /// Asks for a passkey as most sites do: of a user who is rather verified, and
    /// in any place.
    pub(crate) fn usual_registration(&self, account: Account) -> (Value, RegistrationState) {
        self.registration_with(account, |builder| {
            builder
                .user_verification_policy(UserVerificationPolicy::Preferred)
                .require_resident_key(false)
        })
    }

    /// Accepts a registration: signature, flags, challenge, origin and RP ID.
    pub(crate) fn register(&self, answer: &Value, state: &RegistrationState) -> Credential {
        let known = self.register_unverified(answer, state);
        assert!(known.user_verified);
        known
    }

    /// The same, of a user who may be unverified.
    pub(crate) fn register_unverified(
        &self,
        answer: &Value,
        state: &RegistrationState,
    ) -> Credential {
        let answer: RegisterPublicKeyCredential = serde_json::from_value(answer.clone()).unwrap();
        self.core.register_credential(&answer, state, None).unwrap()
    }

    /// Asks for a sign-in with one of these passkeys, or with any.
    pub(crate) fn sign_in(&self, named: &[&Credential]) -> (Value, AuthenticationState) {
        self.sign_in_with(named, UserVerificationPolicy::Required)
    }

    /// The same, of a user who is rather verified.
    pub(crate) fn usual_sign_in(&self, named: &[&Credential]) -> (Value, AuthenticationState) {
        self.sign_in_with(named, UserVerificationPolicy::Preferred)
    }

    fn sign_in_with(
        &self,
        named: &[&Credential],
        policy: UserVerificationPolicy,
    ) -> (Value, AuthenticationState) {
        let named = named.iter().map(|known| (*known).clone()).collect();
        let policy = Some(policy);
        let builder = self.core.new_challenge_authenticate_builder(named, policy).unwrap();
        let (options, state) = self.core.generate_challenge_authenticate(builder).unwrap();
        (public_key(&options), state)
    }

    /// Accepts a sign-in with this passkey, and counts it.
    pub(crate) fn signed_in(
        &self,
        answer: &Value,
        state: AuthenticationState,
        known: &mut Credential,
    ) {
        let is_verified = self.unverified_signed_in(answer, state, known);
        assert!(is_verified);
    }

    /// The same, of a user who may be unverified. Gives whether the user is.
    pub(crate) fn unverified_signed_in(
        &self,
        answer: &Value,
        mut state: AuthenticationState,
        known: &mut Credential,
    ) -> bool {
        let answer: PublicKeyCredential = serde_json::from_value(answer.clone()).unwrap();
        state.set_allowed_credentials(vec![known.clone()]);
        let result = self.core.authenticate_credential(&answer, &state).unwrap();
        assert!(result.counter() > known.counter, "it counts");
        known.counter = result.counter();
        result.user_verified()
    }
}

/// Puts another challenge into options and state alike.
pub(crate) fn challenge<S: Serialize + DeserializeOwned>(
    (mut options, state): (Value, S),
    bytes: &[u8],
) -> (Value, S) {
    let text = BASE64URL_NOPAD.encode(bytes);
    let mut state = serde_json::to_value(&state).unwrap();
    assert_eq!(options["challenge"], state["challenge"]);
    options["challenge"] = text.as_str().into();
    state["challenge"] = text.into();
    (options, serde_json::from_value(state).unwrap())
}

/// The options without the envelope for `navigator.credentials`.
fn public_key(options: &impl Serialize) -> Value {
    serde_json::to_value(options).unwrap()["publicKey"].take()
}
