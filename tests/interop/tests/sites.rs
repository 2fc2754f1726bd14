//! Options of large services, answered by our client and our phone in a simulated room,
//! and the answers verified by servers of other people: webauthn-rs-core, py_webauthn and
//! @simplewebauthn/server.
//!
//! `tests/vectors/sites` has the options. The two servers that are not Rust come by
//! `tests/interop/verifiers/install`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use fido_hybrid::authenticator::{Attestation, Profile, UserVerification};
use fido_hybrid::ctap::CredentialId;
use fido_hybrid_testkit::simulated_phone::SimulatedPhone;
use fido_hybrid_testkit::sites::{self, Site};
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::error::WebauthnError;
use webauthn_rs_core::proto::Credential;

/// What a server expects, and how it is made to expect another value.
type Other = (&'static str, fn(&mut Expected));

const OTHER: [Other; 3] = [
    ("challenge", |expected| expected.challenge = BASE64URL_NOPAD.encode(&[0; 32])),
    ("origin", |expected| expected.origin = "https://other.example".to_owned()),
    ("RP ID", |expected| expected.rp_id = "other.example".to_owned()),
];

/// A registration, and for some services a sign-in after it.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Ceremony {
    name: String,
    registration: Expected,
    sign_in: Option<Expected>,
}

/// An answer, and what the server has in mind when it gets it.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Expected {
    answer: String,
    challenge: String,
    origin: String,
    rp_id: String,
    /// Whether the user must be verified.
    verification: bool,
    algorithms: Vec<i64>,
}

/// A ceremony with the options of each service.
fn ceremonies() -> Vec<Ceremony> {
    let verified = |site| ceremony(site, UserVerification::Verified);
    let all: Vec<_> = sites::all().iter().map(verified).collect();
    assert!(all.len() >= 26, "{}", all.len());
    assert!(all.iter().any(|ceremony| ceremony.sign_in.is_some()));
    all
}

/// The same with a phone that cannot verify its user, for services that do without.
fn unverified_ceremonies() -> Vec<Ceremony> {
    let mut sites = sites::all();
    sites.retain(|site| !site.requires_verification());
    let all: Vec<_> = sites.iter().map(|site| ceremony(site, UserVerification::Present)).collect();
    assert!(all.len() >= 10, "{}", all.len());
    all
}

fn ceremony(site: &Site, capability: UserVerification) -> Ceremony {
    let mut profile = Profile::default();
    // As far as a service asks for it.
    profile.attestation = Attestation::Packed;
    profile.capability = capability;
    let mut phone = SimulatedPhone::new(profile);
    let name = format!("{}, {capability:?}", site.name);
    if site.is_registration() {
        let algorithms = site.algorithms().iter().map(|algorithm| algorithm.0).collect();
        let answer = phone.register(&site.options, &site.origin);
        return Ceremony { name, registration: expected(site, answer, algorithms), sign_in: None };
    }
    let options = json!({
        "challenge": site.parsed["challenge"],
        "rp": {"id": site.rp_id(), "name": site.rp_id()},
        "user": {"id": "AAAA", "name": "ada@example.com", "displayName": "Ada Lovelace"},
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "authenticatorSelection": {"residentKey": "required"},
    });
    let answer = phone.register(&options.to_string(), &site.origin);
    let registered: Value = serde_json::from_str(&answer).unwrap();
    let id = BASE64URL_NOPAD.decode(registered["id"].as_str().unwrap().as_bytes()).unwrap();
    let registration = expected(site, answer, vec![-7]);
    let answer = phone.sign_in(&site.allowing(&CredentialId::new(id).unwrap()), &site.origin);
    Ceremony { name, registration, sign_in: Some(expected(site, answer, Vec::new())) }
}

fn expected(site: &Site, answer: String, algorithms: Vec<i64>) -> Expected {
    Expected {
        answer,
        challenge: BASE64URL_NOPAD.encode(&site.challenge()),
        origin: site.origin.as_str().to_owned(),
        rp_id: site.rp_id().to_owned(),
        verification: site.requires_verification(),
        algorithms,
    }
}

/// With another expectation of the last answer.
fn disappointed(ceremony: &Ceremony, what: &str, change: fn(&mut Expected)) -> Ceremony {
    let mut ceremony = ceremony.clone();
    ceremony.name = format!("{}, another {what}", ceremony.name);
    change(ceremony.sign_in.as_mut().unwrap_or(&mut ceremony.registration));
    ceremony
}

