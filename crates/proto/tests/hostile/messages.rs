//! Messages that are sealed as they should be and that no such device sends, or
//! not now.
//!
//! Clauses: [CTAP 2.2 §11.5.1.2].

use std::time::Duration;

use fido_hybrid_proto::authenticator::{self, AuthenticatorUpdate, Input, Output, Refusal};
use fido_hybrid_proto::cbor;
use fido_hybrid_proto::client::{self, ClientUpdate};
use fido_hybrid_proto::ctap::{CtapRequest, CtapResponse, Status};
use fido_hybrid_proto::error::{CancelledBy, Error, ErrorKind, PeerMisbehaved, Stage};
use fido_hybrid_proto::transport::{
    ChannelError, MessageError, MessageType, Revision, UpdateMessage,
};

use super::client_rig::{self, ClientRig, FLOWS, Flow};
use super::rig::{self, get_assertion, passkey};
use super::{SHORT_PEAK, misbehaviour, phone_rig, within};

const SECOND: Duration = Duration::from_secs(1);

const fn unexpected(kind: MessageType) -> PeerMisbehaved {
    PeerMisbehaved::UnexpectedMessage(kind)
}

/// An update as every phone sends it, without a link.
fn update() -> Vec<u8> {
    UpdateMessage::default().to_bytes().into_exposed()
}

fn is_refusal(output: &client::Output) -> bool {
    matches!(output, client::Output::Response(Err(Status::OPERATION_DENIED)))
}

/// The reply for a refusal.
const REFUSAL: [u8; 1] = [Status::OPERATION_DENIED.0];

#[test]
fn a_phone_sends_what_only_clients_send_or_what_was_not_offered() {
    for (kind, payload) in
        [(MessageType::Shutdown, &b"now"[..]), (MessageType::Json, b"{}"), (MessageType::Json, b"")]
    {
        for (stage, client) in client_rig::STAGES.into_iter().skip(1) {
            let mut rig = client();
            let outputs = within(SHORT_PEAK, || rig.send(kind, payload));
            let end = misbehaviour(client_rig::failed(&outputs));
            assert_eq!(end, (stage, unexpected(kind)));
            assert!(client_rig::sent(outputs).is_empty(), "no word after the end");
        }
    }
}

/// Where the introduction is due, the type byte is taken for CBOR.
#[test]
fn a_phone_sends_something_else_before_it_has_introduced_itself() {
    for (kind, payload, error) in [
        (MessageType::Shutdown, vec![], cbor::CborError::Expected("a map")),
        (MessageType::Ctap, REFUSAL.to_vec(), cbor::CborError::Expected("a map")),
        (MessageType::Update, update(), cbor::CborError::Expected("a map")),
        (MessageType::Json, b"{}".to_vec(), cbor::CborError::Expected("a map")),
    ] {
        let mut rig = ClientRig::introducing(Flow::Qr);
        let outputs = within(SHORT_PEAK, || rig.send(kind, &payload));
        let end = misbehaviour(client_rig::failed(&outputs));
        assert_eq!(end, (Stage::AwaitingPostHandshake, PeerMisbehaved::PostHandshake(error)));
    }
}

#[test]
fn a_phone_introduces_itself_twice() {
    for flow in FLOWS {
        let mut rig = ClientRig::ready(flow);
        let introduction = client_rig::introduction(&client_rig::info());
        let outputs = within(SHORT_PEAK, || rig.introduce(&introduction));
        // Its map is taken for a type.
        let error = ChannelError::Message(MessageError::UnknownType(introduction[0]));
        let end = misbehaviour(client_rig::failed(&outputs));
        assert_eq!(end, (Stage::Ready, PeerMisbehaved::Channel(error)));
    }
}

#[test]
fn a_phone_replies_without_a_request() {
    let mut rig = ClientRig::ready(Flow::Qr);
    let outputs = within(SHORT_PEAK, || rig.send(MessageType::Ctap, &REFUSAL));
    let end = misbehaviour(client_rig::failed(&outputs));
    assert_eq!(end, (Stage::Ready, unexpected(MessageType::Ctap)));
    assert!(!outputs.iter().any(is_refusal));
}

#[test]
fn a_phone_replies_twice_to_one_request() {
    let mut rig = ClientRig::asking(Flow::Qr);
    let outputs = rig.send(MessageType::Ctap, &REFUSAL);
    assert!(matches!(&outputs[..], [answer] if is_refusal(answer)));
    let outputs = within(SHORT_PEAK, || rig.send(MessageType::Ctap, &REFUSAL));
    let end = misbehaviour(client_rig::failed(&outputs));
    assert_eq!(end, (Stage::Ready, unexpected(MessageType::Ctap)));
    assert!(!outputs.iter().any(is_refusal), "told once");
}

