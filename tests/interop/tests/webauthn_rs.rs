//! Whole sign-ins with `webauthn-rs-core` as the relying party: its options,
//! read by this crate's client, answered by this crate's authenticator in a
//! simulated room, verified by it.

use std::time::Duration;

use fido_hybrid::authenticator::{Attestation, Backup, Profile};
use fido_hybrid::webauthn::Origin;
use fido_hybrid_testkit::simulated_phone::SimulatedPhone;
use serde_json::Value;
use url::Url;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::error::WebauthnError;
use webauthn_rs_core::proto::{
    AttestationConveyancePreference, AttestationFormat, AuthenticationResult, AuthenticationState,
    Credential, ParsedAttestationData, PublicKeyCredential, RegisterPublicKeyCredential,
    RegistrationState, UserVerificationPolicy,
};

const ORIGIN: &str = "https://login.example.com";
const USER: &[u8] = b"user 1";

fn relying_party() -> WebauthnCore {
    let origin = Url::parse(ORIGIN).unwrap();
    let timeout = Duration::from_secs(60);
    WebauthnCore::new_unsafe_experts_only(
        "Example",
        "example.com",
        vec![origin],
        timeout,
        None,
        None,
    )
}

fn new_phone(attestation: Attestation, backup: Backup) -> SimulatedPhone {
    let mut profile = Profile::default();
    profile.attestation = attestation;
    profile.backup = backup;
    SimulatedPhone::new(profile)
}

fn origin() -> Origin {
    Origin::parse(ORIGIN).unwrap()
}

/// The options without the envelope for `navigator.credentials`.
fn json(options: &impl serde::Serialize) -> String {
    let Value::Object(mut options) = serde_json::to_value(options).unwrap() else {
        panic!("options are an object");
    };
    options.remove("publicKey").unwrap().to_string()
}

fn registration(
    rp: &WebauthnCore,
    phone: &mut SimulatedPhone,
    conveyance: AttestationConveyancePreference,
) -> (RegisterPublicKeyCredential, RegistrationState) {
    let challenge = rp
        .new_challenge_register_builder(USER, "ada", "Ada Lovelace")
        .unwrap()
        .attestation(conveyance)
        .user_verification_policy(UserVerificationPolicy::Required)
        .require_resident_key(true);
    let (options, state) = rp.generate_challenge_register(challenge).unwrap();
    let answer = phone.register(&json(&options), &origin());
    (serde_json::from_str(&answer).unwrap(), state)
}

fn registered(rp: &WebauthnCore, phone: &mut SimulatedPhone) -> Credential {
    let (answer, state) = registration(rp, phone, AttestationConveyancePreference::None);
    rp.register_credential(&answer, &state, None).unwrap()
}

/// A sign-in for which the relying party names these passkeys, if any.
fn assertion(
    rp: &WebauthnCore,
    phone: &mut SimulatedPhone,
    named: &[Credential],
) -> (PublicKeyCredential, AuthenticationState) {
    let policy = Some(UserVerificationPolicy::Required);
    let challenge = rp.new_challenge_authenticate_builder(named.to_vec(), policy).unwrap();
    let (options, state) = rp.generate_challenge_authenticate(challenge).unwrap();
    let answer = phone.sign_in(&json(&options), &origin());
    (serde_json::from_str(&answer).unwrap(), state)
}

fn signed_in(
    rp: &WebauthnCore,
    answer: &PublicKeyCredential,
    mut state: AuthenticationState,
    known: &Credential,
) -> Result<AuthenticationResult, WebauthnError> {
    state.set_allowed_credentials(vec![known.clone()]);
    rp.authenticate_credential(answer, &state)
}

#[test]
fn a_passkey_without_attestation_is_accepted_and_signs_in_without_being_named() {
    for backup in [Backup::DeviceBound, Backup::BackedUp] {
        let (rp, mut phone) = (relying_party(), new_phone(Attestation::None, backup));
        let mut known = registered(&rp, &mut phone);
        assert_eq!(known.attestation_format, AttestationFormat::None);
        assert!(known.user_verified);
        assert_eq!(known.backup_eligible, backup != Backup::DeviceBound);

        for _ in 0..3 {
            let (answer, state) = assertion(&rp, &mut phone, &[]);
            assert_eq!(answer.get_user_unique_id(), Some(USER));
            let result = signed_in(&rp, &answer, state, &known).unwrap();
            assert!(result.user_verified());
            assert_eq!(result.backup_eligible(), known.backup_eligible);
            assert_eq!(result.counter() > known.counter, backup == Backup::DeviceBound);
            known.counter = result.counter();
        }
    }
}

#[test]
fn a_passkey_signs_in_when_it_is_named() {
    let (rp, mut phone) = (relying_party(), new_phone(Attestation::None, Backup::DeviceBound));
    let known = registered(&rp, &mut phone);
    let (answer, state) = assertion(&rp, &mut phone, std::slice::from_ref(&known));
    signed_in(&rp, &answer, state, &known).unwrap();
}

#[test]
fn a_packed_self_attestation_is_accepted_as_what_it_is() {
    let (rp, mut phone) = (relying_party(), new_phone(Attestation::Packed, Backup::DeviceBound));
    let direct = AttestationConveyancePreference::Direct;
    let (answer, state) = registration(&rp, &mut phone, direct);
    let known = rp.register_credential(&answer, &state, None).unwrap();
    assert_eq!(known.attestation_format, AttestationFormat::Packed);
    assert!(matches!(known.attestation.data, ParsedAttestationData::Self_));

    let (answer, state) = assertion(&rp, &mut phone, &[]);
    signed_in(&rp, &answer, state, &known).unwrap();
}

#[test]
fn answers_do_not_fit_another_challenge() {
    let (rp, mut phone) = (relying_party(), new_phone(Attestation::None, Backup::DeviceBound));
    let none = || AttestationConveyancePreference::None;
    let (first, first_state) = registration(&rp, &mut phone, none());
    let (_, second_state) =
        registration(&rp, &mut new_phone(Attestation::None, Backup::DeviceBound), none());
    let refused = rp.register_credential(&first, &second_state, None);
    assert!(matches!(refused, Err(WebauthnError::MismatchedChallenge)), "{refused:?}");
    let known = rp.register_credential(&first, &first_state, None).unwrap();

    let (first, _) = assertion(&rp, &mut phone, &[]);
    let (_, second_state) = assertion(&rp, &mut phone, &[]);
    let refused = signed_in(&rp, &first, second_state, &known);
    assert!(matches!(refused, Err(WebauthnError::MismatchedChallenge)), "{refused:?}");
}

#[test]
fn a_changed_answer_is_refused() {
    let (rp, mut phone) = (relying_party(), new_phone(Attestation::None, Backup::DeviceBound));
    let known = registered(&rp, &mut phone);
    // A bit of the RP ID hash, of a flag that is not read, and of the counter.
    for (position, bit) in [(0, 0), (32, 1), (36, 0)] {
        let (mut answer, state) = assertion(&rp, &mut phone, &[]);
        let mut data = answer.response.authenticator_data.to_vec();
        data[position] ^= 1 << bit;
        answer.response.authenticator_data = data;
        signed_in(&rp, &answer, state, &known).unwrap_err();
    }
}
