//! WebAuthn JSON options, and the answers made for them.

use fido_hybrid::ctap::{Command, CtapRequest, CtapResponse, GetInfoResponse, RawResponse};
use fido_hybrid::error::{MAX_OPTIONS, OptionsError, Unsupported};
use fido_hybrid::webauthn::{CreationOptions, Origin, RequestOptions};

use super::memory;

/// Origins for the options of the seeds, and one with a public suffix below
/// its host.
const ORIGINS: [&str; 3] =
    ["https://login.example.com", "https://user.github.io", "http://localhost:8080"];

/// `json ‖ 00 ‖ response`: the options, as either kind, and what a phone would
/// answer to them.
pub fn webauthn_options(input: &[u8]) {
    let (json, response) = match input.iter().position(|byte| *byte == 0) {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (input, &input[input.len()..]),
    };
    let Ok(json) = str::from_utf8(json) else { return };
    // A `Value` takes 32 bytes where its text may take two, and lists grow by
    // doubling.
    let most = 16 * 1_024 + 128 * json.len();
    let response = RawResponse::parse(response.to_vec());
    let answer = |command| response.as_ref().ok()?.decode(command).ok();

    match memory::within(most, || CreationOptions::from_json(json)) {
        Ok(options) => created(&options, answer(Command::MakeCredential)),
        Err(error) => assert_refusal(&error, json),
    }
    match memory::within(most, || RequestOptions::from_json(json)) {
        Ok(options) => got(&options, answer(Command::GetAssertion)),
        Err(error) => assert_refusal(&error, json),
    }
}

fn assert_refusal(error: &OptionsError, json: &str) {
    let message = error.to_string();
    assert!(message.len() < 200, "{message}");
    assert!(json.len() <= MAX_OPTIONS || *error == OptionsError::TooLong);
}

fn assert_for_origin(rp_id: &str, asked: Option<&str>, origin: &Origin) {
    assert_eq!(rp_id, asked.unwrap_or(origin.host()).to_ascii_lowercase());
    let above = origin.host().strip_suffix(rp_id);
    assert!(above.is_some_and(|above| above.is_empty() || above.ends_with('.')), "{rp_id}");
    // The suffixes of the three origins.
    assert!(!["com", "github.io", "io", ""].contains(&rp_id), "{rp_id}");
}

/// A phone that can do everything, and one that can do nothing.
fn phones() -> [GetInfoResponse; 2] {
    let nothing = GetInfoResponse::new(vec!["FIDO_2_0".to_owned()], Default::default());
    let mut everything = nothing.clone();
    everything.options = ["rk", "uv"].map(|name| (name.to_owned(), true)).into();
    everything.extensions = ["prf", "credProtect", "largeBlob"].map(str::to_owned).into();
    [everything, nothing]
}

fn created(options: &CreationOptions, response: Option<CtapResponse>) {
    for origin in ORIGINS.map(|origin| Origin::parse(origin).unwrap()) {
        let Ok(prepared) = options.prepare(&origin) else { continue };
        assert_for_origin(&prepared.rp().id, options.rp_id.as_deref(), &origin);
        let longest = CtapRequest::from(prepared.longest_request()).to_bytes().len();
        for phone in phones() {
            let request = match prepared.request_for(&phone) {
                Ok(request) => request,
                // Only a passkey that is asked to be discoverable holds a blob.
                Err(Unsupported::LargeBlob) => continue,
                Err(_) => {
                    assert_ne!(phone.option("uv"), Some(true), "it can do everything");
                    continue;
                }
            };
            assert_eq!(request.client_data_hash, prepared.client_data().hash());
            let request = CtapRequest::from(request);
            assert!(request.to_bytes().len() <= longest);
            assert_eq!(CtapRequest::parse(&request.to_bytes()), Ok(request));
        }
        let Some(CtapResponse::MakeCredential(response)) = response.clone() else { continue };
        let [phone, _] = phones();
        if let Ok(registration) = prepared.finish(&phone, response) {
            let id = registration.credential_id().as_bytes().to_vec();
            assert_answer(registration.to_json().expose(), &id);
        }
    }
}

fn got(options: &RequestOptions, response: Option<CtapResponse>) {
    for origin in ORIGINS.map(|origin| Origin::parse(origin).unwrap()) {
        let Ok(prepared) = options.prepare(&origin) else { continue };
        assert_for_origin(prepared.rp_id(), options.rp_id.as_deref(), &origin);
        let longest = CtapRequest::from(prepared.longest_request()).to_bytes().len();
        for phone in phones() {
            let Ok(request) = prepared.request_for(&phone) else {
                assert_ne!(phone.option("uv"), Some(true), "it can do everything");
                continue;
            };
            assert_eq!(request.client_data_hash, prepared.client_data().hash());
            let request = CtapRequest::from(request);
            assert!(request.to_bytes().len() <= longest);
            assert_eq!(CtapRequest::parse(&request.to_bytes()), Ok(request));
        }
        let Some(CtapResponse::GetAssertion(response)) = response.clone() else { continue };
        let [phone, _] = phones();
        if let Ok(assertion) = prepared.finish(&phone, response) {
            let id = assertion.credential_id().as_bytes().to_vec();
            assert_answer(assertion.to_json().expose(), &id);
        }
    }
}

fn assert_answer(json: &str, id: &[u8]) {
    let answer: serde_json::Value = serde_json::from_str(json).unwrap();
    let id = data_encoding::BASE64URL_NOPAD.encode(id);
    assert_eq!(answer["id"], *id);
    assert_eq!(answer["rawId"], *id);
    assert_eq!(answer["type"], "public-key");
    assert!(answer["response"]["clientDataJSON"].is_string());
}
