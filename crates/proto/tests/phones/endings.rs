//! Phones that end the transaction without an answer, and phones that are lost: the
//! error tells them apart.
//!
//! Clauses: [CTAP 2.2 §11.5.1.2].

use std::io;
use std::sync::Arc;

use fido_hybrid_proto::client::{Input, Output};
use fido_hybrid_proto::ctap::Status;
use fido_hybrid_proto::error::{Advice, DomException, ErrorKind, Stage, TunnelError};
use fido_hybrid_proto::transport::MessageType;

use super::client_rig::{self, ClientRig, FLOWS, Flow};

fn broken() -> Input {
    Input::TunnelFailed(TunnelError::Broken(Arc::new(io::Error::other("reset"))))
}

fn closed(code: Option<u16>) -> Input {
    Input::TunnelFailed(TunnelError::Closed(code))
}

fn kind(outputs: &[Output]) -> ErrorKind {
    let Some(Output::Closed(Err(error))) = outputs.last() else { panic!("{outputs:?}") };
    assert_eq!(error.stage, Stage::AwaitingResponse);
    error.kind.clone()
}

#[test]
fn what_the_phone_ends_is_told_apart_from_what_the_network_ends() {
    for flow in FLOWS {
        for (input, expected) in [
            (Input::TunnelClosed, "ended-on-phone"),
            (closed(Some(1000)), "ended-on-phone"),
            // The service has lost the phone, or this side the service.
            (closed(Some(1001)), "peer-disconnected"),
            (closed(None), "peer-disconnected"),
            (closed(Some(1011)), "tunnel.closed"),
            (Input::TunnelFailed(TunnelError::Unresponsive), "tunnel.unresponsive"),
            (broken(), "tunnel.broken"),
        ] {
            let row = format!("{flow:?}, {input:?}");
            let outputs = ClientRig::asking(flow).step(input);
            assert_eq!(kind(&outputs).as_str(), expected, "{row}");
        }
    }
}

#[test]
fn a_phone_that_shuts_down_without_an_answer_has_ended_the_request() {
    let mut rig = ClientRig::asking(Flow::Qr);
    let outputs = rig.send(MessageType::Shutdown, &[]);
    assert_eq!(kind(&outputs).as_str(), "ended-on-phone");
    assert!(client_rig::sent(outputs).is_empty());
}

#[test]
fn a_phone_that_ends_behind_its_answer_ends_well() {
    for end in [None, Some(Input::TunnelClosed), Some(closed(Some(1001)))] {
        let mut rig = ClientRig::asking(Flow::Qr);
        let outputs = rig.send(MessageType::Ctap, &[Status::OPERATION_DENIED.0]);
        assert!(matches!(outputs[..], [Output::Response(Err(Status::OPERATION_DENIED))]));
        let outputs = match end {
            Some(end) => rig.step(end),
            None => rig.send(MessageType::Shutdown, &[]),
        };
        assert!(matches!(outputs.last(), Some(Output::Closed(Ok(())))), "{outputs:?}");
    }
}

#[test]
fn a_phone_that_goes_before_it_has_a_request_has_disconnected() {
    for (stage, rig) in client_rig::STAGES {
        let outputs = rig().step(Input::TunnelClosed);
        let Some(Output::Closed(Err(error))) = outputs.last() else { panic!("{outputs:?}") };
        let expected = match stage {
            Stage::AwaitingResponse => "ended-on-phone",
            _ => "peer-disconnected",
        };
        assert_eq!((error.stage, error.kind.as_str()), (stage, expected));
        assert!(error.can_retry());
        assert_eq!(error.dom_exception(), DomException::NotAllowed);
    }
    let outputs = ClientRig::asking(Flow::Qr).step(Input::TunnelClosed);
    let error = kind(&outputs);
    assert_eq!(error.to_string(), "the phone ended the request without an answer");
    let error = fido_hybrid_proto::error::Error::new(Stage::AwaitingResponse, error);
    assert_eq!(error.advice(), Advice::ContinueOnThePhone);
}
