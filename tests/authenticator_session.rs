//! The async authenticator, with the async client on the other side and the
//! simulated air and tunnel between them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use fido_hybrid_testkit::rig;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, AuthenticatorUpdate, Decision, MemoryStore, PasskeyStore,
    Prompt, QrAgeLimit, Question, Session, UserCheck, UserVerification,
};
use fido_hybrid::bluetooth::{AdapterState, Advertisement, Advertiser};
use fido_hybrid::client::{Ceremony, Client};
use fido_hybrid::ctap::{self, CtapResponse, Status};
use fido_hybrid::error::{
    ApiMisuse, BluetoothError, CancelledBy, Error, ErrorKind, Stage, TunnelError,
};
use fido_hybrid::transport::{QrCode, TunnelRequest};
use fido_hybrid::tunnel::{DataChannel, OpenedTunnel, TunnelDialer};
use fido_hybrid_sim::{Air, MemoryRelay};
use rig::{approved, domain, get_assertion, make_credential, passkey};
use tokio::sync::{mpsc, oneshot};

/// What was seen of the surroundings, in order.
#[derive(Debug, PartialEq, Eq)]
enum Observation {
    OnAir,
    OffAir,
    Prompt,
    Dismissed,
}

type Sightings = mpsc::UnboundedSender<Observation>;

/// Says when it is dropped.
struct Token(Sightings, Option<Observation>);

impl Drop for Token {
    fn drop(&mut self) {
        let _dropped = self.0.send(self.1.take().unwrap());
    }
}

/// An advertiser that is watched.
struct Watched(Air, Sightings);

struct OnAir {
    _advert: Box<dyn Advertisement>,
    _token: Token,
}

impl Advertisement for OnAir {}

impl Advertiser for Watched {
    fn advertise(
        &self,
        service_data: Vec<u8>,
    ) -> BoxFuture<'_, Result<Box<dyn Advertisement>, BluetoothError>> {
        Box::pin(async move {
            let advert = self.0.advertise(service_data).await?;
            self.1.send(Observation::OnAir).unwrap();
            let token = Token(self.1.clone(), Some(Observation::OffAir));
            Ok(Box::new(OnAir { _advert: advert, _token: token }) as Box<dyn Advertisement>)
        })
    }
}

/// A user who says what was planned, and nothing after that.
struct Planned {
    decisions: Mutex<Vec<Decision>>,
    prompts: Arc<Mutex<Vec<Prompt>>>,
    seen: Sightings,
}

impl UserCheck for Planned {
    fn check(&self, prompt: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async move {
            self.prompts.lock().unwrap().push(prompt);
            self.seen.send(Observation::Prompt).unwrap();
            let next = self.decisions.lock().unwrap().pop();
            match next {
                Some(decision) => decision,
                None => {
                    let _token = Token(self.seen.clone(), Some(Observation::Dismissed));
                    std::future::pending().await
                }
            }
        })
    }
}

struct World {
    client: Client,
    authenticator: Authenticator,
    store: MemoryStore,
    prompts: Arc<Mutex<Vec<Prompt>>>,
    seen: mpsc::UnboundedReceiver<Observation>,
}

impl World {
    fn new(decisions: &[Decision]) -> Self {
        let (air, exchange, store) = (Air::new(), MemoryRelay::new(), MemoryStore::new());
        let (sightings, seen) = mpsc::unbounded_channel();
        let prompts = Arc::default();
        let user = Planned {
            decisions: Mutex::new(decisions.iter().rev().copied().collect()),
            prompts: Arc::clone(&prompts),
            seen: sightings.clone(),
        };
        let client = Client::new(air.clone(), exchange.clone());
        let authenticator = Authenticator::new(AuthenticatorParts {
            store: store.clone(),
            user,
            advertiser: Watched(air, sightings),
            dialer: exchange,
            domain: domain(),
        });
        Self { client, authenticator, store, prompts, seen }
    }

    fn begin(&self, request: impl Into<ctap::CtapRequest>) -> (Ceremony<CtapResponse>, Session) {
        let ceremony = self.client.begin(request.into(), None).unwrap();
        let session = self.authenticator.answer(code(&ceremony)).unwrap();
        (ceremony, session)
    }

    async fn sees(&mut self, expected: Observation) {
        assert_eq!(self.seen.recv().await, Some(expected));
    }
}

