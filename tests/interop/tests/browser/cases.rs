//! What people do, each case with a new phone.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use fido_hybrid::authenticator::Question;
use serde_json::{Value, json};
use webauthn_rs_core::proto::{
    AttestationConveyancePreference, AttestationFormat, ParsedAttestationData,
};

use crate::ceremony_runner::Scene;
use crate::phone::Answer;
use crate::site::{ADA, BOB, challenge};

/// How many runs there are one after another, unless this is the number.
const RUNS: &str = "BROWSER_RUNS";

/// From the page's call to its answer.
const RUN: Duration = Duration::from_secs(6);

pub(crate) async fn a_passkey_is_registered_and_signs_in_without_being_named(mut scene: Scene<'_>) {
    let (options, state) = scene.site().registration(ADA);
    let made = scene.create(&options, Answer::Agree).await;
    assert!(matches!(made.prompt().question, Question::Register(_)));
    assert_eq!(made.prompt().rp_id, "localhost");
    let mut known = scene.site().register(&made.credential(), &state);

    let (options, state) = scene.site().sign_in(&[]);
    assert!(options["allowCredentials"].as_array().is_none_or(Vec::is_empty));
    let answer = scene.get(&options, Answer::Agree).await.credential();
    assert_eq!(answer["response"]["userHandle"], ADA.handle_text());
    scene.site().signed_in(&answer, state, &mut known);
}

pub(crate) async fn a_passkey_signs_in_when_it_is_named(mut scene: Scene<'_>) {
    let (options, state) = scene.site().registration(ADA);
    let made = scene.create(&options, Answer::Agree).await.credential();
    let mut known = scene.site().register(&made, &state);

    let (options, state) = scene.site().sign_in(&[&known]);
    assert_eq!(options["allowCredentials"][0]["id"], made["id"]);
    let answer = scene.get(&options, Answer::Agree).await.credential();
    assert_eq!(answer["id"], made["id"]);
    scene.site().signed_in(&answer, state, &mut known);
}

pub(crate) async fn of_two_accounts_the_one_that_is_chosen_signs_in(mut scene: Scene<'_>) {
    let mut known = Vec::new();
    for account in [ADA, BOB] {
        let (options, state) = scene.site().registration(account);
        let made = scene.create(&options, Answer::Agree).await.credential();
        known.push(scene.site().register(&made, &state));
    }
    let (options, state) = scene.site().sign_in(&[]);
    // The phone offers the latest first: this is the second.
    let outcome = scene.get(&options, Answer::Choose(ADA.name)).await;
    assert_eq!(outcome.prompt().accounts().len(), 2);
    assert_eq!(outcome.prompt().accounts()[1].user.name.as_deref(), Some(ADA.name));
    let answer = outcome.credential();
    assert_eq!(answer["response"]["userHandle"], ADA.handle_text());
    scene.site().signed_in(&answer, state, &mut known[0]);
}

pub(crate) async fn a_phone_with_an_excluded_passkey_makes_no_other(mut scene: Scene<'_>) {
    let (options, state) = scene.site().registration(ADA);
    let made = scene.create(&options, Answer::Agree).await.credential();
    let known = scene.site().register(&made, &state);

    let exclude = Some(vec![known.cred_id]);
    let (options, _) =
        scene.site().registration_with(ADA, |builder| builder.exclude_credentials(exclude));
    let outcome = scene.create(&options, Answer::Agree).await;
    assert!(matches!(outcome.prompt().question, Question::CredentialExcluded(_)));
    assert_eq!(outcome.exception(), "InvalidStateError");
    assert_eq!(scene.phone.passkeys(), 1);
}

pub(crate) async fn a_user_who_declines_ends_the_ceremony(mut scene: Scene<'_>) {
    let (options, _) = scene.site().registration(ADA);
    let outcome = scene.create(&options, Answer::Decline).await;
    assert_eq!(outcome.exception(), "NotAllowedError");
    assert_eq!(scene.phone.passkeys(), 0);

    let (options, _) = scene.site().sign_in(&[]);
    let outcome = scene.get(&options, Answer::Decline).await;
    assert!(matches!(outcome.prompt().question, Question::NoCredentials));
    assert_eq!(outcome.exception(), "NotAllowedError");
}

pub(crate) async fn a_phone_without_a_passkey_ends_the_sign_in(mut scene: Scene<'_>) {
    let (options, _) = scene.site().sign_in(&[]);
    let outcome = scene.get(&options, Answer::Agree).await;
    assert!(matches!(outcome.prompt().question, Question::NoCredentials));
    assert_eq!(outcome.exception(), "NotAllowedError");
}

pub(crate) async fn a_phone_that_is_switched_off_while_it_asks_ends_the_ceremony(
    mut scene: Scene<'_>,
) {
    let (options, _) = scene.site().registration(ADA);
    let outcome = scene.create(&options, Answer::PowerOff).await;
    assert_eq!(outcome.exception(), "NotAllowedError");

    let (options, _) = scene.site().sign_in(&[]);
    let outcome = scene.get(&options, Answer::PowerOff).await;
    assert_eq!(outcome.exception(), "NotAllowedError");
}

