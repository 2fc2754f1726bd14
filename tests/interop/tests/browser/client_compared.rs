//! Our client beside Chromium: the same options, answered by the same phone, come
//! back with the same members and meanings.

use fido_hybrid::client::{Ceremony, Client};
use fido_hybrid::error::{DomException, ErrorKind};
use fido_hybrid::webauthn::{CreationOptions, Origin, RequestOptions};
use serde_json::{Value, json};

use crate::ceremony_runner::Scene;
use crate::decoded_answers::{self, About};
use crate::phone::{Answer, Phone};
use crate::site::{ADA, BOB};

/// Where answers differ, and why they may.
pub(crate) type Differences = &'static [(&'static str, &'static str)];

/// What is changed in the usual options, and where answers then differ.
pub(crate) type Variant = (&'static str, fn(&mut Value), Differences);

const REGISTRATIONS: &[Variant] = &[
    ("as usual", |_| {}, &[]),
    (
        "with the defaults",
        |options| {
            options["authenticatorSelection"] = json!({});
            without(options, "timeout");
        },
        &[],
    ),
    ("with credProps", |options| options["extensions"] = json!({"credProps": true}), &[]),
    (
        "with credProps, rather not discoverable",
        |options| {
            options["authenticatorSelection"] = json!({"residentKey": "discouraged"});
            options["extensions"] = json!({"credProps": true});
        },
        &[(
            "clientExtensionResults.credProps.rk",
            "phones make discoverable passkeys whatever they are asked for, so Chromium's `false` \
             is a guess, and a wrong one here; ours does not guess [WebAuthn L3 §10.1.3]",
        )],
    ),
    ("with attestation none", |options| options["attestation"] = "none".into(), &[]),
    ("with attestation indirect", |options| options["attestation"] = "indirect".into(), &[]),
    ("with attestation direct", |options| options["attestation"] = "direct".into(), &[]),
    ("with attestation enterprise", |options| options["attestation"] = "enterprise".into(), &[]),
    (
        "with the attestation's format",
        |options| {
            options["attestation"] = "direct".into();
            options["attestationFormats"] = json!(["none"]);
        },
        &[(
            "response.attestationObject",
            "Chromium does not hand `attestationFormats` on, and ours does [WebAuthn L3 \
             §5.1.3, attestationFormats], so that the phone gives what the site asks for",
        )],
    ),
    ("with prf", |options| options["extensions"] = json!({"prf": {}}), &[]),
    (
        "with prf to evaluate",
        |options| options["extensions"] = json!({"prf": {"eval": {"first": "AQ", "second": "Ag"}}}),
        &[],
    ),
    (
        "with unknown values",
        |options| {
            options["hints"] = json!(["hybrid", "telepathy"]);
            options["extensions"] = json!({"telepathy": true});
            options["telepathy"] = json!([1, 2]);
        },
        &[],
    ),
];

const SIGN_INS: &[Variant] = &[
    ("with two passkeys", |_| {}, &[]),
    ("with one passkey", |options| allowed(options).truncate(1), &[]),
    ("with any passkey", |options| allowed(options).clear(), &[]),
    (
        "with the defaults",
        |options| {
            for member in ["allowCredentials", "userVerification", "timeout", "rpId"] {
                without(options, member);
            }
        },
        &[],
    ),
    (
        "with prf to evaluate",
        |options| options["extensions"] = json!({"prf": {"eval": {"first": "AQ", "second": "Ag"}}}),
        &[],
    ),
    (
        "with prf to evaluate by passkey",
        |options| {
            let id = allowed(options)[0]["id"].as_str().unwrap().to_owned();
            let by_credential = json!({id: {"first": "AQ"}});
            options["extensions"] = json!({"prf": {"evalByCredential": by_credential}});
        },
        &[],
    ),
    (
        "with prf to evaluate by each passkey",
        |options| {
            let ids = allowed(options).iter().map(|allowed| allowed["id"].as_str().unwrap());
            let by_credential: Value = ids
                .zip(["AQ", "Ag"])
                .map(|(id, first)| (id.to_owned(), json!({"first": first})))
                .collect();
            let prf = json!({"eval": {"first": "Aw"}, "evalByCredential": by_credential});
            options["extensions"] = json!({"prf": prf});
        },
        &[],
    ),
];

fn without(options: &mut Value, member: &str) {
    options.as_object_mut().unwrap().remove(member);
}

fn allowed(options: &mut Value) -> &mut Vec<Value> {
    options["allowCredentials"].as_array_mut().unwrap()
}

pub(crate) async fn our_client_gives_a_site_what_chromium_gives_it_in_registrations(
    mut scene: Scene<'_>,
) {
    scene.phone.attest();
    let client = scene.world.client();
    let origin = Origin::parse(scene.site().origin()).unwrap();
    let mut wrong = Vec::new();
    for (name, change, differences) in REGISTRATIONS {
        let (mut options, _) = scene.site().registration(ADA);
        change(&mut options);
        let twin = scene.phone.twin().await;
        let theirs = scene.create(&options, Answer::Agree).await.credential_text();
        let ours = create(&client, &options, &origin, &twin, Answer::Agree).await.unwrap();
        wrong.extend(compare(name, &theirs, &ours, About::New, differences));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

pub(crate) async fn our_client_gives_a_site_what_chromium_gives_it_in_sign_ins(
    mut scene: Scene<'_>,
) {
    let mut known = Vec::new();
    for account in [ADA, BOB] {
        let (options, state) = scene.site().registration(account);
        let made = scene.create(&options, Answer::Agree).await.credential();
        known.push(scene.site().register(&made, &state));
    }
    let client = scene.world.client();
    let origin = Origin::parse(scene.site().origin()).unwrap();
    let mut wrong = Vec::new();
    for (name, change, differences) in SIGN_INS {
        let (mut options, _) = scene.site().sign_in(&known.iter().collect::<Vec<_>>());
        change(&mut options);
        let twin = scene.phone.twin().await;
        let theirs = scene.get(&options, Answer::Agree).await.credential_text();
        let ours = get(&client, &options, &origin, &twin, Answer::Agree).await.unwrap();
        wrong.extend(compare(name, &theirs, &ours, About::Known, differences));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

pub(crate) async fn our_client_has_chromiums_names_for_what_goes_wrong(mut scene: Scene<'_>) {
    let (options, state) = scene.site().registration(ADA);
    let made = scene.create(&options, Answer::Agree).await.credential();
    let known = scene.site().register(&made, &state);
    let client = scene.world.client();
    let origin = Origin::parse(scene.site().origin()).unwrap();

    let exclude = Some(vec![known.cred_id]);
    let (excluding, _) =
        scene.site().registration_with(ADA, |builder| builder.exclude_credentials(exclude));
    for (options, answer) in [(excluding, Answer::Agree), (options, Answer::Decline)] {
        let twin = scene.phone.twin().await;
        let theirs = scene.create(&options, answer).await;
        let ours = create(&client, &options, &origin, &twin, answer).await.unwrap_err();
        assert_eq!(theirs.exception(), ours);
    }

    let (options, _) = scene.site().sign_in(&[]);
    let twin = scene.phone.twin().await;
    let theirs = scene.get(&options, Answer::Decline).await;
    let ours = get(&client, &options, &origin, &twin, Answer::Decline).await.unwrap_err();
    assert_eq!(theirs.exception(), ours);
}

/// Our client's answer, or its name for the error.
pub(crate) async fn create(
    client: &Client,
    options: &Value,
    origin: &Origin,
    phone: &Phone,
    answer: Answer,
) -> Result<String, &'static str> {
    let options = CreationOptions::from_json(&options.to_string()).unwrap();
    let ceremony = client.create(&options, origin).map_err(|error| error.dom_exception().name())?;
    let made = perform(ceremony, phone, answer).await?;
    Ok(made.to_json().expose().to_owned())
}

pub(crate) async fn get(
    client: &Client,
    options: &Value,
    origin: &Origin,
    phone: &Phone,
    answer: Answer,
) -> Result<String, &'static str> {
    let options = RequestOptions::from_json(&options.to_string()).unwrap();
    let ceremony = client.get(&options, origin).map_err(|error| error.dom_exception().name())?;
    let signed = perform(ceremony, phone, answer).await?;
    Ok(signed.to_json().expose().to_owned())
}

async fn perform<T>(
    mut ceremony: Ceremony<T>,
    phone: &Phone,
    answer: Answer,
) -> Result<T, &'static str> {
    let code = ceremony.qr_code().unwrap().expose().parse().unwrap();
    let mut session = phone.authenticator(answer).await.answer(code).unwrap();
    let outcome = ceremony.outcome().await;
    drop(ceremony);
    session.outcome().await.unwrap();
    outcome.map_err(|error| match error.kind {
        ErrorKind::Status(status) => DomException::from(status).name(),
        _ => panic!("{error}"),
    })
}

/// What differs and is not listed, and what is listed and does not differ.
pub(crate) fn compare(
    name: &str,
    theirs: &str,
    ours: &str,
    about: About,
    listed: Differences,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let order = (decoded_answers::order(theirs, ours), decoded_answers::order(ours, theirs));
    if order.0 != order.1 {
        wrong.push(format!("{name}: members are in another order: {order:?}"));
    }
    let (theirs, ours) = (decoded_answers::of(theirs, about), decoded_answers::of(ours, about));
    let mut places: Vec<_> = theirs.keys().chain(ours.keys()).collect();
    places.sort();
    places.dedup();
    let mut differing = Vec::new();
    for place in places {
        let (theirs, ours) = (theirs.get(place), ours.get(place));
        if theirs != ours {
            differing.push(place.as_str());
            if !listed.iter().any(|(listed, _)| listed == place) {
                wrong.push(format!("{name}: {place}: Chromium's is {theirs:?}, ours is {ours:?}"));
            }
        }
    }
    for (place, reason) in listed {
        if !differing.contains(place) {
            wrong.push(format!("{name}: {place} does not differ, though {reason}"));
        }
    }
    wrong
}
