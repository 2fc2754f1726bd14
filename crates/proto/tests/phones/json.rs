//! JSON requests: message type 3, for phones that list digital credentials.
//!
//! Clauses: [CTAP 2.3 §11.5.1.2].

use fido_hybrid_proto::cbor::encode;
use fido_hybrid_proto::client::{
    ClientUpdate, Input, JsonRequest, MAX_REQUEST_LENGTH, Output, PhoneRequest,
};
use fido_hybrid_proto::ctap::CtapRequest;
use fido_hybrid_proto::error::{ErrorKind, PeerMisbehaved, Stage, Unsupported};
use fido_hybrid_proto::transport::{
    Features, MAX_MESSAGE, MessageType, PostHandshake, RequestHint,
};

use super::client_rig::{self, ClientRig, Flow, failed, sent};
use super::rig::make_credential;

const QUESTION: &str = r#"{"requestType":"credential.get"}"#;
const ANSWER: &str = r#"{"response":{"digital":{"error":"NO_CREDENTIAL"}}}"#;
const DC: Features = Features { ctap: false, digital_credentials: true };
const BOTH: Features = Features { ctap: true, digital_credentials: true };

fn introduction(features: Features) -> PostHandshake {
    let get_info = features.ctap.then(client_rig::info);
    PostHandshake { get_info, features, ..PostHandshake::ctap(Vec::new()) }
}

/// A client whose phone lists these features.
fn ready(features: Features) -> ClientRig {
    let mut rig = ClientRig::introducing(Flow::Qr);
    let outputs = rig.introduce(&encode(&introduction(features)));
    let [Output::Update(ClientUpdate::PhoneReady { features: told, get_info })] = &outputs[..]
    else {
        panic!("{outputs:?}")
    };
    assert_eq!((*told, get_info.is_some()), (features, features.ctap));
    assert_eq!(rig.transaction.features(), Some(features));
    assert_eq!(rig.transaction.get_info().is_some(), features.ctap);
    rig
}

fn json(text: &str) -> PhoneRequest {
    JsonRequest::new(text.to_owned(), RequestHint::CredentialPresentation).unwrap().into()
}

fn ask(rig: &mut ClientRig, request: PhoneRequest) -> Vec<Output> {
    rig.step(Input::Request { request, timeout: None })
}

/// The phone has this question.
fn asking(features: Features, text: &str) -> ClientRig {
    let mut rig = ready(features);
    let outputs = ask(&mut rig, json(text));
    assert!(matches!(outputs[..], [Output::Send(_), Output::Update(ClientUpdate::Asked)]));
    let [message] = sent(outputs).try_into().unwrap();
    let message = rig.channel.as_mut().unwrap().open(message).unwrap();
    assert_eq!((message.kind, message.payload.expose()), (MessageType::Json, text.as_bytes()));
    assert_eq!(rig.transaction.stage(), Stage::AwaitingResponse);
    rig
}

/// The text that the phone answered.
fn answer(outputs: &[Output]) -> &str {
    let [Output::JsonResponse(text)] = outputs else { panic!("{outputs:?}") };
    text.expose()
}

/// Ends before the phone was sent anything but the goodbye.
fn refused(mut rig: ClientRig, request: PhoneRequest) -> Unsupported {
    let outputs = ask(&mut rig, request);
    let error = failed(&outputs).clone();
    assert_eq!(error.stage, Stage::Ready);
    let [goodbye] = sent(outputs).try_into().unwrap();
    let goodbye = rig.channel.unwrap().open(goodbye).unwrap();
    assert_eq!(goodbye.kind, MessageType::Shutdown);
    let ErrorKind::Unsupported(unsupported) = error.kind else { panic!("{error:?}") };
    unsupported
}

#[test]
fn the_answer_is_the_text_that_came() {
    for features in [DC, BOTH] {
        let mut rig = asking(features, QUESTION);
        assert_eq!(answer(&rig.send(MessageType::Json, ANSWER.as_bytes())), ANSWER);
        assert_eq!(rig.transaction.stage(), Stage::Ready);
        // An answer is one: a disconnect after it is a good end.
        let outputs = rig.step(Input::TunnelClosed);
        assert!(matches!(outputs[..], [Output::Closed(Ok(()))]), "{outputs:?}");
    }
}

