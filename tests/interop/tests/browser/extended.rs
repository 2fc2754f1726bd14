//! Our client beside Chromium with options that few services have, and with a phone that
//! can do more than ours: large blobs, credProtect, and attestation of each format.

use ciborium::Value as Cbor;
use data_encoding::BASE64URL_NOPAD;
use fido_hybrid::webauthn::Origin;
use serde_json::{Value, json};

use crate::ceremony_runner::Scene;
use crate::client_compared::{Differences, Variant, compare, create, get};
use crate::decoded_answers::{self, About};
use crate::phone::Answer;
use crate::scripted_engine::Script;
use crate::site::ADA;

/// Chromium asks for a discoverable passkey that is found without verification only by
/// its id, of phones that list `credProtect`.
const UNASKED_PROTECTION: Differences = &[
    ("response.authenticatorData.head", "Chromium's has the flag of extensions"),
    (
        "response.authenticatorData.rest",
        "Chromium asks for protection that its page does not ask for, and ours does what the \
         page says; what has come from phones in the field lists no `credProtect`",
    ),
];

/// What getInfo lists, and what it is asked for.
const REGISTRATIONS: &[(&[&str], &[Variant])] = &[
    (
        &["largeBlob"],
        &[
            (
                "with a large blob preferred",
                |options| large_blob(options, json!({"support": "preferred"})),
                &[],
            ),
            (
                "with a large blob required",
                |options| large_blob(options, json!({"support": "required"})),
                &[],
            ),
            (
                "with extensions of other Levels, and unknown ones",
                |options| {
                    options["extensions"] = json!({
                        "exts": true,
                        "googleLegacyAppidSupport": false,
                        "telepathy": {"range": [1, 2], "": null},
                        "txAuthSimple": "?",
                        "uvm": true,
                    });
                },
                &[],
            ),
            (
                "with 64 excluded passkeys",
                |options| options["excludeCredentials"] = list(64, None),
                &[],
            ),
        ],
    ),
    (
        &[],
        &[
            (
                "with a large blob preferred of a phone that has none",
                |options| large_blob(options, json!({"support": "preferred"})),
                &[],
            ),
            (
                "with protection of a phone that has none",
                |options| protect(options, "userVerificationRequired"),
                &[],
            ),
        ],
    ),
    (
        &["credProtect"],
        &[
            ("with protection that was not asked for", |_| {}, UNASKED_PROTECTION),
            (
                "with optional verification",
                |options| protect(options, "userVerificationOptional"),
                &[],
            ),
            (
                "with verification or a list",
                |options| protect(options, "userVerificationOptionalWithCredentialIDList"),
                &[],
            ),
            (
                "with required verification",
                |options| protect(options, "userVerificationRequired"),
                &[],
            ),
            (
                "with required verification, enforced",
                |options| {
                    protect(options, "userVerificationRequired");
                    options["extensions"]["enforceCredentialProtectionPolicy"] = true.into();
                },
                &[],
            ),
        ],
    ),
];

const SIGN_INS: &[Variant] = &[
    ("with a large blob to read", |options| large_blob(options, json!({"read": true})), &[]),
    (
        "with a large blob to write",
        |options| {
            allowed(options).truncate(1);
            large_blob(options, json!({"write": "AAECAwQFBgcICQ"}));
        },
        &[],
    ),
    (
        "with extensions of other Levels, and unknown ones",
        |options| {
            options["extensions"] = json!({
                "uvm": true, "txAuthSimple": "?", "telepathy": {"range": [1, 2], "": null},
            });
        },
        &[],
    ),
    (
        "with 64 allowed passkeys",
        |options| {
            let known = allowed(options)[0]["id"].as_str().unwrap().to_owned();
            options["allowCredentials"] = list(64, Some(&known));
        },
        &[],
    ),
];

