//! `close().await` on a ceremony and on a session: what has happened by the time
//! that it returns, and how long that takes at most.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use fido_hybrid_testkit::rig;
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, AuthenticatorUpdate, Decision, MemoryStore, Prompt, Session,
    UserCheck,
};
use fido_hybrid::client::{Ceremony, Client};
use fido_hybrid::ctap::{CtapResponse, Status};
use fido_hybrid::error::{ApiMisuse, CancelledBy, ErrorKind, Stage, TunnelError};
use fido_hybrid::transport::{QrCode, TunnelRequest};
use fido_hybrid::tunnel::{DataChannel, OpenedTunnel, TunnelDialer};
use fido_hybrid::{BoxFuture, CLOSE_DEADLINE, Canceller};
use fido_hybrid_sim::{Air, MemoryRelay};
use futures_util::FutureExt as _;
use rig::{domain, make_credential};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

/// One side's way to the tunnel service.
#[derive(Clone, Default)]
struct Way {
    exchange: MemoryRelay,
    /// From then on the service takes nothing, not even a close.
    clogged: Arc<AtomicBool>,
    open: Arc<AtomicUsize>,
    /// Tunnels that were closed, and not only dropped.
    closed: Arc<AtomicUsize>,
    /// Messages that came.
    received: Arc<AtomicUsize>,
    /// Begun while the second message comes in: the phone's introduction.
    meanwhile: Arc<Mutex<Option<BoxFuture<'static, ()>>>>,
}

struct Watched {
    tunnel: Box<dyn DataChannel>,
    way: Way,
}

impl Way {
    fn to(exchange: &MemoryRelay) -> Self {
        Self { exchange: exchange.clone(), ..Self::default() }
    }

    fn clog(&self) {
        self.clogged.store(true, Ordering::Relaxed);
    }

    fn tunnels(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    fn closed(&self) -> usize {
        self.closed.load(Ordering::Relaxed)
    }
}

impl TunnelDialer for Way {
    fn dial(&self, request: TunnelRequest) -> BoxFuture<'_, Result<OpenedTunnel, TunnelError>> {
        Box::pin(async {
            let mut open = self.exchange.dial(request).await?;
            self.open.fetch_add(1, Ordering::Relaxed);
            open.tunnel = Box::new(Watched { tunnel: open.tunnel, way: self.clone() });
            Ok(open)
        })
    }
}

impl DataChannel for Watched {
    fn send(&mut self, messages: Vec<Vec<u8>>) -> BoxFuture<'_, Result<(), TunnelError>> {
        if self.way.clogged.load(Ordering::Relaxed) {
            return Box::pin(pending());
        }
        self.tunnel.send(messages)
    }

    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, TunnelError>> {
        Box::pin(async {
            let message = self.tunnel.receive().await;
            let before = self.way.received.fetch_add(1, Ordering::Relaxed);
            if before == 1
                && let Some(meanwhile) = &mut *self.way.meanwhile.lock().unwrap()
            {
                assert!(meanwhile.now_or_never().is_none());
            }
            message
        })
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        if self.way.clogged.load(Ordering::Relaxed) {
            return Box::pin(pending());
        }
        self.way.closed.fetch_add(1, Ordering::Relaxed);
        self.tunnel.close()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.way.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A user who is away.
struct Away;

impl UserCheck for Away {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(pending())
    }
}

/// A user who agrees.
struct Present;

impl UserCheck for Present {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async { rig::approved(0) })
    }
}

struct World {
    air: Air,
    client: Client,
    phone: Authenticator,
    of_client: Way,
    of_phone: Way,
}

impl World {
    fn new() -> Self {
        Self::with(Away)
    }

    fn with(user: impl UserCheck + 'static) -> Self {
        let (air, exchange) = (Air::new(), MemoryRelay::new());
        let (of_client, of_phone) = (Way::to(&exchange), Way::to(&exchange));
        let client = Client::new(air.clone(), of_client.clone());
        let phone = Authenticator::new(AuthenticatorParts {
            store: MemoryStore::new(),
            user,
            advertiser: air.clone(),
            dialer: of_phone.clone(),
            domain: domain(),
        });
        Self { air, client, phone, of_client, of_phone }
    }

    fn begin(&self) -> Ceremony<CtapResponse> {
        self.client.begin(make_credential("Ada").into(), None).unwrap()
    }

    /// Both sides, up to the question on the phone.
    async fn prompting(&self) -> (Ceremony<CtapResponse>, Session) {
        let ceremony = self.begin();
        let mut session = self.phone.answer(code(&ceremony)).unwrap();
        reach(&mut session, |update| matches!(update, AuthenticatorUpdate::Answering)).await;
        (ceremony, session)
    }
}

async fn reach(session: &mut Session, enough: impl Fn(&AuthenticatorUpdate) -> bool) {
    while !enough(&session.next().await.unwrap()) {}
}

