//! A whole registration on loopback: the async client, the async phone and the
//! tunnel service, all on one thread, over WebSockets without and with TLS.
//!
//! The clock runs from when the client has received the advert to when its caller
//! has the answer: dial, handshake, introduction, request, a user who agrees at
//! once, a new passkey and its registration. TLS 1.3 with a certificate on
//! P-256, by aws-lc-rs in either build.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use allocation_counter::AllocationInfo;
use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, Decision, MemoryStore, Prompt, UserCheck, UserVerification,
};
use fido_hybrid::bluetooth::{AdapterState, Scan, ScanEvent, Scanner};
use fido_hybrid::client::Client;
use fido_hybrid::ctap::{
    Algorithm, CredentialParameters, CtapRequest, CtapResponse, MakeCredentialRequest,
    RelyingParty, User, UserHandle,
};
use fido_hybrid::error::BluetoothError;
use fido_hybrid::transport::TunnelDomain;
use fido_hybrid::tunnel::WebSocketDialer;
use fido_hybrid_relay::{Server, ServerHandle};
use fido_hybrid_sim::Air;
use fido_hybrid_testkit::services::certificate;
use tokio::runtime::Runtime;

use crate::case::{Case, Operation};
use crate::sockets::Sockets;
use crate::transport::{Transport, trusting};

/// A client, a phone and a tunnel service.
pub struct World {
    runtime: Runtime,
    client: Client,
    phone: Authenticator,
    received: ReceivedAt,
    _service: ServerHandle,
}

type ReceivedAt = Arc<Mutex<Option<Instant>>>;

/// The air, with a note of when the last advert was received.
#[derive(Clone)]
struct Noting {
    air: Air,
    received: ReceivedAt,
}

struct NotingScan {
    scan: Box<dyn Scan>,
    received: ReceivedAt,
}

impl Scanner for Noting {
    fn state(&self) -> BoxFuture<'_, Result<AdapterState, BluetoothError>> {
        self.air.state()
    }

    fn scan(&self) -> BoxFuture<'_, Result<Box<dyn Scan>, BluetoothError>> {
        Box::pin(async move {
            let scan = self.air.scan().await?;
            Ok(Box::new(NotingScan { scan, received: Arc::clone(&self.received) }) as Box<dyn Scan>)
        })
    }
}

impl Scan for NotingScan {
    fn next(&mut self) -> BoxFuture<'_, Result<ScanEvent, BluetoothError>> {
        Box::pin(async move {
            let event = self.scan.next().await;
            *self.received.lock().unwrap() = Some(Instant::now());
            event
        })
    }
}

struct Agrees;

impl UserCheck for Agrees {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        let decision = Decision::Approved { verification: UserVerification::Verified, account: 0 };
        Box::pin(std::future::ready(decision))
    }
}

impl World {
    /// A service that listens, a client and a phone that know it.
    pub fn new(transport: Transport) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let domain = TunnelDomain::GOOGLE.host();
        let (root, config) = certificate(&[&domain]);
        let server = match transport {
            Transport::Ws => Server::builder(),
            Transport::Wss => Server::builder().tls(config),
        };
        let service =
            runtime.block_on(async { server.bind("127.0.0.1:0").await.unwrap().start().unwrap() });
        let tunnel = WebSocketDialer::builder().tls_config(trusting(root));
        let tunnel = match transport {
            Transport::Ws => tunnel.resolve_without_tls(&domain, service.local_addr()),
            Transport::Wss => tunnel.resolve(&domain, service.local_addr()),
        };
        let tunnel = tunnel.build().unwrap();
        let (air, received) = (Air::new(), ReceivedAt::default());
        let radio = Noting { air: air.clone(), received: Arc::clone(&received) };
        let client = Client::new(radio, tunnel.clone());
        let phone = Authenticator::new(AuthenticatorParts {
            store: MemoryStore::new(),
            user: Agrees,
            advertiser: air,
            dialer: tunnel,
            domain: TunnelDomain::GOOGLE,
        });
        Self { runtime, client, phone, received, _service: service }
    }

    /// One ceremony, to its end on both sides; how long it took from the
    /// advert to the answer.
    pub fn register(&self) -> Duration {
        self.runtime.block_on(async {
            let mut ceremony = self.client.begin(registration(), None).unwrap();
            let mut session =
                self.phone.answer(ceremony.qr_code().unwrap().expose().parse().unwrap()).unwrap();
            let response = ceremony.outcome().await.unwrap();
            let answered = Instant::now();
            assert!(matches!(response, CtapResponse::MakeCredential(_)));
            drop(ceremony);
            session.outcome().await.unwrap();
            answered - self.received.lock().unwrap().take().unwrap()
        })
    }
}

fn registration() -> CtapRequest {
    let mut request = MakeCredentialRequest::new(
        [1; 32],
        RelyingParty::new("example.com", "Example"),
        User::new(UserHandle::new(vec![4; 16]).unwrap(), "ada@example.com", "Ada Lovelace"),
        vec![CredentialParameters::new(Algorithm::ES256)],
    );
    request.options.rk = Some(true);
    request.options.uv = Some(true);
    request.into()
}

impl Operation for World {
    fn time(&mut self, count: u64) -> Duration {
        (0..count).map(|_| self.register()).sum()
    }

    /// Of a whole ceremony, from the code that is shown to the last goodbye,
    /// both roles and the service.
    fn allocations(&mut self) -> AllocationInfo {
        self.register();
        allocation_counter::measure(|| {
            self.register();
        })
    }
}

/// Both transports.
pub fn cases() -> Vec<Case> {
    [(Transport::Ws, "registration over ws"), (Transport::Wss, "registration over wss")]
        .into_iter()
        .map(|(transport, name)| {
            Case::new(name, World::new(transport), "its sockets alone", Sockets::new(transport))
        })
        .collect()
}
