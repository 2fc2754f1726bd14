//! How many round trips to the tunnel service a client takes until it knows its phone,
//! counted where the client's connections leave it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail so")]

use std::net::SocketAddr;

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, Decision, MemoryStore, Prompt, QrAgeLimit, UserCheck,
};
use fido_hybrid::client::Client;
use fido_hybrid::transport::{QrCode, RequestHint, TunnelDomain};
use fido_hybrid::tunnel::{WebSocketDialer, WebSocketDialerBuilder};
use fido_hybrid_relay::{Server, ServerHandle};
use fido_hybrid_sim::Air;
use fido_hybrid_testkit::round_trips::RoundTrips;
use fido_hybrid_testkit::services::certificate;
use rustls::pki_types::CertificateDer;

/// A user who is asked nothing: the client only wants to know the phone.
struct NotAsked;

impl UserCheck for NotAsked {
    fn check(&self, prompt: Prompt) -> BoxFuture<'_, Decision> {
        panic!("{prompt:?}");
    }
}

/// Our tunnel service, under the names of both known ones.
struct World {
    root: CertificateDer<'static>,
    address: SocketAddr,
    air: Air,
    trips: RoundTrips,
    _service: ServerHandle,
}

impl World {
    async fn new() -> Self {
        let names = [TunnelDomain::GOOGLE.host(), TunnelDomain::APPLE.host()];
        let (root, config) = certificate(&[&names[0], &names[1]]);
        let server = Server::builder().tls(config).bind("127.0.0.1:0").await.unwrap();
        let service = server.start().unwrap();
        let (address, air) = (service.local_addr(), Air::new());
        Self { root, address, air, trips: RoundTrips::default(), _service: service }
    }

    fn dialer(&self) -> WebSocketDialerBuilder {
        WebSocketDialer::builder()
            .extra_roots([self.root.clone()])
            .resolve(&TunnelDomain::GOOGLE.host(), self.address)
            .resolve(&TunnelDomain::APPLE.host(), self.address)
    }

    fn client(&self) -> Client {
        let dialer = self.dialer().connector(self.trips.clone()).build().unwrap();
        Client::new(self.air.clone(), dialer)
    }

    /// The round trips from before there is an advert until the phone's getInfo is known.
    /// `before` have been made when the code is scanned.
    async fn until_ready(&self, client: &Client, before: usize) -> usize {
        // getInfo is answered with the phone's first message, without a round trip.
        let ceremony = client.begin_raw(vec![0x04], RequestHint::GetAssertion, None);
        let mut ceremony = ceremony.unwrap();
        let code: QrCode = ceremony.qr_code().unwrap().expose().parse().unwrap();
        while self.trips.count() < before {
            tokio::task::yield_now().await;
        }
        let phone = Authenticator::new(AuthenticatorParts {
            store: MemoryStore::new(),
            user: NotAsked,
            advertiser: self.air.clone(),
            dialer: self.dialer().build().unwrap(),
            domain: TunnelDomain::GOOGLE,
        })
        .qr_age_limit(QrAgeLimit::None);
        let _session = phone.answer(code).unwrap();
        let answer = ceremony.outcome().await.unwrap();
        assert_eq!(answer.expose().first(), Some(&0));
        self.trips.count() - before
    }
}

#[tokio::test]
async fn a_client_is_ready_in_four_round_trips() {
    let world = World::new().await;
    assert_eq!(world.until_ready(&world.client(), 0).await, 4);
}

#[tokio::test]
async fn a_client_with_early_connections_is_ready_in_two() {
    let world = World::new().await;
    // TCP, TLS and the service's session tickets, for each of two services.
    assert_eq!(world.until_ready(&world.client().connect_early(), 2 * 3).await, 2);
}
