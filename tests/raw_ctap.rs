//! Raw CTAP with the async client: bytes of any command to a phone whose own engine
//! answers them, and its bytes back.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Mutex;

use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorUpdate, CtapEngine, EngineParts, Session,
};
use fido_hybrid::client::{Ceremony, Client, MAX_REQUEST_LENGTH};
use fido_hybrid::ctap::{Aaguid, CtapResponse, GetInfoResponse};
use fido_hybrid::error::{ApiMisuse, CancelledBy, EngineError, ErrorKind, Stage, Unsupported};
use fido_hybrid::secret::SecretBytes;
use fido_hybrid::transport::{MAX_MESSAGE, RequestHint};
use fido_hybrid::{BoxFuture, Canceller};
use fido_hybrid_sim::{Air, MemoryRelay};
use fido_hybrid_testkit::rig::domain;
use tokio::sync::mpsc;

/// A vendor's command whose parameters are not CBOR.
const VENDOR: [u8; 4] = [0x41, 0xff, 0x00, 0xbf];

/// An engine with these responses, one for each request. Without one it asks its user,
/// who does not answer.
struct Engine {
    responses: Mutex<VecDeque<Vec<u8>>>,
    requests: mpsc::UnboundedSender<Vec<u8>>,
}

impl CtapEngine for Engine {
    fn get_info(&self) -> GetInfoResponse {
        GetInfoResponse::new(vec!["FIDO_2_1".to_owned()], Aaguid([9; 16]))
    }

    fn process<'a>(&'a self, request: &'a [u8]) -> BoxFuture<'a, Vec<u8>> {
        Box::pin(async move {
            self.requests.send(request.to_vec()).unwrap();
            let response = self.responses.lock().unwrap().pop_front();
            match response {
                Some(response) => response,
                None => pending().await,
            }
        })
    }
}

/// A ceremony with a raw request, and the phone that read its code.
struct World {
    ceremony: Ceremony<SecretBytes>,
    session: Session,
    requests: mpsc::UnboundedReceiver<Vec<u8>>,
}

impl World {
    fn new(request: &[u8], responses: &[&[u8]]) -> Self {
        let (air, relay) = (Air::new(), MemoryRelay::new());
        let (sender, requests) = mpsc::unbounded_channel();
        let responses: VecDeque<_> = responses.iter().map(|it| it.to_vec()).collect();
        let phone = Authenticator::with_engine(EngineParts {
            engine: Engine { responses: Mutex::new(responses), requests: sender },
            advertiser: air.clone(),
            dialer: relay.clone(),
            domain: domain(),
        });
        let client = Client::new(air, relay);
        let ceremony = client.begin_raw(request, RequestHint::GetAssertion, None).unwrap();
        let code = ceremony.qr_code().unwrap().expose().parse().unwrap();
        Self { ceremony, session: phone.answer(code).unwrap(), requests }
    }

    async fn outcome(&mut self) -> Vec<u8> {
        self.ceremony.outcome().await.unwrap().into_exposed()
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_go_both_ways_as_they_are() {
    // {1: true, 127: "?"}: members of no command that this crate knows.
    let answers = [&[0x00, 0xa2, 0x01, 0xf5, 0x18, 0x7f, 0x61, b'?'][..], &[0x36], &[0x00]];
    let requests = [&VENDOR[..], &[0x06, 0xa2, 0x01, 0x02, 0x02, 0x01], &[0x0c, 0xa0]];
    let mut world = World::new(requests[0], &answers);
    assert_eq!(world.outcome().await, answers[0]);
    for (request, answer) in requests.into_iter().zip(answers).skip(1) {
        assert_eq!(world.ceremony.ask_raw(request).await.unwrap().expose(), answer);
    }
    for request in requests {
        assert_eq!(world.requests.recv().await.unwrap(), request);
    }
}

#[tokio::test(start_paused = true)]
async fn a_get_info_is_the_phones_and_never_reaches_its_engine() {
    let mut world = World::new(&[0x04], &[&[0x00]]);
    let info = CtapResponse::GetInfo(Engine::get_info(&engine())).to_raw().to_bytes();
    assert_eq!(world.outcome().await, info.expose());
    assert_eq!(world.ceremony.ask_raw([0x04].as_slice()).await.unwrap(), info);
    world.ceremony.ask_raw(VENDOR.as_slice()).await.unwrap();
    assert_eq!(world.requests.recv().await.unwrap(), VENDOR, "the first that it got");
}

fn engine() -> Engine {
    let requests = mpsc::unbounded_channel().0;
    Engine { responses: Mutex::default(), requests }
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_too_long_for_the_engines_link_is_a_status() {
    let mut world = World::new(&VENDOR, &[&vec![0x01; MAX_MESSAGE]]);
    assert_eq!(world.outcome().await, [0x7f]);
    world.ceremony.close().await;
    let mut failed = None;
    while let Some(update) = world.session.next().await {
        if let AuthenticatorUpdate::EngineFailed(error) = update {
            failed = Some(error.kind);
        }
    }
    let is_too_long = matches!(failed, Some(ErrorKind::Engine(EngineError::TooLong(_))));
    assert!(is_too_long, "{failed:?}");
}

#[tokio::test(start_paused = true)]
async fn requests_that_cannot_be_sent_are_refused_and_end_nothing() {
    let mut world = World::new(&VENDOR, &[&[0x00], &[0x2e]]);
    let early = world.ceremony.ask_raw(VENDOR.as_slice()).await.unwrap_err();
    assert_eq!(early.stage, Stage::AwaitingResponse);
    assert!(matches!(early.kind, ErrorKind::ApiMisuse(ApiMisuse::WrongStage)), "{early}");
    assert_eq!(world.outcome().await, [0x00]);
    let empty = world.ceremony.ask_raw(Vec::new()).await.unwrap_err();
    assert_eq!(empty.stage, Stage::Ready);
    assert!(matches!(empty.kind, ErrorKind::ApiMisuse(ApiMisuse::EmptyRequest)), "{empty}");
    let long = world.ceremony.ask_raw(vec![0x41; MAX_REQUEST_LENGTH + 1]).await.unwrap_err();
    assert!(matches!(long.kind, ErrorKind::Unsupported(Unsupported::RequestTooLong)), "{long}");
    assert_eq!(world.ceremony.ask_raw(VENDOR.as_slice()).await.unwrap().expose(), [0x2e]);
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_a_request_that_the_phone_has() {
    let mut world = World::new(&VENDOR, &[]);
    let handle = world.ceremony.cancel_handle();
    let (outcome, ended, ()) =
        tokio::join!(world.ceremony.into_future(), world.session.into_future(), async {
            assert_eq!(world.requests.recv().await.unwrap(), VENDOR);
            handle.cancel(Canceller::User);
        });
    let (error, told) = (outcome.unwrap_err(), ended.unwrap_err());
    assert_eq!(error.stage, Stage::AwaitingResponse);
    assert!(matches!(error.kind, ErrorKind::Cancelled(CancelledBy::User)), "{error}");
    assert!(matches!(told.kind, ErrorKind::Cancelled(CancelledBy::Client)), "{told}");
}
