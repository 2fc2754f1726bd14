//! The async client: what it starts it stops, whatever happens, and it never
//! waits for ever.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod again;
mod wrong_answers;

use fido_hybrid_testkit::made_phone::MadePhone;
use fido_hybrid_testkit::rig;
use std::time::Duration;

use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, Decision, MemoryStore, Prompt, Session, UserCheck,
    UserVerification,
};
use fido_hybrid::bluetooth::{AdapterState, AdvertReport, SERVICE_UUID, Scan, ScanEvent, Scanner};
use fido_hybrid::client::{
    Ceremony, Client, ClientDeadlines, ClientUpdate, JsonRequest, MAX_REQUEST_LENGTH,
};
use fido_hybrid::ctap::{CredentialDescriptor, CredentialId, CtapRequest, CtapResponse, Status};
use fido_hybrid::error::{
    Advice, ApiMisuse, BluetoothError, CancelledBy, ErrorKind, PeerMisbehaved, Stage, TunnelError,
    Unsupported,
};
use fido_hybrid::transport::{
    Features, MessageType, PostHandshake, QrCode, RequestHint, TunnelRequest,
};
use fido_hybrid::tunnel::{DataChannel, OpenedTunnel, TunnelDialer};
use fido_hybrid::{BoxFuture, Canceller, authenticator as phone};
use fido_hybrid_sim::{Air, MemoryRelay, RadioConditions, SeededRng};
use rig::{domain, get_assertion, make_credential};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// A scanner that tells how many of its scans are under way.
#[derive(Clone)]
struct Counted {
    air: Air,
    scans: watch::Sender<usize>,
}

struct CountedScan {
    scan: Box<dyn Scan>,
    scans: watch::Sender<usize>,
}

impl Scanner for Counted {
    fn state(&self) -> BoxFuture<'_, Result<AdapterState, BluetoothError>> {
        self.air.state()
    }

    fn scan(&self) -> BoxFuture<'_, Result<Box<dyn Scan>, BluetoothError>> {
        Box::pin(async move {
            let scan = self.air.scan().await?;
            self.scans.send_modify(|scans| *scans += 1);
            Ok(Box::new(CountedScan { scan, scans: self.scans.clone() }) as Box<dyn Scan>)
        })
    }
}

impl Scan for CountedScan {
    fn next(&mut self) -> BoxFuture<'_, Result<ScanEvent, BluetoothError>> {
        self.scan.next()
    }
}

impl Drop for CountedScan {
    fn drop(&mut self) {
        self.scans.send_modify(|scans| *scans -= 1);
    }
}

/// What a tunnel under watch does.
#[derive(Debug, PartialEq, Eq)]
enum Observation {
    /// Messages of these lengths, handed over together.
    Sent(Vec<usize>),
    Dropped,
}

struct Watched {
    exchange: MemoryRelay,
    seen: mpsc::UnboundedSender<Observation>,
}

struct WatchedTunnel {
    tunnel: Box<dyn DataChannel>,
    seen: mpsc::UnboundedSender<Observation>,
}

impl TunnelDialer for Watched {
    fn dial(&self, request: TunnelRequest) -> BoxFuture<'_, Result<OpenedTunnel, TunnelError>> {
        Box::pin(async move {
            let mut open = self.exchange.dial(request).await?;
            open.tunnel = Box::new(WatchedTunnel { tunnel: open.tunnel, seen: self.seen.clone() });
            Ok(open)
        })
    }
}

impl DataChannel for WatchedTunnel {
    fn send(&mut self, messages: Vec<Vec<u8>>) -> BoxFuture<'_, Result<(), TunnelError>> {
        let _dropped = self.seen.send(Observation::Sent(messages.iter().map(Vec::len).collect()));
        self.tunnel.send(messages)
    }

    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, TunnelError>> {
        self.tunnel.receive()
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        self.tunnel.close()
    }
}

impl Drop for WatchedTunnel {
    fn drop(&mut self) {
        let _dropped = self.seen.send(Observation::Dropped);
    }
}