#[test]
fn a_phone_replies_with_an_empty_frame() {
    let mut rig = ClientRig::asking(Flow::Qr);
    let outputs = within(SHORT_PEAK, || rig.send(MessageType::Ctap, &[]));
    let end = misbehaviour(client_rig::failed(&outputs));
    assert_eq!(end, (Stage::AwaitingResponse, PeerMisbehaved::EmptyResponse));
}

/// In revision 0, where there are no types, each frame is a reply.
#[test]
fn a_phone_of_the_oldest_kind_replies_with_an_empty_frame() {
    let oldest = || {
        let mut rig = ClientRig::introducing(Flow::Qr);
        let introduction = client_rig::introduction(&client_rig::info());
        // Followed by its padding's length, by which it is known.
        rig.introduce(&[&introduction[..], &[0, 0]].concat());
        rig.channel.as_mut().unwrap().set_revision(Revision::Zero);
        rig
    };
    let mut rig = oldest();
    let outputs = within(SHORT_PEAK, || rig.send(MessageType::Ctap, &[]));
    let end = misbehaviour(client_rig::failed(&outputs));
    assert_eq!(end, (Stage::Ready, unexpected(MessageType::Ctap)));
    let mut rig = oldest();
    rig.ask(get_assertion(&[]).into());
    let outputs = within(SHORT_PEAK, || rig.send(MessageType::Ctap, &[]));
    let end = misbehaviour(client_rig::failed(&outputs));
    assert_eq!(end, (Stage::AwaitingResponse, PeerMisbehaved::EmptyResponse));
}

#[test]
fn a_phone_replies_with_every_status_alone() {
    let mut rig = ClientRig::ready(Flow::Qr);
    for byte in 1..=255 {
        rig.ask(get_assertion(&[]).into());
        let outputs = within(SHORT_PEAK, || rig.send(MessageType::Ctap, &[byte]));
        assert!(
            matches!(outputs[..], [client::Output::Response(Err(status))] if status.0 == byte),
            "{outputs:?}"
        );
    }
    rig.ask(get_assertion(&[]).into());
    let outputs = within(SHORT_PEAK, || rig.send(MessageType::Ctap, &[Status::OK.0]));
    let error = PeerMisbehaved::Response(cbor::CborError::UnexpectedEnd);
    assert_eq!(misbehaviour(client_rig::failed(&outputs)), (Stage::AwaitingResponse, error));
}

#[test]
fn a_phone_updates_before_and_after_its_answer_and_late() {
    let mut rig = ClientRig::ready(Flow::Qr);
    assert!(rig.send(MessageType::Update, &update()).is_empty());
    let mut rig = ClientRig::asking(Flow::Qr);
    assert!(rig.send(MessageType::Update, &update()).is_empty());
    let outputs = rig.send(MessageType::Ctap, &REFUSAL);
    assert!(matches!(&outputs[..], [answer] if is_refusal(answer)));
    assert!(rig.send(MessageType::Update, &update()).is_empty());
    rig.step(client::Input::Finish);
    assert_eq!(rig.transaction.stage(), Stage::Closed);
    assert!(rig.send(MessageType::Update, &update()).is_empty());
}

/// A message is no sign of progress: the deadline of a stage stays.
#[test]
fn a_phone_that_only_sends_updates_is_not_waited_for_longer() {
    let mut rig = ClientRig::asking(Flow::Qr);
    let deadline = rig.transaction.deadline().unwrap();
    while rig.now + SECOND < deadline {
        rig.now += SECOND;
        let outputs = within(SHORT_PEAK, || rig.send(MessageType::Update, b"\xff"));
        assert!(matches!(outputs[..], [client::Output::Update(ClientUpdate::LinkDropped)]));
        assert_eq!(rig.transaction.deadline(), Some(deadline));
    }
    rig.now = deadline;
    let outputs = rig.send(MessageType::Update, b"\xff");
    let error = client_rig::failed(&outputs);
    assert_eq!(error.stage, Stage::AwaitingResponse);
    assert!(matches!(error.kind, ErrorKind::Deadline));
}

#[test]
fn a_client_that_only_asks_what_the_phone_is_does_not_hold_it_longer() {
    let mut rig = phone_rig::listening().0;
    let deadline = rig.transaction.deadline().unwrap();
    while rig.now + SECOND < deadline {
        rig.now += SECOND;
        let outputs = rig.ask(&CtapRequest::GetInfo);
        assert!(matches!(outputs[..], [Output::Send(_)]));
        assert!(rig.send(MessageType::Update, &[0xa0]).is_empty());
        assert!(matches!(
            rig.send(MessageType::Ctap, &[]).last(),
            Some(Output::Update(AuthenticatorUpdate::Refused(Refusal::Malformed(
                Status::INVALID_LENGTH
            ))))
        ));
        assert_eq!(rig.transaction.deadline(), Some(deadline));
    }
    rig.now = deadline;
    let error = rig::failed(&rig.step(Input::TimePassed));
    assert_eq!(error.stage, Stage::Listening);
    assert!(matches!(error.kind, ErrorKind::Deadline));
}

