//! Raw CTAP: bytes go to the phone as they are, and so do those that come back.

use fido_hybrid_proto::cbor::encode;
use fido_hybrid_proto::client::{
    ClientUpdate, Input, MAX_REQUEST_LENGTH, Output, PhoneRequest, RawRequest,
};
use fido_hybrid_proto::error::{
    ApiMisuse, CancelledBy, ErrorKind, PeerMisbehaved, Stage, Unsupported,
};
use fido_hybrid_proto::transport::{
    ChannelError, CrypterError, Features, MAX_CIPHERTEXT, MAX_MESSAGE, MessageType, PostHandshake,
    RequestHint,
};

use super::client_rig::{ClientRig, Flow, failed, introduction, sent};

/// A vendor's command whose parameters are not even CBOR.
const VENDOR: [u8; 4] = [0x41, 0xff, 0x00, 0xbf];

const GET_INFO: u8 = 0x04;

fn raw(bytes: &[u8]) -> PhoneRequest {
    RawRequest::new(bytes, RequestHint::GetAssertion).unwrap().into()
}

fn ask(rig: &mut ClientRig, bytes: &[u8]) -> Vec<Output> {
    rig.step(Input::Request { request: raw(bytes), timeout: None })
}

/// The phone gets these bytes.
fn asks(rig: &mut ClientRig, bytes: &[u8]) {
    let outputs = ask(rig, bytes);
    assert!(matches!(outputs[..], [Output::Send(_), Output::Update(ClientUpdate::Asked)]));
    let [message] = sent(outputs).try_into().unwrap();
    let message = rig.channel.as_mut().unwrap().open(message).unwrap();
    assert_eq!((message.kind, message.payload.expose()), (MessageType::Ctap, bytes));
    assert_eq!(rig.transaction.stage(), Stage::AwaitingResponse);
}

fn asking(bytes: &[u8]) -> ClientRig {
    let mut rig = ClientRig::ready(Flow::Qr);
    asks(&mut rig, bytes);
    rig
}

/// The bytes that came out.
fn response(outputs: &[Output]) -> &[u8] {
    let [Output::RawResponse(response)] = outputs else { panic!("{outputs:?}") };
    response.expose()
}

fn misbehaved(outputs: &[Output]) -> PeerMisbehaved {
    let ErrorKind::PeerMisbehaved(error) = failed(outputs).kind else { panic!("{outputs:?}") };
    error
}

#[test]
fn bytes_of_every_command_go_both_ways_as_they_are() {
    let mut rig = ClientRig::ready(Flow::Qr);
    for command in 0..=u8::MAX {
        // With a byte behind it, it is not a getInfo.
        asks(&mut rig, &[command, 0xff]);
        let answer = [0x00, 0xff, command];
        assert_eq!(response(&rig.send(MessageType::Ctap, &answer)), answer);
        assert_eq!(rig.transaction.stage(), Stage::Ready);
    }
}

#[test]
fn a_status_is_a_response_and_not_an_error() {
    for answer in [&[0x27][..], &[0x36, 0xa0], &[0xf2, 0xff]] {
        let mut rig = asking(&VENDOR);
        assert_eq!(response(&rig.send(MessageType::Ctap, answer)), answer);
        // It is an answer: that the phone disconnects after it is a good end.
        let outputs = rig.step(Input::TunnelClosed);
        assert!(matches!(outputs[..], [Output::Closed(Ok(()))]), "{outputs:?}");
    }
}

