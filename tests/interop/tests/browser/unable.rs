//! What the phone cannot do: the page has its exception as soon as the phone's
//! user has read that, and Chromium's dialog is closed.
//!
//! Each phone here says in getInfo that it lacks what is asked for, whatever the
//! crate can do.

use fido_hybrid::authenticator::Question;
use fido_hybrid::ctap::{Algorithm, CredentialParameters, FIDO_2_0, GetInfoResponse};
use fido_hybrid::error::StoreError;
use serde_json::{Value, json};

use crate::ceremony_runner::Scene;
use crate::phone::Answer;
use crate::site::ADA;

/// What a registration needs, how its options ask for it, and a getInfo without it.
type Need = (&'static str, fn(&mut Value), fn(&mut GetInfoResponse));

const NEEDS: &[Need] = &[
    ("RS256", |options| options["pubKeyCredParams"] = offers(&[-257]), with_es256_alone),
    ("EdDSA", |options| options["pubKeyCredParams"] = offers(&[-8]), with_es256_alone),
    (
        "an unknown algorithm",
        |options| options["pubKeyCredParams"] = offers(&[-65_000]),
        with_es256_alone,
    ),
    (
        "credProtect",
        |options| {
            options["extensions"] = json!({
                "credentialProtectionPolicy": "userVerificationRequired",
                "enforceCredentialProtectionPolicy": true,
            });
        },
        |info| info.extensions.retain(|name| name != "credProtect"),
    ),
    (
        "largeBlob",
        |options| options["extensions"] = json!({"largeBlob": {"support": "required"}}),
        |info| {
            info.extensions.retain(|name| !name.starts_with("largeBlob"));
            info.options.remove("largeBlobs");
        },
    ),
    (
        "a discoverable passkey",
        |options| options["authenticatorSelection"] = json!({"residentKey": "required"}),
        |info| _ = info.options.remove("rk"),
    ),
    (
        "user verification",
        |options| options["authenticatorSelection"] = json!({"userVerification": "required"}),
        |info| _ = info.options.remove("uv"),
    ),
];

fn offers(algorithms: &[i64]) -> Value {
    algorithms.iter().map(|algorithm| json!({"type": "public-key", "alg": algorithm})).collect()
}

fn with_es256_alone(info: &mut GetInfoResponse) {
    info.algorithms = vec![CredentialParameters::new(Algorithm::ES256)];
}

/// Chromium then has no selection, and registers for `.dummy` in its place.
fn of_ctap_2_0(info: &mut GetInfoResponse) {
    info.versions = vec![FIDO_2_0.to_owned()];
}

async fn every_need(scene: &mut Scene<'_>, version: fn(&mut GetInfoResponse)) {
    for (name, change, lacks) in NEEDS {
        scene.phone = scene.world.phone();
        scene.phone.state(|info| {
            lacks(info);
            version(info);
        });
        let (mut options, _) = scene.site().registration(ADA);
        change(&mut options);
        let outcome = scene.create(&options, Answer::Agree).await;
        assert_eq!(outcome.prompt().question, Question::Unsupported, "{name}");
        assert_eq!(outcome.exception(), "NotAllowedError", "{name}");
        outcome.phone.unwrap().unwrap();
        assert_eq!(scene.phone.passkeys(), 0, "{name}");
    }
}

pub(crate) async fn a_registration_that_the_phone_cannot_do_ends_in_an_exception(
    mut scene: Scene<'_>,
) {
    every_need(&mut scene, |_| {}).await;
}

pub(crate) async fn a_registration_that_a_phone_of_ctap_2_0_cannot_do_ends_in_an_exception(
    mut scene: Scene<'_>,
) {
    every_need(&mut scene, of_ctap_2_0).await;
}

pub(crate) async fn a_sign_in_that_the_phone_cannot_do_ends_in_an_exception(mut scene: Scene<'_>) {
    let (options, state) = scene.site().registration(ADA);
    let made = scene.create(&options, Answer::Agree).await.credential();
    let known = scene.site().register(&made, &state);
    for version in [|_: &mut GetInfoResponse| {}, of_ctap_2_0] {
        scene.phone = scene.phone.twin().await;
        scene.phone.cannot_verify();
        scene.phone.state(version);
        let required = scene.site().sign_in(&[&known]).0;
        // Without a list, Chromium requires verification of every phone.
        let any = scene.site().usual_sign_in(&[]).0;
        for options in [required, any] {
            let outcome = scene.get(&options, Answer::Agree).await;
            assert_eq!(outcome.prompt().question, Question::Unsupported, "{options}");
            assert_eq!(outcome.exception(), "NotAllowedError", "{options}");
            outcome.phone.unwrap().unwrap();
        }
    }
}

/// getInfo lists an algorithm, and the phone refuses it.
pub(crate) async fn an_algorithm_that_only_the_phone_knows_to_be_missing_ends_in_an_exception(
    mut scene: Scene<'_>,
) {
    for version in [|_: &mut GetInfoResponse| {}, of_ctap_2_0] {
        scene.phone.state(|info| {
            info.algorithms.push(CredentialParameters::new(UNKNOWN));
            version(info);
        });
        let (mut options, _) = scene.site().registration(ADA);
        options["pubKeyCredParams"] = offers(&[UNKNOWN.0]);
        let outcome = scene.create(&options, Answer::Agree).await;
        assert_eq!(outcome.prompt().question, Question::Unsupported);
        assert_eq!(outcome.exception(), "NotAllowedError");
        assert_eq!(scene.phone.passkeys(), 0);
    }
}

/// For private use; no authenticator will ever have it.
const UNKNOWN: Algorithm = Algorithm(-65_537);

pub(crate) async fn a_user_who_declines_what_the_phone_cannot_do_ends_the_ceremony(
    mut scene: Scene<'_>,
) {
    for version in [|_: &mut GetInfoResponse| {}, of_ctap_2_0] {
        scene.phone = scene.world.phone();
        scene.phone.state(|info| {
            with_es256_alone(info);
            version(info);
        });
        let (mut options, _) = scene.site().registration(ADA);
        options["pubKeyCredParams"] = offers(&[-257]);
        let outcome = scene.create(&options, Answer::Decline).await;
        assert_eq!(outcome.prompt().question, Question::Unsupported);
        assert_eq!(outcome.exception(), "NotAllowedError");
        outcome.phone.unwrap().unwrap();
    }
}

/// What the phone refuses for reasons that Chromium cannot know.
pub(crate) async fn whatever_the_phone_refuses_ends_in_an_exception(mut scene: Scene<'_>) {
    for answer in [Answer::TimeOut, Answer::NoUi] {
        let (options, _) = scene.site().registration(ADA);
        let outcome = scene.create(&options, answer).await;
        assert_eq!(outcome.exception(), "NotAllowedError", "{answer:?}");
        let (options, _) = scene.site().sign_in(&[]);
        let outcome = scene.get(&options, answer).await;
        assert_eq!(outcome.exception(), "NotAllowedError", "{answer:?}");
    }
    for error in [StoreError::Full, StoreError::failed(std::fmt::Error)] {
        scene.phone.keep_nothing(error);
        let (options, _) = scene.site().registration(ADA);
        let outcome = scene.create(&options, Answer::Agree).await;
        assert!(matches!(outcome.prompt().question, Question::Register(_)));
        assert_eq!(outcome.exception(), "NotAllowedError");
    }
    assert_eq!(scene.phone.passkeys(), 0);
}
