//! `passkey-authenticator` as the engine behind our link registers and signs in with
//! our client, through our tunnel service. Only the air is simulated. The relying
//! party is our test kit's check of signatures.

use std::future::ready;

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{Authenticator, AuthenticatorUpdate, EngineParts, Session};
use fido_hybrid::client::{Ceremony, Client};
use fido_hybrid::ctap::{
    CredentialDescriptor, CtapRequest, CtapResponse, Flags, MakeCredentialRequest, Status,
};
use fido_hybrid::error::ErrorKind;
use fido_hybrid::transport::TunnelDomain;
use fido_hybrid_interop::{AAGUID, EngineStore, PasskeyEngine, User};
use fido_hybrid_relay::{Server, ServerHandle};
use fido_hybrid_sim::Air;
use fido_hybrid_testkit::rig::{self, HASH};
use fido_hybrid_testkit::services::{certificate, domain, secure};

/// A user who agrees to everything, or to nothing.
struct Person {
    agrees: bool,
}

impl User for Person {
    fn agrees(&self) -> BoxFuture<'_, bool> {
        Box::pin(ready(self.agrees))
    }
}

struct World {
    client: Client,
    phone: Authenticator,
    _service: ServerHandle,
}

impl World {
    async fn new(agrees: bool) -> Self {
        let engine = PasskeyEngine::new(EngineStore::default(), Person { agrees }).await;
        let (root, config) = certificate(&[&domain()]);
        let server = Server::builder().tls(config).bind("127.0.0.1:0").await.unwrap();
        let service = server.start().unwrap();
        let tunnel = secure(&root, service.local_addr()).build().unwrap();
        let air = Air::new();
        let client = Client::new(air.clone(), tunnel.clone());
        let phone = Authenticator::with_engine(EngineParts {
            engine,
            advertiser: air,
            dialer: tunnel,
            domain: TunnelDomain::GOOGLE,
        });
        Self { client, phone, _service: service }
    }

    fn begin(&self, request: impl Into<CtapRequest>) -> (Ceremony<CtapResponse>, Session) {
        let ceremony = self.client.begin(request.into(), None).unwrap();
        let code = ceremony.qr_code().unwrap().expose().parse().unwrap();
        (ceremony, self.phone.answer(code).unwrap())
    }

    /// A ceremony from the code to the answer; both sides end well.
    async fn perform(&self, request: impl Into<CtapRequest>) -> CtapResponse {
        let (mut ceremony, mut session) = self.begin(request);
        let response = ceremony.outcome().await.unwrap();
        drop(ceremony);
        session.outcome().await.unwrap();
        response
    }
}

fn registration() -> MakeCredentialRequest {
    let mut request = rig::make_credential("ada");
    request.options.rk = Some(true);
    request
}

#[tokio::test]
async fn it_registers_and_signs_in_through_our_link() {
    let world = World::new(true).await;
    let CtapResponse::MakeCredential(made) = world.perform(registration()).await else { panic!() };
    let credential = made.credential().unwrap();
    assert_eq!(credential.aaguid.0, AAGUID);
    let key = *credential.public_key.es256().unwrap();

    for allowed in [vec![], vec![CredentialDescriptor::new(credential.id.clone())]] {
        let mut request = rig::get_assertion(&[]);
        request.allow_list = allowed;
        let CtapResponse::GetAssertion(signed) = world.perform(request).await else { panic!() };
        let message = [signed.auth_data.raw(), &HASH].concat();
        assert!(key.verifies(&message, signed.signature.expose()));
        assert!(signed.auth_data.flags().contains(Flags::USER_PRESENT | Flags::USER_VERIFIED));
        assert_eq!(signed.user.unwrap().id, rig::make_credential("ada").user.id);
    }
}

#[tokio::test]
async fn its_refusals_reach_the_client() {
    for (agrees, request, expected) in [
        (false, CtapRequest::from(registration()), Status::OPERATION_DENIED),
        (true, CtapRequest::from(rig::get_assertion(&[])), Status::NO_CREDENTIALS),
    ] {
        let world = World::new(agrees).await;
        let (mut ceremony, mut session) = world.begin(request);
        let kind = ceremony.outcome().await.unwrap_err().kind;
        assert!(matches!(kind, ErrorKind::Status(status) if status == expected), "{kind}");
        drop(ceremony);
        let mut answered = None;
        while let Some(update) = session.next().await {
            if let AuthenticatorUpdate::Answered(status) = update {
                answered = Some(status);
            }
        }
        assert_eq!(answered, Some(expected));
        session.outcome().await.unwrap();
    }
}