#[test]
fn one_phone_is_asked_in_both_ways() {
    let mut rig = asking(BOTH, QUESTION);
    rig.send(MessageType::Json, ANSWER.as_bytes());
    rig.ask(make_credential("ada").into());
    let outputs = rig.send(MessageType::Ctap, &[0x27]);
    assert!(matches!(outputs[..], [Output::Response(Err(_))]), "{outputs:?}");
    ask(&mut rig, json(QUESTION));
    assert_eq!(answer(&rig.send(MessageType::Json, b"{}")), "{}");
}

#[test]
fn a_phone_that_does_not_list_it_is_sent_no_json() {
    assert_eq!(refused(ready(Features::CTAP), json(QUESTION)), Unsupported::Json);
}

#[test]
fn a_phone_of_digital_credentials_alone_is_sent_no_ctap() {
    for request in [make_credential("ada").into(), CtapRequest::GetInfo] {
        assert_eq!(refused(ready(DC), request.try_into().unwrap()), Unsupported::Ctap);
    }
}

#[test]
fn a_phone_that_offers_nothing_ends_the_transaction() {
    let mut rig = ClientRig::introducing(Flow::Qr);
    let nothing = Features { ctap: false, digital_credentials: false };
    let error = failed(&rig.introduce(&encode(&introduction(nothing)))).clone();
    assert_eq!(error.stage, Stage::AwaitingPostHandshake);
    assert!(matches!(error.kind, ErrorKind::Unsupported(Unsupported::Ctap)), "{error:?}");
}

/// There every message is CTAP.
#[test]
fn a_phone_of_revision_zero_is_sent_no_json() {
    let mut rig = ClientRig::introducing(Flow::Qr);
    let mut padded = encode(&introduction(BOTH));
    padded.extend([0, 0, 2, 0]);
    rig.introduce(&padded);
    assert_eq!(rig.transaction.features(), Some(BOTH));
    let outputs = ask(&mut rig, json(QUESTION));
    let error = failed(&outputs).clone();
    assert!(matches!(error.kind, ErrorKind::Unsupported(Unsupported::Json)), "{error:?}");
    assert!(sent(outputs).is_empty());
}

#[test]
fn an_answer_of_the_other_type_ends_the_transaction() {
    let mut rig = asking(BOTH, QUESTION);
    let error = failed(&rig.send(MessageType::Ctap, &[0])).clone();
    let ErrorKind::PeerMisbehaved(error) = error.kind else { panic!("{error:?}") };
    assert_eq!(error, PeerMisbehaved::UnexpectedMessage(MessageType::Ctap));
    let mut rig = ready(BOTH);
    rig.ask(make_credential("ada").into());
    let error = failed(&rig.send(MessageType::Json, b"{}")).clone();
    let ErrorKind::PeerMisbehaved(error) = error.kind else { panic!("{error:?}") };
    assert_eq!(error, PeerMisbehaved::UnexpectedMessage(MessageType::Json));
}

#[test]
fn an_answer_that_is_not_utf_8_ends_the_transaction() {
    let mut rig = asking(DC, QUESTION);
    let error = failed(&rig.send(MessageType::Json, b"{\"\xff\"}")).clone();
    let ErrorKind::PeerMisbehaved(error) = error.kind else { panic!("{error:?}") };
    assert_eq!(error, PeerMisbehaved::NotUtf8);
}

#[test]
fn a_question_as_long_as_phones_take_is_sent_and_a_longer_one_is_not_made() {
    asking(DC, &"x".repeat(MAX_REQUEST_LENGTH));
    let too_long = "x".repeat(MAX_REQUEST_LENGTH + 1);
    let refused = JsonRequest::new(too_long, RequestHint::CredentialPresentation);
    assert_eq!(refused.unwrap_err(), Unsupported::RequestTooLong);
}

#[test]
fn an_answer_as_long_as_messages_can_be_is_taken() {
    let longest = "x".repeat(MAX_MESSAGE - 1);
    let mut rig = asking(DC, QUESTION);
    assert_eq!(answer(&rig.send(MessageType::Json, longest.as_bytes())), longest);
}

#[test]
fn the_code_tells_what_will_be_asked_and_debug_does_not() {
    let request = json("a secret");
    assert_eq!(request.hint(), RequestHint::CredentialPresentation);
    let shown = format!("{request:?}");
    assert!(shown.contains("SecretText(8 bytes)") && !shown.contains("secret\""), "{shown}");
}