fn code(ceremony: &Ceremony<CtapResponse>) -> QrCode {
    ceremony.qr_code().unwrap().expose().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_closed_ceremony_has_told_the_phone_and_let_go_of_the_tunnel() {
    let world = World::new();
    let (ceremony, mut session) = world.prompting().await;
    assert_eq!(world.of_client.tunnels(), 1);
    ceremony.close().await;
    assert_eq!((world.of_client.tunnels(), world.of_client.closed()), (0, 1));
    let end = session.outcome().await.unwrap_err();
    assert!(matches!(end.kind, ErrorKind::Cancelled(CancelledBy::Client)), "{end}");
}

/// The close begins after the driver was woken by the last message before its
/// request is due, and before it has read that message.
#[tokio::test(start_paused = true)]
async fn a_ceremony_that_is_being_closed_asks_the_phone_for_nothing() {
    let world = World::new();
    let ceremony = world.begin();
    let mut session = world.phone.answer(code(&ceremony)).unwrap();
    *world.of_client.meanwhile.lock().unwrap() = Some(Box::pin(ceremony.close()));
    let end = session.outcome().await.unwrap_err();
    assert!(matches!(end.kind, ErrorKind::Cancelled(CancelledBy::Client)), "{end}");
    let received = world.of_phone.received.load(Ordering::Relaxed);
    assert_eq!(received, 2, "the handshake and the shutdown, and no request");
    let closed = world.of_client.meanwhile.lock().unwrap().take().unwrap();
    closed.await;
    assert_eq!(world.of_client.tunnels(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_persons_cancel_is_not_the_programs() {
    for (by, name) in [(Canceller::User, "NotAllowedError"), (Canceller::Caller, "AbortError")] {
        let world = World::new();
        let (ceremony, mut session) = world.prompting().await;
        let error = ceremony.cancel(by).await;
        assert_eq!(world.of_client.tunnels(), 0);
        assert_eq!((error.stage, error.dom_exception().name()), (Stage::AwaitingResponse, name));
        assert!(error.is_cancelled() && !error.can_retry());
        let end = session.outcome().await.unwrap_err();
        assert!(matches!(end.kind, ErrorKind::Cancelled(CancelledBy::Client)), "{end}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_ceremony_that_is_closed_after_its_answer_ends_normally_for_both_sides() {
    let world = World::with(Present);
    let mut ceremony = world.begin();
    let mut session = world.phone.answer(code(&ceremony)).unwrap();
    ceremony.outcome().await.unwrap();
    let error = ceremony.cancel(Canceller::User).await;
    assert_eq!(error.stage, Stage::Closed, "nothing was under way");
    assert_eq!((world.of_client.tunnels(), world.of_client.closed()), (0, 1));
    session.outcome().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_closed_session_has_refused_the_client_and_let_go_of_the_tunnel() {
    let world = World::new();
    let (mut ceremony, session) = world.prompting().await;
    assert_eq!(world.of_phone.tunnels(), 1);
    session.close().await;
    assert_eq!((world.of_phone.tunnels(), world.of_phone.closed()), (0, 1));
    let end = ceremony.outcome().await.unwrap_err();
    assert!(matches!(end.kind, ErrorKind::Status(Status::OPERATION_DENIED)), "{end}");
}

#[tokio::test(start_paused = true)]
async fn a_closed_session_is_off_the_air() {
    let world = World::new();
    // A client that shows a code and does not scan any more.
    let ceremony = world.begin();
    let code = code(&ceremony);
    ceremony.close().await;
    let mut session = world.phone.answer(code).unwrap();
    reach(&mut session, |update| matches!(update, AuthenticatorUpdate::Advertising)).await;
    while world.air.adverts() == 0 {
        tokio::task::yield_now().await;
    }
    session.close().await;
    assert_eq!((world.air.adverts(), world.of_phone.tunnels()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn closing_takes_no_time_where_the_network_works() {
    let world = World::new();
    let (ceremony, session) = world.prompting().await;
    let began = Instant::now();
    session.close().await;
    ceremony.close().await;
    assert_eq!(began.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn closing_a_ceremony_is_bounded_where_the_service_takes_nothing() {
    let world = World::new();
    let (ceremony, _session) = world.prompting().await;
    world.of_client.clog();
    let began = Instant::now();
    ceremony.close().await;
    assert_eq!(began.elapsed().as_secs(), CLOSE_DEADLINE.as_secs());
    assert_eq!(world.of_client.tunnels(), 0);
}

#[tokio::test(start_paused = true)]
async fn closing_a_session_is_bounded_where_the_service_takes_nothing() {
    let world = World::new();
    let (_ceremony, session) = world.prompting().await;
    world.of_phone.clog();
    let began = Instant::now();
    session.close().await;
    assert_eq!(began.elapsed().as_secs(), CLOSE_DEADLINE.as_secs());
    assert_eq!(world.of_phone.tunnels(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_close_that_is_given_up_goes_on_in_the_background() {
    let world = World::new();
    let (ceremony, mut session) = world.prompting().await;
    assert!(ceremony.close().now_or_never().is_none());
    let end = session.outcome().await.unwrap_err();
    assert!(matches!(end.kind, ErrorKind::Cancelled(CancelledBy::Client)), "{end}");
}

#[test]
fn closing_returns_at_once_where_the_runtime_was_shut_down() {
    let world = World::new();
    // On one thread, so that no task sees the end of another before its own.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (mut ceremony, session) = runtime.block_on(world.prompting());
    runtime.shutdown_background();
    let other = Runtime::new().unwrap();
    let end = other.block_on(ceremony.outcome()).unwrap_err();
    assert!(matches!(end.kind, ErrorKind::ApiMisuse(ApiMisuse::TaskEnded)), "{end}");
    other.block_on(async {
        ceremony.close().await;
        session.close().await;
    });
}
