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
struct World {
    server: RelyingParty,
    alice: Puppet,
    rng: SeededRng,
}

impl World {
    fn empty() -> Self {
        let mut rng = SeededRng::new(1);
        let policy = Policy::new("example.com", "https://example.com");
        let alice = Puppet::honest(&policy, &mut rng);
        Self { server: RelyingParty::new(policy), alice, rng }
    }

    fn new() -> Self {
        let mut world = Self::empty();
        world.register().unwrap();
        world
    }

    fn synced() -> Self {
        let mut world = Self::empty();
        world.alice.flags = world.alice.flags | Flags::BACKUP_ELIGIBLE;
        world.register().unwrap();
        world
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
    let mut world = World::empty();
    let id = world.register().unwrap();
    assert_eq!(id.as_bytes(), world.alice.id);
    let stored = world.server.credential(&id).unwrap();
    assert_eq!(stored.public_key, *world.alice.key.public_key());
    assert_eq!(stored.transports, ["hybrid", "internal"]);
    assert!(!stored.backup_eligible && !stored.backed_up);
    let signed_in = SignedIn { account: "alice".to_owned(), credential: id };
    assert_eq!(world.sign_in(), Ok(signed_in.clone()));
    // Without a user handle, if the account was named.
    world.alice.user_handle = None;
    let options = world.server.start_sign_in(SESSION, Some("alice"), NOW, &mut world.rng);
    let answer = world.alice.sign_in(&options);
    assert_eq!(world.server.finish_sign_in(SESSION, &answer, NOW), Ok(signed_in));
}

#[test]
fn options_ask_for_what_the_policy_wants() {
    let mut world = World::new();
    let options = world.server.start_registration(SESSION, "alice", NOW, &mut world.rng);
    let options: Value = serde_json::from_str(&options).unwrap();
    assert_eq!(options["excludeCredentials"][0]["id"], BASE64URL_NOPAD.encode(&world.alice.id));
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(options["attestation"], "none");
    world.server.policy.attestation = AttestationPolicy::Enforced;
    let other = world.server.start_registration(SESSION, "bob", NOW, &mut world.rng);
    let other: Value = serde_json::from_str(&other).unwrap();
    assert_eq!(other["attestation"], "direct");
    assert_eq!(other["excludeCredentials"], json!([]));
    assert_ne!(other["challenge"], options["challenge"]);
    assert_ne!(other["user"]["id"], options["user"]["id"]);
}

#[test]
fn a_counter_may_go_up_and_a_backup_may_come_and_go() {
    let mut world = World::synced();
    for (count, flags) in [(1, Flags::BACKED_UP), (5, Flags::default())] {
        world.alice.count = count;
        let flags = flags | Flags::BACKUP_ELIGIBLE;
        world.alice.flags = Flags::USER_PRESENT | Flags::USER_VERIFIED | flags;
        let id = world.sign_in().unwrap().credential;
        let stored = world.server.credential(&id).unwrap();
        assert_eq!(stored.sign_count, count);
        assert_eq!(stored.backed_up, flags.contains(Flags::BACKED_UP));
    }
}

#[test]
fn a_self_attestation_is_verified_and_taken_for_what_it_is() {
    let mut world = World::empty();
    world.alice.attestation = "packed";
    world.register().unwrap();
}

// Challenges.

#[test]
fn a_challenge_is_good_once_whatever_came_of_it() {
    let mut world = World::new();
    let options = world.server.start_sign_in(SESSION, None, NOW, &mut world.rng);
    let honest = world.alice.sign_in(&options);
    world.alice.origin = "https://evil.example".to_owned();
    let wrong = world.alice.sign_in(&options);
    assert_eq!(world.server.finish_sign_in(SESSION, &wrong, NOW), Err(Refusal::WrongOrigin));
    assert_eq!(world.server.finish_sign_in(SESSION, &honest, NOW), Err(Refusal::UnknownChallenge));
}

#[test]
fn a_challenge_is_good_until_it_expires() {
    for (after, expected) in [
        (CHALLENGE_LIFETIME - Duration::from_millis(1), None),
        (CHALLENGE_LIFETIME, Some(Refusal::ExpiredChallenge)),
    ] {
        let mut world = World::new();
        let options = world.server.start_sign_in(SESSION, None, NOW, &mut world.rng);
        let answer = world.alice.sign_in(&options);
        let result = world.server.finish_sign_in(SESSION, &answer, NOW + after);
        assert_eq!(result.err(), expected);
    }
}

#[test]
fn a_challenge_is_for_one_session_and_one_purpose() {
    let mut world = World::new();
    let options = world.server.start_registration("another", "alice", NOW, &mut world.rng);
    let answer = world.alice.register(&options);
    assert_eq!(world.server.finish_registration(SESSION, &answer, NOW), Err(Refusal::OtherSession));
    // A question of one kind with an answer that says that it is of the other.
    let options = world.server.start_registration(SESSION, "alice", NOW, &mut world.rng);
    let answer = world.alice.sign_in(&options);
    assert_eq!(world.server.finish_sign_in(SESSION, &answer, NOW), Err(Refusal::WrongType));
    world.alice.kind = Some("webauthn.create");
    assert_eq!(world.sign_in(), Err(Refusal::WrongType));
    world.alice.kind = Some("webauthn.get");
    assert_eq!(world.register(), Err(Refusal::WrongType));
}

// Checks of both.

#[test]
fn what_is_signed_for_elsewhere_is_refused() {
    for origin in ["https://example.com/", "https://www.example.com", "http://example.com"] {
        let mut world = World::new();
        world.alice.origin = origin.to_owned();
        assert_eq!(world.sign_in(), Err(Refusal::WrongOrigin), "{origin}");
        assert_eq!(world.register(), Err(Refusal::WrongOrigin), "{origin}");
    }
    let mut world = World::new();
    world.alice.cross_origin = true;
    assert_eq!(world.sign_in(), Err(Refusal::CrossOrigin));
    assert_eq!(world.register(), Err(Refusal::CrossOrigin));
    let mut world = World::new();
    world.alice.rp_id = "www.example.com".to_owned();
    assert_eq!(world.sign_in(), Err(Refusal::WrongRpId));
    assert_eq!(world.register(), Err(Refusal::WrongRpId));
}

#[test]
fn a_user_must_have_been_there_and_be_verified() {
    for (flags, refusal) in [
        (Flags::USER_VERIFIED, Refusal::UserNotPresent),
        (Flags::USER_PRESENT, Refusal::UserNotVerified),
    ] {
        let mut world = World::new();
        world.alice.flags = flags;
        assert_eq!(world.sign_in(), Err(refusal));
        assert_eq!(world.register(), Err(refusal));
    }
}

#[test]
fn who_does_not_require_verification_takes_a_user_who_was_there() {
    for (verification, taken) in [
        (VerificationPolicy::Required, Err(Refusal::UserNotVerified)),
        (VerificationPolicy::Preferred, Ok(())),
        (VerificationPolicy::Discouraged, Ok(())),
    ] {
        let mut world = World::new();
        world.server.policy.verification = verification;
        world.alice.flags = Flags::USER_PRESENT;
        assert_eq!(world.sign_in().map(drop), taken);
        world.alice.flags = Flags::USER_VERIFIED;
        assert_eq!(world.sign_in().map(drop), Err(Refusal::UserNotPresent));
    }
}

#[test]
fn another_servers_questions_and_passkeys_are_checked_like_ones_own() {
    let World { server: mut theirs, mut alice, mut rng } = World::empty();
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
        let World { mut server, mut alice, mut rng } = World::empty();
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
    let mut world = World::new();
    world.alice.flags = world.alice.flags | Flags::BACKED_UP;
    assert_eq!(world.sign_in(), Err(Refusal::BackupFlags));
    let mut world = World::empty();
    world.alice.flags = world.alice.flags | Flags::BACKED_UP;
    assert_eq!(world.register(), Err(Refusal::BackupFlags));
}

#[test]
fn malformed_answers_are_refused() {
    let mut world = World::new();
    for (answer, refusal) in [
        (String::new(), Refusal::Malformed("the answer")),
        ("[]".to_owned(), Refusal::Malformed("the answer")),
        (" ".repeat(70_000), Refusal::Malformed("the answer")),
        (json!({"type": "public-key"}).to_string(), Refusal::Malformed("rawId")),
    ] {
        assert_eq!(world.server.finish_sign_in(SESSION, &answer, NOW), Err(refusal));
        assert_eq!(world.server.finish_registration(SESSION, &answer, NOW), Err(refusal));
    }
    let refused = world.sign_in_with(|answer| answer["id"] = json!("AAAA"));
    assert_eq!(refused, Err(Refusal::Malformed("the answer")));
    let refused = world.sign_in_with(|answer| answer["response"]["signature"] = json!("*"));
    assert_eq!(refused, Err(Refusal::Malformed("signature")));
    let trailing = |answer: &mut Value| {
        change_bytes(answer, "attestationObject", |bytes| bytes.push(0));
    };
    let refused = world.register_as("bob", trailing);
    assert_eq!(refused, Err(Refusal::Malformed("the attestation object")));
}

// Checks of a registration.

#[test]
fn a_registration_must_hold_the_credential_that_it_names() {
    let mut world = World::empty();
    let other_id = |answer: &mut Value| {
        answer["id"] = json!("AAAA");
        answer["rawId"] = json!("AAAA");
    };
    assert_eq!(world.register_as("alice", other_id), Err(Refusal::IdMismatch));
    // No id is that long: the puppet leaves the credential out.
    world.alice.id = vec![0; 1024];
    assert_eq!(world.register_as("alice", other_id), Err(Refusal::NoCredential));
}

#[test]
fn an_id_is_registered_once() {
    let mut world = World::new();
    world.alice.key = SecretKey::from_scalar(&[0x42; 32]).unwrap();
    assert_eq!(world.register_as("mallory", |_| {}), Err(Refusal::IdTaken));
}

#[test]
fn the_algorithm_must_be_one_that_was_offered() {
    let mut world = World::empty();
    world.server.policy.algorithms = vec![Algorithm::RS256];
    assert_eq!(world.register(), Err(Refusal::Algorithm));
}

#[test]
fn profiles_tell_synced_from_device_bound() {
    let mut world = World::empty();
    world.server.policy.backup = BackupPolicy::Synced;
    assert_eq!(world.register(), Err(Refusal::DeviceBoundNotAllowed));
    world.server.policy.backup = BackupPolicy::DeviceBound;
    world.register().unwrap();

    let mut world = World::empty();
    world.alice.flags = world.alice.flags | Flags::BACKUP_ELIGIBLE | Flags::BACKED_UP;
    world.server.policy.backup = BackupPolicy::DeviceBound;
    assert_eq!(world.register(), Err(Refusal::SyncedNotAllowed));
    world.server.policy.backup = BackupPolicy::Synced;
    world.register().unwrap();
}

#[test]
fn models_are_held_to_the_list() {
    let microsofts = vec![MICROSOFT_AUTHENTICATOR_ANDROID, MICROSOFT_AUTHENTICATOR_IOS];
    let mut world = World::empty();
    world.server.policy.models = ModelPolicy::Only(microsofts.clone());
    assert_eq!(world.register(), Err(Refusal::ModelNotAllowed));
    world.alice.aaguid = MICROSOFT_AUTHENTICATOR_IOS;
    world.server.policy.models = ModelPolicy::AllBut(microsofts.clone());
    assert_eq!(world.register(), Err(Refusal::ModelNotAllowed));
    world.server.policy.models = ModelPolicy::Only(microsofts);
    world.register().unwrap();
    // At every sign-in again, by what is on file.
    world.alice.aaguid = Aaguid::ZERO;
    world.sign_in().unwrap();
    world.server.policy.models = ModelPolicy::AllBut(vec![MICROSOFT_AUTHENTICATOR_IOS]);
    assert_eq!(world.sign_in(), Err(Refusal::ModelNotAllowed));
}

#[test]
fn attestations_are_checked_and_enforced() {
    for format in ["none", "packed", "tpm"] {
        let mut world = World::empty();
        world.alice.attestation = format;
        world.server.policy.attestation = AttestationPolicy::Enforced;
        assert_eq!(world.register(), Err(Refusal::NotAttested), "{format}");
    }
    // The counter again: signed over by `packed`, and by `none` not.
    let mut world = World::empty();
    world.alice.attestation = "packed";
    let change_counter = |answer: &mut Value| {
        change_bytes(answer, "attestationObject", |bytes| {
            let hash = fido_hybrid::crypto::sha256(&[b"example.com"]);
            let at = bytes.windows(32).position(|window| window == hash).unwrap();
            bytes[at + 36] ^= 1;
        });
    };
    assert_eq!(world.register_as("alice", change_counter), Err(Refusal::AttestationInvalid));
    world.alice.attestation = "none";
    world.register_as("alice", change_counter).unwrap();
}

#[test]
fn none_with_a_statement_is_no_none() {
    let mut world = World::empty();
    world.alice.attestation = "packed";
    let rename = |answer: &mut Value| {
        change_bytes(answer, "attestationObject", |bytes| {
            let at = bytes.windows(7).position(|window| window == b"\x66packed").unwrap();
            bytes.splice(at..at + 7, *b"\x64none");
        });
    };
    assert_eq!(world.register_as("alice", rename), Err(Refusal::AttestationInvalid));
}

// Checks of a sign-in.

#[test]
fn the_signature_must_be_the_credentials_over_all_of_it() {
    let flip = |member: &'static str, at: usize| {
        move |answer: &mut Value| change_bytes(answer, member, |bytes| bytes[at] ^= 1)
    };
    let mut world = World::new();
    // The counter, which is not looked at before; a key of the client data,
    // which then says nothing; the signature; the key.
    assert_eq!(world.sign_in_with(flip("authenticatorData", 36)), Err(Refusal::Signature));
    let rename = |answer: &mut Value| {
        change_bytes(answer, "clientDataJSON", |bytes| {
            let at = bytes.windows(11).position(|window| window == b"crossOrigin").unwrap();
            bytes[at] = b'C';
        });
    };
    assert_eq!(world.sign_in_with(rename), Err(Refusal::Signature));
    assert_eq!(world.sign_in_with(flip("signature", 10)), Err(Refusal::Signature));
    world.alice.key = SecretKey::from_scalar(&[0x42; 32]).unwrap();
    assert_eq!(world.sign_in(), Err(Refusal::Signature));
}

