//! The ways in which a program waits for a ceremony: a function for updates, an
//! `await` alone, a loop that never waits, a stream; and cancelling from elsewhere.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::mpsc as threads;
use std::thread;

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, Decision, MemoryStore, Prompt, UserCheck,
};
use fido_hybrid::client::{CancelHandle, Canceller, Ceremony, Client, ClientUpdate, WithUpdates};
use fido_hybrid::ctap::CtapResponse;
use fido_hybrid::error::{ApiMisuse, CancelledBy, Error, ErrorKind, Stage};
use fido_hybrid::transport::QrText;
use fido_hybrid_sim::{Air, MemoryRelay};
use fido_hybrid_testkit::rig::{approved, domain, make_credential};
use futures_core::Stream;
use tokio::sync::Notify;

/// Approves at once, or never.
enum Person {
    Approves,
    Waits(std::sync::Arc<Notify>),
}

impl UserCheck for Person {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async move {
            match self {
                Self::Approves => approved(0),
                Self::Waits(asked) => {
                    asked.notify_one();
                    std::future::pending().await
                }
            }
        })
    }
}

struct World {
    client: Client,
    phone: Authenticator,
    air: Air,
}

impl World {
    fn new(user: Person) -> Self {
        let (air, relay) = (Air::new(), MemoryRelay::new());
        let client = Client::new(air.clone(), relay.clone());
        let phone = Authenticator::new(AuthenticatorParts {
            store: MemoryStore::new(),
            user,
            advertiser: air.clone(),
            dialer: relay,
            domain: domain(),
        });
        Self { client, phone, air }
    }

    fn begin(&self) -> Ceremony<CtapResponse> {
        self.client.begin(make_credential("Ada").into(), None).unwrap()
    }
}

/// Answers the code in the background, as a phone does.
fn scan(phone: &Authenticator, code: &QrText) {
    let mut session = phone.answer(code.expose().parse().unwrap()).unwrap();
    tokio::spawn(async move { session.outcome().await });
}

fn is_registered(outcome: Result<CtapResponse, Error>) -> bool {
    matches!(outcome, Ok(CtapResponse::MakeCredential(_)))
}

