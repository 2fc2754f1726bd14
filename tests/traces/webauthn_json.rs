//! What a relying party gave and what it gets: options, what is made of them, answers.

use data_encoding::BASE64URL_NOPAD;
use fido_hybrid::crypto::sha256;
use fido_hybrid::ctap::extensions::{PrfAssertionOutput, PrfValues};
use fido_hybrid::ctap::{
    Aaguid, AuthenticatorData, CredentialDescriptor, CredentialId, Flags, GetAssertionResponse,
    GetInfoResponse,
};
use fido_hybrid::secret::{PrfOutput, SecretBytes};
use fido_hybrid::webauthn::{CreationOptions, Origin, RequestOptions, prf_input};
use fido_hybrid_sim::SeededRng;
use serde_json::json;

use super::finder::Secrets;
use super::trace_recorder::Notebook;

fn random<const N: usize>(part: &str) -> [u8; N] {
    let mut bytes = [0; N];
    rand_core::Rng::fill_bytes(&mut SeededRng::new(1).fork(part), &mut bytes);
    bytes
}

#[test]
fn of_prf_inputs_and_outputs_and_an_assertion() {
    let (notebook, mut secrets) = (Notebook::default(), Secrets::default());
    let salt = random::<32>("salt");
    secrets.bytes("what the relying party gave the PRF", &salt);
    secrets.bytes("the PRF input", prf_input(&salt).expose());
    let origin = Origin::parse("https://example.com").unwrap();
    let prf = json!({"prf": {"eval": {"first": BASE64URL_NOPAD.encode(&salt)}}});

    let registration = json!({
        "challenge": "AAECAw",
        "rp": {"id": "example.com", "name": "Example"},
        "user": {"id": "Bwg", "name": "ada", "displayName": "Ada"},
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "extensions": prf,
    });
    let options = CreationOptions::from_json(&registration.to_string()).unwrap();
    notebook.print(&options);
    let prepared = options.prepare(&origin).unwrap();
    notebook.print(&prepared);

    let id = CredentialId::new(random::<16>("id")).unwrap();
    let sign_in = json!({"challenge": "AAECAw", "rpId": "example.com", "extensions": prf});
    let options = RequestOptions::from_json(&sign_in.to_string()).unwrap();
    notebook.print(&options);
    let prepared = options.prepare(&origin).unwrap();
    notebook.print(&prepared);
    let signature = random::<70>("signature");
    let data = AuthenticatorData::new(sha256(&[b"example.com"]), Flags::USER_PRESENT, 7);
    secrets.bytes("the signature", &signature);
    secrets.bytes("what was signed", data.raw());
    secrets.bytes("the passkey's id", id.as_bytes());
    let mut response = GetAssertionResponse::new(
        CredentialDescriptor::new(id),
        data,
        SecretBytes::new(signature.to_vec()),
    );
    let (first, second) = (random("first output"), random("second output"));
    secrets.bytes("a PRF output", &first);
    secrets.bytes("the other PRF output", &second);
    response.unsigned_extensions.prf = Some(PrfAssertionOutput::new(PrfValues {
        first: PrfOutput::new(first),
        second: Some(PrfOutput::new(second)),
    }));
    notebook.print(&response);
    let phone = GetInfoResponse::new(vec!["FIDO_2_0".to_owned()], Aaguid::ZERO);
    let assertion = prepared.finish(&phone, response).unwrap();
    notebook.print(&assertion);
    let json = assertion.to_json();
    notebook.print(&json);
    notebook.assert_holds_none_of(&secrets);

    // And they are there: only not to be seen.
    assert!(secrets.find_in(json.expose()).is_some());
    assert!(json.expose().contains(&BASE64URL_NOPAD.encode(&second)));
}

#[test]
fn of_options_that_cannot_be_read() {
    let notebook = Notebook::default();
    let mut secrets = Secrets::default();
    let salt = random::<32>("salt");
    secrets.bytes("what the relying party gave the PRF", &salt);
    let text = BASE64URL_NOPAD.encode(&salt);
    let prf = json!({"prf": {"eval": {"first": text}}});
    let without_challenge = json!({"rpId": "example.com", "extensions": prf}).to_string();
    let cut = without_challenge[..without_challenge.len() - 4].to_owned();
    let broken = json!({"prf": {"eval": {"first": format!("{text}!")}}});
    let broken = json!({"challenge": "AA", "rpId": "example.com", "extensions": broken});
    for options in [without_challenge, cut, broken.to_string(), format!("\"{text}\"")] {
        let error = RequestOptions::from_json(&options).unwrap_err();
        notebook.say(&error);
        notebook.say(&CreationOptions::from_json(&options).unwrap_err());
    }
    notebook.assert_holds_none_of(&secrets);
}