/// What is wrong with options before there is a phone.
type Refused = (&'static str, fn(&mut Value));

const REFUSED_REGISTRATIONS: &[Refused] = &[
    ("a large blob to read", |options| large_blob(options, json!({"read": true}))),
    ("a large blob to write", |options| large_blob(options, json!({"write": "AA"}))),
    ("prf by credential", |options| {
        options["extensions"] = json!({"prf": {"evalByCredential": {"AA": {"first": "AA"}}}});
    }),
    ("an application id without https", |options| {
        options["extensions"] = json!({"appidExclude": "http://localhost/app-id.json"});
    }),
    ("an application id of another party", |options| {
        options["extensions"] = json!({"appidExclude": "https://example.com/app-id.json"});
    }),
    ("an RP ID of another party", |options| options["rp"]["id"] = "example.com".into()),
];

const REFUSED_SIGN_INS: &[Refused] = &[
    ("support for large blobs", |options| large_blob(options, json!({"support": "required"}))),
    ("a large blob to read and to write", |options| {
        large_blob(options, json!({"read": true, "write": "AA"}));
    }),
    ("a large blob to write for any passkey", |options| {
        allowed(options).clear();
        large_blob(options, json!({"write": "AA"}));
    }),
    ("a large blob to write for two passkeys", |options| {
        options["allowCredentials"] = list(2, None);
        large_blob(options, json!({"write": "AA"}));
    }),
    ("prf by a credential that is not allowed", |options| {
        options["extensions"] = json!({"prf": {"evalByCredential": {"AA": {"first": "AA"}}}});
    }),
    ("an application id of another party", |options| {
        options["extensions"] = json!({"appid": "https://example.com/app-id.json"});
    }),
    ("an RP ID of another party", |options| options["rpId"] = "example.com".into()),
];

fn large_blob(options: &mut Value, input: Value) {
    options["extensions"] = json!({"largeBlob": input});
}

fn protect(options: &mut Value, policy: &str) {
    options["extensions"] = json!({"credentialProtectionPolicy": policy});
}

fn allowed(options: &mut Value) -> &mut Vec<Value> {
    options["allowCredentials"].as_array_mut().unwrap()
}

/// A list of as many passkeys that do not exist, the last of which is replaced.
fn list(length: u8, last: Option<&str>) -> Value {
    let ids = (0..length).map(|number| match last {
        Some(id) if number == length - 1 => id.to_owned(),
        _ => BASE64URL_NOPAD.encode(&[number; 64]),
    });
    ids.map(|id| json!({"type": "public-key", "id": id})).collect()
}

/// Each format of [WebAuthn L3 §8], and one that is not registered.
fn statements() -> Vec<(&'static str, Cbor)> {
    let bytes = |byte: u8| Cbor::Bytes(vec![byte; 40]);
    let chain = || ("x5c".into(), Cbor::Array(vec![bytes(1), bytes(2)]));
    let signature = || ("sig".into(), bytes(3));
    let algorithm = || ("alg".into(), (-7).into());
    let statement = |members: Vec<(Cbor, Cbor)>| Cbor::Map(members);
    vec![
        ("none", statement(Vec::new())),
        ("packed", statement(vec![algorithm(), signature()])),
        ("packed", statement(vec![algorithm(), signature(), chain()])),
        ("fido-u2f", statement(vec![signature(), chain()])),
        ("android-key", statement(vec![algorithm(), signature(), chain()])),
        (
            "android-safetynet",
            statement(vec![("ver".into(), "1".into()), ("response".into(), bytes(4))]),
        ),
        ("apple", statement(vec![chain()])),
        (
            "tpm",
            statement(vec![
                ("ver".into(), "2.0".into()),
                algorithm(),
                signature(),
                chain(),
                ("certInfo".into(), bytes(5)),
                ("pubArea".into(), bytes(6)),
            ]),
        ),
        ("telepathy", statement(vec![("wave".into(), bytes(7))])),
    ]
}

/// Where ours differs from Chromium's in statements.
const STATEMENTS: Differences = &[];

pub(crate) async fn our_client_gives_a_site_what_chromium_gives_it_with_extended_options(
    mut scene: Scene<'_>,
) {
    let client = scene.world.client();
    let origin = Origin::parse(scene.site().origin()).unwrap();
    let mut wrong = Vec::new();
    for (extensions, variants) in REGISTRATIONS {
        scene.phone.use_script(Script { extensions, ..Script::default() });
        for (name, change, differences) in *variants {
            let (mut options, _) = scene.site().registration(ADA);
            change(&mut options);
            let twin = scene.phone.twin().await;
            let theirs = scene.create(&options, Answer::Agree).await.credential_text();
            let ours = create(&client, &options, &origin, &twin, Answer::Agree).await;
            wrong.extend(match ours {
                Ok(ours) => compare(name, &theirs, &ours, About::New, differences),
                Err(error) => vec![format!("{name}: ours is {error}")],
            });
        }
    }

    let (extensions, blob): (&[_], _) = (&["largeBlob"], Some(&b"large"[..]));
    scene.phone.use_script(Script { extensions, blob, ..Script::default() });
    let (options, state) = scene.site().registration(ADA);
    let made = scene.create(&options, Answer::Agree).await.credential();
    let known = scene.site().register(&made, &state);
    for (name, change, differences) in SIGN_INS {
        let (mut options, _) = scene.site().sign_in(&[&known]);
        change(&mut options);
        let twin = scene.phone.twin().await;
        let theirs = scene.get(&options, Answer::Agree).await.credential_text();
        let ours = get(&client, &options, &origin, &twin, Answer::Agree).await;
        wrong.extend(match ours {
            Ok(ours) => compare(name, &theirs, &ours, About::Known, differences),
            Err(error) => vec![format!("{name}: ours is {error}")],
        });
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

pub(crate) async fn our_client_gives_a_site_each_attestation_that_chromium_gives_it(
    mut scene: Scene<'_>,
) {
    let client = scene.world.client();
    let origin = Origin::parse(scene.site().origin()).unwrap();
    let mut wrong = Vec::new();
    for (format, statement) in statements() {
        for conveyance in ["direct", "none"] {
            // One is enough to see that what was not asked for is not given on.
            if conveyance == "none" && format != "fido-u2f" {
                continue;
            }
            let name = format!("{format}, {statement:?}, {conveyance}");
            let statement = Some((format, statement.clone()));
            scene.phone.use_script(Script { statement, ..Script::default() });
            let (mut options, _) = scene.site().registration(ADA);
            options["attestation"] = conveyance.into();
            let twin = scene.phone.twin().await;
            let theirs = scene.create(&options, Answer::Agree).await.credential_text();
            let given = &decoded_answers::of(&theirs, About::New)["response.attestationObject"];
            let expected = if conveyance == "direct" { format } else { "none" };
            assert_eq!(given[0], json!(["fmt", expected]), "{name}");
            let ours = create(&client, &options, &origin, &twin, Answer::Agree).await;
            wrong.extend(match ours {
                Ok(ours) => compare(&name, &theirs, &ours, About::New, STATEMENTS),
                Err(error) => vec![format!("{name}: ours is {error}")],
            });
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

pub(crate) async fn our_client_refuses_options_as_chromium_does(mut scene: Scene<'_>) {
    let (options, state) = scene.site().registration(ADA);
    let made = scene.create(&options, Answer::Agree).await.credential();
    let known = scene.site().register(&made, &state);
    let (client, chromium) = (scene.world.client(), &scene.world.chromium);
    let origin = Origin::parse(scene.site().origin()).unwrap();
    let mut wrong = Vec::new();
    for (name, change) in REFUSED_REGISTRATIONS {
        let (mut options, _) = scene.site().registration(ADA);
        change(&mut options);
        let theirs = chromium.ceremony("create", &options).await;
        let ours = create(&client, &options, &origin, &scene.phone, Answer::Agree).await;
        wrong.extend(differing(name, &theirs, ours));
    }
    // WebAuthn has no rule for this; ours has nothing to enforce [CTAP 2.2 §12.1].
    let (mut options, _) = scene.site().registration(ADA);
    options["extensions"] = json!({"enforceCredentialProtectionPolicy": true});
    let theirs = chromium.ceremony("create", &options).await;
    assert_eq!(theirs["exception"], "NotSupportedError");
    create(&client, &options, &origin, &scene.phone.twin().await, Answer::Agree).await.unwrap();

    for (name, change) in REFUSED_SIGN_INS {
        let (mut options, _) = scene.site().sign_in(&[&known]);
        change(&mut options);
        let theirs = chromium.ceremony("get", &options).await;
        let ours = get(&client, &options, &origin, &scene.phone, Answer::Agree).await;
        wrong.extend(differing(name, &theirs, ours));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What the page and our client's caller are told, if it is not the same exception.
fn differing(name: &str, theirs: &Value, ours: Result<String, &str>) -> Option<String> {
    let is_same = ours.is_err() && theirs["exception"].as_str() == ours.as_ref().err().copied();
    (!is_same).then(|| format!("{name}: Chromium's is {theirs}, ours is {ours:?}"))
}
