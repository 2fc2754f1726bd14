//! The async authenticator with a program's own CTAP2 engine in place of a passkey
//! store and a user check.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorUpdate, CtapEngine, EngineParts, Session,
};
use fido_hybrid::client::{Ceremony, Client};
use fido_hybrid::crypto::{SecretKey, sha256};
use fido_hybrid::ctap::extensions::{LargeBlob, LargeBlobAssertionInput, LargeBlobAssertionOutput};
use fido_hybrid::ctap::{
    Aaguid, AuthenticatorData, CredentialDescriptor, CredentialId, CtapRequest, CtapResponse,
    Flags, GetAssertionResponse, GetInfoResponse, Status, User, UserHandle,
};
use fido_hybrid::error::{CancelledBy, EngineError, Error, ErrorKind, Stage};
use fido_hybrid::secret::SecretBytes;
use fido_hybrid::webauthn::{Origin, RequestOptions};
use fido_hybrid_sim::{Air, MemoryRelay};
use fido_hybrid_testkit::rig::{self, domain};
use tokio::sync::mpsc;

/// What an engine does with its next request.
#[derive(Clone, Copy)]
enum Plan {
    Sign,
    Respond(&'static [u8]),
    /// It asks its user, who does not answer.
    Wait,
}

/// An engine with one passkey.
#[derive(Clone)]
struct Engine {
    key: SecretKey,
    plans: Arc<Mutex<VecDeque<Plan>>>,
    /// What it was given; and nothing, when a request was cancelled.
    seen: mpsc::UnboundedSender<Option<Vec<u8>>>,
}

struct Cancelled(mpsc::UnboundedSender<Option<Vec<u8>>>);

impl Drop for Cancelled {
    fn drop(&mut self) {
        let _dropped = self.0.send(None);
    }
}

impl Engine {
    fn sign(&self, request: &[u8]) -> Vec<u8> {
        let CtapRequest::GetAssertion(request) = CtapRequest::parse(request).unwrap() else {
            panic!()
        };
        let flags = Flags::USER_PRESENT | Flags::USER_VERIFIED;
        let data = AuthenticatorData::new(sha256(&[request.rp_id.as_bytes()]), flags, 0);
        let message = [data.raw(), &request.client_data_hash].concat();
        let signature = SecretBytes::new(self.key.sign(&message));
        let id = CredentialDescriptor::new(CredentialId::new([1; 16]).unwrap());
        let mut response = GetAssertionResponse::new(id, data, signature);
        response.user = Some(User::from_handle(UserHandle::new([7]).unwrap()));
        let outputs = &mut response.unsigned_extensions;
        if request.extensions.large_blob == Some(LargeBlobAssertionInput::Read) {
            // One stored block [RFC 1951 §3.2.4].
            let compressed = b"\x01\x0a\x00\xf5\xfflarge blob".as_slice().into();
            let blob = LargeBlob { compressed, original_size: 10 };
            outputs.large_blob = Some(LargeBlobAssertionOutput::read(Some(blob)));
        }
        for (name, input) in request.extensions.other.iter() {
            outputs.other.insert(name, input.clone()).unwrap();
        }
        CtapResponse::GetAssertion(response).to_raw().to_bytes().expose().to_vec()
    }
}

impl CtapEngine for Engine {
    fn get_info(&self) -> GetInfoResponse {
        let mut info = GetInfoResponse::new(vec!["FIDO_2_0".to_owned()], Aaguid([9; 16]));
        info.options = [("rk".to_owned(), true), ("uv".to_owned(), true)].into();
        info.extensions = ["largeBlob", "telepathy"].map(str::to_owned).into();
        info
    }

    fn process<'a>(&'a self, request: &'a [u8]) -> BoxFuture<'a, Vec<u8>> {
        Box::pin(async move {
            self.seen.send(Some(request.to_vec())).unwrap();
            let plan = self.plans.lock().unwrap().pop_front().unwrap();
            match plan {
                Plan::Sign => self.sign(request),
                Plan::Respond(response) => response.to_vec(),
                Plan::Wait => {
                    let _prompt = Cancelled(self.seen.clone());
                    std::future::pending().await
                }
            }
        })
    }
}

struct World {
    client: Client,
    authenticator: Authenticator,
    key: SecretKey,
    seen: mpsc::UnboundedReceiver<Option<Vec<u8>>>,
}

impl World {
    fn new(plan: Plan) -> Self {
        let (air, exchange) = (Air::new(), MemoryRelay::new());
        let (sender, seen) = mpsc::unbounded_channel();
        let key = SecretKey::from_scalar(&[3; 32]).unwrap();
        let plans = Arc::new(Mutex::new(VecDeque::from([plan])));
        let engine = Engine { key: key.clone(), plans, seen: sender };
        let client = Client::new(air.clone(), exchange.clone());
        let authenticator = Authenticator::with_engine(EngineParts {
            engine,
            advertiser: air,
            dialer: exchange,
            domain: domain(),
        });
        Self { client, authenticator, key, seen }
    }

    fn begin(&self) -> (Ceremony<CtapResponse>, Session) {
        let ceremony = self.client.begin(rig::get_assertion(&[]).into(), None).unwrap();
        let code = ceremony.qr_code().unwrap().expose().parse().unwrap();
        (ceremony, self.authenticator.answer(code).unwrap())
    }

