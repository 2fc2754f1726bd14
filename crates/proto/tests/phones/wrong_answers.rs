//! Phones whose answers are wrong in one field: each gets the error that names the
//! field, and nothing that was signed is handed on.

use fido_hybrid_proto::client::{Input, Output, PhoneRequest};
use fido_hybrid_proto::ctap::CtapResponse;
use fido_hybrid_proto::error::{ErrorKind, PeerMisbehaved, Stage};
use fido_hybrid_proto::transport::MessageType;
use fido_hybrid_testkit::wrong_answers::{Asked, Options, get_info, origin, wrong_answers};

use super::client_rig::{self, ClientRig, Flow};

/// The phone has the request.
fn asking(asked: Asked) -> ClientRig {
    let request: PhoneRequest = match asked.options() {
        Options::Create(options) => options.prepare(origin()).unwrap().try_into().unwrap(),
        Options::Get(options) => options.prepare(origin()).unwrap().try_into().unwrap(),
    };
    let mut rig = ClientRig::introducing(Flow::Qr);
    rig.introduce(&client_rig::introduction(&fido_hybrid_proto::cbor::encode(&get_info())));
    let outputs = rig.step(Input::Request { request, timeout: None });
    let [asked] = client_rig::sent(outputs).try_into().unwrap();
    rig.channel.as_mut().unwrap().open(asked).unwrap();
    rig
}

#[test]
fn each_wrong_field_of_an_answer_gets_the_error_that_names_it() {
    for wrong in wrong_answers() {
        let row = format!("{:?}, {}", wrong.asked, wrong.field);
        let (kind, answer) = wrong.message();
        let outputs = asking(wrong.asked).send(kind, &answer);
        let [Output::CloseTunnel, Output::Closed(Err(error))] = &outputs[..] else {
            panic!("{row}: {outputs:?}")
        };
        assert_eq!(error.stage, Stage::AwaitingResponse, "{row}");
        let ErrorKind::PeerMisbehaved(misbehaved) = error.kind else { panic!("{row}: {error:?}") };
        assert_eq!(misbehaved, wrong.error, "{row}");
    }
}

#[test]
fn the_right_answers_are_handed_on_and_a_second_answer_is_not() {
    for asked in Asked::ALL {
        let mut rig = asking(asked);
        let answer = asked.right_answer().bytes();
        let outputs = rig.send(MessageType::Ctap, &answer);
        assert!(
            matches!(
                &outputs[..],
                [Output::Response(Ok(
                    CtapResponse::MakeCredential(_) | CtapResponse::GetAssertion(_)
                ))]
            ),
            "{asked:?}: {outputs:?}"
        );
        let outputs = rig.send(MessageType::Ctap, &answer);
        let [Output::CloseTunnel, Output::Closed(Err(error))] = &outputs[..] else {
            panic!("{asked:?}: {outputs:?}")
        };
        let again = PeerMisbehaved::UnexpectedMessage(MessageType::Ctap);
        assert!(matches!(error.kind, ErrorKind::PeerMisbehaved(kind) if kind == again), "{error}");
    }
}
