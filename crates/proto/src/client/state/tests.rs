//! The end of the counters, which no test outside reaches: 2^24 messages away.

use super::phone_info::PhoneInfo;
use super::session::LinkPolicy;
use super::*;
use crate::cbor::encode;
use crate::client::ClientUpdate;
use crate::ctap::{Aaguid, CtapRequest, GetAssertionRequest, GetInfoResponse};
use crate::error::{Error, PeerMisbehaved};
use crate::state_machine::Runner;
use crate::transport::{
    Channel, ChannelError, CrypterError, HandshakeHash, MAX_COUNTER, MessageType, UpdateMessage,
};

const NOW: Duration = Duration::ZERO;

/// A client that is ready, and the phone, after so many messages each way.
fn ready(sent: u32, received: u32) -> (Runner<State>, Channel) {
    let (mut channel, mut phone) = Channel::pair_for_testing_only();
    channel.set_counters_for_testing_only(sent, received);
    phone.set_counters_for_testing_only(received, sent);
    let info = GetInfoResponse::new(vec![crate::ctap::FIDO_2_0.to_owned()], Aaguid::ZERO);
    let (link_policy, hash) = (LinkPolicy::NoLinking, HandshakeHash([0; 32]));
    let features = Features::CTAP;
    let session = ClientChannel {
        channel,
        link_policy,
        hash,
        features,
        info: Some(PhoneInfo::new(encode(&info)).unwrap()),
        answered: false,
    };
    (Runner::new(State::Ready(session), ClientDeadlines::default(), NOW, []), phone)
}

fn step(client: &mut Runner<State>, input: Input) -> Vec<Output> {
    client.handle(NOW, input).unwrap();
    std::iter::from_fn(|| client.poll_output()).collect()
}

fn ask() -> Input {
    let request = CtapRequest::GetAssertion(GetAssertionRequest::new("example.com", [1; 32]));
    Input::Request { request: request.try_into().unwrap(), timeout: None }
}

/// Why it ended; nothing was sent at that.
fn failed(outputs: &[Output]) -> &Error {
    let [Output::CloseTunnel, Output::Closed(Err(error))] = outputs else { panic!("{outputs:?}") };
    error
}

#[test]
fn a_phone_sends_until_its_counter_runs_out() {
    for stage in [Stage::Ready, Stage::AwaitingResponse] {
        let (mut client, mut phone) = ready(0, MAX_COUNTER);
        if stage == Stage::AwaitingResponse {
            step(&mut client, ask());
        }
        let update = UpdateMessage::default().to_bytes();
        let last = phone.seal(MessageType::Update, update.expose()).unwrap();
        assert!(step(&mut client, Input::Message(last.clone())).is_empty());
        // It has none for another, and this one is not opened again.
        assert!(phone.seal(MessageType::Update, update.expose()).is_err());
        let outputs = step(&mut client, Input::Message(last));
        let Error { stage: at, kind } = failed(&outputs);
        let ErrorKind::PeerMisbehaved(kind) = kind else { panic!("{kind:?}") };
        let exhausted = ChannelError::Crypter(CrypterError::CounterExhausted);
        assert_eq!((*at, *kind), (stage, PeerMisbehaved::Channel(exhausted)));
    }
}

#[test]
fn a_client_asks_until_its_counter_runs_out() {
    let (mut client, mut phone) = ready(MAX_COUNTER, 0);
    let outputs = step(&mut client, ask());
    assert!(matches!(outputs[..], [Output::Send(_), Output::Update(ClientUpdate::Asked)]));
    let refusal = phone.seal(MessageType::Ctap, &[0x27]).unwrap();
    let outputs = step(&mut client, Input::Message(refusal));
    assert!(matches!(outputs[..], [Output::Response(Err(_))]));
    // The phone did nothing: this program asked so often.
    let outputs = step(&mut client, ask());
    let Error { stage, kind } = failed(&outputs);
    let ErrorKind::ApiMisuse(kind) = kind else { panic!("{kind:?}") };
    assert_eq!((*stage, *kind), (Stage::Ready, ApiMisuse::TooManyRequests));
}

#[test]
fn a_client_that_cannot_say_goodbye_ends_all_the_same() {
    let (mut client, _) = ready(MAX_COUNTER + 1, 0);
    let outputs = step(&mut client, Input::Finish);
    assert!(matches!(outputs[..], [Output::CloseTunnel, Output::Closed(Ok(()))]), "{outputs:?}");
    let (mut client, _) = ready(MAX_COUNTER + 1, 0);
    let outputs = step(&mut client, Input::Cancel);
    let [Output::CloseTunnel, Output::Closed(Err(error))] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    assert!(matches!(error.kind, ErrorKind::Cancelled(CancelledBy::Caller)));
}