fn code(ceremony: &Ceremony<CtapResponse>) -> QrCode {
    ceremony.qr_code().unwrap().expose().parse().unwrap()
}

fn status(error: &Error) -> Option<Status> {
    match error.kind {
        ErrorKind::Status(status) => Some(status),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_passkey_is_registered_and_signs_in() {
    let mut world = World::new(&[approved(0), approved(0)]);
    let (mut ceremony, mut session) = world.begin(make_credential("ada"));
    let CtapResponse::MakeCredential(made) = ceremony.outcome().await.unwrap() else { panic!() };
    let kept = world.store.passkeys();
    assert_eq!(made.credential().unwrap().id, kept[0].id);
    drop(ceremony);
    let mut updates = Vec::new();
    while let Some(update) = session.next().await {
        updates.push(update);
    }
    assert!(matches!(
        updates.as_slice(),
        [
            AuthenticatorUpdate::Registering,
            AuthenticatorUpdate::Advertising,
            AuthenticatorUpdate::Secured,
            AuthenticatorUpdate::Answering,
            AuthenticatorUpdate::Registered
        ]
    ));
    session.outcome().await.unwrap();
    for seen in [Observation::OnAir, Observation::OffAir, Observation::Prompt] {
        world.sees(seen).await;
    }

    let (mut ceremony, mut session) = world.begin(get_assertion(&[]));
    let CtapResponse::GetAssertion(signed) = ceremony.outcome().await.unwrap() else { panic!() };
    let message = [signed.auth_data.raw(), &rig::HASH].concat();
    assert!(kept[0].key.public_key().verifies(&message, signed.signature.expose()));
    assert_eq!(signed.auth_data.sign_count(), 1);
    assert_eq!(world.store.passkeys()[0].counter, Some(1));
    drop(ceremony);
    session.outcome().await.unwrap();
    assert!(matches!(
        session.outcome().await.unwrap_err().kind,
        ErrorKind::ApiMisuse(ApiMisuse::Closed)
    ));
}

#[tokio::test(start_paused = true)]
async fn the_other_device_is_told_what_the_user_said() {
    for (decision, expected) in [
        (Decision::Declined, Status::OPERATION_DENIED),
        (Decision::TimedOut, Status::USER_ACTION_TIMEOUT),
        (Decision::NoUi, Status::NOT_ALLOWED),
    ] {
        let world = World::new(&[decision]);
        let (mut ceremony, mut session) = world.begin(make_credential("ada"));
        let error = ceremony.outcome().await.unwrap_err();
        assert_eq!(status(&error), Some(expected));
        assert!(world.store.passkeys().is_empty());
        drop(ceremony);
        session.outcome().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_that_was_not_shown_signs_nothing() {
    let world = World::new(&[approved(1)]);
    world.store.insert(passkey(1, rig::RP_ID, "ada")).await.unwrap();
    let (mut ceremony, mut session) = world.begin(get_assertion(&[]));
    let error = session.outcome().await.unwrap_err();
    assert_eq!(error.stage, Stage::Answering);
    assert!(matches!(error.kind, ErrorKind::ApiMisuse(ApiMisuse::NoSuchAccount)));
    assert!(matches!(ceremony.outcome().await.unwrap_err().kind, ErrorKind::EndedOnPhone));
    assert_eq!(world.store.passkeys()[0].counter, Some(0));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_session_dismisses_the_prompt_and_refuses_the_request() {
    let mut world = World::new(&[]);
    let (mut ceremony, session) = world.begin(make_credential("ada"));
    let outcome = tokio::spawn(async move { ceremony.outcome().await });
    for seen in [Observation::OnAir, Observation::OffAir, Observation::Prompt] {
        world.sees(seen).await;
    }
    drop(session);
    world.sees(Observation::Dismissed).await;
    let error = outcome.await.unwrap().unwrap_err();
    assert_eq!(status(&error), Some(Status::OPERATION_DENIED));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_session_takes_the_advert_off_the_air() {
    let mut world = World::new(&[]);
    // A code whose client does not listen any more.
    let ceremony = world.client.begin(make_credential("ada").into(), None).unwrap();
    let code = code(&ceremony);
    drop(ceremony);
    let session = world.authenticator.answer(code).unwrap();
    world.sees(Observation::OnAir).await;
    drop(session);
    world.sees(Observation::OffAir).await;
}

#[tokio::test(start_paused = true)]
async fn an_advert_that_no_client_receives_times_out() {
    let mut world = World::new(&[]);
    let ceremony = world.client.begin(make_credential("ada").into(), None).unwrap();
    let code = code(&ceremony);
    drop(ceremony);
    let mut session = world.authenticator.answer(code).unwrap();
    let error = session.outcome().await.unwrap_err();
    assert_eq!(error.stage, Stage::Advertising);
    assert!(matches!(error.kind, ErrorKind::Deadline));
    world.sees(Observation::OnAir).await;
    world.sees(Observation::OffAir).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_disconnects_dismisses_the_prompt() {
    let mut world = World::new(&[]);
    let (ceremony, mut session) = world.begin(make_credential("ada"));
    for seen in [Observation::OnAir, Observation::OffAir, Observation::Prompt] {
        world.sees(seen).await;
    }
    drop(ceremony);
    let error = session.outcome().await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Cancelled(CancelledBy::Client)));
    world.sees(Observation::Dismissed).await;
    let prompts = world.prompts.lock().unwrap();
    assert!(matches!(prompts[0].question, Question::Register(_)));
}

#[tokio::test(start_paused = true)]
async fn a_radio_that_cannot_ends_the_session() {
    struct Off;
    impl Advertiser for Off {
        fn advertise(
            &self,
            _: Vec<u8>,
        ) -> BoxFuture<'_, Result<Box<dyn Advertisement>, BluetoothError>> {
            Box::pin(async { Err(BluetoothError::Off) })
        }
    }
    let world = World::new(&[]);
    let ceremony = world.client.begin(make_credential("ada").into(), None).unwrap();
    let authenticator = Authenticator::new(AuthenticatorParts {
        store: MemoryStore::new(),
        user: Nobody,
        advertiser: Off,
        dialer: MemoryRelay::new(),
        domain: domain(),
    });
    let error = authenticator.answer(code(&ceremony)).unwrap().outcome().await.unwrap_err();
    assert_eq!(error.stage, Stage::Advertising);
    assert!(matches!(error.kind, ErrorKind::Bluetooth(BluetoothError::Off)));
}

#[tokio::test(start_paused = true)]
async fn an_advert_that_ends_for_good_ends_the_session() {
    struct Loose;
    impl Advertiser for Loose {
        fn advertise(
            &self,
            _: Vec<u8>,
        ) -> BoxFuture<'_, Result<Box<dyn Advertisement>, BluetoothError>> {
            Box::pin(async { Ok(Box::new(Self) as Box<dyn Advertisement>) })
        }
    }
    impl Advertisement for Loose {
        fn next(&mut self) -> BoxFuture<'_, Result<AdapterState, BluetoothError>> {
            Box::pin(async { Err(BluetoothError::Unsupported("advertise")) })
        }
    }
    let world = World::new(&[]);
    let ceremony = world.client.begin(make_credential("ada").into(), None).unwrap();
    let authenticator = Authenticator::new(AuthenticatorParts {
        store: MemoryStore::new(),
        user: Nobody,
        advertiser: Loose,
        dialer: MemoryRelay::new(),
        domain: domain(),
    });
    let error = authenticator.answer(code(&ceremony)).unwrap().outcome().await.unwrap_err();
    assert_eq!(error.stage, Stage::Advertising);
    assert!(matches!(error.kind, ErrorKind::Bluetooth(BluetoothError::Unsupported(_))));
}

#[tokio::test(start_paused = true)]
async fn an_adapter_that_stays_away_is_told_and_is_why_the_session_ends() {
    struct Away(Vec<AdapterState>);
    impl Advertiser for Away {
        fn advertise(
            &self,
            _: Vec<u8>,
        ) -> BoxFuture<'_, Result<Box<dyn Advertisement>, BluetoothError>> {
            let states = self.0.iter().rev().copied().collect();
            Box::pin(async { Ok(Box::new(Away(states)) as Box<dyn Advertisement>) })
        }
    }
    impl Advertisement for Away {
        fn next(&mut self) -> BoxFuture<'_, Result<AdapterState, BluetoothError>> {
            Box::pin(async {
                match self.0.pop() {
                    Some(state) => Ok(state),
                    None => std::future::pending().await,
                }
            })
        }
    }
    const OFF: AdapterState = AdapterState::Off;
    for (states, is_off) in [(vec![OFF], true), (vec![OFF, AdapterState::On], false)] {
        let world = World::new(&[]);
        let ceremony = world.client.begin(make_credential("ada").into(), None).unwrap();
        let authenticator = Authenticator::new(AuthenticatorParts {
            store: MemoryStore::new(),
            user: Nobody,
            advertiser: Away(states.clone()),
            dialer: MemoryRelay::new(),
            domain: domain(),
        });
        let mut session = authenticator.answer(code(&ceremony)).unwrap();
        drop(ceremony);
        let mut told = Vec::new();
        while let Some(update) = session.next().await {
            if let AuthenticatorUpdate::Adapter(state) = update {
                told.push(state);
            }
        }
        assert_eq!(told, states);
        let error = session.outcome().await.unwrap_err();
        assert_eq!(error.stage, Stage::Advertising);
        match error.kind {
            ErrorKind::Bluetooth(BluetoothError::Off) => assert!(is_off),
            ErrorKind::Deadline => assert!(!is_off),
            other => panic!("{other}"),
        }
    }
}