pub(crate) async fn a_phone_that_is_switched_off_after_the_handshake_ends_the_ceremony(
    mut scene: Scene<'_>,
) {
    let (options, _) = scene.site().registration(ADA);
    let outcome = scene.create(&options, Answer::PowerOffEarly).await;
    assert_eq!(outcome.exception(), "NotAllowedError");

    let (options, _) = scene.site().sign_in(&[]);
    let outcome = scene.get(&options, Answer::PowerOffEarly).await;
    assert_eq!(outcome.exception(), "NotAllowedError");
}

pub(crate) async fn an_attestation_gets_through_to_a_site_that_asks_for_it(mut scene: Scene<'_>) {
    scene.phone.attest();
    let direct = AttestationConveyancePreference::Direct;
    let (options, state) =
        scene.site().registration_with(ADA, |builder| builder.attestation(direct));
    let made = scene.create(&options, Answer::Agree).await.credential();
    let known = scene.site().register(&made, &state);
    assert_eq!(known.attestation_format, AttestationFormat::Packed);
    assert!(matches!(known.attestation.data, ParsedAttestationData::Self_));
}

pub(crate) async fn a_site_gets_the_same_prf_output_for_the_same_input(mut scene: Scene<'_>) {
    const SALT: &str = "c2FsdA";
    const PEPPER: &str = "cGVwcGVy";
    let (mut options, state) = scene.site().registration(ADA);
    options["extensions"] = json!({"prf": {"eval": {"first": SALT}}});
    let made = scene.create(&options, Answer::Agree).await.credential();
    assert_eq!(made["clientExtensionResults"]["prf"]["enabled"], true);
    let at_once = prf_results(&made);
    let mut known = scene.site().register(&made, &state);

    let by_credential = json!({made["id"].as_str().unwrap(): {"first": PEPPER}});
    let mut outputs = Vec::new();
    for prf in [
        json!({"eval": {"first": SALT}}),
        json!({"eval": {"first": SALT}}),
        json!({"eval": {"first": PEPPER, "second": SALT}}),
        json!({"eval": {"first": SALT}, "evalByCredential": by_credential}),
    ] {
        let (mut options, state) = scene.site().sign_in(&[&known]);
        options["extensions"] = json!({"prf": prf});
        let answer = scene.get(&options, Answer::Agree).await.credential();
        assert_eq!(answer["clientExtensionResults"]["prf"].get("enabled"), None);
        outputs.push(prf_results(&answer));
        scene.site().signed_in(&answer, state, &mut known);
    }
    let (salt, pepper) = (outputs[0][0], outputs[2][0]);
    assert_ne!(salt, pepper);
    assert_eq!(at_once, [salt]);
    assert_eq!(outputs, [vec![salt], vec![salt], vec![pepper, salt], vec![pepper]]);
}

/// The one or two outputs that a page was given.
fn prf_results(answer: &Value) -> Vec<[u8; 32]> {
    let results = answer["clientExtensionResults"]["prf"]["results"].as_object();
    let output = |name| {
        let output: &Value = results.unwrap_or_else(|| panic!("no outputs: {answer}")).get(name)?;
        let output = BASE64URL_NOPAD.decode(output.as_str().unwrap().as_bytes()).unwrap();
        Some(output.try_into().expect("32 bytes"))
    };
    ["first", "second"].into_iter().filter_map(output).collect()
}

pub(crate) async fn a_challenge_of_900_bytes_is_signed(mut scene: Scene<'_>) {
    let long = [0xa5; 900];
    let (options, state) = challenge(scene.site().registration(ADA), &long);
    let made = scene.create(&options, Answer::Agree).await.credential();
    let mut known = scene.site().register(&made, &state);

    let (options, state) = challenge(scene.site().sign_in(&[]), &long);
    let answer = scene.get(&options, Answer::Agree).await.credential();
    scene.site().signed_in(&answer, state, &mut known);
}

pub(crate) async fn each_of_many_runs_takes_less_than_6_seconds(mut scene: Scene<'_>) {
    let runs = std::env::var(RUNS).map_or(2, |number| number.parse().unwrap());
    let mut times = Vec::new();
    for _ in 0..runs {
        let (options, state) = scene.site().registration(ADA);
        let made = scene.create(&options, Answer::Agree).await;
        times.push(made.took);
        let mut known = scene.site().register(&made.credential(), &state);

        let (options, state) = scene.site().sign_in(&[]);
        let answer = scene.get(&options, Answer::Agree).await;
        times.push(answer.took);
        scene.site().signed_in(&answer.credential(), state, &mut known);
    }
    let worst = times.iter().max().unwrap();
    let mean = times.iter().sum::<Duration>() / times.len() as u32;
    let number = times.len();
    scene.world.note(format!("{number} runs, {mean:.2?} on average, {worst:.2?} at worst"));
    assert!(*worst < RUN);
}
