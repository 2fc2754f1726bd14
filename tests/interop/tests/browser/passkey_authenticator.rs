//! A phone whose engine is passkey-authenticator: our link carries its responses to
//! Chromium, and the site verifies them.

use data_encoding::BASE64URL_NOPAD;
use fido_hybrid::ctap::Status;
use fido_hybrid_interop::AAGUID;
use serde_json::Value;

use crate::ceremony_runner::Scene;
use crate::phone::Answer;
use crate::site::ADA;

/// Where an AAGUID begins in authenticator data [WebAuthn L3 §6.1].
const AAGUID_OFFSET: usize = 37;

pub(crate) async fn a_passkey_of_another_engine_is_registered_and_signs_in(mut scene: Scene<'_>) {
    scene.phone.use_passkey_authenticator();
    let (options, state) = scene.site().registration(ADA);
    let outcome = scene.create(&options, Answer::Agree).await;
    assert_eq!(outcome.answered, Some(Status::OK));
    let made = outcome.credential();
    assert_eq!(aaguid(&made), AAGUID);
    let mut known = scene.site().register(&made, &state);
    assert_eq!(scene.phone.passkeys(), 1);

    for named in [false, true] {
        let allowed = if named { vec![&known] } else { Vec::new() };
        let (options, state) = scene.site().sign_in(&allowed);
        let answer = scene.get(&options, Answer::Agree).await.credential();
        assert_eq!(answer["id"], made["id"]);
        assert_eq!(answer["response"]["userHandle"], ADA.handle_text());
        scene.site().signed_in(&answer, state, &mut known);
    }
    assert_eq!(known.counter, 2);
}

pub(crate) async fn a_user_who_declines_to_another_engine_ends_the_ceremony(mut scene: Scene<'_>) {
    scene.phone.use_passkey_authenticator();
    let (options, state) = scene.site().registration(ADA);
    let outcome = scene.create(&options, Answer::Decline).await;
    assert_eq!(outcome.exception(), "NotAllowedError");
    assert_eq!(outcome.answered, Some(Status::OPERATION_DENIED));
    outcome.phone.unwrap().unwrap();
    assert_eq!(scene.phone.passkeys(), 0);

    let made = scene.create(&options, Answer::Agree).await.credential();
    let known = scene.site().register(&made, &state);
    let (options, _) = scene.site().sign_in(&[&known]);
    let outcome = scene.get(&options, Answer::Decline).await;
    assert_eq!(outcome.exception(), "NotAllowedError");
    assert_eq!(outcome.answered, Some(Status::OPERATION_DENIED));
    outcome.phone.unwrap().unwrap();
}

/// The AAGUID of a new passkey.
fn aaguid(made: &Value) -> Vec<u8> {
    let auth_data = made["response"]["authenticatorData"].as_str().unwrap();
    let auth_data = BASE64URL_NOPAD.decode(auth_data.as_bytes()).unwrap();
    auth_data[AAGUID_OFFSET..][..AAGUID.len()].to_vec()
}
