//! Requests after the first one, and callers who do not wait for the answer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use fido_hybrid_testkit::rig;
use std::time::Duration;

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, Decision, MemoryStore, Prompt, Session, UserCheck,
};
use fido_hybrid::client::{Ceremony, Client};
use fido_hybrid::crypto::PublicKey;
use fido_hybrid::ctap::{CtapRequest, CtapResponse, GetAssertionRequest};
use fido_hybrid_sim::{Air, MemoryRelay};
use rig::{approved, domain, make_credential};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

/// A user who approves a prompt when the test tells them to.
struct Person {
    asked: mpsc::UnboundedSender<()>,
    approvals: Mutex<mpsc::UnboundedReceiver<()>>,
}

impl UserCheck for Person {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async move {
            self.asked.send(()).unwrap();
            self.approvals.lock().await.recv().await.unwrap();
            approved(0)
        })
    }
}

/// A phone with a passkey, connected to a client that has its first answer.
struct World {
    ceremony: Ceremony<CtapResponse>,
    session: Session,
    key: PublicKey,
    asked: mpsc::UnboundedReceiver<()>,
    approve: mpsc::UnboundedSender<()>,
}

impl World {
    async fn registered() -> Self {
        let (air, exchange) = (Air::new(), MemoryRelay::new());
        let (to_test, mut asked) = mpsc::unbounded_channel();
        let (approve, approvals) = mpsc::unbounded_channel();
        let person = Person { asked: to_test, approvals: Mutex::new(approvals) };
        let client = Client::new(air.clone(), exchange.clone());
        let phone = Authenticator::new(AuthenticatorParts {
            store: MemoryStore::new(),
            user: person,
            advertiser: air,
            dialer: exchange,
            domain: domain(),
        });
        let mut ceremony = client.begin(make_credential("Ada").into(), None).unwrap();
        let session = phone.answer(ceremony.qr_code().unwrap().expose().parse().unwrap()).unwrap();
        approve.send(()).unwrap();
        let CtapResponse::MakeCredential(made) = ceremony.outcome().await.unwrap() else {
            panic!()
        };
        asked.recv().await.unwrap();
        let key = *made.credential().unwrap().public_key.es256().unwrap();
        Self { ceremony, session, key, asked, approve }
    }

    /// Asks for a signature of this hash and gives up after a second, by when
    /// the phone has not answered.
    async fn give_up_on(&mut self, hash: [u8; 32]) {
        let asking = self.ceremony.ask(sign_in(hash));
        timeout(Duration::from_secs(1), asking).await.unwrap_err();
    }

    fn signed(&self, answer: &CtapResponse, hash: [u8; 32]) -> bool {
        let CtapResponse::GetAssertion(answer) = answer else { panic!("{answer:?}") };
        let message = [answer.auth_data.raw(), &hash].concat();
        self.key.verifies(&message, answer.signature.expose())
    }
}

fn sign_in(hash: [u8; 32]) -> CtapRequest {
    let mut request = GetAssertionRequest::new(rig::RP_ID, hash);
    request.options.uv = Some(true);
    request.into()
}

#[tokio::test(start_paused = true)]
async fn requests_whose_callers_gave_up_are_never_sent() {
    let mut world = World::registered().await;
    for hash in 1..=5 {
        world.give_up_on([hash; 32]).await;
    }
    // The first is with the phone. Its user approves it, and then the sixth.
    world.asked.recv().await.unwrap();
    world.approve.send(()).unwrap();
    world.approve.send(()).unwrap();
    let answer = world.ceremony.ask(sign_in([6; 32])).await.unwrap();
    assert!(world.signed(&answer, [6; 32]));
    world.asked.recv().await.unwrap();
    world.ceremony.close().await;
    world.session.outcome().await.unwrap();
    assert!(world.asked.try_recv().is_err(), "the user was asked again");
}

#[tokio::test(start_paused = true)]
async fn an_answer_whose_caller_was_dropped_is_not_given_to_the_next() {
    let mut world = World::registered().await;
    world.give_up_on([1; 32]).await;
    // The next request waits while the phone has the first.
    world.give_up_on([2; 32]).await;
    let World { ceremony, asked, approve, .. } = &mut world;
    let approving = async {
        for _ in 0..2 {
            asked.recv().await.unwrap();
            approve.send(()).unwrap();
        }
    };
    let (answer, ()) = tokio::join!(ceremony.ask(sign_in([3; 32])), approving);
    let answer = answer.unwrap();
    assert!(world.signed(&answer, [3; 32]) && !world.signed(&answer, [1; 32]));
}
