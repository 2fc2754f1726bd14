//! A recorded sign-in with an iPhone, run through the client's own transaction:
//! its QR secret and private keys go in with what the phone sent, and out come
//! the very bytes that the recorded client sent, the phone's getInfo and its
//! assertion.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use fido_hybrid_proto::ports::bluetooth::{AdvertReport, SERVICE_UUID};
use fido_hybrid_testkit::vectors;
use std::time::Duration;

use fido_hybrid_proto::client::{
    ClientConfig, ClientUpdate, Input, Output, QrSecrets, Transaction,
};
use fido_hybrid_proto::crypto::SecretKey;
use fido_hybrid_proto::ctap::{CtapRequest, CtapResponse, Flags};
use fido_hybrid_proto::error::{Error, ErrorKind, PeerMisbehaved, ResponseMismatch, Stage};
use fido_hybrid_proto::secret::QrSecret;
use fido_hybrid_proto::transport::{Features, QrCode, RequestHint};
use serde_json::Value;
use vectors::{array, bytes, vector};

const NOW: Duration = Duration::from_secs(1);

struct Recording {
    inputs: Value,
    outputs: Value,
}

impl Recording {
    fn load() -> Self {
        let mut vector = vector("noise/iphone-full-transcript");
        Self { inputs: vector["inputs"].take(), outputs: vector["outputs"].take() }
    }

    fn client(&self) -> Transaction {
        let key = |name: &str| SecretKey::from_scalar(&array(&self.inputs[name])).unwrap();
        let keys = QrSecrets {
            identity: key("client_static_private"),
            secret: QrSecret::new(array(&self.inputs["qr_secret"])),
            ephemeral: key("client_ephemeral_private"),
        };
        let config = ClientConfig::new(RequestHint::GetAssertion);
        Transaction::qr(config, keys, Duration::ZERO, 1_780_082_784)
    }

    fn request(&self) -> CtapRequest {
        let plaintext = bytes(&self.inputs["ctap_request_plaintext"]);
        let (message_type, request) = plaintext.split_first().unwrap();
        assert_eq!(*message_type, 1);
        CtapRequest::parse(request).unwrap()
    }

    fn message(&self, name: &str) -> Input {
        Input::Message(bytes(&self.inputs[name]))
    }
}

fn step(client: &mut Transaction, input: Input) -> Vec<Output> {
    client.handle(NOW, input).unwrap();
    std::iter::from_fn(|| client.poll_output()).collect()
}

fn sent(outputs: &[Output]) -> Vec<Vec<u8>> {
    let send = |output: &Output| match output {
        Output::Send(message) => Some(message.clone()),
        _ => None,
    };
    outputs.iter().filter_map(send).collect()
}

/// Plays the recording up to the phone's answer.
fn ask(recording: &Recording, client: &mut Transaction, request: CtapRequest) {
    while client.poll_output().is_some() {}

    let outputs = step(
        client,
        Input::Advert(AdvertReport::new(SERVICE_UUID, bytes(&recording.inputs["advert"]))),
    );
    assert!(outputs.iter().any(|output| matches!(output, Output::StopScanning)));
    let dialled = outputs.iter().find_map(|output| match output {
        Output::Dial(request) => Some(request.url.to_string()),
        _ => None,
    });
    let tunnel_id = recording.outputs["tunnel_id"].as_str().unwrap().to_uppercase();
    let url = format!("wss://cable.auth.com/cable/connect/4D5888/{tunnel_id}");
    assert_eq!(dialled.unwrap(), url);

    let outputs = step(client, Input::TunnelOpened { connect_signal: false });
    assert_eq!(sent(&outputs), [bytes(&recording.outputs["handshake_initial"])]);

    let outputs = step(client, recording.message("handshake_response"));
    assert!(matches!(outputs[..], [Output::Update(ClientUpdate::Secured)]));

    let outputs = step(client, recording.message("post_handshake_ciphertext"));
    let [Output::Update(ClientUpdate::PhoneReady { features, get_info: Some(info) })] =
        &outputs[..]
    else {
        panic!("{outputs:?}");
    };
    assert_eq!(*features, Features { ctap: true, digital_credentials: true });
    assert_eq!(info.versions, ["FIDO_2_0", "FIDO_2_1"]);
    assert_eq!(info.extensions, ["largeBlob", "prf"]);
    assert_eq!(info.option("jsonMessages"), Some(true));
    assert_eq!(info.transports, ["internal", "hybrid"]);

    let asked =
        step(client, Input::Request { request: request.try_into().unwrap(), timeout: None });
    assert_eq!(sent(&asked).len(), 1);
    assert_eq!(client.stage(), Stage::AwaitingResponse);
}