/// Tunnels that take the handshake and no answer.
struct Clogged(MemoryRelay);

struct ClogsAfterOne(Box<dyn DataChannel>, bool);

impl TunnelDialer for Clogged {
    fn dial(&self, request: TunnelRequest) -> BoxFuture<'_, Result<OpenedTunnel, TunnelError>> {
        Box::pin(async move {
            let mut open = self.0.dial(request).await?;
            open.tunnel = Box::new(ClogsAfterOne(open.tunnel, false));
            Ok(open)
        })
    }
}

impl DataChannel for ClogsAfterOne {
    fn send(&mut self, messages: Vec<Vec<u8>>) -> BoxFuture<'_, Result<(), TunnelError>> {
        if std::mem::replace(&mut self.1, true) {
            return Box::pin(std::future::pending());
        }
        self.0.send(messages)
    }

    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, TunnelError>> {
        self.0.receive()
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        self.0.close()
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_service_does_not_take_is_told_as_a_failure() {
    struct Yes;
    impl UserCheck for Yes {
        fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
            Box::pin(async { approved(0) })
        }
    }
    let (air, exchange, store) = (Air::new(), MemoryRelay::new(), MemoryStore::new());
    let client = Client::new(air.clone(), exchange.clone());
    let authenticator = Authenticator::new(AuthenticatorParts {
        store: store.clone(),
        user: Yes,
        advertiser: air,
        dialer: Clogged(exchange),
        domain: domain(),
    });
    let mut ceremony = client.begin(make_credential("ada").into(), None).unwrap();
    let mut session = authenticator.answer(code(&ceremony)).unwrap();
    let (outcome, answer) = tokio::join!(session.outcome(), ceremony.outcome());
    assert_eq!(store.passkeys().len(), 1);
    assert!(matches!(answer.unwrap_err().kind, ErrorKind::EndedOnPhone));
    assert!(matches!(outcome.unwrap_err().kind, ErrorKind::Tunnel(TunnelError::Stalled)));
}