/// A user who agrees, or who never answers.
#[derive(Clone, Copy, PartialEq)]
enum Person {
    Agrees,
    IsAway,
}

impl UserCheck for Person {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async move {
            if *self == Self::IsAway {
                std::future::pending::<()>().await;
            }
            Decision::Approved { verification: UserVerification::Verified, account: 0 }
        })
    }
}

struct World {
    client: Client,
    phone: Authenticator,
    scans: watch::Receiver<usize>,
    by_client: mpsc::UnboundedReceiver<Observation>,
    by_phone: mpsc::UnboundedReceiver<Observation>,
    air: Air,
}

impl World {
    fn new(person: Person) -> Self {
        Self::with_air(person, Air::new())
    }

    fn with_air(person: Person, air: Air) -> Self {
        let exchange = MemoryRelay::new();
        let (scans, watching) = watch::channel(0);
        let (of_client, by_client) = mpsc::unbounded_channel();
        let (of_phone, by_phone) = mpsc::unbounded_channel();
        let client = Client::new(
            Counted { air: air.clone(), scans },
            Watched { exchange: exchange.clone(), seen: of_client },
        );
        let phone = Authenticator::new(AuthenticatorParts {
            store: MemoryStore::new(),
            user: person,
            advertiser: air.clone(),
            dialer: Watched { exchange, seen: of_phone },
            domain: domain(),
        });
        Self { client, phone, scans: watching, by_client, by_phone, air }
    }

    fn scan<T>(&self, ceremony: &Ceremony<T>) -> Session {
        self.phone.answer(ceremony.qr_code().unwrap().expose().parse().unwrap()).unwrap()
    }

    async fn scans(&mut self, expected: usize) {
        self.scans.wait_for(|scans| *scans == expected).await.unwrap();
    }
}

async fn reach(
    ceremony: &mut Ceremony<CtapResponse>,
    mut enough: impl FnMut(&ClientUpdate) -> bool,
) {
    while let Some(update) = ceremony.next().await {
        if enough(&update) {
            return;
        }
    }
    panic!("{:?}", ceremony.outcome().await);
}

fn registration() -> CtapRequest {
    make_credential("Ada").into()
}

#[tokio::test(start_paused = true)]
async fn each_step_is_told_in_order_and_the_answer_comes_last() {
    let mut world = World::new(Person::Agrees);
    let mut ceremony = world.client.begin(registration(), None).unwrap();
    let session = world.scan(&ceremony);
    let mut told = Vec::new();
    while let Some(update) = ceremony.next().await {
        told.push(update);
    }
    assert!(matches!(
        told[..],
        [
            ClientUpdate::WaitingForScan(_),
            ClientUpdate::PhoneFound,
            ClientUpdate::Connected,
            ClientUpdate::Secured,
            ClientUpdate::PhoneReady { .. },
            ClientUpdate::Asked,
            ClientUpdate::Answered,
        ]
    ));
    assert!(matches!(ceremony.outcome().await, Ok(CtapResponse::MakeCredential(_))));
    assert!(ceremony.next().await.is_none());
    let again = ceremony.outcome().await.unwrap_err();
    assert!(matches!(again.kind, ErrorKind::ApiMisuse(ApiMisuse::Closed)));
    world.scans(0).await;
    drop(ceremony);
    let mut session = session;
    session.outcome().await.unwrap();
    assert_eq!(world.air.adverts(), 0);
}

