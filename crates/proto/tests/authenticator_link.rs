//! The link alone, with a program's own engine behind it: what it gives the
//! engine, what it makes of its answers, and when it cancels a request.
//!
//! Clauses: [CTAP 2.2 §8.1, §11.5.1, §11.5.1.2].
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use fido_hybrid_proto::authenticator::AuthenticatorDeadlines;
use fido_hybrid_proto::authenticator::link::{
    LinkConfig, LinkInput, LinkOutput, LinkSecrets, LinkTransaction, LinkUpdate,
    MAX_RESPONSE_LENGTH,
};
use fido_hybrid_proto::cbor::{self, encode};
use fido_hybrid_proto::ctap::{
    Aaguid, Command, CtapRequest, CtapResponse, GetInfoResponse, Status,
};
use fido_hybrid_proto::error::{
    ApiMisuse, CancelledBy, EngineError, Error, ErrorKind, PeerMisbehaved, Stage,
};
use fido_hybrid_proto::secret::SecretBytes;
use fido_hybrid_proto::transport::{Channel, MessageType, PostHandshake};
use fido_hybrid_sim::SeededRng;
use fido_hybrid_testkit::rig::{Client, ROUTING_ID, domain, get_assertion};

fn info() -> GetInfoResponse {
    let mut info = GetInfoResponse::new(vec!["FIDO_2_1".to_owned()], Aaguid([7; 16]));
    info.max_message_size = Some(1200);
    info
}

fn sign_in() -> Vec<u8> {
    CtapRequest::from(get_assertion(&[])).to_bytes()
}

fn drain(link: &mut LinkTransaction) -> Vec<LinkOutput> {
    std::iter::from_fn(|| link.poll_output()).collect()
}

fn sent(outputs: &[LinkOutput]) -> Vec<Vec<u8>> {
    let message = |output: &LinkOutput| match output {
        LinkOutput::Send(message) => Some(message.clone()),
        _ => None,
    };
    outputs.iter().filter_map(message).collect()
}

fn outcome(outputs: &[LinkOutput]) -> Result<(), Error> {
    match outputs.last() {
        Some(LinkOutput::Closed(result)) => result.clone(),
        other => panic!("{other:?}"),
    }
}

fn cancels(outputs: &[LinkOutput]) -> bool {
    outputs.iter().any(|output| matches!(output, LinkOutput::CancelRequest))
}

/// A link and its client's half of the channel.
struct Link {
    transaction: LinkTransaction,
    channel: Channel,
    now: Duration,
}

impl Link {
    fn listening() -> Self {
        let client = Client::new(1);
        let keys = LinkSecrets::generate(&mut SeededRng::new(1).fork("phone"));
        let config = LinkConfig::new(domain(), info());
        let mut transaction =
            LinkTransaction::qr(config, &client.code, keys, Duration::ZERO).unwrap();
        let outputs = drain(&mut transaction);
        assert!(matches!(
            outputs[..],
            [LinkOutput::Update(LinkUpdate::Registering), LinkOutput::Dial(_)]
        ));
        let opened = LinkInput::TunnelOpened { routing_id: Some(ROUTING_ID) };
        transaction.handle(Duration::ZERO, opened).unwrap();
        let outputs = drain(&mut transaction);
        let [LinkOutput::Advertise(advert), LinkOutput::Update(LinkUpdate::Advertising)] =
            &outputs[..]
        else {
            panic!("{outputs:?}")
        };
        let (initiator, message) = client.handshake(advert);
        transaction.handle(Duration::ZERO, LinkInput::Message(message)).unwrap();
        let outputs = drain(&mut transaction);
        assert!(matches!(outputs[0], LinkOutput::StopAdvertising));
        let [reply, introduction, update] = sent(&outputs).try_into().unwrap();
        let mut channel = Channel::new(initiator.finish(&reply).unwrap());
        let introduction = channel.open_untyped(introduction).unwrap();
        let introduction = PostHandshake::parse(introduction.expose()).unwrap();
        assert_eq!(introduction.get_info, Some(encode(&info())), "the engine's words");
        channel.open(update).unwrap();
        Self { transaction, channel, now: Duration::ZERO }
    }

