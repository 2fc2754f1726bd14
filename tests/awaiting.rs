//! The ways in which a program waits for a ceremony or a session: a function for
//! updates, an `await` alone, a loop that never waits, a stream; and cancelling from
//! elsewhere.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::mpsc as threads;
use std::thread;

use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, AuthenticatorUpdate, Decision, MemoryStore, Prompt, Session,
    UserCheck,
};
use fido_hybrid::client::{Ceremony, Client, ClientUpdate};
use fido_hybrid::ctap::{CtapResponse, Status};
use fido_hybrid::error::{ApiMisuse, CancelledBy, Error, ErrorKind, Stage};
use fido_hybrid::transport::QrText;
use fido_hybrid::{BoxFuture, CancelHandle, Canceller, WithUpdates};
use fido_hybrid_sim::{Air, MemoryRelay};
use fido_hybrid_testkit::rig::{approved, domain, make_credential};
use futures_core::Stream;
use tokio::sync::Notify;

/// Approves at once, or never.
enum Person {
    Approves,
    Waits(std::sync::Arc<Notify>),
    /// A program's fault.
    Panics,
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
                Self::Panics => panic!("as this test wants"),
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

/// A user interface's loop in a program's main task, which never waits: the task's budget
/// for polls of channels is never renewed.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_loop_that_never_waits_takes_the_steps_of_many_ceremonies() {
    let world = World::new(Person::Approves);
    for _ in 0..15 {
        let mut ceremony = world.begin();
        let outcome = loop {
            if let Some(ClientUpdate::WaitingForScan(code)) = ceremony.try_next() {
                scan(&world.phone, &code);
            }
            if let Some(outcome) = ceremony.try_outcome() {
                break outcome;
            }
            thread::yield_now();
        };
        assert!(is_registered(outcome));
    }
}

