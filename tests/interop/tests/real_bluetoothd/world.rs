//! A computer that shows a code, a phone that scans it, a tunnel service.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, Decision, MemoryStore, Prompt, Session, UserCheck,
    UserVerification,
};
use fido_hybrid::bluetooth::{self, AdapterState};
use fido_hybrid::client::{self, Ceremony, Client};
use fido_hybrid::ctap::{CtapRequest, CtapResponse};
use fido_hybrid::transport::{QrCode, TunnelDomain};
use fido_hybrid::tunnel::WebSocketDialer;
use fido_hybrid_relay::{Server, ServerHandle};

use crate::computer::{Bluetooth, Disturbance};
use crate::rig::{get_assertion, make_credential};
use crate::services::{certificate, domain};

pub(crate) type Case<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Against a hang. The machine is emulated, and recovering takes up to 25 s on a
/// real one.
const PATIENCE: Duration = Duration::from_secs(120);

struct Agrees;

impl UserCheck for Agrees {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        let agreed = Decision::Approved { verification: UserVerification::Verified, account: 0 };
        Box::pin(std::future::ready(agreed))
    }
}

pub(crate) struct World {
    bluetooth: Bluetooth,
    client: Client,
    phone: Authenticator,
    _service: ServerHandle,
}

impl World {
    pub(crate) async fn new(bluetooth: Bluetooth) -> Self {
        let (root, config) = certificate(&[&domain()]);
        let server = Server::builder().tls(config).bind("127.0.0.1:0").await.unwrap();
        let service = server.start().unwrap();
        // The machine has no certificate store of its own.
        let mut roots = rustls::RootCertStore::empty();
        roots.add(root).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tunnel = WebSocketDialer::builder()
            .tls_config(Arc::new(tls))
            .resolve(&domain(), service.local_addr())
            .build()
            .unwrap();
        let client = Client::new(bluetooth::Bluetooth::new().adapter("hci0"), tunnel.clone());
        let phone = Authenticator::new(AuthenticatorParts {
            store: MemoryStore::new(),
            user: Agrees,
            advertiser: bluetooth::Bluetooth::new().adapter("hci1"),
            dialer: tunnel,
            domain: TunnelDomain::GOOGLE,
        });
        Self { bluetooth, client, phone, _service: service }
    }

    pub(crate) async fn registers_and_signs_in(&self) {
        let requests: [CtapRequest; 2] = [make_credential("Ada").into(), get_assertion(&[]).into()];
        for request in requests {
            let ceremony = self.client.begin(request, None).unwrap();
            let session = self.scan(&ceremony);
            end(ceremony, session).await;
            self.until_both_are_idle().await;
        }
    }

    /// The client scans when it happens; the phone comes when all is well again.
    pub(crate) async fn disturbs_the_scan(&mut self, disturbance: Disturbance) {
        let mut ceremony = self.client.begin(make_credential("Ada").into(), None).unwrap();
        self.bluetooth.until_discovering("hci0", true).await;
        self.bluetooth.disturb("hci0", disturbance).await;
        // The person is told both.
        for wanted in [false, true] {
            let told = reach(
                &mut ceremony,
                |update| matches!(update, client::ClientUpdate::Adapter(state) if (*state == AdapterState::On) == wanted),
            );
            assert!(soon("the adapter's state", told).await, "{:?}", ceremony.outcome().await);
        }
        let session = self.scan(&ceremony);
        end(ceremony, session).await;
    }

    /// The phone advertises when it happens; the client scans when all is well
    /// again.
    pub(crate) async fn disturbs_the_advert(&mut self, disturbance: Disturbance) {
        self.bluetooth.switch("hci0", false).await;
        let ceremony = self.client.begin(make_credential("Ada").into(), None).unwrap();
        let session = self.scan(&ceremony);
        self.bluetooth.until_adverts("hci1", 1).await;
        self.bluetooth.disturb("hci1", disturbance).await;
        end(ceremony, session).await;
    }

    /// Neither role may leave anything going.
    pub(crate) async fn until_both_are_idle(&self) {
        self.bluetooth.until_discovering("hci0", false).await;
        self.bluetooth.until_adverts("hci1", 0).await;
    }

    /// The phone's camera sees the code.
    fn scan(&self, ceremony: &Ceremony<CtapResponse>) -> Session {
        let code: QrCode = ceremony.qr_code().unwrap().expose().parse().unwrap();
        self.phone.answer(code).unwrap()
    }
}

/// Both sides end well.
async fn end(mut ceremony: Ceremony<CtapResponse>, mut session: Session) {
    // What both were told, for when they do not end.
    let (mut client, mut phone) = (Vec::new(), Vec::new());
    let both = async {
        let answer = async {
            while let Some(update) = ceremony.next().await {
                client.push(update.to_string());
            }
            let answer = ceremony.outcome().await;
            drop(ceremony);
            answer
        };
        let ended = async {
            while let Some(update) = session.next().await {
                phone.push(update.to_string());
            }
            session.outcome().await
        };
        tokio::join!(answer, ended)
    };
    let ended = tokio::time::timeout(PATIENCE, both).await;
    let told = format!("the client: {client:?}, the phone: {phone:?}");
    let (answer, ended) = ended.unwrap_or_else(|_| panic!("timed out; {told}"));
    let is_answer =
        matches!(answer, Ok(CtapResponse::MakeCredential(_) | CtapResponse::GetAssertion(_)));
    assert!(is_answer, "{answer:?}; {told}");
    assert!(ended.is_ok(), "{ended:?}; {told}");
}

async fn reach(
    ceremony: &mut Ceremony<CtapResponse>,
    enough: impl Fn(&client::ClientUpdate) -> bool,
) -> bool {
    while let Some(update) = ceremony.next().await {
        if enough(&update) {
            return true;
        }
    }
    false
}

async fn soon<T>(what: &str, waiting: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, waiting).await {
        Ok(done) => done,
        Err(_) => panic!("timed out waiting for {what}"),
    }
}
