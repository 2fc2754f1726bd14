//! Ceremonies through a real reverse proxy, nginx, that closes what is silent.
//!
//! nginx does so after 60 s by default and after 2 s here. The interval between
//! pings is scaled alike. Time is told by nginx: a tunnel of its own that never
//! pings ends when one timeout has passed.
//!
//! Where there is no nginx these tests are left out, loudly; where `CI` is set,
//! they fail.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail so")]

use fido_hybrid_testkit::{nginx, rig};
use std::time::Duration;

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, Decision, MemoryStore, Prompt, QrAgeLimit, UserCheck,
};
use fido_hybrid::client::{Ceremony, Client};
use fido_hybrid::ctap::CtapResponse;
use fido_hybrid::error::{Error, ErrorKind};
use fido_hybrid::transport::{QrCode, TunnelDomain, TunnelId, TunnelUrl};
use fido_hybrid::tunnel::{DEFAULT_KEEP_ALIVE, TunnelDialer as _, WebSocketDialer};
use fido_hybrid_relay::{Server, ServerHandle};
use fido_hybrid_sim::Air;
use nginx::{Nginx, TIMEOUT};
use rig::{approved, make_credential};
use tokio::sync::watch;

/// What nginx waits by default.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Our interval, for this nginx.
fn keep_alive() -> Duration {
    DEFAULT_KEEP_ALIVE.mul_f64(TIMEOUT.as_secs_f64() / DEFAULT_TIMEOUT.as_secs_f64())
}

/// A user who approves when the test tells them to.
struct Person {
    asked: watch::Sender<bool>,
    approves: watch::Receiver<bool>,
}

impl UserCheck for Person {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async {
            self.asked.send_replace(true);
            self.approves.clone().wait_for(|approves| *approves).await.unwrap();
            approved(0)
        })
    }
}

/// A client and a phone that reach their tunnel service through nginx.
struct World {
    nginx: Nginx,
    client: Client,
    phone: Authenticator,
    asked: watch::Receiver<bool>,
    approve: watch::Sender<bool>,
    _service: ServerHandle,
}

impl World {
    /// `None` where there is no nginx.
    async fn with_pings(interval: Option<Duration>) -> Option<Self> {
        let server = Server::builder().bind("127.0.0.1:0").await.unwrap();
        let service = server.start().unwrap();
        let nginx = Nginx::before(service.local_addr(), &TunnelDomain::GOOGLE.host())?;
        let tunnel = dialer(&nginx, interval);
        let air = Air::new();
        let (asking, asked) = watch::channel(false);
        let (approve, approves) = watch::channel(false);
        let client = Client::new(air.clone(), tunnel.clone());
        let person = Person { asked: asking, approves };
        let phone = Authenticator::new(AuthenticatorParts {
            store: MemoryStore::new(),
            user: person,
            advertiser: air,
            dialer: tunnel,
            domain: TunnelDomain::GOOGLE,
        })
        .qr_age_limit(QrAgeLimit::None);
        Some(Self { nginx, client, phone, asked, approve, _service: service })
    }

    /// Waits until nginx has closed this many silent tunnels, one after another.
    async fn timeouts(&self, count: u8) {
        let silent = dialer(&self.nginx, None);
        for number in 0..count {
            let url = TunnelUrl::new_tunnel(TunnelDomain::GOOGLE, TunnelId([number; 16]));
            let mut opened = silent.dial(url.into()).await.unwrap();
            let ended = opened.tunnel.receive().await;
            assert!(ended.is_err(), "{ended:?}");
        }
    }
}

fn code(ceremony: &Ceremony<CtapResponse>) -> QrCode {
    ceremony.qr_code().unwrap().expose().parse().unwrap()
}

fn dialer(nginx: &Nginx, interval: Option<Duration>) -> WebSocketDialer {
    WebSocketDialer::builder()
        .extra_roots([nginx.root()])
        .resolve(&TunnelDomain::GOOGLE.host(), nginx.address())
        .keep_alive(interval)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_ceremony_outlives_three_timeouts_of_a_reverse_proxy() {
    let Some(mut world) = World::with_pings(Some(keep_alive())).await else { return };
    let mut ceremony = world.client.begin(make_credential("Ada").into(), None).unwrap();
    let mut session = world.phone.answer(code(&ceremony)).unwrap();
    world.asked.wait_for(|asked| *asked).await.unwrap();
    // The user looks for the phone, unlocks it, and cannot find the glasses.
    tokio::select! {
        () = world.timeouts(3) => {}
        ended = ceremony.outcome() => panic!("{ended:?}"),
        ended = session.outcome() => panic!("{ended:?}"),
    }
    world.approve.send_replace(true);
    let made = ceremony.outcome().await;
    assert!(matches!(made, Ok(CtapResponse::MakeCredential(_))), "{made:?}");
    ceremony.close().await;
    session.outcome().await.unwrap();
}

#[tokio::test]
async fn a_phone_that_waits_for_its_client_outlives_three_timeouts_of_a_reverse_proxy() {
    let Some(world) = World::with_pings(Some(keep_alive())).await else { return };
    // Of a client that is too far away.
    let mut session = world.phone.answer(rig::Client::new(1).code).unwrap();
    tokio::select! {
        () = world.timeouts(3) => {}
        ended = session.outcome() => panic!("{ended:?}"),
    }
    session.close().await;
}

#[tokio::test]
async fn a_ceremony_without_pings_ends_with_the_first_timeout_of_a_reverse_proxy() {
    let Some(mut world) = World::with_pings(None).await else { return };
    let mut ceremony = world.client.begin(make_credential("Ada").into(), None).unwrap();
    let mut session = world.phone.answer(code(&ceremony)).unwrap();
    world.asked.wait_for(|asked| *asked).await.unwrap();
    let (client, phone) = tokio::join!(ceremony.outcome(), session.outcome());
    let left = |end: Error| matches!(end.kind, ErrorKind::PeerDisconnected);
    assert!(left(client.unwrap_err()) && left(phone.unwrap_err()));
}