#[tokio::test(start_paused = true)]
async fn the_outcome_comes_without_a_look_at_the_steps() {
    let world = World::new(Person::Approves);
    let mut ceremony = world.begin();
    ceremony.cancel_handle().cancel(Canceller::User);
    let outcome = loop {
        if let Some(outcome) = ceremony.try_outcome() {
            break outcome;
        }
        tokio::task::yield_now().await;
    };
    assert!(outcome.unwrap_err().is_cancelled());
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

/// A ceremony whose phone answers it in a session.
fn begun(world: &World) -> (Ceremony<CtapResponse>, Session) {
    let ceremony = world.begin();
    let code = ceremony.qr_code().unwrap().expose().parse().unwrap();
    (ceremony, world.phone.answer(code).unwrap())
}

/// Whether these are the updates of a session from its start to a new passkey.
fn is_whole(steps: &[AuthenticatorUpdate]) -> bool {
    matches!(steps, [AuthenticatorUpdate::Registering, .., AuthenticatorUpdate::Registered])
}

fn cancelled_by(error: &Error) -> CancelledBy {
    let ErrorKind::Cancelled(by) = error.kind else { panic!("{error}") };
    by
}

#[tokio::test(start_paused = true)]
async fn a_session_is_awaited() {
    let world = World::new(Person::Approves);
    let (ceremony, session) = begun(&world);
    let (outcome, ended) = tokio::join!(ceremony.into_future(), session.into_future());
    assert!(is_registered(outcome));
    ended.unwrap();
    assert_eq!(world.air.adverts(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_function_gets_each_step_of_a_session() {
    let world = World::new(Person::Approves);
    let (ceremony, session) = begun(&world);
    let (steps, taken) = threads::channel();
    let session = session.on_update(move |update| steps.send(update).unwrap());
    let (outcome, ended) = tokio::join!(ceremony.into_future(), session.into_future());
    assert!(is_registered(outcome));
    ended.unwrap();
    let steps: Vec<AuthenticatorUpdate> = taken.iter().collect();
    assert!(is_whole(&steps), "{steps:?}");
}

#[tokio::test(start_paused = true)]
async fn a_loop_takes_the_steps_and_the_outcome_of_a_session_without_waiting() {
    let world = World::new(Person::Approves);
    let (ceremony, mut session) = begun(&world);
    let ceremony = tokio::spawn(ceremony.into_future());
    let mut steps = Vec::new();
    let outcome = loop {
        while let Some(update) = session.try_next() {
            steps.push(update);
        }
        if let Some(outcome) = session.try_outcome() {
            break outcome;
        }
        tokio::task::yield_now().await;
    };
    outcome.unwrap();
    assert!(is_registered(ceremony.await.unwrap()));
    assert!(is_whole(&steps), "{steps:?}");
    assert!(session.try_next().is_none());
    assert!(session.try_outcome().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_session_is_a_stream_of_its_steps() {
    let world = World::new(Person::Approves);
    let (ceremony, mut session) = begun(&world);
    let ceremony = tokio::spawn(ceremony.into_future());
    let mut steps = Vec::new();
    while let Some(step) = poll_fn(|context| Pin::new(&mut session).poll_next(context)).await {
        steps.push(step);
    }
    assert!(is_whole(&steps), "{steps:?}");
    session.outcome().await.unwrap();
    assert!(is_registered(ceremony.await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn another_thread_cancels_a_session_before_a_client_was_there() {
    for (canceller, by) in
        [(Canceller::Caller, CancelledBy::Caller), (Canceller::User, CancelledBy::User)]
    {
        let world = World::new(Person::Approves);
        let (ceremony, mut session) = begun(&world);
        ceremony.close().await;
        while !matches!(session.next().await.unwrap(), AuthenticatorUpdate::Advertising) {}
        while world.air.adverts() == 0 {
            tokio::task::yield_now().await;
        }
        let handle = session.cancel_handle();
        thread::spawn(move || handle.cancel(canceller)).join().unwrap();
        let error = session.await.unwrap_err();
        assert_eq!((error.stage, cancelled_by(&error)), (Stage::Advertising, by));
        assert_eq!(world.air.adverts(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn cancelling_a_session_dismisses_the_prompt_and_refuses_the_client() {
    let asked = std::sync::Arc::new(Notify::new());
    let world = World::new(Person::Waits(std::sync::Arc::clone(&asked)));
    let (ceremony, session) = begun(&world);
    let handle = session.cancel_handle();
    let (outcome, ended, ()) = tokio::join!(ceremony.into_future(), session.into_future(), async {
        asked.notified().await;
        handle.cancel(Canceller::User);
        // Only the first call counts.
        handle.cancel(Canceller::Caller);
    });
    assert_eq!(cancelled_by(&ended.unwrap_err()), CancelledBy::User);
    let refused = outcome.unwrap_err();
    assert!(matches!(refused.kind, ErrorKind::Status(Status::OPERATION_DENIED)), "{refused}");
    // The person is not asked any more: only this test has the notification.
    drop(world);
    assert_eq!(std::sync::Arc::strong_count(&asked), 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_cancelled_and_gives_its_outcome() {
    let world = World::new(Person::Approves);
    let (_ceremony, session) = begun(&world);
    let error = session.cancel(Canceller::User).await.unwrap_err();
    assert_eq!(cancelled_by(&error), CancelledBy::User);
}

#[tokio::test(start_paused = true)]
async fn cancelling_a_session_whose_client_has_its_answer_is_a_good_end() {
    let world = World::new(Person::Approves);
    let (mut ceremony, mut session) = begun(&world);
    assert!(is_registered(ceremony.outcome().await));
    while !matches!(session.next().await.unwrap(), AuthenticatorUpdate::Registered) {}
    session.cancel(Canceller::Caller).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn cancelling_a_session_does_not_hide_a_panic_of_the_program() {
    let world = World::new(Person::Panics);
    let (_ceremony, mut session) = begun(&world);
    while session.next().await.is_some() {}
    let error = session.cancel(Canceller::User).await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::ApiMisuse(ApiMisuse::TaskEnded)), "{error}");
}

#[test]
fn futures_and_handles_go_to_other_threads() {
    fn sent<T: Send + 'static>() {}
    fn shared<T: Send + Sync + Clone + 'static>() {}
    sent::<Ceremony<CtapResponse>>();
    sent::<<Ceremony<CtapResponse> as IntoFuture>::IntoFuture>();
    sent::<<WithUpdates<Ceremony<CtapResponse>, fn(ClientUpdate)> as IntoFuture>::IntoFuture>();
    sent::<Session>();
    sent::<<Session as IntoFuture>::IntoFuture>();
    sent::<<WithUpdates<Session, fn(AuthenticatorUpdate)> as IntoFuture>::IntoFuture>();
    shared::<CancelHandle>();
    shared::<Client>();
    shared::<Authenticator>();
}
