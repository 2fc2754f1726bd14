//! The end of the counters, which no test outside reaches: 2^24 messages away.

use super::*;
use crate::authenticator::engine::{Decision, Passkey, Profile, UserVerification};
use crate::crypto::SecretKey;
use crate::ctap::{CredentialId, CtapRequest, GetAssertionRequest, User, UserHandle};
use crate::error::{Error, ErrorKind, PeerMisbehaved};
use crate::secret::TransactionSeed;
use crate::state_machine::Runner;
use crate::transport::{Channel, ChannelError, CrypterError, MAX_COUNTER, MessageType};

const NOW: Duration = Duration::ZERO;

/// A phone that listens, and the client, after so many messages each way.
fn listening(sent: u32, received: u32) -> (Runner<State>, Channel) {
    let (mut client, mut channel) = Channel::pair_for_testing_only();
    channel.set_counters_for_testing_only(sent, received);
    client.set_counters_for_testing_only(received, sent);
    let profile = Profile::default();
    let session = link::PhoneChannel::new(channel, RawCbor::of(&profile.get_info()));
    let engine = Engine::new(profile, TransactionSeed::new([1; 32]));
    let state = State::Open { link: link::State::Listening(session), engine };
    (Runner::new(state, AuthenticatorDeadlines::default(), NOW, []), client)
}

fn step(phone: &mut Runner<State>, input: Input) -> Vec<Output> {
    phone.handle(NOW, input).unwrap();
    std::iter::from_fn(|| phone.poll_output()).collect()
}

fn asks(client: &mut Channel, request: &CtapRequest) -> Input {
    Input::Message(client.seal(MessageType::Ctap, &request.to_bytes()).unwrap())
}

/// What the client did, and in which stage; nothing was sent at that.
fn misbehaviour(outputs: &[Output]) -> (Stage, PeerMisbehaved) {
    match outputs {
        [
            Output::CloseTunnel,
            Output::Closed(Err(Error { stage, kind: ErrorKind::PeerMisbehaved(error) })),
        ] => (*stage, *error),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_sends_until_its_counter_runs_out() {
    let (mut phone, mut client) = listening(0, MAX_COUNTER);
    let last = asks(&mut client, &CtapRequest::GetInfo);
    assert!(matches!(step(&mut phone, last)[..], [Output::Send(_)]));
    // It has none for another, and nothing else is opened either.
    assert!(client.seal(MessageType::Ctap, &[4]).is_err());
    let end = misbehaviour(&step(&mut phone, Input::Message(vec![0; 48])));
    let exhausted = ChannelError::Crypter(CrypterError::CounterExhausted);
    assert_eq!(end, (Stage::Listening, PeerMisbehaved::Channel(exhausted)));
}

#[test]
fn a_phone_answers_until_its_counter_runs_out() {
    let (mut phone, mut client) = listening(MAX_COUNTER, 0);
    let first = asks(&mut client, &CtapRequest::GetInfo);
    assert!(matches!(step(&mut phone, first)[..], [Output::Send(_)]));
    // It says nothing of itself: the client asked so often.
    let second = asks(&mut client, &CtapRequest::GetInfo);
    let end = misbehaviour(&step(&mut phone, second));
    assert_eq!(end, (Stage::Listening, PeerMisbehaved::TooManyRequests));
}

#[test]
fn a_signature_for_which_there_is_no_counter_does_not_leave() {
    let (mut phone, mut client) = listening(MAX_COUNTER + 1, 0);
    let request = GetAssertionRequest::new("example.com", [1; 32]);
    let request = asks(&mut client, &CtapRequest::GetAssertion(request));
    assert!(matches!(step(&mut phone, request)[..], [Output::FindPasskeys { .. }]));
    let passkey = Passkey::new(
        CredentialId::new([1; 16]).unwrap(),
        "example.com",
        User::new(UserHandle::new([1]).unwrap(), "ada", "Ada"),
        SecretKey::from_scalar(&[1; 32]).unwrap(),
    );
    let outputs = step(&mut phone, Input::PasskeysFound(Ok(vec![passkey])));
    let [_, Output::Prompt(prompt)] = &outputs[..] else { panic!("{outputs:?}") };
    let decision = Decision::Approved { verification: UserVerification::Verified, account: 0 };
    let outputs = step(&mut phone, Input::Decided { prompt: prompt.id, decision });
    assert!(matches!(outputs[..], [Output::CountUse { .. }]));
    let end = misbehaviour(&step(&mut phone, Input::UseCounted(Ok(1))));
    assert_eq!(end, (Stage::Answering, PeerMisbehaved::TooManyRequests));
}
