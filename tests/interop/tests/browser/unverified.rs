//! A phone that can verify presence only; and long lists.

use serde_json::{Value, json};

use crate::ceremony_runner::Scene;
use crate::phone::Answer;
use crate::site::ADA;

/// Registers and signs in, by a user who is not verified.
async fn unverified(mut scene: Scene<'_>, change: fn(&mut Value)) {
    scene.phone.cannot_verify();
    let (mut options, state) = scene.site().usual_registration(ADA);
    change(&mut options);
    let made = scene.create(&options, Answer::Agree).await.credential();
    let mut known = scene.site().register_unverified(&made, &state);
    assert!(!known.user_verified);

    let (mut options, state) = scene.site().usual_sign_in(&[&known]);
    change(&mut options);
    let answer = scene.get(&options, Answer::Agree).await.credential();
    assert_eq!(answer["id"], made["id"]);
    assert!(!scene.site().unverified_signed_in(&answer, state, &mut known));
}

pub(crate) async fn a_phone_that_cannot_verify_its_user_does_with_default_options(
    scene: Scene<'_>,
) {
    let defaults = |options: &mut Value| {
        let options = options.as_object_mut().unwrap();
        for member in ["authenticatorSelection", "userVerification", "attestation", "extensions"] {
            options.remove(member);
        }
    };
    unverified(scene, defaults).await;
}

pub(crate) async fn a_phone_that_cannot_verify_its_user_does_where_that_is_preferred(
    scene: Scene<'_>,
) {
    // Chromium requires verification for a discoverable passkey, and where one is
    // preferred asks for it of every phone that lists `rk`.
    let preferred = |options: &mut Value| match options.get_mut("authenticatorSelection") {
        Some(selection) => {
            *selection = json!({"residentKey": "discouraged", "userVerification": "preferred"});
        }
        None => options["userVerification"] = "preferred".into(),
    };
    unverified(scene, preferred).await;
}

pub(crate) async fn a_registration_that_excludes_64_passkeys_makes_one(mut scene: Scene<'_>) {
    let (mut options, state) = scene.site().registration(ADA);
    let excluded = (0..64).map(|number: u8| {
        let id = data_encoding::BASE64URL_NOPAD.encode(&[number; 64]);
        json!({"type": "public-key", "id": id, "transports": ["hybrid"]})
    });
    options["excludeCredentials"] = excluded.collect();
    let made = scene.create(&options, Answer::Agree).await.credential();
    scene.site().register(&made, &state);
    assert_eq!(scene.phone.passkeys(), 1);
}