#[test]
fn a_passkey_is_its_owners() {
    let mut world = World::new();
    let of_alice = world.alice.user_handle.take();
    assert_eq!(world.sign_in(), Err(Refusal::NoUserHandle));
    world.alice.user_handle = Some(vec![0; 16]);
    assert_eq!(world.sign_in(), Err(Refusal::OtherAccount));
    world.alice.user_handle = of_alice;
    // Bob is asked for and Alice's passkey answers.
    let options = world.server.start_sign_in(SESSION, Some("bob"), NOW, &mut world.rng);
    let answer = world.alice.sign_in(&options);
    assert_eq!(world.server.finish_sign_in(SESSION, &answer, NOW), Err(Refusal::OtherAccount));
}

#[test]
fn unknown_and_revoked_passkeys_are_refused() {
    let mut world = World::new();
    let id = world.sign_in().unwrap().credential;
    world.server.revoke(&id);
    assert_eq!(world.sign_in(), Err(Refusal::Revoked));
    world.alice.id = vec![9; 16];
    assert_eq!(world.sign_in(), Err(Refusal::UnknownCredential));
}

#[test]
fn a_passkey_stays_of_its_kind() {
    let mut world = World::new();
    world.alice.flags = world.alice.flags | Flags::BACKUP_ELIGIBLE;
    assert_eq!(world.sign_in(), Err(Refusal::BackupEligibilityChanged));
    let mut world = World::synced();
    world.alice.flags = Flags::USER_PRESENT | Flags::USER_VERIFIED;
    assert_eq!(world.sign_in(), Err(Refusal::BackupEligibilityChanged));
}

#[test]
fn a_policy_that_became_stricter_holds_for_passkeys_on_file() {
    let mut world = World::synced();
    world.server.policy.backup = BackupPolicy::DeviceBound;
    assert_eq!(world.sign_in(), Err(Refusal::SyncedNotAllowed));
}

#[test]
fn a_counter_that_stands_still_or_goes_back_is_refused() {
    let mut world = World::empty();
    world.alice.count = 7;
    world.register().unwrap();
    for count in [7, 6, 0] {
        world.alice.count = count;
        assert_eq!(world.sign_in(), Err(Refusal::Counter), "{count}");
    }
    world.alice.count = 8;
    world.sign_in().unwrap();
}

// What the demo shows.

#[test]
fn every_attack_of_the_demo_fails_at_its_check() {
    let mut rng = SeededRng::new(2);
    for attack in Attack::ALL {
        assert_eq!(attack.attempt(&mut rng), Err(attack.expected()), "{attack}");
    }
}