#[tokio::test(start_paused = true)]
async fn a_function_gets_the_code_and_each_step() {
    let world = World::new(Person::Approves);
    let (steps, taken) = threads::channel();
    let phone = world.phone.clone();
    let outcome = world.begin().on_update(move |update| {
        if let ClientUpdate::WaitingForScan(code) = &update {
            scan(&phone, code);
        }
        steps.send(update).unwrap();
    });
    assert!(is_registered(outcome.await));
    let steps: Vec<ClientUpdate> = taken.iter().collect();
    assert!(matches!(steps.first(), Some(ClientUpdate::WaitingForScan(_))), "{steps:?}");
    assert!(matches!(steps.last(), Some(ClientUpdate::Answered)), "{steps:?}");
    assert_eq!(world.air.adverts(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_program_that_took_the_code_awaits_the_ceremony() {
    let world = World::new(Person::Approves);
    let ceremony = world.begin();
    scan(&world.phone, &ceremony.qr_code().unwrap());
    assert!(is_registered(ceremony.await));
}

#[tokio::test(start_paused = true)]
async fn a_code_that_came_with_an_update_counts_as_taken() {
    let world = World::new(Person::Approves);
    let mut ceremony = world.begin();
    let Some(ClientUpdate::WaitingForScan(code)) = ceremony.next().await else { panic!() };
    scan(&world.phone, &code);
    assert!(is_registered(ceremony.await));
}

#[tokio::test(start_paused = true)]
async fn awaiting_a_ceremony_without_its_code_is_a_misuse() {
    let error = World::new(Person::Approves).begin().await.unwrap_err();
    assert_eq!(error.stage, Stage::ShowingQr);
    assert!(matches!(error.kind, ErrorKind::ApiMisuse(ApiMisuse::CodeNotTaken)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_loop_takes_steps_and_the_outcome_without_waiting() {
    let world = World::new(Person::Approves);
    let mut ceremony = world.begin();
    let mut steps = 0;
    let outcome = loop {
        while let Some(update) = ceremony.try_next() {
            steps += 1;
            if let ClientUpdate::WaitingForScan(code) = update {
                scan(&world.phone, &code);
            }
        }
        if let Some(outcome) = ceremony.try_outcome() {
            break outcome;
        }
        tokio::task::yield_now().await;
    };
    assert!(is_registered(outcome));
    assert_eq!(steps, 7);
    assert!(ceremony.try_next().is_none());
    assert!(ceremony.try_outcome().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_ceremony_is_a_stream_of_its_steps() {
    let world = World::new(Person::Approves);
    let mut ceremony = world.begin();
    scan(&world.phone, &ceremony.qr_code().unwrap());
    let mut steps = 0;
    while poll_fn(|context| Pin::new(&mut ceremony).poll_next(context)).await.is_some() {
        steps += 1;
    }
    assert_eq!(steps, 7);
    assert!(is_registered(ceremony.outcome().await));
}

#[tokio::test(start_paused = true)]
async fn another_thread_cancels_before_a_phone_was_there() {
    for (canceller, by) in
        [(Canceller::Caller, CancelledBy::Caller), (Canceller::User, CancelledBy::User)]
    {
        let world = World::new(Person::Approves);
        let ceremony = world.begin();
        let handle = ceremony.cancel_handle();
        let _code = ceremony.qr_code().unwrap();
        thread::spawn(move || handle.cancel(canceller)).join().unwrap();
        let error = ceremony.await.unwrap_err();
        assert_eq!(error.stage, Stage::ShowingQr);
        assert!(matches!(error.kind, ErrorKind::Cancelled(found) if found == by), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handle_cancels_while_the_user_of_the_phone_is_asked() {
    let asked = std::sync::Arc::new(Notify::new());
    let world = World::new(Person::Waits(std::sync::Arc::clone(&asked)));
    let ceremony = world.begin();
    let code = ceremony.qr_code().unwrap().expose().parse().unwrap();
    let mut session = world.phone.answer(code).unwrap();
    let handle = ceremony.cancel_handle();
    let (outcome, phone, ()) = tokio::join!(ceremony.into_future(), session.outcome(), async {
        asked.notified().await;
        handle.cancel(Canceller::User);
        // Only the first call counts.
        handle.cancel(Canceller::Caller);
    });
    let error = outcome.unwrap_err();
    assert_eq!(error.stage, Stage::AwaitingResponse);
    assert!(matches!(error.kind, ErrorKind::Cancelled(CancelledBy::User)), "{error}");
    let told = phone.unwrap_err();
    assert!(matches!(told.kind, ErrorKind::Cancelled(CancelledBy::Client)), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_handle_that_is_used_at_once_sends_no_request() {
    let world = World::new(Person::Approves);
    let ceremony = world.begin();
    ceremony.cancel_handle().cancel(Canceller::Caller);
    scan(&world.phone, &ceremony.qr_code().unwrap());
    let error = ceremony.await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Cancelled(CancelledBy::Caller)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_handle_does_nothing_after_the_end() {
    let world = World::new(Person::Approves);
    let mut ceremony = world.begin();
    scan(&world.phone, &ceremony.qr_code().unwrap());
    let handle = ceremony.cancel_handle();
    assert!(is_registered(ceremony.outcome().await));
    ceremony.close().await;
    handle.cancel(Canceller::User);
    assert_eq!(format!("{handle:?}"), "CancelHandle { cancelled: Some(User) }");
}

#[test]
fn futures_and_handles_go_to_other_threads() {
    fn sent<T: Send + 'static>() {}
    fn shared<T: Send + Sync + Clone + 'static>() {}
    sent::<Ceremony<CtapResponse>>();
    sent::<<Ceremony<CtapResponse> as IntoFuture>::IntoFuture>();
    sent::<<WithUpdates<CtapResponse, fn(ClientUpdate)> as IntoFuture>::IntoFuture>();
    shared::<CancelHandle>();
    shared::<Client>();
    shared::<Authenticator>();
}