/// What each message of a client does to a phone that has none, or one, of its
/// requests. `None` if nothing.
fn expected(stage: Stage, kind: MessageType) -> Option<ErrorKind> {
    match (stage, kind) {
        (_, MessageType::Update) => None,
        (_, MessageType::Shutdown) => Some(ErrorKind::Cancelled(CancelledBy::Client)),
        // An empty request has a status for an answer.
        (Stage::Listening, MessageType::Ctap) => None,
        (_, kind) => Some(unexpected(kind).into()),
    }
}

/// The error as text: errors cannot be compared.
fn told(error: &Error) -> (Stage, String) {
    (error.stage, error.kind.to_string())
}

#[test]
fn a_client_sends_each_type_at_each_step_of_its_request() {
    for (kind, payload) in [
        (MessageType::Shutdown, &b""[..]),
        (MessageType::Shutdown, b"now"),
        (MessageType::Ctap, b""),
        (MessageType::Ctap, b"\x04"),
        (MessageType::Ctap, b"\x02\xa0"),
        (MessageType::Update, b"\xa0"),
        (MessageType::Json, b""),
        (MessageType::Json, b"{}"),
    ] {
        for (stage, phone) in phone_rig::STAGES {
            let mut rig = phone();
            let outputs = within(SHORT_PEAK, || rig.send(kind, payload));
            match expected(stage, kind) {
                None => {
                    assert!(rig::closed(&outputs).is_none());
                    assert_eq!(rig.transaction.stage(), stage);
                }
                Some(error) => {
                    let end = told(&rig::failed(&outputs));
                    assert_eq!(end, (stage, error.to_string()));
                    assert!(rig::sent(outputs).is_empty(), "nothing signed, nothing said");
                    // Nor does a late word of store or user change that.
                    for late in late_words() {
                        assert!(rig.step(late).is_empty());
                    }
                }
            }
        }
    }
}

fn late_words() -> [Input; 3] {
    [
        Input::PasskeysFound(Ok(vec![passkey(1, rig::RP_ID, "ada")])),
        Input::UseCounted(Ok(1)),
        Input::Saved(Ok(())),
    ]
}

#[test]
fn a_client_sends_invalid_updates() {
    for (payload, error) in [
        (&b""[..], cbor::CborError::UnexpectedEnd),
        (b"\xa1", cbor::CborError::UnexpectedEnd),
        (b"\xff", cbor::CborError::Forbidden),
        (b"\xa0\xa0", cbor::CborError::TrailingBytes),
        (b"\xa2\x00\x00\x00\x00", cbor::CborError::DuplicateKey),
        (b"\xb8\x00", cbor::CborError::NotCanonical),
    ] {
        for (stage, phone) in phone_rig::STAGES {
            let mut rig = phone();
            let outputs = within(SHORT_PEAK, || rig.send(MessageType::Update, payload));
            let end = misbehaviour(&rig::failed(&outputs));
            assert_eq!(end, (stage, PeerMisbehaved::Update(error)));
        }
    }
}

/// The same request again, each byte of it: what was answered once is asked of
/// the user again, and never signed from memory.
#[test]
fn a_client_asks_the_same_again() {
    let mut rig = phone_rig::listening().0;
    let mut signatures = Vec::new();
    for count in 1..=authenticator::MAX_PROMPTS {
        rig.ask(&get_assertion(&[]).into());
        let prompt = rig::prompt(&rig.find(vec![passkey(1, rig::RP_ID, "ada")]));
        let outputs = rig.decide(&prompt, rig::approved(0));
        assert!(rig::sent(outputs).is_empty());
        let outputs = rig.step(Input::UseCounted(Ok(count.into())));
        let command = fido_hybrid_proto::ctap::Command::GetAssertion;
        let Ok(CtapResponse::GetAssertion(signed)) = rig.answer(command, outputs) else { panic!() };
        assert!(!signatures.contains(&signed.signature));
        signatures.push(signed.signature);
    }
    let outputs = rig.ask(&get_assertion(&[]).into());
    let end = misbehaviour(&rig::failed(&outputs));
    assert_eq!(end, (Stage::Listening, PeerMisbehaved::TooManyRequests));
}
