//! The examples' relying party: every check is shown to be the one that refuses.
//!
//! Answers are made by a passkey that does as it is told, and each has one
//! thing wrong with it.
//!
//! Clauses: [WebAuthn L3 §7.1, §7.2].

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../examples/demo/attacks.rs"]
mod attacks;

use fido_hybrid_testkit::relying_party;
use std::time::Duration;

use attacks::{Attack, Puppet};
use data_encoding::BASE64URL_NOPAD;
use fido_hybrid::crypto::SecretKey;
use fido_hybrid::ctap::{Aaguid, Algorithm, CredentialId, Flags};
use fido_hybrid_sim::SeededRng;
use relying_party::{
    AttestationPolicy, BackupPolicy, CHALLENGE_LIFETIME, MICROSOFT_AUTHENTICATOR_ANDROID,
    MICROSOFT_AUTHENTICATOR_IOS, ModelPolicy, Policy, Refusal, RelyingParty, SignedIn,
    VerificationPolicy,
};
use serde_json::{Value, json};

const SESSION: &str = "session";
const NOW: Duration = Duration::from_secs(1000);

/// A server and a passkey of Alice's that is registered at it.
struct Site {
    server: RelyingParty,
    alice: Puppet,
    rng: SeededRng,
}

impl Site {
    fn empty() -> Self {
        let mut rng = SeededRng::new(1);
        let policy = Policy::new("example.com", "https://example.com");
        let alice = Puppet::honest(&policy, &mut rng);
        Self { server: RelyingParty::new(policy), alice, rng }
    }

    fn new() -> Self {
        let mut site = Self::empty();
        site.register().unwrap();
        site
    }

    fn synced() -> Self {
        let mut site = Self::empty();
        site.alice.flags = site.alice.flags | Flags::BACKUP_ELIGIBLE;
        site.register().unwrap();
        site
    }

    fn register(&mut self) -> Result<CredentialId, Refusal> {
        self.register_as("alice", |_| {})
    }

