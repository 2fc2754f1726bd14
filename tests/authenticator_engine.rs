//! The async authenticator with a program's own CTAP2 engine in place of a passkey
//! store and a user check.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{Authenticator, CtapEngine, Session, Update};
use fido_hybrid::client::{Ceremony, Client};
use fido_hybrid::crypto::{SecretKey, sha256};
use fido_hybrid::ctap::{
    Aaguid, AuthenticatorData, CredentialDescriptor, CredentialId, Flags, Request, Response,
    Status, User, UserHandle, get_assertion, get_info,
};
use fido_hybrid::error::{ApiMisuse, CancelledBy, EngineFault, Error, Fault, Stage};
use fido_hybrid::secret::SecretBytes;
use fido_hybrid_sim::{Air, Exchange};
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
        let _gone = self.0.send(None);
    }
}

impl Engine {
    fn sign(&self, request: &[u8]) -> Vec<u8> {
        let Request::GetAssertion(request) = Request::parse(request).unwrap() else { panic!() };
        let flags = Flags::USER_PRESENT | Flags::USER_VERIFIED;
        let data = AuthenticatorData::new(sha256(&[request.rp_id.as_bytes()]), flags, 0);
        let message = [data.raw(), &request.client_data_hash].concat();
        let signature = SecretBytes::new(self.key.sign(&message));
        let id = CredentialDescriptor::new(CredentialId::new([1; 16]).unwrap());
        let mut response = get_assertion::Response::new(id, data, signature);
        response.user = Some(User::from_handle(UserHandle::new([7]).unwrap()));
        Response::GetAssertion(response).to_raw().to_bytes().expose().to_vec()
    }
}

impl CtapEngine for Engine {
    fn get_info(&self) -> get_info::Response {
        let mut info = get_info::Response::new(vec!["FIDO_2_0".to_owned()], Aaguid([9; 16]));
        info.options = [("rk".to_owned(), true), ("uv".to_owned(), true)].into();
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
        let (air, exchange) = (Air::new(), Exchange::new());
        let (sender, seen) = mpsc::unbounded_channel();
        let key = SecretKey::from_scalar(&[3; 32]).unwrap();
        let plans = Arc::new(Mutex::new(VecDeque::from([plan])));
        let engine = Engine { key: key.clone(), plans, seen: sender };
        let client =
            Client::builder().scanner(air.clone()).tunnel(exchange.clone()).build().unwrap();
        let authenticator = Authenticator::with_engine(engine)
            .advertiser(air)
            .tunnel(exchange)
            .domain(domain())
            .build()
            .unwrap();
        Self { client, authenticator, key, seen }
    }

    fn begin(&self) -> (Ceremony<Response>, Session) {
        let ceremony = self.client.begin(rig::get_assertion(&[]).into(), None).unwrap();
        let code = ceremony.qr_code().unwrap().expose().parse().unwrap();
        (ceremony, self.authenticator.answer(code).unwrap())
    }

    async fn is_given_the_request(&mut self) {
        let request = Request::from(rig::get_assertion(&[])).to_bytes();
        assert_eq!(self.seen.recv().await.unwrap(), Some(request), "byte for byte");
    }
}

async fn updates(session: &mut Session) -> Vec<Update> {
    let mut updates = Vec::new();
    while let Some(update) = session.next().await {
        updates.push(update);
    }
    updates
}

fn status(error: &Error) -> Option<Status> {
    match error.fault {
        Fault::Status(status) => Some(status),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_signs_in() {
    let mut world = World::new(Plan::Sign);
    let (mut ceremony, mut session) = world.begin();
    let Response::GetAssertion(signed) = ceremony.outcome().await.unwrap() else { panic!() };
    let message = [signed.auth_data.raw(), &rig::HASH].concat();
    assert!(world.key.public_key().verifies(&message, signed.signature.expose()));
    world.is_given_the_request().await;
    drop(ceremony);
    let updates = updates(&mut session).await;
    let [rest @ .., Update::Requested, Update::Answered(Status::OK)] = &updates[..] else {
        panic!("{updates:?}")
    };
    assert!(matches!(rest, [Update::Registering, Update::Advertising, Update::Secured]));
    session.outcome().await.unwrap();
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
    for (response, fault) in [
        (&[][..], "the CTAP engine's response is empty"),
        (&[0, 0xa1], "the CTAP engine's response is invalid: the CBOR ends too early"),
    ] {
        let world = World::new(Plan::Respond(response));
        let (mut ceremony, mut session) = world.begin();
        let error = ceremony.outcome().await.unwrap_err();
        assert_eq!(status(&error), Some(Status::OTHER), "an answer, and no wait");
        drop(ceremony);
        let updates = updates(&mut session).await;
        let Some(Update::EngineFailed(error)) = updates.last() else { panic!("{updates:?}") };
        assert_eq!(error.stage, Stage::Prompting);
        assert!(matches!(error.fault, Fault::Engine(EngineFault::Empty | EngineFault::Cbor(_))));
        assert_eq!(error.fault.to_string(), fault);
        session.outcome().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_the_session_cancels_the_request_and_says_no() {
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
async fn a_client_that_leaves_cancels_the_request() {
    let mut world = World::new(Plan::Wait);
    let (ceremony, mut session) = world.begin();
    world.is_given_the_request().await;
    drop(ceremony);
    assert_eq!(world.seen.recv().await.unwrap(), None);
    let fault = session.outcome().await.unwrap_err().fault;
    assert!(matches!(fault, Fault::Cancelled(CancelledBy::Client)));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_takes_too_long_is_cancelled() {
    let mut world = World::new(Plan::Wait);
    let (mut ceremony, mut session) = world.begin();
    let outcome = tokio::spawn(async move { ceremony.outcome().await });
    world.is_given_the_request().await;
    let error = session.outcome().await.unwrap_err();
    assert!(matches!((error.stage, error.fault), (Stage::Prompting, Fault::Deadline)));
    assert_eq!(world.seen.recv().await.unwrap(), None);
    assert!(outcome.await.unwrap().is_err());
}

#[test]
fn an_engine_needs_a_way_to_clients() {
    let world = World::new(Plan::Wait);
    let (sender, _) = mpsc::unbounded_channel();
    let engine = Engine { key: world.key.clone(), plans: Arc::default(), seen: sender };
    let error = Authenticator::with_engine(engine).build().unwrap_err();
    assert!(matches!(error.fault, Fault::ApiMisuse(ApiMisuse::Missing("an advertiser"))));
}