    async fn is_given_the_request(&mut self) {
        let request = CtapRequest::from(rig::get_assertion(&[])).to_bytes();
        assert_eq!(self.seen.recv().await.unwrap(), Some(request), "byte for byte");
    }
}

async fn updates(session: &mut Session) -> Vec<AuthenticatorUpdate> {
    let mut updates = Vec::new();
    while let Some(update) = session.next().await {
        updates.push(update);
    }
    updates
}

fn status(error: &Error) -> Option<Status> {
    match error.kind {
        ErrorKind::Status(status) => Some(status),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_signs_in() {
    let mut world = World::new(Plan::Sign);
    let (mut ceremony, mut session) = world.begin();
    let CtapResponse::GetAssertion(signed) = ceremony.outcome().await.unwrap() else { panic!() };
    let message = [signed.auth_data.raw(), &rig::HASH].concat();
    assert!(world.key.public_key().verifies(&message, signed.signature.expose()));
    world.is_given_the_request().await;
    drop(ceremony);
    let updates = updates(&mut session).await;
    let [rest @ .., AuthenticatorUpdate::Requested, AuthenticatorUpdate::Answered(Status::OK)] =
        &updates[..]
    else {
        panic!("{updates:?}")
    };
    assert!(matches!(
        rest,
        [
            AuthenticatorUpdate::Registering,
            AuthenticatorUpdate::Advertising,
            AuthenticatorUpdate::Secured
        ]
    ));
    session.outcome().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn extensions_pass_through_a_whole_ceremony() {
    let mut world = World::new(Plan::Sign);
    let json = r#"{
        "challenge": "AAECAw",
        "rpId": "example.com",
        "extensions": {
            "clairvoyance": true,
            "largeBlob": {"read": true},
            "telepathy": {"depth": 3, "to": ["ada", null]}
        }
    }"#;
    let options = RequestOptions::from_json(json).unwrap();
    let origin = Origin::parse("https://example.com").unwrap();
    let mut ceremony = world.client.get(&options, origin).unwrap();
    let code = ceremony.qr_code().unwrap().expose().parse().unwrap();
    let mut session = world.authenticator.answer(code).unwrap();
    let assertion = ceremony.outcome().await.unwrap();
    drop(ceremony);
    session.outcome().await.unwrap();

    let request = world.seen.recv().await.unwrap().unwrap();
    let CtapRequest::GetAssertion(request) = CtapRequest::parse(&request).unwrap() else {
        panic!()
    };
    assert_eq!(request.extensions.names().collect::<Vec<_>>(), ["largeBlob", "telepathy"]);
    assert_eq!(assertion.large_blob().unwrap().expose(), b"large blob");
    let results = r#""clientExtensionResults":{"largeBlob":{"blob":"bGFyZ2UgYmxvYg"},"telepathy":{"to":["ada",null],"depth":3}}"#;
    let answer = assertion.to_json();
    assert!(answer.expose().contains(results), "{}", answer.expose());
    let sent = CtapResponse::GetAssertion(assertion.response().clone()).to_raw();
    assert_eq!(assertion.response().received(), Some(sent.payload()), "the phone's bytes");
}

#[tokio::test(start_paused = true)]
async fn an_engine_refuses() {
    let world = World::new(Plan::Respond(&[0x27]));
    let (mut ceremony, mut session) = world.begin();
    let error = ceremony.outcome().await.unwrap_err();
    assert_eq!(status(&error), Some(Status::OPERATION_DENIED));
    drop(ceremony);
    session.outcome().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_response_that_no_client_can_read_is_the_engines_fault() {
    for (response, expected) in [
        (&[][..], "the CTAP engine's response is empty"),
        (&[0, 0xa1], "the CTAP engine's response is invalid: the CBOR ends too early"),
    ] {
        let world = World::new(Plan::Respond(response));
        let (mut ceremony, mut session) = world.begin();
        let error = ceremony.outcome().await.unwrap_err();
        assert_eq!(status(&error), Some(Status::OTHER), "an answer, and no wait");
        drop(ceremony);
        let updates = updates(&mut session).await;
        let Some(AuthenticatorUpdate::EngineFailed(error)) = updates.last() else {
            panic!("{updates:?}")
        };
        assert_eq!(error.stage, Stage::Answering);
        assert!(matches!(error.kind, ErrorKind::Engine(EngineError::Empty | EngineError::Cbor(_))));
        assert_eq!(error.kind.to_string(), expected);
        session.outcome().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_the_session_cancels_the_request_and_refuses() {
    let mut world = World::new(Plan::Wait);
    let (mut ceremony, session) = world.begin();
    let outcome = tokio::spawn(async move { ceremony.outcome().await });
    world.is_given_the_request().await;
    drop(session);
    assert_eq!(world.seen.recv().await.unwrap(), None, "the prompt is dismissed");
    let error = outcome.await.unwrap().unwrap_err();
    assert_eq!(status(&error), Some(Status::OPERATION_DENIED));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_disconnects_cancels_the_request() {
    let mut world = World::new(Plan::Wait);
    let (ceremony, mut session) = world.begin();
    world.is_given_the_request().await;
    drop(ceremony);
    assert_eq!(world.seen.recv().await.unwrap(), None);
    let kind = session.outcome().await.unwrap_err().kind;
    assert!(matches!(kind, ErrorKind::Cancelled(CancelledBy::Client)));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_times_out_is_cancelled() {
    let mut world = World::new(Plan::Wait);
    let (mut ceremony, mut session) = world.begin();
    let outcome = tokio::spawn(async move { ceremony.outcome().await });
    world.is_given_the_request().await;
    let error = session.outcome().await.unwrap_err();
    assert!(matches!((error.stage, error.kind), (Stage::Answering, ErrorKind::Deadline)));
    assert_eq!(world.seen.recv().await.unwrap(), None);
    assert!(outcome.await.unwrap().is_err());
}