    fn register_as(
        &mut self,
        account: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<CredentialId, Refusal> {
        let options = self.server.start_registration(SESSION, account, NOW, &mut self.rng);
        let answer = changed(&self.alice.register(&options), change);
        self.server.finish_registration(SESSION, &answer, NOW)
    }

    fn sign_in(&mut self) -> Result<SignedIn, Refusal> {
        self.sign_in_with(|_| {})
    }

    fn sign_in_with(&mut self, change: impl FnOnce(&mut Value)) -> Result<SignedIn, Refusal> {
        let options = self.server.start_sign_in(SESSION, None, NOW, &mut self.rng);
        let answer = changed(&self.alice.sign_in(&options), change);
        self.server.finish_sign_in(SESSION, &answer, NOW)
    }
}

fn changed(answer: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut answer = serde_json::from_str(answer).unwrap();
    change(&mut answer);
    answer.to_string()
}

/// Changes the bytes of a member of `response`.
fn change_bytes(answer: &mut Value, member: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let text = answer["response"][member].as_str().unwrap();
    let mut bytes = BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
    change(&mut bytes);
    answer["response"][member] = json!(BASE64URL_NOPAD.encode(&bytes));
}

// What is as it should be.

#[test]
fn a_passkey_is_registered_and_signs_in() {
    let mut site = Site::empty();
    let id = site.register().unwrap();
    assert_eq!(id.as_bytes(), site.alice.id);
    let stored = site.server.credential(&id).unwrap();
    assert_eq!(stored.public_key, *site.alice.key.public_key());
    assert_eq!(stored.transports, ["hybrid", "internal"]);
    assert!(!stored.backup_eligible && !stored.backed_up);
    let signed_in = SignedIn { account: "alice".to_owned(), credential: id };
    assert_eq!(site.sign_in(), Ok(signed_in.clone()));
    // Without a user handle, if the account was named.
    site.alice.user_handle = None;
    let options = site.server.start_sign_in(SESSION, Some("alice"), NOW, &mut site.rng);
    let answer = site.alice.sign_in(&options);
    assert_eq!(site.server.finish_sign_in(SESSION, &answer, NOW), Ok(signed_in));
}

#[test]
fn options_ask_for_what_the_policy_wants() {
    let mut site = Site::new();
    let options = site.server.start_registration(SESSION, "alice", NOW, &mut site.rng);
    let options: Value = serde_json::from_str(&options).unwrap();
    assert_eq!(options["excludeCredentials"][0]["id"], BASE64URL_NOPAD.encode(&site.alice.id));
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(options["attestation"], "none");
    site.server.policy.attestation = AttestationPolicy::Enforced;
    let other = site.server.start_registration(SESSION, "bob", NOW, &mut site.rng);
    let other: Value = serde_json::from_str(&other).unwrap();
    assert_eq!(other["attestation"], "direct");
    assert_eq!(other["excludeCredentials"], json!([]));
    assert_ne!(other["challenge"], options["challenge"]);
    assert_ne!(other["user"]["id"], options["user"]["id"]);
}

#[test]
fn a_counter_may_go_up_and_a_backup_may_come_and_go() {
    let mut site = Site::synced();
    for (count, flags) in [(1, Flags::BACKED_UP), (5, Flags::default())] {
        site.alice.count = count;
        let flags = flags | Flags::BACKUP_ELIGIBLE;
        site.alice.flags = Flags::USER_PRESENT | Flags::USER_VERIFIED | flags;
        let id = site.sign_in().unwrap().credential;
        let stored = site.server.credential(&id).unwrap();
        assert_eq!(stored.sign_count, count);
        assert_eq!(stored.backed_up, flags.contains(Flags::BACKED_UP));
    }
}

#[test]
fn a_self_attestation_is_verified_and_taken_for_what_it_is() {
    let mut site = Site::empty();
    site.alice.attestation = "packed";
    site.register().unwrap();
}

// Challenges.

#[test]
fn a_challenge_is_good_once_whatever_came_of_it() {
    let mut site = Site::new();
    let options = site.server.start_sign_in(SESSION, None, NOW, &mut site.rng);
    let honest = site.alice.sign_in(&options);
    site.alice.origin = "https://evil.example".to_owned();
    let wrong = site.alice.sign_in(&options);
    assert_eq!(site.server.finish_sign_in(SESSION, &wrong, NOW), Err(Refusal::WrongOrigin));
    assert_eq!(site.server.finish_sign_in(SESSION, &honest, NOW), Err(Refusal::UnknownChallenge));
}

#[test]
fn a_challenge_is_good_until_it_expires() {
    for (after, expected) in [
        (CHALLENGE_LIFETIME - Duration::from_millis(1), None),
        (CHALLENGE_LIFETIME, Some(Refusal::ExpiredChallenge)),
    ] {
        let mut site = Site::new();
        let options = site.server.start_sign_in(SESSION, None, NOW, &mut site.rng);
        let answer = site.alice.sign_in(&options);
        let result = site.server.finish_sign_in(SESSION, &answer, NOW + after);
        assert_eq!(result.err(), expected);
    }
}

#[test]
fn a_challenge_is_for_one_session_and_one_purpose() {
    let mut site = Site::new();
    let options = site.server.start_registration("another", "alice", NOW, &mut site.rng);
    let answer = site.alice.register(&options);
    assert_eq!(site.server.finish_registration(SESSION, &answer, NOW), Err(Refusal::OtherSession));
    // A question of one kind with an answer that says that it is of the other.
    let options = site.server.start_registration(SESSION, "alice", NOW, &mut site.rng);
    let answer = site.alice.sign_in(&options);
    assert_eq!(site.server.finish_sign_in(SESSION, &answer, NOW), Err(Refusal::WrongType));
    site.alice.kind = Some("webauthn.create");
    assert_eq!(site.sign_in(), Err(Refusal::WrongType));
    site.alice.kind = Some("webauthn.get");
    assert_eq!(site.register(), Err(Refusal::WrongType));
}

// Checks of both.

#[test]
fn what_is_signed_for_elsewhere_is_refused() {
    for origin in ["https://example.com/", "https://www.example.com", "http://example.com"] {
        let mut site = Site::new();
        site.alice.origin = origin.to_owned();
        assert_eq!(site.sign_in(), Err(Refusal::WrongOrigin), "{origin}");
        assert_eq!(site.register(), Err(Refusal::WrongOrigin), "{origin}");
    }
    let mut site = Site::new();
    site.alice.cross_origin = true;
    assert_eq!(site.sign_in(), Err(Refusal::CrossOrigin));
    assert_eq!(site.register(), Err(Refusal::CrossOrigin));
    let mut site = Site::new();
    site.alice.rp_id = "www.example.com".to_owned();
    assert_eq!(site.sign_in(), Err(Refusal::WrongRpId));
    assert_eq!(site.register(), Err(Refusal::WrongRpId));
}

#[test]
fn a_user_must_have_been_there_and_be_verified() {
    for (flags, refusal) in [
        (Flags::USER_VERIFIED, Refusal::UserNotPresent),
        (Flags::USER_PRESENT, Refusal::UserNotVerified),
    ] {
        let mut site = Site::new();
        site.alice.flags = flags;
        assert_eq!(site.sign_in(), Err(refusal));
        assert_eq!(site.register(), Err(refusal));
    }
}

#[test]
fn who_does_not_require_verification_takes_a_user_who_was_there() {
    for (verification, taken) in [
        (VerificationPolicy::Required, Err(Refusal::UserNotVerified)),
        (VerificationPolicy::Preferred, Ok(())),
        (VerificationPolicy::Discouraged, Ok(())),
    ] {
        let mut site = Site::new();
        site.server.policy.verification = verification;
        site.alice.flags = Flags::USER_PRESENT;
        assert_eq!(site.sign_in().map(drop), taken);
        site.alice.flags = Flags::USER_VERIFIED;
        assert_eq!(site.sign_in().map(drop), Err(Refusal::UserNotPresent));
    }
}

#[test]
fn another_servers_questions_and_passkeys_are_checked_like_ones_own() {
    let Site { server: mut theirs, mut alice, mut rng } = Site::empty();
    let policy = Policy::new("example.com", "https://example.com");
    let mut ours = RelyingParty::new(policy);
    let challenge = |options: &str| {
        let options: Value = serde_json::from_str(options).unwrap();
        BASE64URL_NOPAD.decode(options["challenge"].as_str().unwrap().as_bytes()).unwrap()
    };

    let options = theirs.start_registration(SESSION, "alice", NOW, &mut rng);
    let answer = alice.register(&options);
    let unknown = ours.finish_registration(SESSION, &answer, NOW);
    assert_eq!(unknown, Err(Refusal::UnknownChallenge));
    let handle = alice.user_handle.clone().unwrap();
    ours.adopt_registration(SESSION, "alice", &handle, &challenge(&options), NOW);
    ours.finish_registration(SESSION, &answer, NOW).unwrap();

    let mut later = RelyingParty::new(Policy::new("example.com", "https://example.com"));
    later.adopt_passkey("alice", &handle, &answer).unwrap();
    for key in [alice.key.clone(), SecretKey::generate(&mut rng)] {
        let wrong = key.public_key() != alice.key.public_key();
        let options = theirs.start_sign_in(SESSION, None, NOW, &mut rng);
        later.adopt_sign_in(SESSION, &challenge(&options), NOW);
        let answer = Puppet { key, ..alice.clone() }.sign_in(&options);
        let signed_in = later.finish_sign_in(SESSION, &answer, NOW).map(drop);
        assert_eq!(signed_in, if wrong { Err(Refusal::Signature) } else { Ok(()) });
    }
}

#[test]
fn without_the_passkey_all_but_the_signature_is_checked() {
    type Change = fn(&mut Puppet);
    let changes: [(Change, Result<(), Refusal>); 6] = [
        (|_| {}, Ok(())),
        (|alice| alice.kind = Some("webauthn.create"), Err(Refusal::WrongType)),
        (|alice| alice.origin = "https://examp1e.com".into(), Err(Refusal::WrongOrigin)),
        (|alice| alice.rp_id = "example.org".into(), Err(Refusal::WrongRpId)),
        (|alice| alice.flags = Flags::USER_VERIFIED, Err(Refusal::UserNotPresent)),
        (|alice| alice.flags = Flags::USER_PRESENT, Err(Refusal::UserNotVerified)),
    ];
    for (change, expected) in changes {
        let Site { mut server, mut alice, mut rng } = Site::empty();
        change(&mut alice);
        let answer = alice.sign_in(&server.start_sign_in(SESSION, None, NOW, &mut rng));
        assert_eq!(server.check_unsigned(SESSION, &answer, NOW).map(drop), expected);
        // A challenge is good for one answer, and this answer signs no account in.
        let again = server.check_unsigned(SESSION, &answer, NOW);
        assert_eq!(again, Err(Refusal::UnknownChallenge));
        assert_eq!(server.finish_sign_in(SESSION, &answer, NOW), Err(Refusal::UnknownChallenge));
    }
}

#[test]
fn backed_up_without_being_eligible_makes_no_sense() {
    let mut site = Site::new();
    site.alice.flags = site.alice.flags | Flags::BACKED_UP;
    assert_eq!(site.sign_in(), Err(Refusal::BackupFlags));
    let mut site = Site::empty();
    site.alice.flags = site.alice.flags | Flags::BACKED_UP;
    assert_eq!(site.register(), Err(Refusal::BackupFlags));
}

#[test]
fn malformed_answers_are_refused() {
    let mut site = Site::new();
    for (answer, refusal) in [
        (String::new(), Refusal::Malformed("the answer")),
        ("[]".to_owned(), Refusal::Malformed("the answer")),
        (" ".repeat(70_000), Refusal::Malformed("the answer")),
        (json!({"type": "public-key"}).to_string(), Refusal::Malformed("rawId")),
    ] {
        assert_eq!(site.server.finish_sign_in(SESSION, &answer, NOW), Err(refusal));
        assert_eq!(site.server.finish_registration(SESSION, &answer, NOW), Err(refusal));
    }
    let refused = site.sign_in_with(|answer| answer["id"] = json!("AAAA"));
    assert_eq!(refused, Err(Refusal::Malformed("the answer")));
    let refused = site.sign_in_with(|answer| answer["response"]["signature"] = json!("*"));
    assert_eq!(refused, Err(Refusal::Malformed("signature")));
    let trailing = |answer: &mut Value| {
        change_bytes(answer, "attestationObject", |bytes| bytes.push(0));
    };
    let refused = site.register_as("bob", trailing);
    assert_eq!(refused, Err(Refusal::Malformed("the attestation object")));
}

// Checks of a registration.

#[test]
fn a_registration_must_hold_the_credential_that_it_names() {
    let mut site = Site::empty();
    let other_id = |answer: &mut Value| {
        answer["id"] = json!("AAAA");
        answer["rawId"] = json!("AAAA");
    };
    assert_eq!(site.register_as("alice", other_id), Err(Refusal::IdMismatch));
    // No id is that long: the puppet leaves the credential out.
    site.alice.id = vec![0; 1024];
    assert_eq!(site.register_as("alice", other_id), Err(Refusal::NoCredential));
}

#[test]
fn an_id_is_registered_once() {
    let mut site = Site::new();
    site.alice.key = SecretKey::from_scalar(&[0x42; 32]).unwrap();
    assert_eq!(site.register_as("mallory", |_| {}), Err(Refusal::IdTaken));
}

#[test]
fn the_algorithm_must_be_one_that_was_offered() {
    let mut site = Site::empty();
    site.server.policy.algorithms = vec![Algorithm::RS256];
    assert_eq!(site.register(), Err(Refusal::Algorithm));
}

#[test]
fn profiles_tell_synced_from_device_bound() {
    let mut site = Site::empty();
    site.server.policy.backup = BackupPolicy::Synced;
    assert_eq!(site.register(), Err(Refusal::DeviceBoundNotAllowed));
    site.server.policy.backup = BackupPolicy::DeviceBound;
    site.register().unwrap();

    let mut site = Site::empty();
    site.alice.flags = site.alice.flags | Flags::BACKUP_ELIGIBLE | Flags::BACKED_UP;
    site.server.policy.backup = BackupPolicy::DeviceBound;
    assert_eq!(site.register(), Err(Refusal::SyncedNotAllowed));
    site.server.policy.backup = BackupPolicy::Synced;
    site.register().unwrap();
}

#[test]
fn models_are_held_to_the_list() {
    let microsofts = vec![MICROSOFT_AUTHENTICATOR_ANDROID, MICROSOFT_AUTHENTICATOR_IOS];
    let mut site = Site::empty();
    site.server.policy.models = ModelPolicy::Only(microsofts.clone());
    assert_eq!(site.register(), Err(Refusal::ModelNotAllowed));
    site.alice.aaguid = MICROSOFT_AUTHENTICATOR_IOS;
    site.server.policy.models = ModelPolicy::AllBut(microsofts.clone());
    assert_eq!(site.register(), Err(Refusal::ModelNotAllowed));
    site.server.policy.models = ModelPolicy::Only(microsofts);
    site.register().unwrap();
    // At every sign-in again, by what is on file.
    site.alice.aaguid = Aaguid::ZERO;
    site.sign_in().unwrap();
    site.server.policy.models = ModelPolicy::AllBut(vec![MICROSOFT_AUTHENTICATOR_IOS]);
    assert_eq!(site.sign_in(), Err(Refusal::ModelNotAllowed));
}

#[test]
fn attestations_are_checked_and_enforced() {
    for format in ["none", "packed", "tpm"] {
        let mut site = Site::empty();
        site.alice.attestation = format;
        site.server.policy.attestation = AttestationPolicy::Enforced;
        assert_eq!(site.register(), Err(Refusal::NotAttested), "{format}");
    }
    // The counter again: signed over by `packed`, and by `none` not.
    let mut site = Site::empty();
    site.alice.attestation = "packed";
    let change_counter = |answer: &mut Value| {
        change_bytes(answer, "attestationObject", |bytes| {
            let hash = fido_hybrid::crypto::sha256(&[b"example.com"]);
            let at = bytes.windows(32).position(|window| window == hash).unwrap();
            bytes[at + 36] ^= 1;
        });
    };
    assert_eq!(site.register_as("alice", change_counter), Err(Refusal::AttestationInvalid));
    site.alice.attestation = "none";
    site.register_as("alice", change_counter).unwrap();
}

#[test]
fn none_with_a_statement_is_no_none() {
    let mut site = Site::empty();
    site.alice.attestation = "packed";
    let rename = |answer: &mut Value| {
        change_bytes(answer, "attestationObject", |bytes| {
            let at = bytes.windows(7).position(|window| window == b"\x66packed").unwrap();
            bytes.splice(at..at + 7, *b"\x64none");
        });
    };
    assert_eq!(site.register_as("alice", rename), Err(Refusal::AttestationInvalid));
}

// Checks of a sign-in.

#[test]
fn the_signature_must_be_the_credentials_over_all_of_it() {
    let flip = |member: &'static str, at: usize| {
        move |answer: &mut Value| change_bytes(answer, member, |bytes| bytes[at] ^= 1)
    };
    let mut site = Site::new();
    // The counter, which is not looked at before; a key of the client data,
    // which then says nothing; the signature; the key.
    assert_eq!(site.sign_in_with(flip("authenticatorData", 36)), Err(Refusal::Signature));
    let rename = |answer: &mut Value| {
        change_bytes(answer, "clientDataJSON", |bytes| {
            let at = bytes.windows(11).position(|window| window == b"crossOrigin").unwrap();
            bytes[at] = b'C';
        });
    };
    assert_eq!(site.sign_in_with(rename), Err(Refusal::Signature));
    assert_eq!(site.sign_in_with(flip("signature", 10)), Err(Refusal::Signature));
    site.alice.key = SecretKey::from_scalar(&[0x42; 32]).unwrap();
    assert_eq!(site.sign_in(), Err(Refusal::Signature));
}