#[test]
fn the_code_of_the_recorded_client_is_shown() {
    let recording = Recording::load();
    let client = recording.client();
    let code: QrCode = client.qr_text().unwrap().expose().parse().unwrap();
    let expected = bytes(&recording.outputs["client_static_public_compressed"]);
    assert_eq!(code.public_key.compressed()[..], expected[..]);
    assert_eq!(code.secret, QrSecret::new(array(&recording.inputs["qr_secret"])));
}

#[test]
fn the_phones_assertion_comes_out() {
    let recording = Recording::load();
    let mut client = recording.client();
    ask(&recording, &mut client, recording.request());

    let outputs = step(&mut client, recording.message("ctap_response_ciphertext"));
    let [Output::Response(Ok(CtapResponse::GetAssertion(assertion)))] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    assert_eq!(client.stage(), Stage::Ready);
    assert_eq!(
        assertion.auth_data.flags(),
        Flags::USER_PRESENT | Flags::USER_VERIFIED | Flags::BACKUP_ELIGIBLE | Flags::BACKED_UP
    );
    assert_eq!(assertion.auth_data.sign_count(), 0);
    assert_eq!(assertion.user_selected, Some(true));
    assert!(assertion.user.is_some());

    // Byte for byte what was recorded, down to the signature in it.
    let plaintext = bytes(&recording.outputs["ctap_response_padded_plaintext"]);
    let holds = |part: &[u8]| plaintext.windows(part.len()).any(|window| window == part);
    assert!(holds(assertion.signature.expose()));
    assert!(holds(assertion.auth_data.raw()));

    let outputs = step(&mut client, Input::Finish);
    assert_eq!(sent(&outputs).len(), 1, "a shutdown");
    assert!(matches!(outputs.last(), Some(Output::Closed(Ok(())))));
}

#[test]
fn the_request_is_sealed_as_the_recorded_client_sealed_it() {
    let recording = Recording::load();
    let mut client = recording.client();
    while client.poll_output().is_some() {}
    step(
        &mut client,
        Input::Advert(AdvertReport::new(SERVICE_UUID, bytes(&recording.inputs["advert"]))),
    );
    step(&mut client, Input::TunnelOpened { connect_signal: false });
    step(&mut client, recording.message("handshake_response"));
    step(&mut client, recording.message("post_handshake_ciphertext"));
    let outputs = step(
        &mut client,
        Input::Request { request: recording.request().try_into().unwrap(), timeout: None },
    );
    assert_eq!(sent(&outputs), [bytes(&recording.outputs["ctap_request_ciphertext"])]);
}

#[test]
fn the_same_answer_to_a_request_for_another_rp_is_refused() {
    let recording = Recording::load();
    let mut client = recording.client();
    let CtapRequest::GetAssertion(mut request) = recording.request() else { panic!() };
    request.rp_id = "example.org".to_owned();
    ask(&recording, &mut client, CtapRequest::GetAssertion(request));
    let outputs = step(&mut client, recording.message("ctap_response_ciphertext"));
    let Some(Output::Closed(Err(Error { stage: Stage::AwaitingResponse, kind, .. }))) =
        outputs.last()
    else {
        panic!("{outputs:?}");
    };
    let expected = PeerMisbehaved::ResponseMismatch(ResponseMismatch::RelyingParty);
    assert!(matches!(kind, ErrorKind::PeerMisbehaved(misbehaved) if *misbehaved == expected));
}