/// Each answer is accepted as what it is, and as nothing else.
fn assert_verified(verify: impl Fn(&[Ceremony]) -> Vec<Option<String>>) {
    let verified = ceremonies();
    let unverified = unverified_ceremonies();
    let right = [&verified[..], &unverified].concat();
    let others = OTHER.iter().flat_map(|(what, change)| {
        right.iter().map(|ceremony| disappointed(ceremony, what, *change))
    });
    let verification = unverified.iter().map(|ceremony| {
        disappointed(ceremony, "verification", |expected| expected.verification = true)
    });
    let wrong: Vec<_> = others.chain(verification).collect();

    let errors = verify(&right);
    assert_eq!(errors.len(), right.len());
    for (ceremony, error) in right.iter().zip(errors) {
        assert_eq!(error, None, "{}", ceremony.name);
    }
    let errors = verify(&wrong);
    assert_eq!(errors.len(), wrong.len());
    for (ceremony, error) in wrong.iter().zip(errors) {
        assert!(error.is_some(), "{}", ceremony.name);
    }
}

#[test]
fn webauthn_rs_core_accepts_each_answer() {
    assert_verified(|ceremonies| {
        let verify = |ceremony| webauthn_rs(ceremony).err().map(|error| error.to_string());
        ceremonies.iter().map(verify).collect()
    });
}

#[test]
fn py_webauthn_accepts_each_answer() {
    let python = verifiers().join("python/bin/python");
    if !is_installed(&python, "py_webauthn") {
        return;
    }
    assert_verified(|ceremonies| {
        run(Command::new(&python).args(["-c", include_str!("../verifiers/verify.py")]), ceremonies)
    });
}

#[test]
fn simplewebauthn_server_accepts_each_answer() {
    if let Ok(why) = std::fs::read_to_string(verifiers().join("node-left-out")) {
        eprintln!("LEFT OUT: @simplewebauthn/server, {}", why.trim_end());
        return;
    }
    if !is_installed(&verifiers().join("node_modules"), "@simplewebauthn/server") {
        return;
    }
    assert_verified(|ceremonies| {
        let script = include_str!("../verifiers/verify.mjs");
        let mut node = Command::new("node");
        // Its packages are looked for in the current folder.
        node.args(["--input-type=module", "-e", script]).current_dir(verifiers());
        run(&mut node, ceremonies)
    });
}

/// Where `verifiers/install` puts them.
fn verifiers() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("verifiers")
}

fn is_installed(path: &Path, what: &str) -> bool {
    if path.exists() {
        return true;
    }
    eprintln!("LEFT OUT: {what}, which tests/interop/verifiers/install installs");
    assert!(std::env::var_os("CI").is_none(), "{what} is missing");
    false
}

/// The error of each ceremony, if it has one.
fn run(verifier: &mut Command, ceremonies: &[Ceremony]) -> Vec<Option<String>> {
    let mut program = verifier.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let input = serde_json::to_vec(ceremonies).unwrap();
    program.stdin.take().unwrap().write_all(&input).unwrap();
    let output = program.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// webauthn-rs-core makes its challenges itself: they are replaced in its state.
fn webauthn_rs(ceremony: &Ceremony) -> Result<(), WebauthnError> {
    let known = registered(&ceremony.registration)?;
    let Some(expected) = &ceremony.sign_in else { return Ok(()) };
    let rp = relying_party(expected);
    let challenge = rp.new_challenge_authenticate_builder(vec![known], None)?;
    let (_, state) = rp.generate_challenge_authenticate(challenge)?;
    let state = serde_json::from_value(expecting(&state, expected)).unwrap();
    rp.authenticate_credential(&serde_json::from_str(&expected.answer).unwrap(), &state)?;
    Ok(())
}

fn registered(expected: &Expected) -> Result<Credential, WebauthnError> {
    let rp = relying_party(expected);
    let challenge = rp.new_challenge_register_builder(b"user", "ada", "Ada Lovelace")?;
    let (_, state) = rp.generate_challenge_register(challenge)?;
    let state = serde_json::from_value(expecting(&state, expected)).unwrap();
    rp.register_credential(&serde_json::from_str(&expected.answer).unwrap(), &state, None)
}

fn relying_party(expected: &Expected) -> WebauthnCore {
    let (name, rp_id) = (&expected.rp_id, &expected.rp_id);
    let origins = vec![Url::parse(&expected.origin).unwrap()];
    let timeout = Duration::from_secs(60);
    WebauthnCore::new_unsafe_experts_only(name, rp_id, origins, timeout, None, None)
}

fn expecting(state: &impl Serialize, expected: &Expected) -> Value {
    let mut state = serde_json::to_value(state).unwrap();
    assert!(state["challenge"].is_string() && state["policy"].is_string());
    state["challenge"] = expected.challenge.as_str().into();
    state["policy"] = if expected.verification { "required" } else { "preferred" }.into();
    state
}