    fn step(&mut self, input: LinkInput) -> Vec<LinkOutput> {
        self.transaction.handle(self.now, input).unwrap();
        drain(&mut self.transaction)
    }

    fn send(&mut self, kind: MessageType, payload: &[u8]) -> Vec<LinkOutput> {
        let message = self.channel.seal(kind, payload).unwrap();
        self.step(LinkInput::Message(message))
    }

    /// The client asks, and the engine is given just that.
    fn ask(&mut self, request: &[u8]) {
        let outputs = self.send(MessageType::Ctap, request);
        let [LinkOutput::Update(LinkUpdate::Requested), LinkOutput::Request(given)] = &outputs[..]
        else {
            panic!("{outputs:?}")
        };
        assert_eq!(given.expose(), request);
        assert_eq!(self.transaction.stage(), Stage::Answering);
    }

    /// A link whose engine has a request.
    fn asked() -> Self {
        let mut link = Self::listening();
        link.ask(&sign_in());
        link
    }

    fn respond(&mut self, response: impl Into<Vec<u8>>) -> Vec<LinkOutput> {
        self.step(LinkInput::Response(SecretBytes::new(response.into())))
    }

    /// What the client reads of these outputs.
    fn received(&mut self, outputs: &[LinkOutput]) -> Vec<u8> {
        let [message] = sent(outputs).try_into().unwrap();
        let message = self.channel.open(message).unwrap();
        assert_eq!(message.kind, MessageType::Ctap);
        message.payload.into_exposed()
    }
}

#[test]
fn requests_and_responses_pass_byte_for_byte() {
    let mut link = Link::asked();
    let answer = [&[0][..], &encode(&info())].concat();
    let outputs = link.respond(answer.clone());
    assert!(matches!(outputs[1..], [LinkOutput::Update(LinkUpdate::Answered(Status::OK))]));
    assert_eq!(link.received(&outputs), answer);
    assert_eq!(link.transaction.stage(), Stage::Listening);
    // What no command is, the engine answers too.
    for request in [&[0x7f, 1, 2][..], &[], &[4, 0]] {
        link.ask(request);
        let outputs = link.respond([0x01]);
        assert_eq!(link.received(&outputs), [0x01]);
    }
    let outputs = link.send(MessageType::Shutdown, &[]);
    assert!(matches!(outputs[..], [LinkOutput::CloseTunnel, LinkOutput::Closed(Ok(()))]));
}

#[test]
fn get_info_is_answered_without_the_engine_and_a_disconnect_after_it_is_an_error() {
    let mut link = Link::listening();
    let deadline = link.transaction.deadline();
    link.now += Duration::from_secs(1);
    let outputs = link.send(MessageType::Ctap, &CtapRequest::GetInfo.to_bytes());
    assert_eq!(outputs.len(), 1);
    assert_eq!(
        link.received(&outputs),
        *CtapResponse::GetInfo(info()).to_raw().to_bytes().expose()
    );
    assert_eq!(link.transaction.deadline(), deadline, "it wins no time");
    assert!(matches!(
        outcome(&link.step(LinkInput::TunnelClosed)).unwrap_err().kind,
        ErrorKind::PeerDisconnected
    ));
    // After an answer to getNextAssertion the client is still expected to stay.
    let mut link = Link::listening();
    link.ask(&[Command::GetNextAssertion.byte()]);
    link.respond([0x30]);
    assert!(outcome(&link.step(LinkInput::TunnelClosed)).is_err());
}

