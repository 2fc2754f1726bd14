//! The same over sockets: both roles and the tunnel service on one thread.

use allocation_counter::{AllocationInfo, measure};
use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, Decision, MemoryStore, Prompt, UserCheck, UserVerification,
};
use fido_hybrid::client::Client;
use fido_hybrid::ctap::{
    Algorithm, CredentialParameters, CtapRequest, CtapResponse, GetAssertionRequest,
    MakeCredentialRequest, RelyingParty, User, UserHandle,
};
use fido_hybrid::transport::{MAX_CIPHERTEXT, MAX_MESSAGE, TunnelDomain};
use fido_hybrid::tunnel::WebSocketDialer;
use fido_hybrid_relay::{Limits, Server, ServerHandle};
use fido_hybrid_sim::Air;
use fido_hybrid_testkit::services::{certificate, domain, pair};
use tokio::runtime::{Builder, Runtime};

use crate::crypters;

const KIB: u64 = 1 << 10;

/// One thread, so that all that is allocated is counted.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A tunnel service without TLS, and the way to it.
fn service(runtime: &Runtime, limits: Limits) -> (ServerHandle, WebSocketDialer) {
    let (root, _) = certificate(&[&domain()]);
    let running = runtime.block_on(async {
        Server::builder().limits(limits).bind("127.0.0.1:0").await.unwrap().start().unwrap()
    });
    let tunnel = WebSocketDialer::builder()
        .extra_roots([root])
        .resolve_without_tls(&domain(), running.local_addr())
        .build()
        .unwrap();
    (running, tunnel)
}

struct Agrees;

impl UserCheck for Agrees {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        let decision = Decision::Approved { verification: UserVerification::Verified, account: 0 };
        Box::pin(std::future::ready(decision))
    }
}

fn registration() -> CtapRequest {
    let mut request = MakeCredentialRequest::new(
        [1; 32],
        RelyingParty::new("example.com", "Example"),
        User::new(UserHandle::new([4; 16]).unwrap(), "ada@example.com", "Ada Lovelace"),
        vec![CredentialParameters::new(Algorithm::ES256)],
    );
    request.options.rk = Some(true);
    request.options.uv = Some(true);
    request.into()
}

fn sign_in() -> CtapRequest {
    let mut request = GetAssertionRequest::new("example.com", [1; 32]);
    request.options.uv = Some(true);
    request.into()
}

struct World {
    runtime: Runtime,
    client: Client,
    phone: Authenticator,
    _service: ServerHandle,
}

impl World {
    fn new() -> Self {
        let runtime = runtime();
        let (service, tunnel) = service(&runtime, Limits::default());
        let air = Air::new();
        let client = Client::new(air.clone(), tunnel.clone());
        let phone = Authenticator::new(AuthenticatorParts {
            store: MemoryStore::new(),
            user: Agrees,
            advertiser: air,
            dialer: tunnel,
            domain: TunnelDomain::GOOGLE,
        });
        Self { runtime, client, phone, _service: service }
    }

    /// A ceremony from the code to the last goodbye.
    fn perform(&self, request: CtapRequest) -> AllocationInfo {
        measure(|| {
            self.runtime.block_on(async {
                let mut ceremony = self.client.begin(request, None).unwrap();
                let code = ceremony.qr_code().unwrap().expose().parse().unwrap();
                let mut session = self.phone.answer(code).unwrap();
                let answer = ceremony.outcome().await.unwrap();
                assert!(matches!(
                    answer,
                    CtapResponse::MakeCredential(_) | CtapResponse::GetAssertion(_)
                ));
                drop(ceremony);
                session.outcome().await.unwrap();
            });
        })
    }
}

#[test]
fn a_whole_ceremony_of_both_roles_and_the_service_stays_under_256_kib() {
    let world = World::new();
    for request in [registration(), sign_in()] {
        let counted = world.perform(request);
        // Else the ceremony was not counted at all.
        assert!(counted.bytes_max > 16 * KIB, "{counted:?}");
        assert!(counted.bytes_max <= 256 * KIB, "{counted:?}");
    }
}

#[test]
fn ceremonies_leave_next_to_nothing_behind() {
    let world = World::new();
    // What grows once: the runtime's queues, the service's tables.
    world.perform(registration());
    let left: i64 = (0..8).map(|_| world.perform(sign_in()).bytes_current).sum();
    // The service remembers the id of each tunnel for ten minutes.
    assert!(left < 8 * 512, "{left} bytes");
}

#[test]
fn a_message_of_a_mebibyte_goes_both_ways_through_the_tunnel() {
    let runtime = runtime();
    let mut limits = Limits::default();
    limits.message_size = MAX_CIPHERTEXT;
    let (_service, dialer) = service(&runtime, limits);
    let (mut ours, mut theirs) = crypters();
    let message = vec![0x5a; MAX_MESSAGE];

    let counted = measure(|| {
        runtime.block_on(async {
            let (mut phone, mut client) = pair(&dialer).await;
            for _ in 0..2 {
                let sealed = ours.seal(&[&message]).unwrap();
                phone.tunnel.send(vec![sealed]).await.unwrap();
                let received = client.tunnel.receive().await.unwrap().unwrap();
                let opened = theirs.open(received).unwrap();
                assert_eq!(opened.expose(), message);

                let sealed = theirs.seal(&[opened.expose()]).unwrap();
                client.tunnel.send(vec![sealed]).await.unwrap();
                let received = phone.tunnel.receive().await.unwrap().unwrap();
                assert_eq!(ours.open(received).unwrap().expose(), message);
            }
        });
    });
    // Each of the four ends of the two connections holds the message and a
    // buffer below it, which doubles as it grows.
    assert!(counted.bytes_max <= 4 * 3 * MAX_CIPHERTEXT as u64, "{counted:?}");
}