#[test]
fn a_get_info_is_answered_with_the_phones_own_bytes_and_not_sent() {
    // {1: ["FIDO_2_0"], 3: AAGUID, 127: 1, "x": 1}
    let info = [
        &[0xa4, 0x01, 0x81, 0x68][..],
        b"FIDO_2_0",
        &[0x03, 0x50],
        &[9; 16],
        &[0x18, 0x7f, 0x01, 0x61, b'x', 0x01],
    ]
    .concat();
    let mut rig = ClientRig::introducing(Flow::Qr);
    rig.introduce(&introduction(&info));
    // The typed getInfo does not carry a member that is named by a text.
    assert_ne!(encode(rig.transaction.get_info().unwrap()), info);
    for _ in 0..2 {
        let outputs = ask(&mut rig, &[GET_INFO]);
        let (status, answer) = response(&outputs).split_first().unwrap();
        assert_eq!((*status, answer), (0x00, &info[..]));
        assert_eq!(rig.transaction.stage(), Stage::Ready);
    }
}

#[test]
fn a_phone_without_ctap_is_not_sent_anything() {
    let features = Features { ctap: false, digital_credentials: true };
    let message = PostHandshake { get_info: None, features, ..PostHandshake::ctap(Vec::new()) };
    for request in [&VENDOR[..], &[GET_INFO]] {
        let mut rig = ClientRig::introducing(Flow::Qr);
        rig.introduce(&encode(&message));
        let outputs = ask(&mut rig, request);
        let error = failed(&outputs).clone();
        assert!(matches!(error.kind, ErrorKind::Unsupported(Unsupported::Ctap)), "{error}");
        let [goodbye] = sent(outputs).try_into().unwrap();
        assert_eq!(rig.channel.unwrap().open(goodbye).unwrap().kind, MessageType::Shutdown);
    }
}

#[test]
fn a_request_has_a_command_and_is_no_longer_than_phones_take() {
    let hint = RequestHint::GetAssertion;
    let empty = RawRequest::new(Vec::new(), hint).unwrap_err();
    assert!(matches!(empty, ErrorKind::ApiMisuse(ApiMisuse::EmptyRequest)), "{empty}");
    asking(&[0x41; MAX_REQUEST_LENGTH]);
    let long = RawRequest::new(vec![0x41; MAX_REQUEST_LENGTH + 1], hint).unwrap_err();
    assert!(matches!(long, ErrorKind::Unsupported(Unsupported::RequestTooLong)), "{long}");
}

#[test]
fn a_response_has_a_status_and_is_no_longer_than_messages_can_be() {
    let mut rig = asking(&VENDOR);
    let longest = vec![0x00; MAX_MESSAGE - 1];
    assert_eq!(response(&rig.send(MessageType::Ctap, &longest)), longest);

    let outputs = asking(&VENDOR).receive(vec![0; MAX_CIPHERTEXT + 1]);
    let too_long = ChannelError::Crypter(CrypterError::TooLong);
    assert_eq!(misbehaved(&outputs), PeerMisbehaved::Channel(too_long));

    let outputs = asking(&VENDOR).send(MessageType::Ctap, &[]);
    assert_eq!(misbehaved(&outputs), PeerMisbehaved::EmptyResponse);
}

#[test]
fn an_answer_in_json_is_no_answer_to_raw_ctap() {
    let outputs = asking(&VENDOR).send(MessageType::Json, b"{}");
    assert_eq!(misbehaved(&outputs), PeerMisbehaved::UnexpectedMessage(MessageType::Json));
}

#[test]
fn cancelling_tells_the_phone_that_has_the_request() {
    let mut rig = asking(&VENDOR);
    let outputs = rig.step(Input::Cancel);
    let error = failed(&outputs).clone();
    assert!(matches!(error.kind, ErrorKind::Cancelled(CancelledBy::Caller)), "{error}");
    let [goodbye] = sent(outputs).try_into().unwrap();
    assert_eq!(rig.channel.unwrap().open(goodbye).unwrap().kind, MessageType::Shutdown);
}

#[test]
fn debug_shows_the_command_and_a_length() {
    let request = raw(&VENDOR);
    assert_eq!(request.hint(), RequestHint::GetAssertion);
    assert_eq!(format!("{request:?}"), "Raw(RawRequest { command: 0x41, length: 4 })");
}