#[test]
fn what_no_client_can_read_is_told_as_the_engines_fault() {
    let long = vec![0x27; MAX_RESPONSE_LENGTH + 1];
    let mut link = Link::listening();
    for (response, error) in [
        (vec![], EngineError::Empty),
        (long, EngineError::TooLong(65_487)),
        (vec![0, 0xa1, 1], EngineError::Cbor(cbor::CborError::UnexpectedEnd)),
        (vec![0, 0xa0, 0], EngineError::Cbor(cbor::CborError::TrailingBytes)),
        (vec![0, 0xa2, 2, 2, 1, 1], EngineError::Cbor(cbor::CborError::NotCanonical)),
    ] {
        link.ask(&sign_in());
        let outputs = link.respond(response);
        let [_, LinkOutput::Update(LinkUpdate::EngineFailed(told))] = &outputs[..] else {
            panic!("{outputs:?}")
        };
        assert_eq!(*told, error);
        assert!(told.to_string().starts_with("the CTAP engine's response"), "{told}");
        assert_eq!(link.received(&outputs), [Status::OTHER.0]);
        assert_eq!(link.transaction.stage(), Stage::Listening);
    }
    // The longest that can be sent is sent.
    link.ask(&sign_in());
    let longest = vec![0x27; MAX_RESPONSE_LENGTH];
    let outputs = link.respond(longest.clone());
    assert_eq!(link.received(&outputs), longest);
}

#[test]
fn a_get_info_that_no_client_can_read_starts_nothing() {
    let mut long = info();
    long.versions.push("v".repeat(MAX_RESPONSE_LENGTH));
    let keys = LinkSecrets::generate(&mut SeededRng::new(1));
    let config = LinkConfig::new(domain(), long);
    let error =
        LinkTransaction::qr(config, &Client::new(1).code, keys, Duration::ZERO).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Engine(EngineError::TooLong(_))));
    assert_eq!(error.stage, Stage::Preparing);
}

#[test]
fn an_engine_that_times_out_is_cancelled_and_the_client_is_told() {
    let mut link = Link::asked();
    assert_eq!(link.transaction.deadline(), Some(AuthenticatorDeadlines::default().answering));
    link.now = AuthenticatorDeadlines::default().answering;
    let outputs = link.step(LinkInput::TimePassed);
    assert!(matches!(
        outputs[..],
        [
            LinkOutput::Send(_),
            LinkOutput::CancelRequest,
            LinkOutput::CloseTunnel,
            LinkOutput::Closed(_)
        ]
    ));
    assert_eq!(link.received(&outputs), [Status::USER_ACTION_TIMEOUT.0]);
    let error = outcome(&outputs).unwrap_err();
    assert!(matches!((error.stage, error.kind), (Stage::Answering, ErrorKind::Deadline)));
    // Its response may come when all is over.
    assert!(link.respond([0]).is_empty());
}

#[test]
fn whatever_ends_the_transaction_cancels_the_request() {
    let mut gone = Link::asked();
    let outputs = gone.step(LinkInput::TunnelClosed);
    assert!(matches!(outputs[..], [LinkOutput::CancelRequest, LinkOutput::Closed(_)]));
    assert!(matches!(outcome(&outputs).unwrap_err().kind, ErrorKind::PeerDisconnected));

    let mut cancelled = Link::asked();
    let outputs = cancelled.step(LinkInput::Cancel);
    assert!(cancels(&outputs));
    assert_eq!(cancelled.received(&outputs), [Status::OPERATION_DENIED.0]);
    let kind = outcome(&outputs).unwrap_err().kind;
    assert!(matches!(kind, ErrorKind::Cancelled(CancelledBy::Caller)));

    let mut shut = Link::asked();
    let outputs = shut.send(MessageType::Shutdown, &[]);
    assert!(cancels(&outputs));
    let kind = outcome(&outputs).unwrap_err().kind;
    assert!(matches!(kind, ErrorKind::Cancelled(CancelledBy::Client)));

    let mut hasty = Link::asked();
    let outputs = hasty.send(MessageType::Ctap, &sign_in());
    assert!(cancels(&outputs));
    let kind = outcome(&outputs).unwrap_err().kind;
    assert!(matches!(kind, ErrorKind::PeerMisbehaved(PeerMisbehaved::UnexpectedMessage(_))));
}

#[test]
fn a_response_belongs_to_a_request() {
    let mut link = Link::listening();
    let response = || LinkInput::Response(SecretBytes::new(vec![0]));
    assert_eq!(link.transaction.handle(link.now, response()), Err(ApiMisuse::WrongStage));
    link.ask(&sign_in());
    link.respond([0x2e]);
    assert_eq!(link.transaction.handle(link.now, response()), Err(ApiMisuse::WrongStage));
    assert!(!cancels(&link.step(LinkInput::Cancel)), "nothing is to be cancelled");
}
