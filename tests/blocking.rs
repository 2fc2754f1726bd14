//! The client without an async runtime: from several threads, cancelled from another
//! one, dropped, and within another runtime.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, AuthenticatorUpdate, Decision, MemoryStore, Prompt,
    UserCheck,
};
use fido_hybrid::blocking::{Ceremony, Client};
use fido_hybrid::client::{AllowedTunnelServices, ClientUpdate};
use fido_hybrid::ctap::{Command, CtapRequest, CtapResponse, RawResponse};
use fido_hybrid::error::{ApiMisuse, CancelledBy, Error, ErrorKind, TunnelError};
use fido_hybrid::transport::{QrText, RequestHint, TunnelDomain, TunnelRequest};
use fido_hybrid::tunnel::{EarlyConnections, OpenedTunnel, TunnelDialer};
use fido_hybrid::{BoxFuture, Canceller};
use fido_hybrid_sim::{Air, MemoryRelay};
use fido_hybrid_testkit::rig::{approved, domain, make_credential};

/// A bound against hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// Approves at once, or never answers.
#[derive(Clone, Copy)]
enum Person {
    Approves,
    Waits,
}

impl UserCheck for Person {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async move {
            match self {
                Self::Approves => approved(0),
                Self::Waits => std::future::pending().await,
            }
        })
    }
}

#[derive(Clone)]
struct World {
    client: Client,
    phone: Authenticator,
}

impl World {
    fn new(user: Person) -> Self {
        let (air, relay) = (Air::new(), MemoryRelay::new());
        let client = Client::new(air.clone(), relay.clone()).unwrap();
        let phone = Authenticator::new(AuthenticatorParts {
            store: MemoryStore::new(),
            user,
            advertiser: air,
            dialer: relay,
            domain: domain(),
        });
        Self { client, phone }
    }

    fn begin(&self, account: &str) -> Ceremony<CtapResponse> {
        self.client.begin(make_credential(account).into(), None).unwrap()
    }

    /// The phone scans the code, in a thread and a runtime of its own. `asked` is told
    /// when its user is asked.
    fn scan(&self, code: &QrText, asked: mpsc::Sender<()>) -> JoinHandle<Result<(), Error>> {
        let (phone, code) = (self.phone.clone(), code.expose().parse().unwrap());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let mut session = phone.answer(code).unwrap();
                while let Some(update) = session.next().await {
                    if let AuthenticatorUpdate::Answering = update {
                        // The test may not wait for it.
                        let _dropped = asked.send(());
                    }
                }
                let outcome = session.outcome().await;
                session.close().await;
                outcome
            })
        })
    }
}

fn is_registered(outcome: &Result<CtapResponse, Error>) -> bool {
    matches!(outcome, Ok(CtapResponse::MakeCredential(_)))
}

/// Counts what it is asked, and answers nothing.
#[derive(Clone, Default)]
struct CountingDialer(Arc<Mutex<Vec<String>>>);

impl TunnelDialer for CountingDialer {
    fn dial(&self, request: TunnelRequest) -> BoxFuture<'_, Result<OpenedTunnel, TunnelError>> {
        self.0.lock().unwrap().push(request.url.host().to_owned());
        Box::pin(async { Err(TunnelError::Status(404)) })
    }

    fn connect_early(&self, services: &[TunnelDomain]) -> Option<Box<dyn EarlyConnections>> {
        self.0.lock().unwrap().extend(services.iter().map(|it| format!("early {}", it.host())));
        None
    }
}

#[test]
fn the_policy_for_tunnel_services_holds_for_all_that_dials() {
    let dialer = CountingDialer::default();
    let allowed = AllowedTunnelServices::Listed(vec![TunnelDomain::APPLE]);
    let client = Client::new(Air::new(), dialer.clone()).unwrap();
    let client = client.tunnel_services(allowed).connect_early();
    let health = client.preflight();
    assert_eq!(health.tunnel_services.len(), 1);
    client.begin(make_credential("Ada").into(), None).unwrap().close();
    let apple = TunnelDomain::APPLE.host();
    assert_eq!(*dialer.0.lock().unwrap(), [apple.clone(), format!("early {apple}")]);
}

#[test]
fn a_loop_over_the_updates_ends_with_the_outcome() {
    let world = World::new(Person::Approves);
    let mut ceremony = world.begin("Ada");
    let (asked, _) = mpsc::channel();
    let mut phone = None;
    let mut steps = 0;
    for update in &mut ceremony {
        steps += 1;
        if let ClientUpdate::WaitingForScan(code) = update {
            phone = Some(world.scan(&code, asked.clone()));
        }
    }
    assert_eq!(steps, 7);
    assert!(is_registered(&ceremony.outcome()));
    phone.unwrap().join().unwrap().unwrap();
}

#[test]
fn a_function_is_called_on_the_callers_thread() {
    let world = World::new(Person::Approves);
    let caller = thread::current().id();
    let (asked, _) = mpsc::channel();
    let mut phone = None;
    let outcome = world.begin("Ada").on_update(|update| {
        assert_eq!(thread::current().id(), caller);
        if let ClientUpdate::WaitingForScan(code) = update {
            phone = Some(world.scan(&code, asked.clone()));
        }
    });
    assert!(is_registered(&outcome));
    phone.unwrap().join().unwrap().unwrap();
}