/// Can verify presence only.
struct Nobody;

impl UserCheck for Nobody {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async { Decision::NoUi })
    }

    fn capability(&self) -> UserVerification {
        UserVerification::Present
    }
}

#[tokio::test]
async fn a_code_from_another_day_is_refused() {
    let world = World::new(&[]);
    let ceremony = world.client.begin(make_credential("ada").into(), None).unwrap();
    let day = 24 * 60 * 60;
    for created in [u64::MAX, 0, code(&ceremony).created.unwrap() - day] {
        let mut code = code(&ceremony);
        code.created = Some(created);
        let error = world.authenticator.answer(code).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::StaleQrCode));
    }
    let lenient = Authenticator::new(AuthenticatorParts {
        store: MemoryStore::new(),
        user: Nobody,
        advertiser: Air::new(),
        dialer: MemoryRelay::new(),
        domain: domain(),
    })
    .qr_age_limit(QrAgeLimit::Within(Duration::from_secs(2 * day)));
    let mut code = code(&ceremony);
    code.created = code.created.map(|created| created - day);
    assert!(lenient.answer(code).is_ok());
}

#[test]
fn outside_a_runtime_it_returns_an_error() {
    let authenticator = Authenticator::new(AuthenticatorParts {
        store: MemoryStore::new(),
        user: Nobody,
        advertiser: Air::new(),
        dialer: MemoryRelay::new(),
        domain: domain(),
    });
    let client = rig::Client::new(1);
    let error = authenticator.answer(client.code).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::ApiMisuse(ApiMisuse::NoRuntime)));
}

