//! `passkey-authenticator` as the engine behind our link, through the public trait
//! [`CtapEngine`]: it registers and signs in with our client, through our tunnel
//! service. Only the air is simulated. The relying party is our test kit's check of
//! signatures.
//!
//! It has no transport of its own, and its `Ctap2Api` takes messages of
//! `passkey-types`, whose CBOR is not canonical. Reading, writing and sorting is
//! what an adapter has to do.

use async_trait::async_trait;
use ciborium::Value;
use fido_hybrid::authenticator::{Authenticator, AuthenticatorUpdate, CtapEngine, Session};
use fido_hybrid::client::{Ceremony, Client};
use fido_hybrid::ctap::{
    CredentialDescriptor, CtapRequest, CtapResponse, Flags, GetInfoResponse, MakeCredentialRequest,
    Status,
};
use fido_hybrid::error::ErrorKind;
use fido_hybrid::transport::tunnel_domain::TunnelDomain;
use fido_hybrid::{BoxFuture, cbor};
use fido_hybrid_relay::{Server, ServerHandle};
use fido_hybrid_sim::Air;
use fido_hybrid_testkit::rig::{self, HASH};
use fido_hybrid_testkit::services::{certificate, domain, secure};
use passkey_authenticator::{
    Authenticator as Passkeys, CredentialStore, DiscoverabilitySupport, StoreInfo, UiHint,
    UserCheck, UserValidationMethod,
};
use passkey_crypto::AvailableBackend;
use passkey_types::Passkey;
use passkey_types::ctap2::make_credential::{
    Options, PublicKeyCredentialRpEntity, PublicKeyCredentialUserEntity,
};
use passkey_types::ctap2::{Aaguid, Ctap2Error, StatusCode};
use passkey_types::webauthn::PublicKeyCredentialDescriptor;
use serde::Serialize;
use tokio::sync::Mutex;

/// Their passkeys. Theirs in memory has none for a request without a list.
#[derive(Default)]
struct Store(Vec<Passkey>);

#[async_trait]
impl CredentialStore for Store {
    type PasskeyItem = Passkey;

    async fn find_credentials(
        &self,
        ids: Option<&[PublicKeyCredentialDescriptor]>,
        rp_id: &str,
        _: Option<&[u8]>,
    ) -> Result<Vec<Passkey>, StatusCode> {
        let fits = |passkey: &&Passkey| {
            passkey.rp_id == rp_id
                && ids.is_none_or(|ids| ids.iter().any(|listed| listed.id == passkey.credential_id))
        };
        let found: Vec<Passkey> = self.0.iter().filter(fits).cloned().collect();
        if found.is_empty() { Err(Ctap2Error::NoCredentials.into()) } else { Ok(found) }
    }

    async fn save_credential(
        &mut self,
        passkey: Passkey,
        _: PublicKeyCredentialUserEntity,
        _: PublicKeyCredentialRpEntity,
        _: Options,
    ) -> Result<(), StatusCode> {
        self.0.push(passkey);
        Ok(())
    }

    async fn update_credential(&mut self, passkey: &Passkey) -> Result<(), StatusCode> {
        self.0.retain(|kept| kept.credential_id != passkey.credential_id);
        self.0.push(passkey.clone());
        Ok(())
    }

    async fn get_info(&self) -> StoreInfo {
        StoreInfo { discoverability: DiscoverabilitySupport::ForcedDiscoverable }
    }
}

/// Their user: agrees, or declines.
struct User {
    agrees: bool,
}

#[async_trait]
impl UserValidationMethod for User {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(
        &self,
        _: UiHint<'a, Passkey>,
        _: bool,
        _: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        if self.agrees {
            Ok(UserCheck { presence: true, verification: true })
        } else {
            Err(Ctap2Error::OperationDenied)
        }
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }
}

/// The adapter: the whole of what a program writes to put this engine behind a link.
struct Engine {
    passkeys: Mutex<Passkeys<Store, User, AvailableBackend>>,
    info: GetInfoResponse,
}

impl Engine {
    async fn new(agrees: bool) -> Self {
        let aaguid = Aaguid::from([7; 16]);
        let passkeys = Passkeys::new(aaguid, Store::default(), User { agrees }, AvailableBackend);
        let info = canonical(&passkeys.get_info().await);
        let info = cbor::decode(&info).unwrap();
        Self { passkeys: Mutex::new(passkeys), info }
    }
}

impl CtapEngine for Engine {
    fn get_info(&self) -> GetInfoResponse {
        self.info.clone()
    }

    fn process<'a>(&'a self, request: &'a [u8]) -> BoxFuture<'a, Vec<u8>> {
        Box::pin(async move {
            let mut passkeys = self.passkeys.lock().await;
            match request {
                [0x01, parameters @ ..] => match ciborium::from_reader(parameters) {
                    Ok(request) => response(passkeys.make_credential(request).await),
                    Err(_) => vec![Status::INVALID_CBOR.0],
                },
                [0x02, parameters @ ..] => match ciborium::from_reader(parameters) {
                    Ok(request) => response(passkeys.get_assertion(request).await),
                    Err(_) => vec![Status::INVALID_CBOR.0],
                },
                _ => vec![Status::INVALID_COMMAND.0],
            }
        })
    }
}

fn response(result: Result<impl Serialize, StatusCode>) -> Vec<u8> {
    match result {
        Ok(response) => [vec![Status::OK.0], canonical(&response)].concat(),
        Err(status) => vec![status.into()],
    }
}

fn written(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

/// In CBOR, with the keys of each map in CTAP2's order.
fn canonical(value: &impl Serialize) -> Vec<u8> {
    fn sort(value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(sort),
            Value::Map(entries) => {
                entries.iter_mut().for_each(|(_, value)| sort(value));
                entries.sort_by_key(|(key, _)| written(key));
            }
            _ => {}
        }
    }
    let mut value = ciborium::from_reader(&written(value)[..]).unwrap();
    sort(&mut value);
    written(&value)
}

struct World {
    client: Client,
    phone: Authenticator,
    _service: ServerHandle,
}

impl World {
    async fn new(engine: Engine) -> Self {
        let (root, config) = certificate(&[&domain()]);
        let server = Server::builder().tls(config).bind("127.0.0.1:0").await.unwrap();
        let service = server.start().unwrap();
        let tunnel = secure(&root, service.local_addr()).build().unwrap();
        let air = Air::new();
        let client = Client::builder().scanner(air.clone()).tunnel(tunnel.clone()).build().unwrap();
        let phone = Authenticator::with_engine(engine)
            .advertiser(air)
            .tunnel(tunnel)
            .domain(TunnelDomain::GOOGLE)
            .build()
            .unwrap();
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
    let world = World::new(Engine::new(true).await).await;
    let CtapResponse::MakeCredential(made) = world.perform(registration()).await else { panic!() };
    let credential = made.credential().unwrap();
    assert_eq!(credential.aaguid.0, [7; 16]);
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
        let world = World::new(Engine::new(agrees).await).await;
        let (mut ceremony, mut session) = world.begin(request);
        let fault = ceremony.outcome().await.unwrap_err().kind;
        assert!(matches!(fault, ErrorKind::Status(status) if status == expected), "{fault}");
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