#[test]
fn an_outcome_without_the_code_is_a_misuse() {
    let error = World::new(Person::Approves).begin("Ada").outcome().unwrap_err();
    assert!(matches!(error.kind, ErrorKind::ApiMisuse(ApiMisuse::CodeNotTaken)), "{error}");
}

#[test]
fn several_threads_use_one_client() {
    let world = World::new(Person::Approves);
    let threads: Vec<_> = ["Ada", "Grace", "Emmy"]
        .map(|account| {
            let world = world.clone();
            thread::spawn(move || {
                let ceremony = world.begin(account);
                let phone = world.scan(&ceremony.qr_code().unwrap(), mpsc::channel().0);
                assert!(is_registered(&ceremony.outcome()));
                phone.join().unwrap().unwrap();
            })
        })
        .into();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn another_thread_ends_a_call_that_blocks() {
    let world = World::new(Person::Waits);
    let ceremony = world.begin("Ada");
    let (asked, prompts) = mpsc::channel();
    let phone = world.scan(&ceremony.qr_code().unwrap(), asked);
    let handle = ceremony.cancel_handle();
    let canceller = thread::spawn(move || {
        prompts.recv_timeout(PATIENCE).unwrap();
        handle.cancel(Canceller::User);
    });
    let error = ceremony.outcome().unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Cancelled(CancelledBy::User)), "{error}");
    canceller.join().unwrap();
    let told = phone.join().unwrap().unwrap_err();
    assert!(matches!(told.kind, ErrorKind::Cancelled(CancelledBy::Client)), "{told}");
}

#[test]
fn the_phone_is_told_of_a_ceremony_that_was_dropped_with_its_client() {
    let world = World::new(Person::Waits);
    let ceremony = world.begin("Ada");
    let (asked, prompts) = mpsc::channel();
    let phone = world.scan(&ceremony.qr_code().unwrap(), asked);
    prompts.recv_timeout(PATIENCE).unwrap();
    drop((ceremony, world));
    let told = phone.join().unwrap().unwrap_err();
    assert!(matches!(told.kind, ErrorKind::Cancelled(CancelledBy::Client)), "{told}");
}

#[test]
fn the_phone_was_told_when_closing_returns() {
    let world = World::new(Person::Waits);
    let ceremony = world.begin("Ada");
    let (asked, prompts) = mpsc::channel();
    let phone = world.scan(&ceremony.qr_code().unwrap(), asked);
    prompts.recv_timeout(PATIENCE).unwrap();
    ceremony.close();
    let told = phone.join().unwrap().unwrap_err();
    assert!(matches!(told.kind, ErrorKind::Cancelled(CancelledBy::Client)), "{told}");
}

#[test]
fn raw_ctap_goes_both_ways() {
    let world = World::new(Person::Approves);
    let hint = RequestHint::MakeCredential;
    let request = CtapRequest::from(make_credential("Ada")).to_bytes();
    let ceremony = world.client.begin_raw(request, hint, None).unwrap();
    let phone = world.scan(&ceremony.qr_code().unwrap(), mpsc::channel().0);
    let response = ceremony.outcome().unwrap().into_exposed();
    let response = RawResponse::parse(response).unwrap().decode(Command::MakeCredential);
    assert!(matches!(response, Ok(CtapResponse::MakeCredential(_))), "{response:?}");
    phone.join().unwrap().unwrap();

    let error = world.client.begin_raw(Vec::new(), hint, None).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::ApiMisuse(ApiMisuse::EmptyRequest)), "{error}");
}

#[test]
fn it_works_within_another_runtime_too() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let world = World::new(Person::Approves);
        // More than a task's budget for polls of channels lasts for.
        for _ in 0..15 {
            let mut ceremony = world.begin("Ada");
            let phone = world.scan(&ceremony.qr_code().unwrap(), mpsc::channel().0);
            while ceremony.next().is_some() {}
            assert!(is_registered(&ceremony.outcome()));
            phone.join().unwrap().unwrap();
        }
    });
}

#[test]
fn a_ceremony_is_begun_again_and_its_code_renewed_without_a_runtime() {
    let world = World::new(Person::Approves);
    let mut ceremony = world.begin("ada");
    let first = code_of(ceremony.next());
    ceremony.renew_code();
    let second = code_of(ceremony.next());
    assert_ne!(first, second);
    ceremony.cancel_handle().cancel(Canceller::User);
    assert!(ceremony.by_ref().next().is_none());
    assert!(ceremony.try_outcome().unwrap().unwrap_err().is_cancelled());

    ceremony.retry().unwrap();
    let code = ceremony.qr_code().unwrap();
    assert!(![first, second].contains(&code.expose().to_owned()));
    let (asked, _) = mpsc::channel();
    let phone = world.scan(&code, asked);
    assert!(is_registered(&ceremony.outcome()));
    phone.join().unwrap().unwrap();
}

fn code_of(update: Option<ClientUpdate>) -> String {
    let Some(ClientUpdate::WaitingForScan(text)) = update else { panic!("{update:?}") };
    text.expose().to_owned()
}