mod two_registrations_of_one_account {
    use super::*;

    type Asked = (Prompt, oneshot::Sender<Decision>);

    /// A user who answers when the test does.
    struct Held(mpsc::UnboundedSender<Asked>);

    impl UserCheck for Held {
        fn check(&self, prompt: Prompt) -> BoxFuture<'_, Decision> {
            Box::pin(async move {
                let (decide, decision) = oneshot::channel();
                self.0.send((prompt, decide)).unwrap();
                decision.await.unwrap_or(Decision::NoUi)
            })
        }
    }

    struct Phone {
        client: Client,
        authenticator: Authenticator,
        store: MemoryStore,
        prompts: mpsc::UnboundedReceiver<Asked>,
    }

    type Ended = tokio::task::JoinHandle<Result<CtapResponse, Error>>;

    impl Phone {
        fn new() -> Self {
            let (air, exchange, store) = (Air::new(), MemoryRelay::new(), MemoryStore::new());
            let (asked, prompts) = mpsc::unbounded_channel();
            let client = Client::new(air.clone(), exchange.clone());
            let authenticator = Authenticator::new(AuthenticatorParts {
                store: store.clone(),
                user: Held(asked),
                advertiser: air,
                dialer: exchange,
                domain: domain(),
            });
            Self { client, authenticator, store, prompts }
        }

        fn register(&self, user: &str) -> (Ended, Session) {
            let ceremony = self.client.begin(make_credential(user).into(), None).unwrap();
            // Clones share what they register.
            let session = self.authenticator.clone().answer(code(&ceremony)).unwrap();
            let mut ceremony = ceremony;
            (tokio::spawn(async move { ceremony.outcome().await }), session)
        }

        async fn asked(&mut self) -> Asked {
            self.prompts.recv().await.unwrap()
        }

        /// Nothing is asked in a minute, in which all goes on that can.
        async fn asks_nothing(&mut self) {
            let asked = tokio::time::timeout(Duration::from_secs(60), self.prompts.recv()).await;
            assert!(asked.is_err(), "{asked:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_waits_for_the_first_and_says_what_it_replaces() {
        let mut phone = Phone::new();
        let sessions = [phone.register("ada"), phone.register("ada")];
        let (prompt, decide) = phone.asked().await;
        assert_eq!(prompt.replaces(), None);
        phone.asks_nothing().await;
        decide.send(approved(0)).unwrap();

        let (prompt, decide) = phone.asked().await;
        let kept = phone.store.passkeys();
        assert_eq!(kept.len(), 1);
        assert_eq!(prompt.replaces(), Some(&kept[0].id));
        assert!(prompt.to_string().contains("replace your passkey"), "{prompt}");
        decide.send(approved(0)).unwrap();
        for (ended, mut session) in sessions {
            ended.await.unwrap().unwrap();
            session.outcome().await.unwrap();
        }
        let now = phone.store.passkeys();
        assert_eq!(now.len(), 1);
        assert_ne!(now[0].id, kept[0].id);
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_goes_on_when_the_first_is_refused_or_disconnects() {
        for leaves in [false, true] {
            let mut phone = Phone::new();
            let (first, session) = phone.register("ada");
            let (_, decide) = phone.asked().await;
            let (second, mut waiting) = phone.register("ada");
            phone.asks_nothing().await;
            while !matches!(waiting.next().await.unwrap(), AuthenticatorUpdate::Waiting) {}
            if leaves {
                drop(session);
            } else {
                decide.send(Decision::Declined).unwrap();
            }
            let denied = first.await.unwrap().unwrap_err();
            assert_eq!(status(&denied), Some(Status::OPERATION_DENIED));

            let (prompt, decide) = phone.asked().await;
            assert_eq!(prompt.replaces(), None);
            decide.send(approved(0)).unwrap();
            second.await.unwrap().unwrap();
            assert_eq!(phone.store.passkeys().len(), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn other_accounts_do_not_wait() {
        let mut phone = Phone::new();
        let sessions = [phone.register("ada"), phone.register("bob")];
        let first = phone.asked().await;
        let second = phone.asked().await;
        for (_, decide) in [first, second] {
            decide.send(approved(0)).unwrap();
        }
        for (ended, _session) in sessions {
            ended.await.unwrap().unwrap();
        }
        assert_eq!(phone.store.passkeys().len(), 2);
    }
}