#[test]
fn a_passkey_is_its_owners() {
    let mut site = Site::new();
    let of_alice = site.alice.user_handle.take();
    assert_eq!(site.sign_in(), Err(Refusal::NoUserHandle));
    site.alice.user_handle = Some(vec![0; 16]);
    assert_eq!(site.sign_in(), Err(Refusal::OtherAccount));
    site.alice.user_handle = of_alice;
    // Bob is asked for and Alice's passkey answers.
    let options = site.server.start_sign_in(SESSION, Some("bob"), NOW, &mut site.rng);
    let answer = site.alice.sign_in(&options);
    assert_eq!(site.server.finish_sign_in(SESSION, &answer, NOW), Err(Refusal::OtherAccount));
}

#[test]
fn unknown_and_revoked_passkeys_are_refused() {
    let mut site = Site::new();
    let id = site.sign_in().unwrap().credential;
    site.server.revoke(&id);
    assert_eq!(site.sign_in(), Err(Refusal::Revoked));
    site.alice.id = vec![9; 16];
    assert_eq!(site.sign_in(), Err(Refusal::UnknownCredential));
}

#[test]
fn a_passkey_stays_of_its_kind() {
    let mut site = Site::new();
    site.alice.flags = site.alice.flags | Flags::BACKUP_ELIGIBLE;
    assert_eq!(site.sign_in(), Err(Refusal::BackupEligibilityChanged));
    let mut site = Site::synced();
    site.alice.flags = Flags::USER_PRESENT | Flags::USER_VERIFIED;
    assert_eq!(site.sign_in(), Err(Refusal::BackupEligibilityChanged));
}

#[test]
fn a_policy_that_became_stricter_holds_for_passkeys_on_file() {
    let mut site = Site::synced();
    site.server.policy.backup = BackupPolicy::DeviceBound;
    assert_eq!(site.sign_in(), Err(Refusal::SyncedNotAllowed));
}

#[test]
fn a_counter_that_stands_still_or_goes_back_is_refused() {
    let mut site = Site::empty();
    site.alice.count = 7;
    site.register().unwrap();
    for count in [7, 6, 0] {
        site.alice.count = count;
        assert_eq!(site.sign_in(), Err(Refusal::Counter), "{count}");
    }
    site.alice.count = 8;
    site.sign_in().unwrap();
}

// What the demo shows.

#[test]
fn every_attack_of_the_demo_fails_at_its_check() {
    let mut rng = SeededRng::new(2);
    for attack in Attack::ALL {
        assert_eq!(attack.attempt(&mut rng), Err(attack.expected()), "{attack}");
    }
}