#[tokio::test(start_paused = true)]
async fn handshake_reply_introduction_and_update_leave_in_one_write() {
    let mut world = World::new(Person::Agrees);
    let mut ceremony = world.client.begin(registration(), None).unwrap();
    let _session = world.scan(&ceremony);
    ceremony.outcome().await.unwrap();
    let Some(Observation::Sent(first)) = world.by_phone.recv().await else { panic!() };
    let [81, introduction, 528] = first[..] else { panic!("{first:?}") };
    assert_eq!(introduction % 32, 16, "padded to 32, and a tag");
    let Some(Observation::Sent(answer)) = world.by_phone.recv().await else { panic!() };
    assert_eq!(answer.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_client_says_goodbye_and_closes() {
    let mut world = World::new(Person::Agrees);
    let mut ceremony = world.client.begin(registration(), None).unwrap();
    let mut session = world.scan(&ceremony);
    ceremony.outcome().await.unwrap();
    drop(ceremony);
    let mut sent = Vec::new();
    while let Observation::Sent(lengths) = world.by_client.recv().await.unwrap() {
        sent.extend(lengths);
    }
    assert_eq!(sent[0], 81, "the handshake");
    assert_eq!(sent.last(), Some(&48), "the shutdown: one byte, padded, with its tag");
    session.outcome().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_request_after_another_while_the_phone_stays() {
    let world = World::new(Person::Agrees);
    let mut ceremony = world.client.begin(registration(), None).unwrap();
    let _session = world.scan(&ceremony);
    let early = ceremony.ask(get_assertion(&[]).into()).await.unwrap_err();
    assert_eq!(early.stage, Stage::AwaitingResponse);
    assert!(matches!(early.kind, ErrorKind::ApiMisuse(ApiMisuse::WrongStage)));
    ceremony.outcome().await.unwrap();
    for _ in 0..3 {
        let answer = ceremony.ask(get_assertion(&[]).into()).await;
        assert!(matches!(answer, Ok(CtapResponse::GetAssertion(_))), "{answer:?}");
    }
    let info = ceremony.ask(CtapRequest::GetInfo).await;
    assert!(matches!(info, Ok(CtapResponse::GetInfo(_))));
}

/// A tunnel service that adds a message of its own after the phone's first
/// answer.
struct Meddling(Watched);

struct MeddlingTunnel {
    tunnel: Box<dyn DataChannel>,
    received: usize,
}

impl TunnelDialer for Meddling {
    fn dial(&self, request: TunnelRequest) -> BoxFuture<'_, Result<OpenedTunnel, TunnelError>> {
        Box::pin(async move {
            let mut open = self.0.dial(request).await?;
            open.tunnel = Box::new(MeddlingTunnel { tunnel: open.tunnel, received: 0 });
            Ok(open)
        })
    }
}

impl DataChannel for MeddlingTunnel {
    fn send(&mut self, messages: Vec<Vec<u8>>) -> BoxFuture<'_, Result<(), TunnelError>> {
        self.tunnel.send(messages)
    }

    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, TunnelError>> {
        Box::pin(async move {
            // Handshake, introduction, update, answer.
            if self.received == 4 {
                return Ok(Some(vec![0; 48]));
            }
            let message = self.tunnel.receive().await;
            self.received += 1;
            message
        })
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        self.tunnel.close()
    }
}

#[tokio::test(start_paused = true)]
async fn a_later_request_fails_with_the_error_that_ended_the_transaction() {
    let exchange = MemoryRelay::new();
    let (seen, mut by_client) = mpsc::unbounded_channel();
    let air = Air::new();
    let client = Client::new(air.clone(), Meddling(Watched { exchange: exchange.clone(), seen }));
    let phone = Authenticator::new(AuthenticatorParts {
        store: MemoryStore::new(),
        user: Person::Agrees,
        advertiser: air,
        dialer: exchange,
        domain: domain(),
    });
    let mut ceremony = client.begin(registration(), None).unwrap();
    let _session = phone.answer(ceremony.qr_code().unwrap().expose().parse().unwrap()).unwrap();
    ceremony.outcome().await.unwrap();
    while by_client.recv().await.unwrap() != Observation::Dropped {}
    for _ in 0..2 {
        let end = ceremony.ask(get_assertion(&[]).into()).await.unwrap_err();
        assert_eq!(end.stage, Stage::Ready);
        assert!(matches!(end.kind, ErrorKind::PeerMisbehaved(PeerMisbehaved::Channel(_))), "{end}");
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_the_ceremony_ends_the_scan() {
    let mut world = World::new(Person::Agrees);
    let ceremony = world.client.begin(registration(), None).unwrap();
    world.scans(1).await;
    drop(ceremony);
    world.scans(0).await;
}

#[tokio::test(start_paused = true)]
async fn a_closed_ceremony_does_not_scan() {
    let mut world = World::new(Person::Agrees);
    let ceremony = world.client.begin(registration(), None).unwrap();
    world.scans(1).await;
    ceremony.close().await;
    assert_eq!(*world.scans.borrow(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_ceremony_while_the_phone_asks_tells_the_phone() {
    let mut world = World::new(Person::IsAway);
    let mut ceremony = world.client.begin(registration(), None).unwrap();
    let mut session = world.scan(&ceremony);
    reach(&mut ceremony, |update| matches!(update, ClientUpdate::Asked)).await;
    drop(ceremony);
    let end = session.outcome().await.unwrap_err();
    assert!(matches!(end.kind, ErrorKind::Cancelled(CancelledBy::Client)), "{end}");
    assert_eq!(world.air.adverts(), 0);
    world.scans(0).await;
}

#[tokio::test(start_paused = true)]
async fn a_phone_whose_prompt_times_out_refuses() {
    let world = World::new(Person::IsAway);
    let mut ceremony = world.client.begin(registration(), None).unwrap();
    let mut session = world.scan(&ceremony);
    while !matches!(session.next().await, Some(phone::AuthenticatorUpdate::Answering)) {}
    drop(session);
    let end = ceremony.outcome().await.unwrap_err();
    assert_eq!(end.stage, Stage::AwaitingResponse);
    assert!(matches!(end.kind, ErrorKind::Status(Status::OPERATION_DENIED)), "{end}");
}

#[tokio::test(start_paused = true)]
async fn the_answer_has_the_deadline_of_its_request() {
    for (timeout, expected) in [(None, 300), (Some(Duration::from_secs(20)), 20)] {
        let world = World::new(Person::IsAway);
        let mut ceremony = world.client.begin(registration(), timeout).unwrap();
        let _session = world.scan(&ceremony);
        reach(&mut ceremony, |update| matches!(update, ClientUpdate::Asked)).await;
        let asked = Instant::now();
        let end = ceremony.outcome().await.unwrap_err();
        assert_eq!(asked.elapsed().as_secs(), expected);
        // The phone's own patience may end at the same moment.
        if timeout.is_some() {
            assert!(matches!(end.kind, ErrorKind::Deadline), "{end}");
            assert_eq!(end.advice(), Advice::AnswerOnThePhone);
        }
    }
}

/// A tunnel service that never answers.
struct Silent;

impl TunnelDialer for Silent {
    fn dial(&self, _: TunnelRequest) -> BoxFuture<'_, Result<OpenedTunnel, TunnelError>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_service_that_is_silent_is_given_up() {
    let world = World::new(Person::Agrees);
    let client = Client::new(world.air.clone(), Silent);
    let mut ceremony = client.begin(registration(), None).unwrap();
    let _session = world.scan(&ceremony);
    reach(&mut ceremony, |update| matches!(update, ClientUpdate::PhoneFound)).await;
    let received = Instant::now();
    let end = ceremony.outcome().await.unwrap_err();
    assert_eq!(received.elapsed().as_secs(), 10);
    assert_eq!(end.stage, Stage::Connecting);
    assert!(matches!(end.kind, ErrorKind::Deadline));
    assert_eq!(end.advice(), Advice::CheckTheNetwork);
}

#[tokio::test(start_paused = true)]
async fn an_offer_ends_when_its_program_unregisters_it() {
    let world = World::new(Person::Agrees);
    let mut deadlines = ClientDeadlines::default();
    deadlines.showing_qr = Some(Duration::from_secs(60));
    let client = Client::new(world.air.clone(), MemoryRelay::new()).deadlines(deadlines);
    let began = Instant::now();
    let end = client.begin(registration(), None).unwrap().outcome().await.unwrap_err();
    assert_eq!(began.elapsed().as_secs(), 60);
    assert_eq!(end.stage, Stage::ShowingQr);
    assert_eq!(end.advice(), Advice::ScanANewCode);
}

/// An adapter that is switched off.
struct Off;

impl Scanner for Off {
    fn state(&self) -> BoxFuture<'_, Result<AdapterState, BluetoothError>> {
        Box::pin(std::future::ready(Ok(AdapterState::Off)))
    }

    fn scan(&self) -> BoxFuture<'_, Result<Box<dyn Scan>, BluetoothError>> {
        Box::pin(async { Err(BluetoothError::Off) })
    }
}

#[tokio::test]
async fn a_radio_that_is_off_is_told_at_once() {
    let client = Client::new(Off, MemoryRelay::new());
    let end = client.begin(registration(), None).unwrap().outcome().await.unwrap_err();
    assert_eq!(end.stage, Stage::ShowingQr);
    assert!(matches!(end.kind, ErrorKind::Bluetooth(BluetoothError::Off)));
    assert_eq!(end.advice(), Advice::TurnBluetoothOn);
}

/// An adapter that is plugged in and then switched on while it is wanted.
struct Late(Air);

struct LateScan {
    states: std::vec::IntoIter<AdapterState>,
    scan: Box<dyn Scan>,
}

impl Scanner for Late {
    fn state(&self) -> BoxFuture<'_, Result<AdapterState, BluetoothError>> {
        Box::pin(std::future::ready(Ok(AdapterState::Absent)))
    }

    fn scan(&self) -> BoxFuture<'_, Result<Box<dyn Scan>, BluetoothError>> {
        Box::pin(async {
            let states = vec![AdapterState::Absent, AdapterState::Off, AdapterState::On];
            let scan = self.0.scan().await?;
            Ok(Box::new(LateScan { states: states.into_iter(), scan }) as Box<dyn Scan>)
        })
    }
}

impl Scan for LateScan {
    fn next(&mut self) -> BoxFuture<'_, Result<ScanEvent, BluetoothError>> {
        match self.states.next() {
            Some(state) => Box::pin(async move { Ok(ScanEvent::Adapter(state)) }),
            None => self.scan.next(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_adapter_that_comes_late_is_told_and_serves_the_same_code() {
    let air = Air::new();
    let exchange = MemoryRelay::new();
    let client = Client::new(Late(air.clone()), exchange.clone());
    let phone = Authenticator::new(AuthenticatorParts {
        store: MemoryStore::new(),
        user: Person::Agrees,
        advertiser: air,
        dialer: exchange,
        domain: domain(),
    });
    let mut ceremony = client.begin(registration(), None).unwrap();
    let _session = phone.answer(ceremony.qr_code().unwrap().expose().parse().unwrap()).unwrap();
    let mut told = Vec::new();
    reach(&mut ceremony, |update| {
        told.push(update.clone());
        matches!(update, ClientUpdate::PhoneFound)
    })
    .await;
    assert!(matches!(
        told[..],
        [
            ClientUpdate::WaitingForScan(_),
            ClientUpdate::Adapter(AdapterState::Absent),
            ClientUpdate::Adapter(AdapterState::Off),
            ClientUpdate::Adapter(AdapterState::On),
            ClientUpdate::PhoneFound,
        ]
    ));
    assert!(matches!(ceremony.outcome().await, Ok(CtapResponse::MakeCredential(_))));
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_foreign_adverts_hold_nothing_up() {
    let mut conditions = RadioConditions::default();
    conditions.foreign = 10_000;
    let air = Air::with_conditions(conditions, SeededRng::new(1));
    let world = World::with_air(Person::Agrees, air);
    let mut ceremony = world.client.begin(registration(), None).unwrap();
    let _session = world.scan(&ceremony);
    assert!(matches!(ceremony.outcome().await, Ok(CtapResponse::MakeCredential(_))));
}

/// Air in which there is always one more advert of another device.
struct Flood {
    service: u16,
    scans: watch::Sender<usize>,
}

struct FloodScan(u16, watch::Sender<usize>);

impl Scanner for Flood {
    fn state(&self) -> BoxFuture<'_, Result<AdapterState, BluetoothError>> {
        Box::pin(std::future::ready(Ok(AdapterState::On)))
    }

    fn scan(&self) -> BoxFuture<'_, Result<Box<dyn Scan>, BluetoothError>> {
        self.scans.send_modify(|scans| *scans += 1);
        let scan = FloodScan(self.service, self.scans.clone());
        Box::pin(async { Ok(Box::new(scan) as Box<dyn Scan>) })
    }
}

impl Scan for FloodScan {
    fn next(&mut self) -> BoxFuture<'_, Result<ScanEvent, BluetoothError>> {
        let sighting = AdvertReport::new(self.0, vec![7; 20]);
        Box::pin(async { Ok(ScanEvent::Advert(sighting)) })
    }
}

impl Drop for FloodScan {
    fn drop(&mut self) {
        self.1.send_modify(|scans| *scans -= 1);
    }
}

#[tokio::test]
async fn a_scan_that_never_pauses_leaves_its_thread_to_others() {
    for service in [SERVICE_UUID, 0x180f] {
        let (scans, mut watching) = watch::channel(0);
        let flood = Flood { service, scans };
        let client = Client::new(flood, MemoryRelay::new());
        let ceremony = client.begin(registration(), None).unwrap();
        watching.wait_for(|scans| *scans == 1).await.unwrap();
        drop(ceremony);
        watching.wait_for(|scans| *scans == 0).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn lost_and_late_adverts_are_made_up_for() {
    for seed in 0..20 {
        let mut conditions = RadioConditions::default();
        conditions.lost_per_thousand = 800;
        conditions.delay = Duration::from_millis(500);
        let air = Air::with_conditions(conditions, SeededRng::new(seed));
        let world = World::with_air(Person::Agrees, air);
        let mut ceremony = world.client.begin(registration(), None).unwrap();
        let _session = world.scan(&ceremony);
        assert!(matches!(ceremony.outcome().await, Ok(CtapResponse::MakeCredential(_))));
    }
}

#[test]
fn outside_a_runtime_it_returns_an_error() {
    let client = Client::new(Off, MemoryRelay::new());
    let error = client.begin(registration(), None).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::ApiMisuse(ApiMisuse::NoRuntime)));
}

#[tokio::test]
async fn what_no_phone_takes_is_refused_before_there_is_a_code() {
    let client = Client::new(Off, MemoryRelay::new());
    let mut too_long = get_assertion(&[]);
    let id = CredentialId::new(vec![7; 1000]).unwrap();
    too_long.allow_list = vec![CredentialDescriptor::new(id); 64];
    let too_long = CtapRequest::from(too_long);
    assert!(too_long.to_bytes().len() > MAX_REQUEST_LENGTH);
    for (request, expected) in [
        (CtapRequest::Selection, Unsupported::Command),
        (CtapRequest::GetNextAssertion, Unsupported::Command),
        (too_long, Unsupported::RequestTooLong),
    ] {
        let error = client.begin(request, None).unwrap_err();
        assert_eq!(error.stage, Stage::Preparing);
        assert!(
            matches!(error.kind, ErrorKind::Unsupported(error) if error == expected),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_code_is_given_out_until_a_phones_advert_is_received() {
    let world = World::new(Person::Agrees);
    let mut ceremony = world.client.begin(registration(), None).unwrap();
    let code = ceremony.qr_code().unwrap();
    assert!(matches!(ceremony.next().await, Some(ClientUpdate::WaitingForScan(_))));
    assert_eq!(ceremony.qr_code().unwrap().expose(), code.expose());
    let _session = world.scan(&ceremony);
    assert!(matches!(ceremony.next().await, Some(ClientUpdate::PhoneFound)));
    assert!(ceremony.qr_code().is_none());
    ceremony.outcome().await.unwrap();
    assert!(ceremony.qr_code().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_used_code_is_not_given_out_to_a_program_that_reads_no_update() {
    let world = World::new(Person::IsAway);
    let ceremony = world.client.begin(registration(), None).unwrap();
    let mut session = world.scan(&ceremony);
    while !matches!(session.next().await, Some(phone::AuthenticatorUpdate::Answering)) {}
    assert!(ceremony.qr_code().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_code_of_a_transaction_that_failed_is_not_given_out() {
    let mut deadlines = ClientDeadlines::default();
    deadlines.showing_qr = Some(Duration::from_secs(1));
    let (air, exchange) = (Air::new(), MemoryRelay::new());
    let client = Client::new(air, exchange).deadlines(deadlines);
    let mut ceremony = client.begin(registration(), None).unwrap();
    assert!(ceremony.qr_code().is_some());
    assert_eq!(ceremony.outcome().await.unwrap_err().stage, Stage::ShowingQr);
    assert!(ceremony.qr_code().is_none());
}

#[test]
fn the_code_of_a_transaction_whose_runtime_ended_is_not_given_out() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ceremony = {
        let _inside = runtime.enter();
        World::new(Person::Agrees).client.begin(registration(), None).unwrap()
    };
    assert!(ceremony.qr_code().is_some());
    drop(runtime);
    assert!(ceremony.qr_code().is_none());
}

/// What was asked, and by whom, comes up in no debug output.
#[tokio::test(start_paused = true)]
async fn debug_output_of_the_objects_holds_no_secret() {
    let world = World::new(Person::Agrees);
    let mut printed = String::new();
    let mut ceremony = world.client.begin(registration(), None).unwrap();
    let code = ceremony.qr_code().unwrap().expose().to_owned();
    printed.push_str(&format!("{ceremony:?} {:?}", ceremony.qr_code()));
    let session = world.scan(&ceremony);
    printed.push_str(&format!("{session:?} {:?}", world.client));
    ceremony.outcome().await.unwrap();
    assert!(!printed.contains(&code) && !printed.contains("FIDO:/"), "{printed}");
}

/// A phone of digital credentials alone: it takes one JSON request, which it
/// returns, and answers `reply`.
async fn wallet(code: QrCode, air: Air, exchange: MemoryRelay, reply: Vec<u8>) -> String {
    let introduction = PostHandshake {
        get_info: None,
        features: Features { ctap: false, digital_credentials: true },
        ..PostHandshake::ctap(Vec::new())
    };
    let mut phone = MadePhone::connect_as(&code, &air, &exchange, &introduction).await;
    let request = phone.receive().await.unwrap();
    assert_eq!(request.kind, MessageType::Json);
    phone.send(&[(MessageType::Json, &reply)]).await.unwrap();
    assert_eq!(phone.receive().await.unwrap().kind, MessageType::Shutdown);
    String::from_utf8(request.payload.expose().to_vec()).unwrap()
}

fn presentation(text: &str) -> JsonRequest {
    JsonRequest::new(text.to_owned(), RequestHint::CredentialPresentation).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_wallet_is_asked_in_json() {
    let (air, exchange) = (Air::new(), MemoryRelay::new());
    let client = Client::new(air.clone(), exchange.clone());
    let mut ceremony = client.begin_json(presentation("{\"a\":1}"), None).unwrap();
    let code: QrCode = ceremony.qr_code().unwrap().expose().parse().unwrap();
    assert_eq!(code.hint, RequestHint::CredentialPresentation);
    let wallet = tokio::spawn(wallet(code, air, exchange, b"{\"b\":2}".to_vec()));
    assert_eq!(ceremony.outcome().await.unwrap().expose(), "{\"b\":2}");
    ceremony.close().await;
    assert_eq!(wallet.await.unwrap(), "{\"a\":1}");
}

#[tokio::test(start_paused = true)]
async fn a_phone_without_json_ends_the_ceremony_before_it_has_the_request() {
    let mut world = World::new(Person::Agrees);
    let mut ceremony = world.client.begin_json(presentation("{}"), None).unwrap();
    let _session = world.scan(&ceremony);
    let error = ceremony.outcome().await.unwrap_err();
    assert_eq!(error.stage, Stage::Ready);
    assert!(matches!(error.kind, ErrorKind::Unsupported(Unsupported::Json)), "{error}");
    let error = ceremony.cancel(Canceller::Caller).await;
    assert_eq!(error.stage, Stage::Ready);
    let mut sent = Vec::new();
    while let Observation::Sent(lengths) = world.by_client.recv().await.unwrap() {
        sent.extend(lengths);
    }
    assert_eq!(sent, [81, 48], "the handshake and the shutdown");
}
